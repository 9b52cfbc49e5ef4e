import path from 'node:path';
import { pythonOf } from './venv.ts';

/** Versions of the official SDK that are tried; the newest is what pip gives. */
export const sdkVersions = ['0.25.0', 'latest'] as const;
export type SdkVersion = (typeof sdkVersions)[number];

/** A Python that has the official SDK, and what its custom losses and our checks need. */
export function officialPython(version: SdkVersion = 'latest'): string {
  const tinker = version === 'latest' ? 'tinker' : `tinker==${version}`;
  return pythonOf({ name: `tinker-${version}`, packages: [tinker, 'torch', 'safetensors', 'jinja2'] });
}

/** The official command line: `TINKER_TS_OFFICIAL_CLI`, or that of a venv of its own. */
export function officialProgram(): string {
  const python = (): string => pythonOf({ name: 'tinker-cli', packages: ['tinker==0.38.0'] });
  return process.env['TINKER_TS_OFFICIAL_CLI'] || path.join(path.dirname(python()), 'tinker');
}
