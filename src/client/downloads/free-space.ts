import { stat, statfs } from 'node:fs/promises';
import { DownloadError } from '../../core/errors.ts';

interface Claim {
  device: number;
  /** What it still needs at this moment. */
  neededBytes: () => number;
}

/** What the downloads of one manager that are under way still need of each file system. */
export class SpaceLedger {
  /** By download. */
  readonly #claims = new Map<object, Claim>();

  /**
   * Refuses at once what cannot fit beside the others, and counts the rest until it is released. Where the system does not
   * say how much is free, the write will tell.
   */
  async claim(owner: object, folder: string, neededBytes: () => number): Promise<void> {
    const [found, space] = await Promise.all([stat(folder), statfs(folder)]).catch(() => []);
    if (found === undefined || space === undefined || space.blocks === 0) return;
    // Nothing is awaited from here on: of two at the same time one is first.
    const freeBytes = space.bavail * space.bsize;
    const claimedBytes = this.#claimedBytes(found.dev, owner);
    const needed = neededBytes();
    if (freeBytes - claimedBytes < needed) throw toDiskFull(folder, needed, freeBytes, claimedBytes);
    this.#claims.set(owner, { device: found.dev, neededBytes });
  }

  release(owner: object): void {
    this.#claims.delete(owner);
  }

  #claimedBytes(device: number, except: object): number {
    let bytes = 0;
    for (const [owner, claim] of this.#claims)
      if (owner !== except && claim.device === device) bytes += Math.max(claim.neededBytes(), 0);
    return bytes;
  }
}

function toDiskFull(
  folder: string,
  neededBytes: number,
  freeBytes: number,
  claimedBytes: number,
): DownloadError {
  const others =
    claimedBytes > 0 ? `, of which other downloads under way still need ${claimedBytes} bytes` : '';
  return new DownloadError(
    'disk_full',
    `${folder} has ${freeBytes} bytes free${others}, and the download needs ${neededBytes} more. ` +
      'Free disk space or choose another output folder',
    { details: { neededBytes, freeBytes, claimedBytes } },
  );
}
