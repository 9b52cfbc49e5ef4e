import { InternalServerError } from '../../core/api-errors.ts';
import { ConnectionError, InvalidResponseError, TimeoutError } from '../../core/errors.ts';
import type { RequestType } from '../../types/futures.ts';

/** What to do when nobody knows whether the model has changed: made again, a gradient or a step might count twice. */
const advice = 'it may have taken effect all the same: to be sure, continue from the last saved state';

/** The words for a result that is lost, where the operation changes the model. */
export function lostResultAdvice(requestType: RequestType): string {
  return requestType === 'ForwardBackward' || requestType === 'OptimStep' ? `; ${advice}` : '';
}

/** The error of a call that changes the model; where there was no answer, or not the server's own, it says what that means. */
export function withDoubt(error: Error): Error {
  const message = `${error.message}; ${advice}`;
  if (error instanceof InternalServerError) {
    const { code, status, body } = error;
    return new InternalServerError(code, message, {
      status,
      body,
      cause: error,
      details: { mayHaveTakenEffect: true },
    });
  }
  const options = { cause: error, details: { mayHaveTakenEffect: true } };
  if (error instanceof ConnectionError) return new ConnectionError(message, options);
  if (error instanceof TimeoutError) return new TimeoutError(message, options);
  if (error instanceof InvalidResponseError) return new InvalidResponseError(message, options);
  return error;
}
