import type { Command } from 'commander';
import type { ChatOptions } from '../commands/chat.ts';
import type { LogprobsOptions } from '../commands/logprobs.ts';
import type { SampleOptions } from '../commands/sample.ts';
import { examples, toCount, toInteger, toNumber, type Start } from './start.ts';

export function addSamplingCommands(program: Command, start: Start): void {
  withSamplingOptions(program.command('sample'))
    .description('Complete a text with a base model or a checkpoint.')
    .argument('[prompt]', 'the text to complete; read from --file or standard input without it')
    .option('--file <file>', 'a file with the text to complete')
    .option('-n, --num-samples <count>', 'how many completions', toCount, 1)
    .addHelpText(
      'after',
      examples(
        'sample "Once upon a time" --model local/stories-1m --local',
        'sample --file prompt.txt --model tinker://my-run:train:0/sampler_weights/final -n 4 --seed 7',
        'sample --model local/stories-1m < prompt.txt',
      ),
    )
    .action((prompt: string | undefined, options: SampleOptions) =>
      start(async (context) => (await import('../commands/sample.ts')).sample(context, prompt, options)),
    );
  withSamplingOptions(program.command('chat'))
    .description('Talk to a base model or a checkpoint, with its chat template.')
    .option('--system <text>', 'what the model is told first')
    .addHelpText(
      'after',
      examples(
        'chat --model local/stories-1m --local',
        'chat --model tinker://my-run:train:0/sampler_weights/final',
      ),
    )
    .action((options: ChatOptions) =>
      start(async (context) => (await import('../commands/chat.ts')).chat(context, options)),
    );
  withModel(program.command('logprobs'))
    .description('Show how likely a model finds a text, token by token.')
    .argument('[text]', 'the text; read from --file or standard input without it')
    .option('--file <file>', 'a file with the text')
    .addHelpText(
      'after',
      examples(
        'logprobs "Once upon a time" --model local/stories-1m --local',
        'logprobs --file story.txt --model tinker://my-run:train:0/sampler_weights/final -f csv',
      ),
    )
    .action((text: string | undefined, options: LogprobsOptions) =>
      start(
        async (context) => (await import('../commands/logprobs.ts')).showLogprobs(context, text, options),
        'list',
      ),
    );
}

function withModel(command: Command): Command {
  return command.requiredOption(
    '-m, --model <model>',
    'a base model, or tinker://run-id/sampler_weights/name',
  );
}

function withSamplingOptions(command: Command): Command {
  return withModel(command)
    .option('--max-tokens <count>', 'how long a completion may be', toCount, 128)
    .option('--temperature <value>', 'how freely to choose; 0 takes the likeliest token', toNumber, 1)
    .option('--top-p <value>', 'choose among the likeliest tokens that add up to this', toNumber, 1)
    .option('--top-k <count>', 'choose among so many; -1 for all', toInteger, -1)
    .option('--seed <number>', 'the same seed gives the same text', toInteger);
}
