// A local server as a fixture in tests of your own: here with node:test; vitest has the same hooks. Each file of tests gets a
// server in a temporary folder; tests look at what arrived, and make things go wrong.
import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { ServiceClient, stderrLogger, supervisedDatum } from '../../src/index.ts';
import { createLocalServer, type LocalServer } from '../../src/server/index.ts';
import { check } from '../shared/check.ts';
import { trainUntil } from './train-until.ts';

const resources = new AsyncDisposableStack();
let server: LocalServer;
let service: ServiceClient;

before(async () => {
  const folder = resources.use(await mkdtempDisposable(path.join(tmpdir(), 'server-fixture-')));
  server = resources.use(await createLocalServer({ dataDir: folder.path }));
  const options = { baseUrl: server.url, apiKey: 'tml-test', logger: stderrLogger('error') };
  service = resources.use(await ServiceClient.connect(options));
});
afterEach(() => server.faults.clear());
after(() => resources.disposeAsync());

const data = [supervisedDatum({ tokens: [1, 2, 3, 4] })];

void test('trainUntil stops once the loss is low enough, and saves', async () => {
  const { steps, path: saved } = await trainUntil(service, { data, limit: 1, stepLimit: 40 });
  const sent = server.requests.filter(({ route }) => route === '/api/v1/optim_step');
  check(`it took ${steps} steps, and the server saw each`, steps > 0 && sent.length === steps);
  const rest = await service.createRestClient();
  const { items } = await rest.listUserCheckpoints();
  check(
    'the checkpoint is listed',
    items.some(({ tinker_path }) => tinker_path === saved),
  );
});

void test('trainUntil survives a server that is away for a moment', async () => {
  const reply = {
    kind: 'reply',
    status: 503,
    headers: { 'retry-after-ms': '1' },
    body: { detail: 'away' },
  } as const;
  server.faults.add({ route: '/api/v1/optim_step', count: 2, effect: reply });
  const { steps } = await trainUntil(service, { data, limit: 1, stepLimit: 40 });
  check('it got there all the same', steps > 0);
});

void test('trainUntil says when it does not get there', async () => {
  await assert.rejects(trainUntil(service, { data, limit: 0, stepLimit: 1 }), /not below 0 after 1 steps/);
  const saved = server.requests.filter(({ route }) => route === '/api/v1/save_weights');
  check('nothing was saved for it', saved.length === 2);
});
