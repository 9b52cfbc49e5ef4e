#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { packageVersion } from '../core/version.ts';

// Old runtimes reach this file too, so it imports nothing else before the version is known to do.
const minimumNodeMajor = 24;
const args = process.argv.slice(2);
const only = args.length === 1 ? args[0] : undefined;

if (Number.parseInt(process.versions.node, 10) < minimumNodeMajor) {
  process.stderr.write(
    `Error: tinker-ts needs Node.js ${minimumNodeMajor} or newer, and this is ${process.versions.node}.\n` +
      'Install a newer one from https://nodejs.org and run the command again.\n',
  );
  process.exitCode = 1;
} else if (only === 'version' || only === '--version' || only === '-V') {
  console.log(`tinker-ts ${packageVersion}`);
} else {
  enableCompileCache();
  void start();
}

async function start(): Promise<void> {
  const { runCli } = await import('./run.ts');
  process.exitCode = await runCli(args);
}
