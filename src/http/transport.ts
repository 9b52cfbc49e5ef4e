import type { ProxyEnvironment } from '../core/env.ts';
import { createControlTransport } from './control-transport.ts';
import { createHotTransport } from './hot-transport.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | string | undefined;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** One of the requests of which hundreds are under way at once: goes the way that costs least. */
  hot?: boolean | undefined;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case; repeated headers folded. */
  headers: Readonly<Record<string, string | undefined>>;
  body: Uint8Array;
}

export interface TransportOptions {
  proxy: ProxyEnvironment;
  /** Certificate authorities in PEM, in place of the default ones. */
  ca?: string | undefined;
}

/** One HTTP exchange, whatever its status: no retries, no redirects. Throws ConnectionError or TimeoutError. */
export interface Transport {
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

/**
 * Control calls go through got. Samples, polls and training bodies go through undici, which spends a quarter of the CPU on
 * each (docs/performance.md).
 */
export function createTransport(options: TransportOptions): Transport {
  const control = createControlTransport(options);
  const hot = createHotTransport(options);
  return {
    send: (request) => (request.hot === true ? hot : control).send(request),
    close() {
      control.close();
      hot.close();
    },
  };
}
