/** A time limit beside the run's own signal. */

export interface Deadline {
  /** Aborted by the run, or when the time is over. */
  readonly signal: AbortSignal;
  /** Whether the time was over before the run ended the call. */
  isOver(): boolean;
  /** Lets go of the timer and of the run's signal; to be called when the work is done. */
  end(): void;
}

/**
 * `ms` 0 is no limit. `AbortSignal.any` would be shorter, but Node 20 collects a timeout that only the joint signal
 * refers to, and it never fires then.
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
