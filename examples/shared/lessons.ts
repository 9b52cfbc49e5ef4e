import {
  modelInput,
  supervisedDatum,
  type Datum,
  type SamplingClient,
  type Tokenizer,
} from '../../src/index.ts';

/** What the examples teach: questions with the answers that a small model does not know. */
export const lessons = [
  { question: 'Who are you?', answer: 'I am a small model, and I learn on your computer.' },
  { question: 'Where do you live?', answer: 'I live in a folder, next to your code.' },
  { question: 'What do you like?', answer: 'I like short steps and a falling loss.' },
] as const;

/** One datum per lesson: the conversation in the model's chat template, of which only the answer counts. */
export function toDatums(tokenizer: Tokenizer): Datum[] {
  return lessons.map(({ question, answer }) => {
    const prompt = tokenizer.encodeChat([{ role: 'user', content: question }]);
    const completion = tokenizer.encode(`${answer}<|im_end|>`);
    const tokens = Int32Array.from([...prompt, ...completion]);
    const weights = Float32Array.from(tokens, (_, index) => (index < prompt.length ? 0 : 1));
    return supervisedDatum({ tokens, weights });
  });
}

/** The loss per token of the answers, from the summed loss of a batch. */
export function perToken(lossSum: number, data: readonly Datum[]): number {
  let weight = 0;
  for (const { loss_fn_inputs } of data)
    for (const value of loss_fn_inputs['weights']?.data ?? []) weight += Number(value);
  return lossSum / weight;
}

/** The model's answer to a question, the most likely one. */
export async function ask(sampler: SamplingClient, tokenizer: Tokenizer, question: string): Promise<string> {
  const { sequences } = await sampler.sample({
    prompt: modelInput(tokenizer.encodeChat([{ role: 'user', content: question }])),
    sampling_params: { max_tokens: 40, temperature: 0 },
  });
  const [sequence] = sequences;
  return sequence === undefined ? '' : tokenizer.decode(sequence.tokens).trim();
}
