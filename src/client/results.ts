import { InvalidResponseError } from '../core/errors.ts';
import {
  decodeForwardBackwardOutput,
  decodeSampleResponse,
  fromForwardBackwardJson,
  fromSampleJson,
} from '../http/decode.ts';

interface Schema<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false; error: { message: string } };
}

/** How to read the result of each kind of operation, for `pollFuture`. */
export const forwardBackwardResult = { protobuf: decodeForwardBackwardOutput, json: fromForwardBackwardJson };
export const sampleResult = { protobuf: decodeSampleResponse, json: fromSampleJson };

/** A result that is always JSON. */
export function jsonResult<Value>(what: string, schema: Schema<Value>): { json(value: object): Value } {
  return {
    json(value) {
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new InvalidResponseError(
        `the result of ${what} is not what the API promises: ${parsed.error.message}`,
      );
    },
  };
}
