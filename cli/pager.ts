/** Prints long output: through a pager if stdout is a terminal, as git does, otherwise to stdout. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Terminal } from "./terminal.ts";

export interface Output {
  /** Prints a line. The caller waits for the promise before the next line, so that nothing piles up in memory. */
  line(text: string): Promise<void> | undefined;
  /** Whether a pager shows the output. Then nothing else may write to the terminal. */
  readonly isPaged: boolean;
  /** Whether the reader of the output, a pager or another program, has ended. */
  readonly isClosed: boolean;
  /** Waits until the user has left the pager. */
  close(): Promise<void>;
}

export interface OutputOptions {
  readonly noPager?: boolean | undefined;
}

/** Opens the output of a command. PAGER names the pager. If it is empty or `cat`, there is none. If it is not set, `less` is used, if there is one. */
export async function openOutput(terminal: Terminal, { noPager }: OutputOptions, env: NodeJS.ProcessEnv = process.env): Promise<Output> {
  const chosen = env["PAGER"];
  const isWanted = terminal.columns !== undefined && noPager !== true && !["", "cat"].includes(chosen ?? "less");
  const pager = isWanted ? await startPager(chosen, env) : undefined;
  return pager === undefined ? plainOutput(terminal) : pagedOutput(pager);
}

function plainOutput(terminal: Terminal): Output {
  return {
    isPaged: false,
    line: (text) => {
      terminal.out(text);
      return undefined;
    },
    get isClosed() {
      return terminal.isOutClosed;
    },
    close: async () => undefined,
  };
}

/** Starts the pager. Returns undefined if that fails. A shell starts the pager that PAGER names, because PAGER may contain options. */
async function startPager(chosen: string | undefined, env: NodeJS.ProcessEnv): Promise<ChildProcess | undefined> {
  const child = spawn(chosen ?? "less", [], {
    shell: chosen !== undefined,
    stdio: ["pipe", "inherit", "inherit"],
    // F: do not stay if the output fits on the screen. R: show colors. X: leave the output on the screen.
    env: { ...env, LESS: env["LESS"] ?? "FRX" },
  });
  try {
    await once(child, "spawn");
    return child;
  } catch {
    // Without a pager the output goes to the terminal.
    return undefined;
  }
}

function pagedOutput(pager: ChildProcess): Output {
  const { stdin } = pager;
  let isClosed = false;
  const left = new Promise<void>((resolve) => {
    pager.once("close", () => {
      isClosed = true;
      resolve();
    });
  });
  // The user left the pager before it had read everything.
  stdin?.on("error", () => {
    isClosed = true;
  });
  // Ctrl-C is for the pager. If it ended this process, the pager would lose its terminal.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  return {
    isPaged: true,
    line: (text) => {
      if (isClosed || stdin?.write(`${text}\n`) !== false) return undefined;
      return Promise.race([once(stdin, "drain").then(ignore, ignore), left]);
    },
    get isClosed() {
      return isClosed;
    },
    close: async () => {
      stdin?.end();
      await left;
      process.off("SIGINT", ignore);
    },
  };
}
