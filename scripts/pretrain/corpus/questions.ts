import type { RandomSource } from './random-source.ts';
import {
  animals,
  capitalize,
  colors,
  containers,
  facts,
  foods,
  numberWords,
  opposites,
  people,
  places,
  plural,
  sounds,
  things,
  withArticle,
} from './vocabulary.ts';

export interface Exchange {
  question: string;
  answer: string;
  /** A thought that leads to the answer, for exchanges that have one. */
  thought?: string;
}

type Maker = (random: RandomSource) => Exchange;

const fact: Maker = (random) => {
  const [question, answer] = random.pick(facts);
  return { question, answer };
};

const sum: Maker = (random) => {
  const left = random.integer(0, 10);
  const right = random.integer(0, 10);
  const result = left + right;
  return random.pick<Exchange>([
    { question: `What is ${left} + ${right}?`, answer: `${left} + ${right} = ${result}` },
    { question: `${left} + ${right} =`, answer: `${result}` },
    {
      question: `What is ${left} plus ${right}?`,
      answer: `${result}`,
      thought: `${left} + ${right} = ${result}`,
    },
  ]);
};

const difference: Maker = (random) => {
  const right = random.integer(0, 10);
  const result = random.integer(0, 10);
  const left = right + result;
  return random.pick<Exchange>([
    { question: `What is ${left} - ${right}?`, answer: `${left} - ${right} = ${result}` },
    {
      question: `What is ${left} minus ${right}?`,
      answer: `${result}`,
      thought: `${left} - ${right} = ${result}`,
    },
  ]);
};

const countedThings: Maker = (random) => {
  const person = random.pick(people);
  const noun = random.pick([...foods, ...things]);
  const first = random.integer(1, 6);
  const second = random.integer(1, 4);
  return {
    question:
      `${person.name} has ${first} ${plural(noun, first)}. ${capitalize(person.subject)} gets ${second} more. ` +
      `How many ${plural(noun, 2)} does ${person.name} have now?`,
    answer: `${person.name} has ${first + second} ${plural(noun, first + second)}.`,
    thought: `${first} + ${second} = ${first + second}`,
  };
};

const whereIsIt: Maker = (random) => {
  const [first, second] = random.sample(things, 2);
  const [firstPlace, secondPlace] = random.sample([...containers, ...places], 2);
  const asked = random.chance(0.5);
  return {
    question: `The ${first} is in the ${firstPlace}. The ${second} is in the ${secondPlace}. Where is the ${asked ? first : second}?`,
    answer: `The ${asked ? first : second} is in the ${asked ? firstPlace : secondPlace}.`,
  };
};

const whatColor: Maker = (random) => {
  const person = random.pick(people);
  const [first, second] = random.sample(things, 2);
  const [firstColor, secondColor] = random.sample(colors, 2);
  const asked = random.chance(0.5);
  return {
    question:
      `${person.name} has a ${firstColor} ${first} and a ${secondColor} ${second}. ` +
      `What color is the ${asked ? first : second}?`,
    answer: `The ${asked ? first : second} is ${asked ? firstColor : secondColor}.`,
  };
};

const opposite: Maker = (random) => {
  const pair = random.pick(opposites);
  const [word, other] = random.chance(0.5) ? pair : [pair[1], pair[0]];
  return { question: `What is the opposite of ${word}?`, answer: `The opposite of ${word} is ${other}.` };
};

const sound: Maker = (random) => {
  const animal = random.pick(Object.keys(sounds));
  return {
    question: `What does ${withArticle(animal)} say?`,
    answer: `${capitalize(withArticle(animal))} says ${sounds[animal]}.`,
  };
};

const afterNumber: Maker = (random) => {
  const value = random.integer(0, 9);
  return random.pick<Exchange>([
    { question: `What number comes after ${value}?`, answer: `${value + 1} comes after ${value}.` },
    { question: `Write the number ${value} as a word.`, answer: `${numberWords[value]}` },
    {
      question: `Count from ${value} to ${value + 5}.`,
      answer: Array.from({ length: 6 }, (_, step) => value + step).join(', '),
    },
  ]);
};

const repeat: Maker = (random) => {
  const words = random.sample([...animals, ...things, ...foods, ...colors], random.integer(1, 3)).join(' ');
  return random.pick<Exchange>([
    { question: `Say: ${words}`, answer: words },
    { question: `Repeat after me: ${words}`, answer: words },
    { question: `Write this in capital letters: ${words}`, answer: words.toUpperCase() },
  ]);
};

const greeting: Maker = (random) => {
  const person = random.pick(people);
  return random.pick<Exchange>([
    { question: 'Hello!', answer: 'Hello! How can I help you?' },
    { question: 'How are you?', answer: 'I am well, thank you. How are you?' },
    { question: `My name is ${person.name}.`, answer: `Hello ${person.name}! It is nice to meet you.` },
    { question: 'Thank you!', answer: 'You are welcome.' },
    { question: 'Who are you?', answer: 'I am a small language model. I tell stories and answer questions.' },
    { question: 'Good night.', answer: 'Good night! Sleep well.' },
    { question: `Do you like ${plural(random.pick(animals), 2)}?`, answer: 'Yes, I like them very much.' },
  ]);
};

const makers: readonly Maker[] = [
  fact,
  sum,
  sum,
  difference,
  countedThings,
  whereIsIt,
  whatColor,
  opposite,
  sound,
  afterNumber,
  repeat,
  greeting,
];

export function exchange(random: RandomSource): Exchange {
  return random.pick(makers)(random);
}
