import type { RequestOptions } from '../types/options.ts';
import { protocolVersion } from './version.ts';

/**
 * Names the public call that causes a request (wire-protocol 1.6). The server counts by it what is still in use, so it is our
 * own spelling (`TrainingClient.forwardBackward`), which nobody takes for the official client's. A call that another public
 * call makes keeps the outer name, and what no call causes (handshake, session, heartbeat, telemetry) goes without.
 */
export function attributed<Options extends RequestOptions>(method: string, options: Options): Options {
  const headers = { 'x-sdk-version': protocolVersion, 'x-sdk-method': method, ...options.headers };
  return { ...options, headers };
}
