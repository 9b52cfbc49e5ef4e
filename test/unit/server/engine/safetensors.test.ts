import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../src/server/engine/engine-error.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../../src/server/engine/safetensors.ts';

const tensors = new Map([
  ['a.weight', { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) }],
  ['b', { shape: [1], data: Float32Array.from([-0.5]) }],
]);

describe('safetensors files', () => {
  it('hold what was put in: names, shapes, numbers and metadata', () => {
    const read = decodeSafetensors(encodeSafetensors(tensors, { step: '12' }), 'file');
    expect(read.tensors).toEqual(tensors);
    expect(read.metadata).toEqual({ step: '12' });
  });

  it('have the published layout: header length, JSON padded to 8 bytes, little-endian data', () => {
    const file = Buffer.from(encodeSafetensors(tensors));
    const headerLength = Number(file.readBigUInt64LE(0));
    expect(headerLength % 8).toBe(0);
    expect(JSON.parse(file.toString('utf8', 8, 8 + headerLength))).toEqual({
      'a.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      b: { dtype: 'F32', shape: [1], data_offsets: [24, 28] },
    });
    expect(file.readFloatLE(8 + headerLength + 4)).toBe(2);
    expect(file.length).toBe(8 + headerLength + 28);
  });

  const withHeader = (header: unknown) => {
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json, Buffer.alloc(8)]);
  };

  it.each([
    ['an empty file', Buffer.alloc(0), /ends within/],
    ['a file cut in its header', encodeSafetensors(tensors).slice(0, 40), /header is longer/],
    ['a file cut in its data', encodeSafetensors(tensors).slice(0, -1), /tensor b lies past the end/],
    [
      'a header that is no JSON',
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{x')]),
      /not a JSON/,
    ],
    [
      'another number format',
      withHeader({ a: { dtype: 'BF16', shape: [4], data_offsets: [0, 8] } }),
      /tensor a is BF16/,
    ],
    [
      'a tensor of the wrong size',
      withHeader({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }),
      /8 bytes, not 12/,
    ],
    [
      'a tensor without shape',
      withHeader({ a: { dtype: 'F32', data_offsets: [0, 8] } }),
      /tensor a has no shape/,
    ],
    [
      'a tensor with negative sizes',
      withHeader({ a: { dtype: 'F32', shape: [-1], data_offsets: [0, 8] } }),
      /no shape/,
    ],
  ])('that are damaged are refused with their name: %s', (_title, file, message) => {
    expect(() => decodeSafetensors(file, 'some/file')).toThrow(message);
    expect(() => decodeSafetensors(file, 'some/file')).toThrow(EngineError);
    expect(() => decodeSafetensors(file, 'some/file')).toThrow(/some\/file/);
  });
});
