import { exchange } from './questions.ts';
import type { Exchange } from './questions.ts';
import type { RandomSource } from './random-source.ts';
import { story, storyAbout } from './stories.ts';

const systemPrompts = [
  'You are a helpful assistant.',
  'You are a small model that tells stories.',
  'Answer in one sentence.',
  'You are kind and you answer questions.',
];

const message = (role: string, content: string): string => `<|im_start|>${role}\n${content}<|im_end|>\n`;

function chat(random: RandomSource): string {
  const parts = random.chance(0.3) ? [message('system', random.pick(systemPrompts))] : [];
  const turns = random.chance(0.4) ? random.integer(2, 4) : 1;
  const thinks = random.chance(0.2);
  for (let turn = 0; turn < turns; turn++) {
    const { question, answer, thought } = exchangeOrStory(random);
    const reply = thinks && thought !== undefined ? `<think>\n${thought}\n</think>\n${answer}` : answer;
    parts.push(message('user', question), message('assistant', reply));
  }
  return parts.join('').trimEnd();
}

function exchangeOrStory(random: RandomSource): Exchange {
  if (random.chance(0.75)) return exchange(random);
  const { hero, text } = storyAbout(random);
  return {
    question: random.pick([
      'Tell me a story.',
      `Tell me a story about ${hero}.`,
      `Write a short story about ${hero}.`,
    ]),
    answer: text,
  };
}

function questionList(random: RandomSource): string {
  const count = random.integer(1, 4);
  return Array.from({ length: count }, () => exchange(random))
    .map(({ question, answer }) => `Question: ${question}\nAnswer: ${answer}`)
    .join('\n\n');
}

function sumList(random: RandomSource): string {
  return Array.from({ length: random.integer(2, 6) }, () => {
    const left = random.integer(0, 10);
    const right = random.integer(0, 10);
    return random.chance(0.6)
      ? `${left} + ${right} = ${left + right}`
      : `${left + right} - ${right} = ${left}`;
  }).join('\n');
}

/** One document of the corpus: a story, a list of questions, sums, or a chat; special tokens are written out. */
export function document(random: RandomSource): string {
  const kind = random.next();
  if (kind < 0.4) return story(random);
  if (kind < 0.52) return questionList(random);
  if (kind < 0.6) return sumList(random);
  return chat(random);
}
