import type { Engine } from './engine.ts';

/** What the engine's thread is started with. */
export interface EngineThreadData {
  modelsDirectory: string;
  randomSeed: bigint;
}

export type EngineMethod = Exclude<keyof Engine, 'close'>;

/** A call on its way to the thread. */
export type EngineRequest<Method extends EngineMethod = EngineMethod> = {
  [Name in Method]: { id: number; method: Name; parameters: Parameters<Engine[Name]> };
}[Method];

/** Its answer. An error crosses as data, since an error object would lose its category on the way. */
export type EngineReply =
  | { id: number; outcome: 'result'; result: unknown }
  | { id: number; outcome: 'error'; category: 'user' | 'server'; message: string };
