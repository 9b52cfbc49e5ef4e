import { ServiceClient } from 'tinker-ts';
import { createLocalServer } from 'tinker-ts/server';

console.log(typeof ServiceClient.connect, typeof createLocalServer);
