/** Shows the progress of a command on a terminal after its first second. Without a terminal or with `--json`, shows nothing. */
import type { OnRead } from "../replay/log/log-source.ts";
import type { CommandSession } from "./session.ts";

export interface Progress {
  /** Sets the text of the progress: `3 of 20 logs`. */
  step(text: string): void;
  /** Returns a callback for the reader of `file`, which calls it with the bytes read so far and the size of the file. */
  reading(file: string): OnRead | undefined;
  /** Removes the line. */
  end(): void;
}

/** How long a command runs before it shows progress, in milliseconds. */
const QUIET_MS = 1_000;
/** The line changes at most this often, in milliseconds. */
const REDRAW_MS = 100;

const NO_PROGRESS: Progress = { step: () => undefined, reading: () => undefined, end: () => undefined };

/** Runs `body` and shows its progress. The line begins with the name of the command. */
export async function withProgress<T>(session: CommandSession, command: string, body: (progress: Progress) => T | Promise<T>): Promise<T> {
  const progress = session.json || !session.terminal.hasProgress ? NO_PROGRESS : startProgress(session, command);
  try {
    return await body(progress);
  } finally {
    progress.end();
  }
}

function startProgress({ terminal }: CommandSession, command: string): Progress {
  const start = performance.now();
  // A draw is assumed just before the end of the quiet time, so that the first real one comes at its end.
  let lastDraw = start + QUIET_MS - REDRAW_MS;
  let step = "";
  let fileText = "";
  let hasEnded = false;
  const draw = (): void => {
    const now = performance.now();
    if (hasEnded || now < lastDraw + REDRAW_MS) return;
    lastDraw = now;
    terminal.progress(`${command}: ${[step, fileText, `${Math.floor((now - start) / 1_000)} s`].filter((text) => text !== "").join(", ")}`);
  };
  // The timer updates the elapsed time while no step is reported. Reading a file blocks timers, so `reading` draws too.
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return {
    step: (text) => {
      step = text;
      fileText = "";
      draw();
    },
    reading: (file) => (bytes, total) => {
      fileText = total === 0 ? file : `${file} ${Math.min(100, Math.floor((100 * bytes) / total))} %`;
      draw();
    },
    end: () => {
      hasEnded = true;
      clearInterval(timer);
      terminal.progress(undefined);
    },
  };
}
