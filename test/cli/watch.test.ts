/** `--watch`: a run or the tests again after each change. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna, environment, MAIN } from "./boruna.ts";

/** A running command, and what it has written so far. */
class Watching {
  readonly #child;
  #output = "";
  /** How much of the output `next` has returned or skipped. */
  #readLength = 0;

  constructor(args: readonly string[], cwd: string) {
    // Stdout and stderr share one pipe. From two pipes, their texts could arrive in another order.
    this.#child = spawn("sh", ["-c", 'exec "$0" "$@" 2>&1', process.execPath, MAIN, ...args], {
      cwd,
      env: environment(),
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#child.emit("output");
    });
  }

  /** Waits until the text is in the unread part of the output. Returns what comes before it. */
  async next(text: string): Promise<string> {
    for (;;) {
      const at = this.#output.indexOf(text, this.#readLength);
      if (at >= 0) {
        const before = this.#output.slice(this.#readLength, at);
        this.#readLength = at + text.length;
        return before;
      }
      await once(this.#child, "output");
    }
  }

  async end(signal: NodeJS.Signals): Promise<unknown> {
    const ended = once(this.#child, "close");
    this.#child.kill(signal);
    return (await ended)[0];
  }
}

/** Saves a file as many editors do: writes a new file, then gives it the name of the old one. */
function save(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, "new"), text);
  renameSync(join(folder, "new"), join(folder, name));
}

describe("run --watch", () => {
  test("runs again when the program, an import or the policy changes, also after an error", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "a.ax"), 'import "./b.ax"\nfn main() -> Int { b() }\n');
    writeFileSync(join(cwd, "b.ax"), "fn b() -> Int { 1 }\n");
    const watching = new Watching(["run", "a.ax", "--watch"], cwd);
    expect(await watching.next("watching 2 files; Ctrl-C ends\n")).toBe("1\n");
    save(cwd, "b.ax", "fn b() -> Int { 22 }\n");
    expect(await watching.next("watching 2 files; Ctrl-C ends\n")).toBe("\nb.ax has changed\n22\n");
    save(cwd, "b.ax", "fn b() -> Int { true }\n");
    expect(await watching.next("watching 2 files; Ctrl-C ends\n")).toContain("error[E009]");
    // `writeFileSync` empties the file first, so there may be a run with an empty file in between.
    writeFileSync(join(cwd, "b.ax"), "fn b() -> Int { 333 }\n");
    await watching.next("333");
    await watching.next("watching 2 files; Ctrl-C ends\n");
    rmSync(join(cwd, "a.ax"));
    expect(await watching.next("watching")).toContain("cannot read a.ax");
    expect(await watching.end("SIGINT")).toBe(130);
  });

  test("a signal during a run ends it", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "a.ax"), 'fn main() { debug("begun")\n while true { } }\n');
    const watching = new Watching(["run", "a.ax", "--watch", "--max-steps", "9007199254740991"], cwd);
    await watching.next("begun");
    expect(await watching.end("SIGTERM")).toBe(143);
  });

  test.each([[["run", "-", "--watch"]], [["run", "a.ax", "--watch", "--record", "run.jsonl"]]])("%j is refused", async (args) => {
    expect(await boruna(args, { cwd: temporaryFolder() })).toMatchObject({ code: 2, stderr: expect.stringContaining("--watch") });
  });
});

test("test --watch runs the tests again, also those of a new file", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "a.ax"), 'fn a() -> Int { 1 }\ntest "a" { guard((), a() == 1, "one") }\n');
  const watching = new Watching(["test", "--watch"], cwd);
  expect(await watching.next("watching 1 file; Ctrl-C ends\n")).toContain("1 passed, 0 failed");
  save(cwd, "a.ax", 'fn a() -> Int { 2 }\ntest "a" { guard((), a() == 1, "one") }\n');
  expect(await watching.next("watching 1 file; Ctrl-C ends\n")).toContain("0 passed, 1 failed");
  save(cwd, "b.ax", 'test "b" { }\n');
  expect(await watching.next("watching 2 files; Ctrl-C ends\n")).toContain("1 passed, 1 failed");
  expect(await watching.end("SIGINT")).toBe(130);
});
