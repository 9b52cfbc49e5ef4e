// Runs the unmodified official Python SDK against the local server: `npm run test:python`. The oldest version that is
// supported and the newest, each with every public method and every command by name, and with scenarios; the newest also against a server that
// asks for compressed requests and announces large results first. Needs python3 with venv and pip.
import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLocalServer } from '../../src/server/index.ts';
import { officialEnvironment, runPython, serveLocally } from './local-serve.ts';
import { officialPython, sdkVersions, type SdkVersion } from './official-sdk.ts';
import { concludeResults, readResultLines } from './results.ts';
import type { ProgramResults, Result } from '../../scripts/compatibility/results.ts';
import { packageVersionIn } from './venv.ts';

const programs: ProgramResults[] = [];
for (const version of sdkVersions) programs.push(await tryVersion(version));
await concludeResults('official-sdk', programs);

async function tryVersion(version: SdkVersion): Promise<ProgramResults> {
  const python = officialPython(version);
  const program = `tinker ${packageVersionIn(python, 'tinker')}`;
  const results: Result[] = [];
  for (const script of ['methods.py', 'scenarios.py', 'command_line.py']) {
    process.stdout.write(`${program}: ${script}\n`);
    await using served = await serveLocally();
    results.push(...(await runScript(python, script, served.folder, served.environment)));
  }
  if (version === 'latest') await tryCompressed(python, program);
  return { program, results };
}

/** A script that ends without a word about what it tried is a failure. */
async function runScript(
  python: string,
  script: string,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<Result[]> {
  const file = path.join(folder, `${script}.jsonl`);
  const code = await runPython(python, [scriptPath(script), file], environment);
  const results = await readResultLines(file);
  if (code !== 0) {
    results.push({ group: 'program', name: script, state: 'fail', note: `ended with exit code ${code}` });
  }
  return results;
}

async function tryCompressed(python: string, program: string): Promise<void> {
  process.stdout.write(`${program}: scenarios.py, compressed requests and announced results\n`);
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'tinker-proof-'));
  const options = { compressRequests: true, metadataOnlyBytes: 100 };
  await using server = await createLocalServer({ ...options, dataDir: path.join(folder.path, 'data') });
  const environment = officialEnvironment(server.url, folder.path);
  const results = await runScript(python, 'scenarios.py', folder.path, environment);
  assert.deepEqual(
    results.filter(({ state }) => state === 'fail'),
    [],
  );
  const sent = server.requests.filter(({ route }) => route === '/api/v1/forward_backward');
  assert(
    sent.length > 0 && sent.every(({ headers }) => headers['content-encoding'] === 'zstd'),
    'every forward_backward is compressed',
  );
  const askedAgain = server.requests.filter(
    ({ body }) =>
      body instanceof Object && 'allow_metadata_only' in body && body.allow_metadata_only === false,
  );
  assert(askedAgain.length > 0, 'large results are asked for after they were announced');
}

function scriptPath(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
