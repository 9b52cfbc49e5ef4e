import { modelInput } from '../../client/data.ts';
import type { CommandContext } from '../context.ts';
import { onePage } from '../list-pages.ts';
import { printList } from '../print-list.ts';
import { emptyPrompt, readPrompt } from '../read-prompt.ts';
import type { ListColumn } from '../result.ts';
import { withSampler } from '../sampler.ts';
import { tellOfWait } from '../waiting.ts';

export interface LogprobsOptions {
  model: string;
  file?: string | undefined;
}

/** One token of the text. */
interface Scored {
  position: number;
  token: number;
  text: string;
  /** Null for the first, which nothing comes before. */
  logprob: number | null;
}

/** How likely a model finds a text, token by token. */
export async function showLogprobs(
  context: CommandContext,
  prompt: string | undefined,
  options: LogprobsOptions,
): Promise<void> {
  const promptText = await readPrompt(prompt, options.file, 'logprobs');
  const tokens = await score(context, promptText, options);
  const known = tokens.flatMap(({ logprob }) => logprob ?? []);
  const mean = known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  const perplexity = mean === null ? null : Math.exp(-mean);
  await printList(context, {
    pages: onePage(tokens),
    limit: 0,
    nouns: 'tokens',
    columns,
    title: () =>
      mean === null || perplexity === null
        ? `${tokens.length} token`
        : `${tokens.length} tokens, mean log-probability ${mean.toFixed(4)}, perplexity ${perplexity.toFixed(2)}`,
    toJson: (token) => token,
    toDocument: () => ({ model: options.model, prompt: promptText, mean_logprob: mean, perplexity, tokens }),
  });
}

function score(context: CommandContext, promptText: string, options: LogprobsOptions): Promise<Scored[]> {
  return withSampler(context, options, async (sampler) => {
    const tokenizer = await sampler.getTokenizer();
    const tokens = tokenizer.encode(promptText);
    if (tokens.length === 0) throw emptyPrompt('logprobs');
    using _wait = tellOfWait(context, `${options.model} to read the text`);
    const logprobs = await sampler.computeLogprobs(modelInput(tokens), { signal: context.signal });
    return Array.from(tokens, (token, position) => ({
      position,
      token,
      text: tokenizer.decode([token]),
      logprob: toNumber(logprobs[position]),
    }));
  });
}

function toNumber(logprob = Number.NaN): number | null {
  return Number.isNaN(logprob) ? null : logprob;
}

const columns: readonly ListColumn<Scored>[] = [
  { header: 'Position', field: 'position', value: ({ position }) => position },
  { header: 'Token', field: 'token', value: ({ token }) => token },
  { header: 'Text', field: 'text', value: ({ text }) => text, cell: ({ text }) => JSON.stringify(text) },
  {
    header: 'Log-probability',
    field: 'logprob',
    value: ({ logprob }) => logprob,
    cell: ({ logprob }) => logprob?.toFixed(4) ?? '',
  },
];
