import { createInterface } from 'node:readline/promises';
import { modelInput } from '../../client/data.ts';
import type { SamplingClient } from '../../client/sampling-client.ts';
import type { ChatMessage, Tokenizer } from '../../client/tokenizers.ts';
import { isJson, type CommandContext } from '../context.ts';
import { withoutControlCharacters } from '../format-values.ts';
import { fold } from '../text-width.ts';
import { tellOfWait } from '../waiting.ts';
import { toSamplingParams, withSampler, type SamplerOptions } from '../sampler.ts';

export interface ChatOptions extends SamplerOptions {
  system?: string | undefined;
}

/** One turn after the other until the input ends. Answers go to standard output, all else to standard error. */
export async function chat(context: CommandContext, options: ChatOptions): Promise<void> {
  await withSampler(context, options, async (sampler) => {
    const tokenizer = await sampler.getTokenizer();
    const messages: ChatMessage[] =
      options.system === undefined ? [] : [{ role: 'system', content: options.system }];
    const waitForAnswer = async (soFar: readonly ChatMessage[]): Promise<string> => {
      using _wait = tellOfWait(context, `${options.model} to answer`);
      return await answerTo(soFar, { sampler, tokenizer, options, signal: context.signal });
    };
    context.note(`Talking to ${options.model}. An empty line or Ctrl-D ends it.`);
    for await (const question of readTurns(context)) {
      messages.push({ role: 'user', content: question });
      const answer = await waitForAnswer(messages);
      messages.push({ role: 'assistant', content: answer });
      print(context, answer);
    }
  });
}

interface Conversation {
  sampler: SamplingClient;
  tokenizer: Tokenizer;
  options: ChatOptions;
  signal: AbortSignal;
}

async function answerTo(
  messages: readonly ChatMessage[],
  { sampler, tokenizer, options, signal }: Conversation,
): Promise<string> {
  const request = {
    prompt: modelInput(tokenizer.encodeChat(messages)),
    sampling_params: toSamplingParams(options),
  };
  const { sequences } = await sampler.sample(request, { signal });
  return tokenizer.decode(sequences[0]?.tokens ?? []).trim();
}

async function* readTurns({ signal, interrupt }: CommandContext): AsyncGenerator<string> {
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  const input = createInterface({
    input: process.stdin,
    output: isTerminal ? process.stderr : undefined,
    prompt: '> ',
  });
  // At a prompt the terminal hands Ctrl-C to the program as a key.
  input.on('SIGINT', interrupt);
  const stop = (): void => input.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (isTerminal) input.prompt();
    for await (const line of input) {
      if (line.trim() === '') return;
      yield line;
      if (isTerminal) input.prompt();
    }
    // Ctrl-C and Ctrl-D leave the cursor behind the prompt.
    if (isTerminal) process.stderr.write('\n');
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', stop);
    input.close();
  }
}

/** A model may say anything, control characters included; its line ends stay. */
function print({ format }: CommandContext, answer: string): void {
  const { isTTY, columns } = process.stdout;
  const lines = answer
    .split('\n')
    .map(withoutControlCharacters)
    .flatMap((line) => (isTTY ? fold(line, columns) : line));
  process.stdout.write(
    isJson(format) ? `${JSON.stringify({ role: 'assistant', content: answer })}\n` : `${lines.join('\n')}\n`,
  );
}
