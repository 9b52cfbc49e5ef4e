import type { Command } from 'commander';
import { toBash } from '../completion/bash.ts';
import { toFish } from '../completion/fish.ts';
import { toLevels } from '../completion/words.ts';
import { toZsh } from '../completion/zsh.ts';
import type { CommandResult } from '../result.ts';

/** A script for one shell. */
export function showCompletion(program: Command, shell: 'bash' | 'zsh' | 'fish'): CommandResult {
  const script = { bash: toBash, zsh: toZsh, fish: toFish }[shell](program.name(), toLevels(program));
  return { json: { shell, script }, view: { lines: [script] } };
}
