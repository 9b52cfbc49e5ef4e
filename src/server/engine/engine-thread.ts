import { parentPort, workerData } from 'node:worker_threads';
import { EngineCore } from './engine-core.ts';
import { EngineError } from './engine-error.ts';
import type { EngineMethod, EngineReply, EngineRequest, EngineThreadData } from './engine-messages.ts';
import type { Engine } from './engine.ts';
import { messageOf } from '../../core/thrown.ts';

const port = parentPort;
if (port === null) throw new Error('The engine runs in a worker thread only');

const { modelsDirectory, randomSeed }: EngineThreadData = workerData;
const engine = new EngineCore({ modelsDirectory, randomSeed, now: () => performance.now() });

port.on('message', (request: EngineRequest) => void answer(request));

async function answer(request: EngineRequest): Promise<void> {
  port?.postMessage(await replyTo(request));
}

async function replyTo(request: EngineRequest): Promise<EngineReply> {
  try {
    return { id: request.id, outcome: 'result', result: await call(request) };
  } catch (error) {
    const category = error instanceof EngineError ? error.category : 'server';
    return {
      id: request.id,
      outcome: 'error',
      category,
      message: messageOf(error),
    };
  }
}

function call<Method extends EngineMethod>({ method, parameters }: EngineRequest<Method>): Promise<unknown> {
  const methods: { [Name in EngineMethod]: (...parameters: Parameters<Engine[Name]>) => Promise<unknown> } =
    engine;
  return methods[method](...parameters);
}
