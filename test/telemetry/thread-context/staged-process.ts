/** Starts `stages.ts` as a process and lets it continue from stage to stage. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { childScript } from "../../child-script.ts";

/** A point at which the process waits, with the words that it printed there. */
export interface Stage {
  readonly name: string;
  readonly detail: readonly string[];
}

export interface StagedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lets the process continue to its next stage and returns that stage. The first call returns the first stage. */
  next(): Promise<Stage>;
  /** Lets the process continue to its end. */
  end(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly stderr: string }>;
}

export async function startStages(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<StagedProcess> {
  const script = await childScript(new URL("stages.ts", import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const closed = once(child, "close");
  let isFirst = true;
  const proceed = (): void => {
    if (!isFirst) child.stdin.write("\n");
    isFirst = false;
  };
  return {
    child,
    pid: child.pid ?? 0,
    next: async () => {
      proceed();
      const line = await lines.next();
      if (line.done === true) throw new Error(`the process ended early: ${stderr}`);
      const [name = "", ...detail] = line.value.split(" ");
      return { name, detail };
    },
    end: async () => {
      proceed();
      await closed;
      return { code: child.exitCode, signal: child.signalCode, stderr };
    },
  };
}
