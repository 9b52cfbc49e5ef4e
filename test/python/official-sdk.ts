import { pythonOf } from './venv.ts';

/** Versions of the official SDK that are tried; the newest is what pip gives. */
export const sdkVersions = ['0.25.0', 'latest'] as const;
export type SdkVersion = (typeof sdkVersions)[number];

/** A Python that has the official SDK, and what its custom losses and our checks need. */
export function officialPython(version: SdkVersion = 'latest'): string {
  const tinker = version === 'latest' ? 'tinker' : `tinker==${version}`;
  return pythonOf({ name: `tinker-${version}`, packages: [tinker, 'torch', 'safetensors', 'jinja2'] });
}
