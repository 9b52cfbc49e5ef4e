/** The words of the little world that the corpus tells of. Small on purpose: a million parameters learn them all. */

export interface Person {
  name: string;
  subject: 'he' | 'she';
  object: 'him' | 'her';
  possessive: 'his' | 'her';
}

const girl = (name: string): Person => ({ name, subject: 'she', object: 'her', possessive: 'her' });
const boy = (name: string): Person => ({ name, subject: 'he', object: 'him', possessive: 'his' });

export const people: readonly Person[] = [
  ...['Anna', 'Mia', 'Lily', 'Rosa', 'Nora', 'Ella', 'Ida', 'Zoe'].map(girl),
  ...['Tom', 'Ben', 'Max', 'Leo', 'Sam', 'Finn', 'Otto', 'Jack'].map(boy),
];

export const animals = [
  'cat',
  'dog',
  'bird',
  'rabbit',
  'mouse',
  'fox',
  'bear',
  'duck',
  'frog',
  'horse',
  'pig',
  'cow',
] as const;

export const sounds: Readonly<Record<string, string>> = {
  cat: 'meow',
  dog: 'woof',
  bird: 'tweet',
  mouse: 'squeak',
  duck: 'quack',
  frog: 'croak',
  horse: 'neigh',
  pig: 'oink',
  cow: 'moo',
};

export const places = [
  'garden',
  'forest',
  'park',
  'house',
  'kitchen',
  'field',
  'school',
  'river',
  'hill',
  'farm',
  'market',
] as const;

export const things = [
  'ball',
  'book',
  'hat',
  'kite',
  'box',
  'cup',
  'lamp',
  'boat',
  'drum',
  'key',
  'bell',
  'coat',
] as const;

export const foods = ['apple', 'cake', 'pear', 'egg', 'carrot', 'cookie', 'orange', 'banana'] as const;

export const colors = ['red', 'blue', 'green', 'yellow', 'white', 'black', 'brown', 'pink'] as const;

export const sizes = ['big', 'small', 'little', 'tall', 'old', 'new'] as const;

export const feelings = ['happy', 'sad', 'tired', 'hungry', 'scared', 'proud', 'angry'] as const;

export const weather = ['sunny', 'rainy', 'windy', 'cold', 'warm'] as const;

export const containers = ['box', 'basket', 'bag', 'drawer', 'bucket'] as const;

export const opposites: readonly (readonly [string, string])[] = [
  ['big', 'small'],
  ['hot', 'cold'],
  ['up', 'down'],
  ['day', 'night'],
  ['happy', 'sad'],
  ['old', 'new'],
  ['fast', 'slow'],
  ['open', 'closed'],
  ['wet', 'dry'],
  ['left', 'right'],
  ['full', 'empty'],
  ['soft', 'hard'],
];

/** Facts as question and answer. */
export const facts: readonly (readonly [string, string])[] = [
  ['What color is the sky?', 'The sky is blue.'],
  ['What color is the grass?', 'The grass is green.'],
  ['What color is snow?', 'Snow is white.'],
  ['What color is a banana?', 'A banana is yellow.'],
  ['What color is the sun?', 'The sun is yellow.'],
  ['What color is the night?', 'The night is black.'],
  ['How many legs does a dog have?', 'A dog has 4 legs.'],
  ['How many legs does a bird have?', 'A bird has 2 legs.'],
  ['How many days are in a week?', 'There are 7 days in a week.'],
  ['How many fingers are on one hand?', 'There are 5 fingers on one hand.'],
  ['Where does a fish live?', 'A fish lives in the water.'],
  ['Where does a bird live?', 'A bird lives in a nest.'],
  ['Where does a bear live?', 'A bear lives in the forest.'],
  ['Where do cows live?', 'Cows live on a farm.'],
  ['What do rabbits eat?', 'Rabbits eat carrots.'],
  ['What do mice eat?', 'Mice eat cheese.'],
  ['What do you read?', 'You read a book.'],
  ['What do you wear on your head?', 'You wear a hat on your head.'],
  ['When do we sleep?', 'We sleep at night.'],
  ['What falls from a cloud?', 'Rain falls from a cloud.'],
  ['Is fire hot or cold?', 'Fire is hot.'],
  ['Is ice hot or cold?', 'Ice is cold.'],
];

export const numberWords = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
] as const;

/** "a ball", "an apple". */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function plural(noun: string, count: number): string {
  if (count === 1) return noun;
  if (noun === 'mouse') return 'mice';
  return noun.endsWith('x') ? `${noun}es` : `${noun}s`;
}
