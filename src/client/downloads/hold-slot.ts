import type PQueue from 'p-queue';

/** Queues for a slot, which is held until the function that comes back is called; before that it gives up the place in the queue. */
export function holdSlot(slots: PQueue, onGranted: () => void): () => void {
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
      { signal },
    )
    // Rejects only with the abort below, which is no failure.
    .catch(() => undefined);
  return () => controller.abort();
}
