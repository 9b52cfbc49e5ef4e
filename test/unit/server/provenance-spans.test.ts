import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ProvenanceSpanSchema, type ProvenanceSpan } from '../../../src/proto/tinker_public_pb.ts';
import { checkSpans } from '../../../src/server/wire/provenance-spans.ts';

const span = (
  kind: 'promptTokens' | 'sampledTokens',
  length: bigint,
  changes: { sequenceId?: string; offset?: bigint } = {},
): ProvenanceSpan =>
  create(ProvenanceSpanSchema, {
    span: { case: kind, value: { sequenceId: 'q', offset: 0n, length, ...changes } },
  });

const check = (model_input_spans: ProvenanceSpan[], loss_fn_input_spans: ProvenanceSpan[]) =>
  checkSpans({ model_input_spans, loss_fn_input_spans }, 3, [3], 'data[0]');

describe('provenance spans (TYP-33)', () => {
  it('pass when they tile the input and the targets', () => {
    const tiles = [span('promptTokens', 2n), span('sampledTokens', 1n)];
    expect(() =>
      check(tiles, [span('promptTokens', 1n, { offset: 1n }), span('sampledTokens', 2n)]),
    ).not.toThrow();
  });

  const whole = [span('sampledTokens', 3n)];
  it.each<[string, ProvenanceSpan[], ProvenanceSpan[], string]>([
    ['one list alone', whole, [], 'data[0]: model_input_spans and loss_fn_input_spans are given together'],
    ['too few positions', [span('sampledTokens', 2n)], whole, 'data[0].model_input_spans cover 2 positions'],
    ['too many targets', whole, [...whole, ...whole], 'data[0].loss_fn_input_spans cover 6 positions'],
    [
      'no sequence',
      [span('promptTokens', 3n, { sequenceId: '' })],
      whole,
      'model_input_spans[0] has no sequence_id',
    ],
    ['a negative offset', [span('promptTokens', 3n, { offset: -1n })], whole, 'must not be negative'],
    ['a span that is none', [create(ProvenanceSpanSchema)], whole, 'model_input_spans[0] is empty'],
  ])('with %s are refused', (_what, ofInput, ofTargets, message) => {
    expect(() => check(ofInput, ofTargets)).toThrow(message);
  });
});
