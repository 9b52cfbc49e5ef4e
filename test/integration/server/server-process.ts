import { createLocalServer } from '../../../src/server/index.ts';

/** A server in a process of its own, to be killed: `node server-process.ts <data folder>` prints its URL. */
const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('usage: node server-process.ts <data folder>');
const server = await createLocalServer({ dataDir });
process.stdout.write(`${server.url}\n`);
