import type PQueue from 'p-queue';

/**
 * Queues for a slot, with `isFirst` before those that wait without it. It is held until the function that comes back is called;
 * before that it gives up the place in the queue.
 */
export function holdSlot(
  slots: PQueue,
  { isFirst }: { isFirst: boolean },
  onGranted: () => void,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  slots
    .add(
      () => {
        onGranted();
        return new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
      },
      { signal, priority: isFirst ? 1 : 0 },
    )
    // Rejects only with the abort below, which is no failure.
    .catch(() => undefined);
  return () => controller.abort();
}
