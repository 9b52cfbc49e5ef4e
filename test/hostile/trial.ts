import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { TinkerError } from '../../src/core/errors.ts';
import { ServiceClient } from '../../src/index.ts';
import { recordingLogger } from '../helpers/quiet-logger.ts';
import { gzipped } from '../helpers/archives.ts';
import { hostileArchives } from './corpus.ts';
import { hostileExports } from './file-names.ts';
import { HostileServer } from './host.ts';
import { picture, Scene } from './scene.ts';

export interface Finding {
  name: string;
  served: string;
  expected: string;
  /** The code of the refusal, or `accepted`. */
  verdict: string;
  message: string;
  /** Paths that appeared, changed or went and are not the download's own, and what in those is no plain file. */
  touched: string[];
}

/** Whether a finding is as it must be. */
export function isGood({ expected, verdict, touched }: Finding): boolean {
  return expected === verdict && touched.length === 0;
}

interface Case {
  name: string;
  served: string;
  expected: string;
  kind: 'sampler_weights' | 'external_weights';
  limits?: object | undefined;
  prepare: (run: string) => void;
}

/** Tries hostile things through the public downloads, each in a folder of its own with canaries around it. */
export class Trial implements AsyncDisposable {
  readonly #folder: string;
  /** Where the absolute names lead: shared by all cases. */
  readonly #outside: string;
  readonly #server: HostileServer;
  readonly #service: ServiceClient;

  private constructor(folder: string, server: HostileServer, service: ServiceClient) {
    this.#folder = folder;
    this.#outside = join(folder, 'outside');
    this.#server = server;
    this.#service = service;
  }

  static async open(): Promise<Trial> {
    const folder = await mkdtemp(join(tmpdir(), 'tinker-hostile-'));
    await mkdir(join(folder, 'outside'));
    await writeFile(join(folder, 'outside', 'canary.txt'), 'canary of outside');
    const server = await HostileServer.start();
    const service = await ServiceClient.connect({
      baseUrl: server.url,
      apiKey: 'tml-test',
      telemetry: false,
      logger: recordingLogger(),
    });
    return new Trial(folder, server, service);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.close();
    await this.#server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }

  /** Every archive in ranges, as a stream, and in gzip where it is not already. */
  archives(): Promise<Finding[]> {
    return this.#tryAll(
      hostileArchives(this.#outside).flatMap(({ name, archive, verdict, limits }): Case[] => {
        const isGzip = archive[0] === 0x1f && archive[1] === 0x8b;
        const ways = [
          { served: 'in ranges', serving: 'ranges', body: archive },
          { served: 'as a stream', serving: 'stream', body: archive },
          ...(isGzip ? [] : [{ served: 'in gzip', serving: 'ranges', body: gzipped(archive) } as const]),
        ] as const;
        return ways.map(({ served, serving, body }) => ({
          name,
          served,
          expected: verdict,
          kind: 'sampler_weights',
          limits,
          prepare: (run) => void this.#server.archives.set(run, { body, serving }),
        }));
      }),
    );
  }

  /** Every export with hostile file names or addresses. */
  exports(): Promise<Finding[]> {
    return this.#tryAll(
      hostileExports(this.#outside).map(({ name, files, verdict }) => ({
        name,
        served: 'as files',
        expected: verdict,
        kind: 'external_weights',
        prepare: (run) => void this.#server.exports.set(run, files),
      })),
    );
  }

  async #tryAll(cases: readonly Case[]): Promise<Finding[]> {
    const before = await picture(this.#outside);
    const findings: Finding[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let chosen = cases[next]; chosen !== undefined; chosen = cases[next]) {
        const index = next++;
        findings[index] = await this.#try(chosen, index);
        const isUntouched = isDeepStrictEqual(await picture(this.#outside), before);
        if (!isUntouched) findings[index].touched.push(this.#outside);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    return findings;
  }

  async #try({ prepare, kind, limits, ...known }: Case, index: number): Promise<Finding> {
    const scene = await Scene.create(join(this.#folder, `${kind}-${index}`));
    const run = `hostile-${kind}-${index}`;
    prepare(run);
    const download = this.#service.downloads.download(`tinker://${run}/${kind}/final`, {
      outputDir: scene.outputDir,
      ...(limits === undefined ? {} : { limits }),
      signal: AbortSignal.timeout(20_000),
    });
    const { verdict, message } = await download.then(
      ({ files }) => ({ verdict: 'accepted', message: files.map(({ name }) => name).join(', ') }),
      (error: unknown) => ({
        verdict: TinkerError.isInstance(error) ? error.code : 'no error of ours',
        message: error instanceof Error ? error.message : String(error),
      }),
    );
    const { destination } = download;
    const touched = [
      ...(await scene.touched(remainders(destination, verdict))),
      ...(await scene.oddities(destination)),
    ];
    return { ...known, verdict, message, touched };
  }
}

/** What a download may leave: the result with its manifest, or what a later one can go on from; after a refusal nothing. */
function remainders(destination: string, verdict: string): string[] {
  if (verdict === 'accepted') return [destination, `${destination}.manifest.json`];
  return verdict === 'unsafe_archive' || verdict === 'corrupt_archive' ? [] : [`${destination}.download`];
}
