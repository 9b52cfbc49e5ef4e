import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runPython } from '../python/local-serve.ts';
import { pythonOf, type Venv } from '../python/venv.ts';

export const skyrlVersion = '0.4.0';

const venv: Venv = {
  name: 'skyrl',
  packages: [`skyrl[jax,tinker]==${skyrlVersion}`, 'aiohttp', 'uv'],
  version: '3.12',
};

/** The model's folder below the server's working folder, which is also its name. */
export const skyrlModel = 'models/tiny-qwen3';
const startLimitMs = 180_000;

export interface SkyrlServer extends AsyncDisposable {
  url: string;
}

/** SkyRL's server on the CPU with a tiny random model, in this folder; its log is `skyrl.log` there. */
export async function startSkyrl(folder: string): Promise<SkyrlServer> {
  const python = pythonOf(venv);
  const bin = path.dirname(python);
  const environment = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder,
    VIRTUAL_ENV: path.dirname(bin),
    JAX_PLATFORMS: 'cpu',
    HF_HUB_OFFLINE: '1',
  };
  const tokenizer = fileURLToPath(new URL('../../models/local/stories-1m', import.meta.url));
  const script = fileURLToPath(new URL('tiny_model.py', import.meta.url));
  const code = await runPython(python, [script, tokenizer, path.join(folder, skyrlModel)], environment);
  if (code !== 0) throw new Error(`the tiny model could not be made: exit code ${code}`);

  const port = await freePort();
  // SkyRL starts its engine through uv, by the command that started itself.
  const program = ['run', '--no-project', '--active', '-m', 'skyrl.tinker.api'];
  const options = {
    'base-model': skyrlModel,
    backend: 'jax',
    'backend-config': '{"max_lora_adapters": 16, "max_lora_rank": 8}',
    'checkpoints-base': path.join(folder, 'checkpoints'),
    'database-url': `sqlite:///${path.join(folder, 'skyrl.db')}`,
    host: '127.0.0.1',
    port: String(port),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  // A group of its own: uv passes no signal on to the engine.
  const child = spawn(path.join(bin, 'uv'), [...program, ...args], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log = createWriteStream(path.join(folder, 'skyrl.log'));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await Promise.race([whenHealthy(url), ended.then(() => Promise.reject(new Error('SkyRL ended')))]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, [Symbol.asyncDispose]: stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function whenHealthy(url: string): Promise<void> {
  const limit = AbortSignal.timeout(startLimitMs);
  for (;;) {
    limit.throwIfAborted();
    const answer = await fetch(`${url}/api/v1/healthz`).catch(() => undefined);
    if (answer?.ok) return;
    await setTimeout(500, undefined, { signal: limit });
  }
}
