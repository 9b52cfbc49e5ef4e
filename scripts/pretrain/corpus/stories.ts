import type { RandomSource } from './random-source.ts';
import {
  animals,
  capitalize,
  colors,
  containers,
  feelings,
  foods,
  people,
  places,
  plural,
  sizes,
  sounds,
  things,
  weather,
  withArticle,
} from './vocabulary.ts';
import type { Person } from './vocabulary.ts';

type Plot = (random: RandomSource, hero: Person, friend: Person) => string[];

const opening = (random: RandomSource, hero: Person): string => {
  const place = random.pick(places);
  return random.pick([
    `Once upon a time there was a ${hero.subject === 'she' ? 'girl' : 'boy'} named ${hero.name}.`,
    `One day ${hero.name} went to the ${place}.`,
    `One ${random.pick(weather)} day ${hero.name} was in the ${place}.`,
    `${hero.name} lived in ${withArticle(random.pick(sizes))} house near the ${random.pick(places.filter((near) => near !== 'house'))}.`,
    `It was a ${random.pick(weather)} day and ${hero.name} was very ${random.pick(feelings)}.`,
  ]);
};

const ending = (random: RandomSource, hero: Person, friend: Person): string =>
  random.pick([
    `${hero.name} was very happy.`,
    `They were friends from that day on.`,
    `Then they all went home.`,
    `${hero.name} and ${friend.name} smiled.`,
    `That night ${hero.name} slept well.`,
    `It was a good day.`,
    `${capitalize(hero.subject)} went home and told ${hero.possessive} mother.`,
    `"Thank you," said ${hero.name}.`,
  ]);

const lostThing: Plot = (random, hero, friend) => {
  const color = random.pick(colors);
  const thing = random.pick(things);
  const place = random.pick(places);
  const container = random.pick(containers);
  return [
    `${capitalize(hero.subject)} had a ${color} ${thing}.`,
    `But the ${thing} was gone!`,
    `${hero.name} looked in the ${place}, but the ${thing} was not there.`,
    `Then ${hero.subject} met ${friend.name}. "Have you seen my ${color} ${thing}?" asked ${hero.name}.`,
    `"Yes," said ${friend.name}. "It is in the ${container}."`,
    `${hero.name} looked in the ${container} and found the ${thing}.`,
  ];
};

const newPet: Plot = (random, hero, friend) => {
  const animal = random.pick(animals);
  const size = random.pick(sizes);
  const food = random.pick(foods);
  const sound = sounds[animal];
  return [
    `${capitalize(hero.subject)} saw ${withArticle(size)} ${animal}.`,
    ...(sound === undefined ? [] : [`"${capitalize(sound)}!" said the ${animal}.`]),
    `The ${animal} was ${random.pick(['hungry', 'sad', 'tired', 'scared'])}.`,
    `${hero.name} gave the ${animal} ${withArticle(food)}.`,
    `The ${animal} ate the ${food} and was happy.`,
    `${friend.name} came and played with the ${animal} too.`,
  ];
};

const sharing: Plot = (random, hero, friend) => {
  const food = random.pick(foods);
  return [
    `${capitalize(hero.subject)} had ${withArticle(food)}.`,
    `${friend.name} had no ${food} and was sad.`,
    `"Do you want some of my ${food}?" asked ${hero.name}.`,
    `"Yes, please," said ${friend.name}.`,
    `So ${hero.name} gave ${friend.object} half of the ${food}.`,
    `Now ${friend.name} was happy too.`,
  ];
};

const weatherTrouble: Plot = (random, hero, friend) => {
  const thing = random.pick(things);
  const place = random.pick(places);
  return [
    `${hero.name} and ${friend.name} played with ${withArticle(thing)}.`,
    `Then it began to ${random.pick(['rain', 'snow'])}.`,
    `"We must go to the ${place}," said ${friend.name}.`,
    `They ran to the ${place} and it was warm there.`,
    `${hero.name} was ${random.pick(['cold', 'wet', 'tired'])}, so ${friend.name} gave ${hero.object} a coat.`,
  ];
};

const talkingAnimal: Plot = (random, hero) => {
  const [first, second] = random.sample(animals, 2);
  const place = random.pick(places);
  return [
    `In the ${place} there was ${withArticle(random.pick(sizes))} ${first}.`,
    `"Where is my friend the ${second}?" asked the ${first}.`,
    `${hero.name} wanted to help the ${first}.`,
    `They walked and walked, and at last they found the ${second} in the ${random.pick(places)}.`,
    `"Here you are!" said the ${first}. "I missed you."`,
    `The ${second} ${random.pick(['laughed', 'smiled', 'jumped', 'danced'])}.`,
  ];
};

