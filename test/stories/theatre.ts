import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLocalServer, type LocalServer } from '../../src/server/index.ts';
import { Stage } from './stage.ts';
import { realTime, SteppedClock, SteppedTime } from './story-time.ts';

/** A server that stories take place against, one after the other, each with clients of its own. */
export class Theatre implements AsyncDisposable {
  readonly #folder: string;
  readonly #isReal: boolean;
  #server: LocalServer;

  /** `isReal`: waits take as long as they take. Otherwise the clocks of client and server stand still. */
  static async open({ isReal }: { isReal: boolean }): Promise<Theatre> {
    const folder = await mkdtemp(path.join(tmpdir(), 'tinker-stories-'));
    return new Theatre(folder, isReal, await start(folder, isReal));
  }

  private constructor(folder: string, isReal: boolean, server: LocalServer) {
    this.#folder = folder;
    this.#isReal = isReal;
    this.#server = server;
  }

  stage(): Stage {
    return new Stage({
      server: () => this.#server,
      url: this.#server.url,
      time: this.#isReal ? realTime : new SteppedTime(),
      restart: async (whileAway) => {
        const { port } = new URL(this.#server.url);
        await this.#server.close();
        await whileAway();
        this.#server = await start(this.#folder, this.#isReal, Number(port));
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await rm(this.#folder, { recursive: true });
  }
}

function start(folder: string, isReal: boolean, port = 0): Promise<LocalServer> {
  return createLocalServer({
    dataDir: path.join(folder, 'data'),
    port,
    ...(isReal ? {} : { clock: new SteppedClock() }),
  });
}
