import { Worker } from 'node:worker_threads';
import { EngineError } from './engine-error.ts';
import type { EngineMethod, EngineReply, EngineThreadData } from './engine-messages.ts';
import type { Engine } from './engine.ts';
import { messageOf } from '../../core/thrown.ts';

/** The thread makes much short-lived garbage; with the default, twice as much of it lies about. The old generation keeps its default. */
const resourceLimits = { maxYoungGenerationSizeMb: 16 };

/** The engine in a thread of its own. When that thread ends, whatever waits for it and every later call fails. */
export class EngineClient implements Engine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 0;
  #ended: EngineError | undefined;

  constructor(entry: URL, data: EngineThreadData) {
    this.#worker = new Worker(entry, { workerData: data, name: 'training-engine', resourceLimits });
    this.#worker.on('message', (reply: EngineReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#end(`The training engine crashed: ${messageOf(error)}`));
    this.#worker.on('exit', () => this.#end('The training engine has stopped'));
  }

  models: Engine['models'] = () => this.#call('models', []);
  createModel: Engine['createModel'] = (...parameters) => this.#call('createModel', parameters);
  unloadModel: Engine['unloadModel'] = (...parameters) => this.#call('unloadModel', parameters);
  forwardBackward: Engine['forwardBackward'] = (...parameters) => this.#call('forwardBackward', parameters);
  optimStep: Engine['optimStep'] = (...parameters) => this.#call('optimStep', parameters);
  saveModel: Engine['saveModel'] = (...parameters) => this.#call('saveModel', parameters);
  loadModel: Engine['loadModel'] = (...parameters) => this.#call('loadModel', parameters);
  createSampler: Engine['createSampler'] = (...parameters) => this.#call('createSampler', parameters);
  releaseSampler: Engine['releaseSampler'] = (...parameters) => this.#call('releaseSampler', parameters);
  sample: Engine['sample'] = (...parameters) => this.#call('sample', parameters);
  cancelSample: Engine['cancelSample'] = (...parameters) => this.#call('cancelSample', parameters);
  stats: Engine['stats'] = () => this.#call('stats', []);

  async close(): Promise<void> {
    this.#end('The training engine was closed');
    await this.#worker.terminate();
  }

  #call<Method extends EngineMethod>(
    method: Method,
    parameters: Parameters<Engine[Method]>,
  ): ReturnType<Engine[Method]>;
  #call(method: EngineMethod, parameters: unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#worker.postMessage({ id, method, parameters }, []);
    return answer.promise;
  }

  #settle(reply: EngineReply): void {
    const answer = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.outcome === 'result') answer?.resolve(reply.result);
    else answer?.reject(new EngineError(reply.category, reply.message));
  }

  #end(reason: string): void {
    this.#ended ??= new EngineError('server', reason);
    for (const answer of this.#waiting.values()) answer.reject(this.#ended);
    this.#waiting.clear();
  }
}
