import type { ProxyEnvironment } from '../core/env.ts';
import { createControlTransport } from './control-transport.ts';

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
  let hot: Transport | undefined;
  let loading: Promise<Transport> | undefined;
  const loadHot = async (): Promise<Transport> => {
    const { createHotTransport } = await import('./hot-transport.ts');
    hot = createHotTransport(options);
    return hot;
  };
  return {
    send(request) {
      if (request.hot !== true) return control.send(request);
      if (hot !== undefined) return hot.send(request);
      // A program that makes no such request, as most commands do, starts without undici.
      return (loading ??= loadHot()).then((transport) => transport.send(request));
    },
    close() {
      control.close();
      void loading?.then((transport) => transport.close());
    },
  };
}
