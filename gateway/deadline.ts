/** A time limit for one call, combined with the signal of its run. */

export interface Deadline {
  /** Aborted by the run, or when the time is up. */
  readonly signal: AbortSignal;
  /** Whether the time was up before the run aborted the call. */
  isOver(): boolean;
  /** Releases the timer and the run's signal. Must be called when the work is done. */
  end(): void;
}

/**
 * `ms` 0 is no limit. Not `AbortSignal.any`: Node 20 garbage-collects a timeout that only the combined signal refers to,
 * and then it never fires.
 */
export function deadline(signal: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const cancel = (): void => controller.abort(signal.reason);
  const timer =
    ms === 0
      ? undefined
      : setTimeout(() => {
          isOver = !controller.signal.aborted;
          controller.abort(new Error(`no answer within ${ms} ms`));
        }, ms);
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  return {
    signal: controller.signal,
    isOver: () => isOver,
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    },
  };
}
