/** Where the API begins in every path. */
export const apiPrefix = '/api/v1';

/** Drops whatever a configured base URL has before the API's own prefix (wire-protocol 12.1). */
export function withoutBasePath(url: string): string {
  const [path = ''] = url.split('?', 1);
  const start = path.indexOf(`${apiPrefix}/`);
  return start > 0 ? url.slice(start) : url;
}
