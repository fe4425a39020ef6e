/** Runs the built command as a user does: a process of its own. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

/** The built command. */
export const MAIN = fileURLToPath(new URL("../../dist/bin/boruna.js", import.meta.url));
/** The folder `examples/` of the repository. */
export const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));

/** How a process ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeFlags?: readonly string[];
  /** The text on stdin. Default: an empty one. */
  readonly stdin?: string;
  /** The signal is sent as soon as the child has written the text to stderr or stdout. */
  readonly signalAfter?: { readonly text: string; readonly signal: NodeJS.Signals };
}

/** The environment of a child process: what any process needs, and `own`. Variables of the caller's shell could turn on telemetry or colors. */
export function environment(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", TMPDIR: tmpdir(), ...own };
}

/** Runs the command to its end, in the examples' folder unless `options` name another. */
export function boruna(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [...(options.nodeFlags ?? []), MAIN, ...args], {
    cwd: options.cwd ?? EXAMPLES,
    env: environment(options.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A child that ends without reading its input makes this write fail.
  child.stdin.on("error", () => undefined).end(options.stdin ?? "");
  let stdout = "";
  let stderr = "";
  let signaled = false;
  const watch = (): void => {
    const { signalAfter } = options;
    if (signalAfter === undefined || signaled || !`${stdout}${stderr}`.includes(signalAfter.text)) return;
    signaled = true;
    child.kill(signalAfter.signal);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    watch();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    watch();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
