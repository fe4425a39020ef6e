/**
 * Resolves to the result of `work`, or to undefined as soon as `signal` is aborted. Rejects as `work` does. One signal serves all calls of
 * a run, so each wait removes its own listener. Every call that waits comes here, so it makes one promise only.
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve(undefined);
    const abort = (): void => resolve(undefined);
    signal.addEventListener("abort", abort, { once: true });
    const settle = (end: () => void): void => {
      signal.removeEventListener("abort", abort);
      end();
    };
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
