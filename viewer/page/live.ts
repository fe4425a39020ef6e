/** Tracks which runs have changed since the page was opened. All components share one stream. */
import { useEffect, useState } from "preact/hooks";
import { liveMessages, RequestError } from "./client.ts";

const RETRY_MS = 2_000;
/** Changes within this time are shown together. */
const PAUSE_MS = 300;

export type Connection = "connecting" | "live" | "lost" | "refused";

interface LiveState {
  connection: Connection;
  /** Grows with every change of any run. */
  version: number;
  /** The version at which a run last changed. */
  readonly runs: Map<string, number>;
  /** The last version at which every run may have changed: the server listed only some of the changed runs, or the connection was lost. */
  reloaded: number;
}

const state: LiveState = { connection: "connecting", version: 0, runs: new Map(), reloaded: 0 };
const listeners = new Set<() => void>();
let isScheduled = false;

function notifySoon(): void {
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(() => {
    isScheduled = false;
    for (const listener of listeners) listener();
  }, PAUSE_MS);
}

function setConnection(connection: Connection): void {
  if (state.connection === connection) return;
  state.connection = connection;
  notifySoon();
}

/** Reads the stream until `signal` aborts, and connects again if it ends. */
export async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      // Any run may have changed while there was no connection.
      const onOpen = (): void => {
        state.version += 1;
        state.reloaded = state.version;
        setConnection("live");
        notifySoon();
      };
      for await (const { runs, gone, reload } of liveMessages(signal, onOpen)) {
        state.version += 1;
        if (reload) state.reloaded = state.version;
        if (state.runs.size > 10_000) state.runs.clear();
        for (const id of [...runs.map((run) => run.id), ...gone]) state.runs.set(id, state.version);
        notifySoon();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RequestError && error.status === 401) {
        setConnection("refused");
        return;
      }
    }
    setConnection("lost");
    await new Promise((resolve) => void setTimeout(resolve, RETRY_MS));
  }
}

function useLive<Value>(read: () => Value): Value {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const update = (): void => setValue(read());
    update();
    listeners.add(update);
    return () => void listeners.delete(update);
  }, [read]);
  return value;
}

const connection = (): Connection => state.connection;
const version = (): number => state.version;

export const useConnection = (): Connection => useLive(connection);

/** Returns a number that grows when any run changes. */
export const useAllRunsChanges = (): number => useLive(version);

/** Returns a number that changes when this run may have changed. */
export function useRunChanges(id: string): number {
  useAllRunsChanges();
  return Math.max(state.runs.get(id) ?? 0, state.reloaded);
}
