import type { ApiRequest } from './api-client.ts';

/** An id inside a path: colons and slashes stay as they are, everything else that could end the path is escaped. */
export function pathSegment(id: string): string {
  return encodeURIComponent(id).replaceAll('%3A', ':').replaceAll('%2F', '/');
}

/** `?name=value&…`; what is absent or empty is left out (wire-protocol 1.13). */
export function toQueryString(query: ApiRequest['query']): string {
  if (query === undefined) return '';
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

/** Where a signed URL leads, without its secret. */
export function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
