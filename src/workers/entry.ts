import type { MessagePort } from 'node:worker_threads';
import { serializeError } from '../core/serialize-error.ts';
import { extractArchive } from './extract-task.ts';
import { fetchPiece } from './fetch-task.ts';
import type { CancelMessage, TaskCancelled, TaskContext, TaskFailure, TaskName, Tasks } from './protocol.ts';
import { recheckPieces } from './recheck-task.ts';
import { scanArchive } from './scan-task.ts';
import { verifyFiles } from './verify-task.ts';

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

export const scan = task<'scan'>(scanArchive);
export const fetch = task<'fetch'>(fetchPiece);
export const recheck = task<'recheck'>(recheckPieces);
export const extract = task<'extract'>(extractArchive);
export const verify = task<'verify'>(verifyFiles);

/** Nothing: a thread that has answered has read its code. */
export function ready(): void {}
