/** Loads data for a component. */
import { useEffect, useRef, useState } from "preact/hooks";

export interface Data<Value> {
  readonly value: Value | undefined;
  readonly error: unknown;
}

interface Result<Value> extends Data<Value> {
  readonly key: string;
}

/** Loads the data of one key. At most one load runs at a time. */
interface Job {
  isBusy: boolean;
  /** Whether to load again after the current load. */
  mustReload: boolean;
  readonly start: () => Promise<void>;
}

/**
 * Loads data when the component appears, and when `key` or `version` changes. Returns the old data while a new version loads, but not while
 * another key loads. Without a key, loads nothing. A load starts after `delayMs`: if the key changes before that, the old key is not loaded.
 */
export function useData<Value>(
  key: string | undefined,
  version: unknown,
  load: (signal: AbortSignal) => Promise<Value>,
  delayMs = 0,
): Data<Value> {
  const [result, setResult] = useState<Result<Value>>();
  const latest = useRef(load);
  latest.current = load;
  const job = useRef<Job | undefined>(undefined);
  useEffect(() => {
    if (key === undefined) return undefined;
    const abort = new AbortController();
    const ownJob: Job = {
      isBusy: false,
      mustReload: false,
      start: async () => {
        ownJob.isBusy = true;
        do {
          ownJob.mustReload = false;
          const answer = await latest.current(abort.signal).then(
            (value) => ({ key, value, error: undefined }),
            (error: unknown) => ({ key, value: undefined, error }),
          );
          if (abort.signal.aborted) return;
          setResult(answer);
        } while (ownJob.mustReload);
        ownJob.isBusy = false;
      },
    };
    const timer = setTimeout(() => {
      job.current = ownJob;
      void ownJob.start();
    }, delayMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
      job.current = undefined;
    };
  }, [key, delayMs]);
  useEffect(() => {
    const current = job.current;
    if (current === undefined) return;
    if (current.isBusy) current.mustReload = true;
    else void current.start();
  }, [version]);
  return result !== undefined && result.key === key ? result : { value: undefined, error: undefined };
}
