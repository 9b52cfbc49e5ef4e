import type { Clock } from '../core/clock.ts';
import type { Services } from './services/services.ts';

const intervalMs = 30_000;

/** Lets results, checkpoints and silent sessions expire; returns what stops it. */
export function startHousekeeping(services: Services, clock: Clock): () => void {
  const run = (): void => {
    services.futures.removeExpired();
    services.sessions.expireSilent();
    services.meter.flush();
    services.background.start('removing expired checkpoints', () => services.checkpoints.removeExpired());
    services.background.start('removing expired uploads', () => services.uploads.removeExpired());
    services.background.start('removing stale archives', () => services.archives.removeStale());
    timer = clock.setTimeout(run, intervalMs);
  };
  let timer = clock.setTimeout(run, intervalMs);
  return () => clock.clearTimeout(timer);
}
