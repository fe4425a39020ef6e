/** Sessions on a terminal, driven by tmux: what a person types and sees. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { boruna, MAIN } from "./boruna.ts";
import { borunaLine, HAS_TMUX, hasShell, Screen } from "./tmux.ts";

/** The start of the titles. It says why tests are skipped. */
const WITHOUT = HAS_TMUX ? "" : "skipped, tmux is not installed: ";

let screens: Screen[] = [];
afterEach(() => {
  for (const screen of screens) screen.close();
  screens = [];
});

function openScreen(line: string, cwd: string, env: Readonly<Record<string, string>> = {}): Screen {
  const screen = new Screen(line, { cwd, env });
  screens.push(screen);
  return screen;
}

describe.skipIf(!HAS_TMUX)(`${WITHOUT}boruna repl`, () => {
  test("values, several lines, completion, a mock, a trap, a parse error, interruption and the end", async () => {
    const cwd = temporaryFolder();
    // With this limit on steps, only an interruption ends an endless loop.
    const policy = { schema_version: 1, default_allow: true, rules: {}, limits: { max_steps: 9_007_199_254_740_991 } };
    writeFileSync(join(cwd, "long.json"), JSON.stringify(policy));
    const screen = openScreen(borunaLine(["repl", "--policy", "long.json"]), cwd);
    await screen.waitFor(/mocks answer calls[^]*\n1>/);
    screen.enter("1 + 2");
    await screen.waitFor(/1> 1 \+ 2\n3\n2>/);

    screen.enter("fn double(n: Int) -> Int {");
    await screen.waitFor(/\n\.\.$/);
    screen.enter("    n * 2");
    screen.enter("}");
    await screen.waitFor(/defined double\n3>/);

    await screen.complete("dou");
    await screen.waitFor(/3> double$/);
    screen.enter("(21)");
    await screen.waitFor(/3> double\(21\)\n42\n4>/);
    // The first Tab adds what all names have in common, the second one lists them.
    await screen.complete("string.to");
    await screen.waitFor(/4> string\.to_$/);
    screen.press("Tab");
    await screen.waitFor(/to_lower +to_upper/);
    screen.press("C-c");
    await screen.waitFor(/\n4>$/);

    screen.enter('net.fetch("https://example.com/")');
    await screen.waitFor(/\{"mock": true[^]*note: mocks answered 1 call \(net\.fetch 1\)[^]*\n5>/);
    screen.enter("1 / 0 + double(1)");
    await screen.waitFor(/division by zero\n +--> entry 5:1:1\n[^]*\n6>/);
    screen.enter("let let");
    await screen.waitFor(/error\[E002\][^]*entry 6:1:5[^]*\n7>/);

    screen.enter("let mut n = 0");
    screen.enter('{ debug("begun"); while true { n = 1 - n } }');
    await screen.waitFor(/\n"begun"$/);
    screen.press("C-c");
    await screen.waitFor(/canceled[^]*\n9>/);
    screen.enter("(1 +");
    await screen.waitFor(/\n\.\.$/);
    screen.press("C-c");
    await screen.waitFor(/\n9>$/);
    screen.enter(":type double");
    await screen.waitFor("fn double(n: Int) -> Int");
    screen.press("C-d");
    expect(await screen.exitCode()).toBe(0);
  });

  test.runIf(DEEP)("the history goes back to earlier sessions", async () => {
    const cwd = temporaryFolder();
    const first = openScreen(borunaLine(["repl"]), cwd);
    await first.waitFor(/1>$/);
    first.enter('"from before"');
    await first.waitFor(/\n"from before"\n2>/);
    first.enter(":quit");
    expect(await first.exitCode()).toBe(0);
    const second = openScreen(borunaLine(["repl"]), cwd);
    await second.waitFor(/1>$/);
    second.press("Up", "Up");
    await second.waitFor(/1> "from before"$/);
    second.press("Enter");
    await second.waitFor(/\n"from before"\n2>/);
  });

  test.runIf(DEEP)("asks for approvals, and takes only an answer that is typed after the question", async () => {
    const cwd = temporaryFolder();
    writeFileSync(
      join(cwd, "policy.json"),
      JSON.stringify({ schema_version: 1, default_allow: false, rules: { "time.now": { allow: true, budget: 9, approval: "required" } } }),
    );
    const screen = openScreen(borunaLine(["repl", "--live", "--policy", "policy.json"]), cwd);
    await screen.waitFor(/calls are real[^]*1>$/);
    screen.enter("let now = time.now()");
    await screen.waitFor(/approval: call 1 of time\.now[^]*allow it\? \[o\]nce, for this \[r\]un, \[d\]eny:$/);
    screen.enter("what");
    await screen.waitFor(/what\nallow it\?.*\[d\]eny:$/);
    screen.enter("o");
    await screen.waitFor(/\n2>$/);
    screen.enter("now > 0");
    await screen.waitFor(/\ntrue\n3>$/);
    expect(screen.text().match(/approval:/g)).toHaveLength(1);
  });
});

describe.skipIf(!HAS_TMUX)(`${WITHOUT}the approval prompt of a run`, () => {
  const folder = (): string => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "now.ax"), "fn main() -> Bool !{time.now} { time.now() > 0 }\n");
    writeFileSync(
      join(cwd, "policy.json"),
      JSON.stringify({ schema_version: 1, default_allow: false, rules: { "time.now": { allow: true, budget: 9, approval: "required" } } }),
    );
    return cwd;
  };
  test.each(
    someOf([
      ["o", 0, "true"],
      ["d", 3, "denied"],
    ]),
  )("%s: exit code %i", async (answer, code, shown) => {
    const screen = openScreen(borunaLine(["run", "now.ax", "--policy", "policy.json", "--live"]), folder());
    await screen.waitFor(/approval: call 1 of time\.now \(sha256:\w+\)[^]*now\.ax:1[^]*\[d\]eny:$/);
    screen.enter("perhaps");
    await screen.waitFor(/perhaps\nallow it\?.*\[d\]eny:$/);
    screen.enter(answer);
    await screen.waitFor(new RegExp(`^${shown}`, "m"));
    expect(await screen.exitCode()).toBe(code);
  });
});

