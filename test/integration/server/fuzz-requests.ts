import { gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { Target } from './fuzz-targets.ts';

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    2 ** 53,
    '',
    '..',
    '\0',
    '\ud800',
    [],
    {},
    [[]],
    'a/b',
  ),
  fc.constantFrom('__raw:12345678901234567890', '__raw:-1e999', '__raw:NaN', '__raw:[[[[[[1]]]]]]'),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Where something can be put in place of what is there. */
function placesIn(value: unknown, path: readonly string[] = []): string[][] {
  const here = [[...path]];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return here;
  return [...here, ...Object.entries(value).flatMap(([name, part]) => placesIn(part, [...path, name]))];
}

function replaceAt(value: unknown, [name, ...rest]: readonly string[], by: unknown): unknown {
  if (name === undefined || typeof value !== 'object' || value === null) return by;
  if (Array.isArray(value))
    return value.map((part, index) => (String(index) === name ? replaceAt(part, rest, by) : part));
  const object = value as Record<string, unknown>;
  return { ...object, [name]: replaceAt(object[name], rest, by) };
}

/** Text that no JSON.stringify writes, such as numbers without end, stands behind `__raw:`. */
function toText(body: unknown): string {
  return (JSON.stringify(body) ?? '').replace(/"__raw:([^"]*)"/g, '$1');
}

export interface Spoilt {
  path: string;
  body: Buffer | undefined;
  headers: Record<string, string>;
}

/** A target with something wrong with it, or nothing. `fill` puts ids in their places. */
export function spoilt(
  { path, query = {}, body }: Target,
  fill: (text: string) => string,
): fc.Arbitrary<Spoilt> {
  const places = body === undefined ? [] : placesIn(body);
  const changes = fc.array(fc.tuple(fc.constantFrom(...(places.length > 0 ? places : [[]])), strange), {
    maxLength: 2,
  });
  const text = fc.oneof(
    {
      weight: 8,
      arbitrary: changes.map((list) =>
        fill(toText(list.reduce((value, [at, by]) => replaceAt(value, at, by), body))),
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
    { weight: 1, arbitrary: fc.constantFrom('', '{', '[]', 'null', '"x"', '1', '[[[[', '\u0000') },
  );
  const content = fc.oneof(
    { weight: 9, arbitrary: text.map((value): Buffer => Buffer.from(value)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes): Buffer => Buffer.from(bytes)) },
  );
  const sent = body === undefined ? fc.option(content, { nil: undefined, freq: 5 }) : content;
  const segment = fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map(encodeSafely) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('..', '%2e%2e', '%00', '%', '%zz', '%ff', 'a%2Fb', '', 'x'.repeat(600)),
    },
  );
  const parts = path.split('/');
  const spoiltPath = fc
    .tuple(fc.nat({ max: parts.length - 1 }), segment)
    .map(([index, by]) =>
      parts.map((part, at) => (at === index && at > 1 && by !== undefined ? by : part)).join('/'),
    );
  const spoiltQuery = fc.array(
    fc.tuple(fc.constantFrom(...Object.keys(query), 'other'), fc.string({ unit: 'binary', maxLength: 20 })),
    { maxLength: 2 },
  );
  const encoding = fc.constantFrom(
    'none',
    'none',
    'none',
    'none',
    'gzip',
    'zstd',
    'claimed zstd',
    'claimed gzip',
    'br',
  );
  const type = fc.constantFrom(
    ...Array.from({ length: 8 }, () => 'application/json'),
    'application/x-protobuf',
    'text/plain',
    'application/json; charset=latin1',
  );
  return fc.record({ sent, spoiltPath, spoiltQuery, encoding, type }).map((choice) => {
    const search = new URLSearchParams({
      ...query,
      ...Object.fromEntries(choice.spoiltQuery.map(([name, value]) => [name, value.toWellFormed()])),
    });
    const headers: Record<string, string> = { 'content-type': choice.type };
    let packed = choice.sent;
    if (packed !== undefined && choice.encoding !== 'none') {
      headers['content-encoding'] = choice.encoding.replace('claimed ', '');
      if (choice.encoding === 'gzip') packed = gzipSync(packed);
      if (choice.encoding === 'zstd') packed = zstdCompressSync(packed);
    }
    return { path: `/api/v1${fill(choice.spoiltPath)}?${search.toString()}`, body: packed, headers };
  });
}

function encodeSafely(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
