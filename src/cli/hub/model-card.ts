import type { WeightsInfoResponse } from '../../types/weights.ts';

export interface CardFacts {
  tinkerPath: string;
  repo: string;
  baseModel: string | undefined;
  /** Undefined when the server does not know the checkpoint any more. */
  weights: WeightsInfoResponse | undefined;
}

/** The README of an adapter's repository. `tinker_path` at its head tells which checkpoint it holds. */
export function toModelCard({ tinkerPath, repo, baseModel, weights }: CardFacts): string {
  const base = baseModel ?? 'unknown';
  const tags = [
    'tinker',
    'peft',
    'lora',
    ...(baseModel === undefined ? [] : [`base_model:adapter:${baseModel}`]),
  ];
  const trained = describeTrained(weights);
  return [
    '---',
    `base_model: ${base}`,
    'library_name: peft',
    'tags:',
    ...tags.map((tag) => `- ${tag}`),
    `tinker_path: ${tinkerPath}`,
    '---',
    '',
    `# ${repo.split('/').at(-1)}`,
    '',
    `A LoRA adapter for \`${base}\`, trained with Tinker.`,
    '',
    '## How to use it',
    '',
    '```python',
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM',
    '',
    `model = AutoModelForCausalLM.from_pretrained("${base}", device_map="auto")`,
    `model = PeftModel.from_pretrained(model, "${repo}")`,
    '```',
    '',
    '## Where it is from',
    '',
    '```',
    tinkerPath,
    '```',
    '',
    `- Base model: ${base}`,
    ...(weights?.lora_rank == null ? [] : [`- LoRA rank: ${weights.lora_rank}`]),
    ...(trained === '' ? [] : [`- Trained: ${trained}`]),
    '',
  ].join('\n');
}

/** The first checkpoint that a README names. */
export function findTinkerPath(readme: string): string | undefined {
  return /tinker:\/\/[^\s`]+/.exec(readme)?.[0];
}

function describeTrained(weights: WeightsInfoResponse | undefined): string {
  const parts = {
    attention: weights?.train_attn,
    mlp: weights?.train_mlp,
    unembedding: weights?.train_unembed,
  };
  return Object.entries(parts)
    .filter(([, isTrained]) => isTrained === true)
    .map(([name]) => name)
    .join(', ');
}
