import { packageVersion } from '../../core/version.ts';
import type { CommandResult } from '../result.ts';

export function showVersion(): CommandResult {
  return { json: { version: packageVersion }, view: { lines: [`tinker-ts ${packageVersion}`] } };
}
