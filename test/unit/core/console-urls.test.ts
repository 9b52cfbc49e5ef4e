import { expect, it } from 'vitest';
import { consoleUrls } from '../../../src/core/console-urls.ts';

it('names the pages of the console as the official SDK does (TYP-39, SVC-12, TRN-17)', () => {
  const base = 'https://tinker.thinkingmachines.ai';
  const path = 'tinker://a-1:train:0/sampler_weights/best one';
  expect(consoleUrls.session()).toBe(`${base}/sessions`);
  expect(consoleUrls.session('a-1')).toBe(`${base}/sessions/a-1`);
  expect(consoleUrls.trainingRun('a-1:train:0')).toBe(`${base}/training_runs/a-1:train:0`);
  expect(consoleUrls.checkpoint(path)).toBe(
    `${base}/checkpoints/a-1%3Atrain%3A0/sampler_weights%2Fbest%20one`,
  );
  expect(consoleUrls.playground(path)).toBe(
    `${base}/playground?mode=checkpoint&checkpoint=tinker%3A%2F%2Fa-1%3Atrain%3A0%2Fsampler_weights%2Fbest%20one`,
  );
  expect(consoleUrls.apiKey('7')).toBe(`${base}/keys/7`);
  expect(consoleUrls.newApiKey('my key')).toBe(`${base}/keys?new_key=true&key_name=my+key`);
  expect(() => consoleUrls.checkpoint('elsewhere')).toThrow('Invalid checkpoint path');
});
