/** `boruna test`: what it finds, runs, prints and refuses. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";
import { DEEP } from "../cases.ts";

function projectFolder(files: Readonly<Record<string, string>>): string {
  const cwd = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return cwd;
}

const GREETER = `import "std-testing"

fn title(url: String) -> String !{net.fetch} {
    match try net.fetch(url) {
        Ok(page) => page
        Err(_) => match try net.fetch(url) { Ok(page) => page, Err(why) => "none: " ++ why }
    }
}

test "asks twice" {
    answer net.fetch(url) { panic("no route to " ++ url) }
    answer net.fetch() { "second" }
    assert_equal(title("http://a/"), "second")
    assert_equal(title("http://a/"), "second")
}

test "gives up" {
    answer net.fetch(url) { panic("no route to " ++ url) }
    assert_equal(title("http://127.0.0.1:8080/"), "none: no route to http://127.0.0.1:8080/")
}

test "random by its arguments" {
    answer random() { 0.25 }
    answer random(kind, lo, hi) { hi }
    assert_equal(random(), 0.25)
    assert_equal(random("int", 1, 6), 6)
}
`;

describe("boruna test", () => {
  test("runs every test of a file, each with its own answers", async () => {
    const cwd = projectFolder({ "greeter.ax": GREETER });
    const ended = await boruna(["test", "greeter.ax"], { cwd });
    expect(ended.stderr).toBe("");
    expect(ended.stdout).toMatch(
      /^greeter\.ax\n {2}ok {4}asks twice \(\d+ steps\)\n {2}ok {4}gives up \(\d+ steps\)\n {2}ok {4}random by its arguments \(\d+ steps\)\n3 passed, 0 failed \(\d+ steps\)\n$/,
    );
    expect(ended.code).toBe(0);
  });

  test("an actor's failure that nobody receives fails the test; `boruna run` prints a note", async () => {
    const text =
      'fn worker() { panic("broken") }\n\nfn main() -> Int !{actor.spawn, ui.render} {\n    let _w = spawn worker\n    emit 1\n    3\n}\n\ntest "unnoticed" { let _n = main() }\n';
    const cwd = projectFolder({ "a.ax": text });
    const note = "actor 1 (worker) failed, and nobody received it: panic: broken";
    const tested = await boruna(["test"], { cwd });
    expect(tested.stdout).toContain(`  FAIL  unnoticed`);
    expect(tested.stdout).toContain(`        ${note}\n`);
    expect(tested.code).toBe(1);
    const ran = await boruna(["run", "a.ax", "--policy", "allow-all"], { cwd });
    expect(ran).toMatchObject({ code: 0, stdout: "3\n", stderr: `note: ${note}\nnote: 1 emitted value; --ui json shows it\n` });
    const json: unknown = JSON.parse((await boruna(["run", "a.ax", "--policy", "allow-all", "--json"], { cwd })).stdout);
    expect(json).toMatchObject({ actor_failures: [{ actor: 1, function: "worker", message: "panic: broken" }] });
  });

  test("a failure is shown at the test's own line, the other tests run", async () => {
    const cwd = projectFolder({
      "a.ax":
        'import "std-testing"\n\ntest "sums" {\n    assert_equal(1 + 1, 3)\n}\n\ntest "divides" {\n    assert(1 / 0 == 0, "zero")\n}\n\ntest "fine" { assert_equal("a", "a") }\n',
    });
    const ended = await boruna(["test"], { cwd });
    expect(ended.stdout.replace(/\d+ steps/g, "N steps")).toBe(`a.ax
  FAIL  sums (N steps)
        expected 3, found 2
          --> a.ax:4:5
        3 | test "sums" {
        4 |     assert_equal(1 + 1, 3)
          |     ^^^^^^^^^^^^^^^^^^^^^^
  FAIL  divides (N steps)
        division by zero
          --> a.ax:8:12
        7 | test "divides" {
        8 |     assert(1 / 0 == 0, "zero")
          |            ^^^^^
  ok    fine (N steps)
1 passed, 2 failed (N steps)
`);
    expect(ended.code).toBe(1);
  });

  test("--json has one object with every test", async () => {
    const cwd = projectFolder({ "a.ax": 'test "bad" { panic("why not") }\ntest "good" { }\n' });
    const ended = await boruna(["test", "--json", "a.ax"], { cwd });
    const [bad, good] = JSON.parse(ended.stdout).tests;
    expect(JSON.parse(ended.stdout)).toMatchObject({ protocol_version: 1, ok: false, passed: 1, failed: 1, filtered_out: 0 });
    expect(bad).toMatchObject({
      file: "a.ax",
      name: "bad",
      line: 1,
      passed: false,
      outcome: "program_error",
      error: { kind: "assertion_failed", message: "panic: why not", location: { file: "a.ax", line: 1, column: 14 } },
    });
    expect(good).toMatchObject({ name: "good", line: 2, passed: true, outcome: "success", error: null });
    expect(ended.code).toBe(1);
  });

  test("finds tests in folders, in order, and skips node_modules and hidden folders", async () => {
    const one = (name: string): string => `test "${name}" { }\n`;
    const cwd = projectFolder({
      "b.ax": one("b"),
      "a/z.ax": one("z"),
      "node_modules/x.ax": one("never"),
      ".hidden/x.ax": one("never"),
      "broken.ax": "fn main( {",
    });
    const ended = await boruna(["test"], { cwd });
    expect(ended.stdout.match(/^\S+\.ax$/gm)).toEqual(["a/z.ax", "b.ax"]);
    expect(ended.stdout).toContain("2 passed, 0 failed");
    expect((await boruna(["test", "a"], { cwd })).stdout).toContain("1 passed, 0 failed");
  });

  test("a filter selects by name; one that selects nothing is an error", async () => {
    const cwd = projectFolder({ "greeter.ax": GREETER });
    const ended = await boruna(["test", "greeter.ax", "gives"], { cwd });
    expect(ended.stdout).toContain("1 passed, 0 failed, 2 filtered out");
    const none = await boruna(["test", "asks twise"], { cwd });
    expect(none).toMatchObject({ code: 2, stdout: "" });
    expect(none.stderr).toContain('did you mean "asks twice"?');
  });

  test("no tests, a missing file, a program with errors: exit 2", async () => {
    const cwd = projectFolder({ "a.ax": "fn main() -> Int { 1 }\n", "b.ax": 'test "x" { y }\ntest "x" { }\n' });
    expect((await boruna(["test", "a.ax"], { cwd })).stderr).toContain("there are no tests here");
    expect((await boruna(["test", "none.ax"], { cwd })).stderr).toContain("cannot read none.ax");
    const wrong = await boruna(["test"], { cwd });
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toContain("error[E003]");
    expect(wrong.stderr).toContain("the test `x` is declared twice");
  });

  test("--max-steps bounds each test; an answer that fails by itself fails the test, also under `try`", async () => {
    const cwd = projectFolder({
      "a.ax":
        'test "loops" { while true { } }\ntest "answer" {\n    answer net.fetch(url) { int.to_string(1 / 0) }\n    let _ = try net.fetch("x")\n}\n',
    });
    const ended = await boruna(["test", "--max-steps", "1000"], { cwd });
    expect(ended.stdout).toContain("FAIL  loops (1000 steps)");
    expect(ended.stdout).toContain("the answer for net.fetch failed: division by zero");
    expect(ended.code).toBe(1);
    expect((await boruna(["test", "--max-steps", "many"], { cwd })).code).toBe(2);
  });

  test.runIf(DEEP)("the tests of every library and example that is shipped pass", async () => {
    const cwd = new URL("../..", import.meta.url).pathname;
    // test/cli/own-capabilities.test.ts and test/cli/import.test.ts test the examples that need `--capabilities`.
    const examples = readdirSync(join(cwd, "examples")).filter((name) => !["own-capabilities", "mcp-notes", "mcp-agent"].includes(name));
    const ended = await boruna(["test", "std", ...examples.map((name) => `examples/${name}`)], { cwd });
    expect(ended.stdout).toMatch(/\n\d+ passed, 0 failed \(\d+ steps\)\n$/);
    expect(ended.code).toBe(0);
  });
});