describe.skipIf(!HAS_TMUX)(`${WITHOUT}progress`, () => {
  const LOOP = 'test "loops" {\n    let mut n = 0\n    while true { n = 1 - n }\n}\n';
  const args = ["test", "loop.ax", "--max-steps", "9007199254740991"];

  test.runIf(DEEP)("is shown on a terminal after a second, but not in a pipe or with --json", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "loop.ax"), LOOP);
    const piped = openScreen(`${borunaLine(args)} 2> messages`, cwd);
    await piped.waitFor("loop.ax");
    const json = openScreen(`${borunaLine([...args, "--json"])}`, cwd);
    const shown = openScreen(borunaLine(args), cwd);
    await shown.waitFor(/^test: 1 of 1, ([2-9]|\d\d+) s$/m);
    expect(readFileSync(join(cwd, "messages"), "utf8")).toBe("");
    expect(piped.text()).toBe("loop.ax");
    expect(json.text()).toBe("");
  });

  /** A clock that makes every command last for more than a second. */
  const FAST = "const now = performance.now.bind(performance);\nperformance.now = () => now() * 100000;\n";
  const project = temporaryFolder();

  test.each(
    someOf([
      [["verify", "run.jsonl", "--replay"], "verify: run.jsonl 100 %"],
      [["replay", "run.jsonl"], "replay: run.jsonl 100 %"],
      [["replay", "run.jsonl", "other.jsonl"], "replay: log 2 of 2, other.jsonl 100 %"],
      [["policy", "suggest", "run.jsonl", "--program", "now.ax"], "policy suggest: run.jsonl 100 %"],
      [["log", "show", "run.jsonl", "--no-pager"], "log show: run.jsonl 100 %"],
      [["diff", "run.jsonl", "other.jsonl", "--no-pager"], "diff: other.jsonl 100 %"],
      [["test", "now.ax"], "test: 1 of 1"],
      [["resume", "run.jsonl"], "resume: run.jsonl 100 %"],
      [["import", "mcp", "--", process.execPath, "-e", "0"], "import: waiting for the server"],
    ]),
  )("%j shows it, and leaves nothing of it", async (command, line) => {
    writeFileSync(join(project, "fast.mjs"), FAST);
    writeFileSync(
      join(project, "now.ax"),
      'fn main() -> Bool !{time.now} { time.now() > 0 }\n\ntest "now" { guard((), main(), "time") }\n',
    );
    for (const log of ["run.jsonl", "other.jsonl"])
      expect(await boruna(["run", "now.ax", "--allow", "time.now", "--record", log, "--force"], { cwd: project })).toMatchObject({
        code: 0,
      });
    const nodeFlags = ["--import", join(project, "fast.mjs")];
    const plain = await boruna(command, { cwd: project, nodeFlags });
    expect(plain.stderr).not.toContain("\u001b");

    const fast = borunaLine(command).replace(" ", ` --import ${join(project, "fast.mjs")} `);
    const screen = openScreen(`read line; ${fast}`, project);
    screen.record(join(project, "raw"));
    screen.press("Enter");
    expect(await screen.exitCode()).toBe(plain.code);
    // tmux writes the file, in a process of its own, so it may be late.
    await vi.waitUntil(() => readFileSync(join(project, "raw"), "utf8").includes(line), { timeout: 300_000 });
    expect(screen.text()).not.toContain(line);
  });
});

describe.skipIf(!HAS_TMUX)(`${WITHOUT}completion`, () => {
  const folder = (): { readonly cwd: string; readonly env: Readonly<Record<string, string>> } => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "boruna"), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(join(cwd, "boruna"), 0o755);
    writeFileSync(join(cwd, "program.ax"), "");
    return { cwd, env: { PATH: `${cwd}:${process.env["PATH"] ?? ""}` } };
  };

  const SHELLS: readonly (readonly [string, string])[] = [
    ["bash", "bash --norc --noprofile -i"],
    ["zsh", "zsh -f -i"],
  ];
  for (const [shell, line] of someOf(SHELLS))
    test.skipIf(!hasShell(shell))(`in ${hasShell(shell) ? shell : `${shell}, which is not installed`}`, async () => {
      const { cwd, env } = folder();
      const screen = openScreen(line, cwd, env);
      await screen.waitFor(/[#$%>]$/);
      screen.enter("PS1='ready> '");
      await screen.waitFor(/\nready>$/);
      screen.enter(`eval "$(boruna completion ${shell})" && echo loaded`);
      await screen.waitFor(/^loaded\nready>$/m);
      const completes = async (typed: string, completed: string): Promise<void> => {
        await screen.complete(typed);
        await screen.waitFor(new RegExp(`ready> ${completed}$`));
        screen.press("C-u");
        await screen.waitFor(/ready>$/);
      };
      await completes("boruna resu", "boruna resume");
      await completes("boruna policy sug", "boruna policy suggest");
      await completes("boruna policy suggest --prog", "boruna policy suggest --program");
      await completes("boruna run --max-st", "boruna run --max-steps");
      await completes("boruna run prog", "boruna run program\\.ax");
      await screen.complete("boruna policy s");
      screen.press("Tab");
      await screen.waitFor(/show +suggest/);
    });
});