const making: Plot = (random, hero, friend) => {
  const color = random.pick(colors);
  const thing = random.pick(['kite', 'boat', 'hat', 'drum', 'lamp']);
  return [
    `${hero.name} wanted to make a ${thing}.`,
    `"I can help you," said ${friend.name}.`,
    `They worked all day. First they made it ${random.pick(['big', 'small'])}, and then they made it ${color}.`,
    `"Look at our ${color} ${thing}!" said ${hero.name}.`,
    `${friend.name} was proud of the ${thing}.`,
  ];
};

const race: Plot = (random, hero) => {
  const [fast, slow] = random.sample(animals, 2);
  const goal = random.pick(['tree', 'river', 'hill', 'house']);
  const slowWins = random.chance(0.5);
  return [
    `${hero.name} saw a ${fast} and a ${slow} by the ${goal}.`,
    `"I am faster than you," said the ${fast}.`,
    `"Then let us race to the ${goal}," said the ${slow}.`,
    slowWins
      ? `The ${fast} stopped to sleep, and the ${slow} ran on and on.`
      : `They ran and ran, and the ${fast} did not stop.`,
    `At the end the ${slowWins ? slow : fast} won the race.`,
    `"Well done!" said the ${slowWins ? fast : slow}.`,
  ];
};

const counting: Plot = (random, hero, friend) => {
  const first = random.integer(1, 5);
  const second = random.integer(1, 4);
  const food = random.pick(foods);
  return [
    `${hero.name} picked ${first} ${plural(food, first)}.`,
    `${friend.name} picked ${second} ${plural(food, second)}.`,
    `"How many ${plural(food, 2)} do we have?" asked ${friend.name}.`,
    `They counted them. "We have ${first + second}," said ${hero.name}.`,
    `They put the ${plural(food, 2)} in a ${random.pick(containers)} and took them to the ${random.pick(places)}.`,
  ];
};

const bedtime: Plot = (random, hero) => {
  const animal = random.pick(animals);
  return [
    `It was night and ${hero.name} could not sleep.`,
    `"What is it, ${hero.name}?" asked ${hero.possessive} mother.`,
    `"I am ${random.pick(['scared', 'sad', 'hungry'])}," said ${hero.name}.`,
    `So ${hero.possessive} mother told ${hero.object} a story about a ${random.pick(colors)} ${animal}.`,
    `The ${animal} went to the ${random.pick(places)} and found ${withArticle(random.pick(things))}.`,
    `${hero.name} closed ${hero.possessive} eyes.`,
  ];
};

const present: Plot = (random, hero, friend) => {
  const color = random.pick(colors);
  const thing = random.pick(things);
  return [
    `It was ${friend.name}'s birthday.`,
    `${hero.name} wanted to give ${friend.object} a present.`,
    `${capitalize(hero.subject)} went to the market and saw a ${color} ${thing}.`,
    `${hero.name} put it in ${withArticle(random.pick(sizes))} box and went to ${friend.name}.`,
    `"What is in the box?" asked ${friend.name}. "Open it," said ${hero.name}.`,
    `${friend.name} opened the box and found the ${color} ${thing}. "I love it!" said ${friend.name}.`,
  ];
};

const plots: readonly Plot[] = [
  lostThing,
  newPet,
  sharing,
  weatherTrouble,
  talkingAnimal,
  making,
  race,
  counting,
  bedtime,
  present,
];

/** A story of six to fourteen sentences; some have two plots with the same people. */
export function story(random: RandomSource): string {
  const [hero, friend] = random.sample(people, 2);
  if (hero === undefined || friend === undefined) throw new RangeError('A story needs two people');
  const told = random.sample(plots, random.chance(0.25) ? 2 : 1).map((plot) => plot(random, hero, friend));
  return [
    opening(random, hero),
    ...told.flatMap((sentences, index) =>
      index === 0 ? sentences : ['The next day they met again.', ...sentences],
    ),
    ending(random, hero, friend),
  ].join(' ');
}

/** Who the story is about, and the story: for requests such as "Tell me a story about Anna." */
export function storyAbout(random: RandomSource): { hero: string; text: string } {
  const text = story(random);
  const hero =
    people.find((person) => text.split('.')[0]?.includes(person.name)) ??
    people.find((person) => text.includes(person.name));
  return { hero: hero?.name ?? 'a friend', text };
}
