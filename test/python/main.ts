// Runs the official Python SDK against the local server: `npm run test:python [-- VERSION]`. Needs python3 with venv and pip.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLocalServer } from '../../src/server/index.ts';
import { officialPython } from './official-sdk.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = officialPython();

const dataDir = await mkdtemp(path.join(tmpdir(), 'tinker-python-'));
const server = await createLocalServer({ dataDir });
try {
  const child = spawn(python, [path.join(root, 'test', 'python', 'official_sdk.py'), dataDir], {
    stdio: 'inherit',
    env: {
      ...process.env,
      TINKER_BASE_URL: server.url,
      TINKER_API_KEY: 'tml-local',
      TINKER_TELEMETRY: '1',
      HF_ENDPOINT: server.url,
      HF_HOME: path.join(dataDir, 'hub-cache'),
    },
  });
  const [code] = await once(child, 'exit');
  process.exitCode = typeof code === 'number' ? code : 1;
} finally {
  await server.close();
  await rm(dataDir, { recursive: true });
}
