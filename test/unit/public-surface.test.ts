import { execFile } from 'node:child_process';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as publicSurface from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Files that a declaration file leads to by its relative imports, itself included. */
async function followDeclarations(
  file: string,
  seen = new Map<string, string>(),
): Promise<Map<string, string>> {
  if (seen.has(file)) return seen;
  const text = await readFile(file, 'utf8');
  seen.set(file, text);
  for (const [, target = ''] of text.matchAll(/(?:from|import\() ?['"](\.[^'"]+)\.[jt]s['"]/g)) {
    await followDeclarations(path.resolve(path.dirname(file), `${target}.d.ts`), seen);
  }
  return seen;
}

describe('the public surface', () => {
  it('exports these values, so that a new name is a decision', () => {
    expect(Object.keys(publicSurface).toSorted()).toMatchInlineSnapshot(`
      [
        "AdminClient",
        "ApiError",
        "AuthenticationError",
        "BadRequestError",
        "BillingError",
        "CancelledError",
        "CheckpointDownload",
        "ClientClosedError",
        "ConflictError",
        "ConnectionError",
        "DownloadBatch",
        "DownloadError",
        "DownloadManager",
        "FutureExpiredError",
        "GoneError",
        "InternalError",
        "InternalServerError",
        "InvalidArgumentError",
        "InvalidResponseError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestFailedError",
        "RestClient",
        "SamplingClient",
        "ServiceClient",
        "SessionLostError",
        "TimeoutError",
        "TinkerError",
        "TrainingClient",
        "UnprocessableEntityError",
        "consoleUrls",
        "createLogger",
        "differentiatedLoss",
        "errorCodes",
        "modelInput",
        "packageVersion",
        "parseTinkerPath",
        "sampledDatum",
        "stderrLogger",
        "supervisedDatum",
        "toNumbers",
        "toTinkerPath",
        "topkRow",
      ]
    `);
  });

  it('loads nothing of the server, the command line or the training engine', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      const urls = [];
      registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
      await import(${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)});
      console.log(JSON.stringify(urls));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    const urls = JSON.parse(stdout) as string[];
    expect(urls.some((url) => url.endsWith('/src/client/service-client.ts'))).toBe(true);
    const heavy = /\/src\/(server|cli)\/|node_modules\/(fastify|@jax-js|commander|cli-table3|cli-progress)\//;
    expect(urls.filter((url) => heavy.test(url))).toEqual([]);
  });

  it('shows no type of a machine, and none of the packages behind it', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'tinker-types-'));
    const compiler = path.join(root, 'node_modules', 'typescript7', 'bin', 'tsc');
    const options = [
      '-p',
      path.join(root, 'tsconfig.build.json'),
      '--outDir',
      folder.path,
      '--emitDeclarationOnly',
    ];
    await run(process.execPath, [compiler, ...options]);
    const declarations = await followDeclarations(path.join(folder.path, 'index.d.ts'));
    expect(declarations.size).toBeGreaterThan(20);
    const leaks = [...declarations].flatMap(([file, text]) =>
      [...text.matchAll(/from ['"](xstate|got|piscina|p-queue|eventemitter3|tar|fastify)['"]/g)].map(
        ([, name]) => `${path.relative(folder.path, file)}: ${name}`,
      ),
    );
    expect(leaks).toEqual([]);
    expect([...declarations.keys()].filter((file) => file.includes('.machine.'))).toEqual([]);
  });
});
