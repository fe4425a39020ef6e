/** A time limit for one call, combined with the signal of its run. */

interface Deadline {
  /** Aborted when the run aborts the call, or when the time is up. */
  readonly signal: AbortSignal;
  /** Whether the time limit passed before the run aborted the call. */
  isOver(): boolean;
  /** Releases the timer and the run's signal. Must be called when the work is done. */
  end(): void;
}

/**
 * Starts a time limit of `ms` milliseconds; 0 means no limit. Does not use `AbortSignal.any`: if only the combined signal refers
 * to a timeout, Node 20 garbage-collects the timeout, and it never fires.
 */
export function startDeadline(signal: AbortSignal, ms: number): Deadline {
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
