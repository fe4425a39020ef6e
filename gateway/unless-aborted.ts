/**
 * Resolves to the result of `work`, or to undefined as soon as `signal` is aborted. Rejects as `work` does. All calls of a run share one
 * signal, so each wait removes its listener. Makes only one promise, to be cheap: every call that waits runs this.
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
