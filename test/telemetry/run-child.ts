/** Runs `child.ts` in a process of its own, to test global state, the exit code and the end of the process. */
import { spawn } from "node:child_process";
import { childScript } from "../child-script.ts";

export interface ChildEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the child does besides the calls: see `child.ts`. */
export type ChildFlag = "twice" | "wait" | "exit" | "modules";

/** The run of the child: the number of its calls, and its exit code, which is 0 by default. */
export interface ChildRun {
  readonly calls: number;
  readonly exitCode?: number;
  readonly flags?: readonly ChildFlag[];
}

/** Starts the child. It inherits no OpenTelemetry variables of this process: it has only those in `environment`. */
export async function runChild(
  { calls, exitCode = 0, flags = [] }: ChildRun,
  environment: Readonly<Record<string, string>>,
): Promise<ChildEnd> {
  const file = await childScript(new URL("child.ts", import.meta.url));
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OTEL_|BORUNA_|TRACE|BAGGAGE|NODE_)/.test(name)));
  const child = spawn(process.execPath, [file, String(calls), String(exitCode), ...flags], {
    env: { ...inherited, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
