import type { MessagePort } from 'node:worker_threads';
import { serializeError } from '../core/serialize-error.ts';
import { extractArchive } from './extract-task.ts';
import type { CancelMessage, TaskCancelled, TaskContext, TaskFailure, TaskName, Tasks } from './protocol.ts';
import { transferArchive } from './transfer-task.ts';
import { verifyArchive } from './verify-task.ts';

/** What the pool hands to a task: its input, and the port for progress one way and cancelling the other. */
export interface TaskEnvelope<Name extends TaskName> {
  input: Tasks[Name]['input'];
  port: MessagePort;
}

type TaskBody<Name extends TaskName> = (
  input: Tasks[Name]['input'],
  context: TaskContext,
) => Promise<Tasks[Name]['outcome']>;

function task<Name extends TaskName>(body: TaskBody<Name>) {
  return async ({
    input,
    port,
  }: TaskEnvelope<Name>): Promise<Tasks[Name]['outcome'] | TaskFailure | TaskCancelled> => {
    const controller = new AbortController();
    port.on('message', (message: CancelMessage) => {
      if (message.type === 'cancel') controller.abort();
    });
    port.postMessage({ type: 'started' });
    try {
      return await body(input, { signal: controller.signal, post: (message) => port.postMessage(message) });
    } catch (error) {
      return controller.signal.aborted
        ? { kind: 'cancelled' }
        : { kind: 'failed', error: serializeError(error) };
    } finally {
      port.close();
    }
  };
}

export const transfer = task<'transfer'>(transferArchive);
export const verify = task<'verify'>(verifyArchive);
export const extract = task<'extract'>(extractArchive);
