import { checkOptionNames } from '../../core/config.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import type { Datum, ProvenanceSpan } from '../../types/datum.ts';
import { inputLength } from './input-length.ts';
import { shapeOf } from './check-tensor.ts';

type Spans = Pick<Datum, 'model_input_spans' | 'loss_fn_input_spans'>;

/** The spans of a datum, when they cover its fields run by run (wire-protocol 3.4). Throws InvalidArgumentError naming the span. */
export function checkSpans({ model_input, loss_fn_inputs, ...datum }: Datum, what: string): Spans {
  const { model_input_spans, loss_fn_input_spans } = datum;
  if (model_input_spans === undefined && loss_fn_input_spans === undefined) return {};
  if (model_input_spans === undefined || loss_fn_input_spans === undefined) {
    throw new InvalidArgumentError(
      `${what} needs both model_input_spans and loss_fn_input_spans, or neither`,
    );
  }
  const { target_tokens } = loss_fn_inputs;
  const shape = target_tokens === undefined ? [] : shapeOf(target_tokens);
  checkRuns(model_input_spans, inputLength(model_input, `${what}.model_input`), `${what}.model_input_spans`);
  checkRuns(loss_fn_input_spans, shape.length === 1 ? shape[0] : undefined, `${what}.loss_fn_input_spans`);
  return { model_input_spans, loss_fn_input_spans };
}

/** `length` is undefined where it cannot be known here. */
function checkRuns(spans: readonly ProvenanceSpan[], length: number | undefined, what: string): void {
  if (!Array.isArray(spans)) throw new InvalidArgumentError(`${what} must be an array of spans`);
  let covered = 0;
  spans.forEach((span: ProvenanceSpan, index) => {
    checkSpan(span, `${what}[${index}]`);
    covered += span.length;
  });
  if (length !== undefined && covered !== length) {
    throw new InvalidArgumentError(`${what} must cover all ${length} positions, and cover ${covered}`);
  }
}

function checkSpan(span: ProvenanceSpan, what: string): void {
  checkOptionNames(what, span, ['type', 'sequence_id', 'offset', 'length']);
  const { type, sequence_id, offset = 0, length } = span;
  if (type !== 'prompt_tokens' && type !== 'sampled_tokens') {
    throw new InvalidArgumentError(
      `${what}.type must be prompt_tokens or sampled_tokens, and is ${JSON.stringify(type)}`,
    );
  }
  if (typeof sequence_id !== 'string' || sequence_id === '') {
    throw new InvalidArgumentError(`${what}.sequence_id must be that of a sampled sequence`);
  }
  for (const [name, value] of Object.entries({ offset, length })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new InvalidArgumentError(`${what}.${name} must be an integer from 0 on, and is ${String(value)}`);
    }
  }
}
