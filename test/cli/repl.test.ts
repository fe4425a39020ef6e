/** `boruna repl` on a pipe: what entries do. `test/cli/sessions.test.ts` has sessions on a terminal. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";
import { startWeb } from "./fixtures.ts";

const cwd = temporaryFolder();

/** Runs a session with these lines. */
const session = (lines: readonly string[], args: readonly string[] = []) =>
  boruna(["repl", ...args], { cwd, stdin: `${lines.join("\n")}\n` });

describe("entries", () => {
  test("values, bindings, functions, types, imports", async () => {
    const { code, stdout, stderr } = await session([
      "1 + 2",
      "let xs = [1, 2, 3]",
      'import "std-list"',
      "fn double(n: Int) -> Int { n * 2 }",
      "take_last(list.map(xs, double), 2)",
      "type Point { x: Int, y: Int }",
      "let mut p = Point { x: 1, y: 2 }",
      "p.x = 7",
      "p",
      '"text"',
      "fn(n: Int) -> Int { n + 1 }",
      "()",
    ]);
    expect(stdout).toBe('3\n[4, 6]\nPoint { x: 7, y: 2 }\n"text"\nFn(Int) -> Int\n');
    expect(stderr).toBe("defined std-list\ndefined double\ndefined Point\n");
    expect(code).toBe(0);
  });

  test("several lines: brackets, text blocks, an operator at the end; an empty line ends an incomplete entry", async () => {
    const { stdout, stderr } = await session([
      "fn sum(",
      "    a: Int,",
      "",
      "    b: Int,",
      ") -> Int {",
      "    // adds",
      "    a + b",
      "}",
      "sum(1,",
      "2)",
      "1 +",
      "2",
      'string.len("""',
      "    a",
      "",
      "    b",
      '    """)',
      "let y =",
      "",
      "5",
    ]);
    expect(stdout).toBe("3\n3\n4\n5\n");
    expect(stderr).toContain("defined sum\nerror[E002]");
  });

  test("loops change variables, and an expression that changes nothing is not kept", async () => {
    const { stdout } = await session(["let mut n = 0", "for i in 0..5 { n += i }", "n", "if n > 5 { n = 100 }", "n", "let n = n + 1", "n"]);
    expect(stdout).toBe("10\n100\n101\n");
  });

  test("a new definition replaces the old one, unless earlier entries would do something else", async () => {
    const { stdout, stderr } = await session([
      "fn f() -> Int { 1 }",
      "fn f() -> Int { 2 }",
      "f()",
      'fn load() -> String !{fs.read} { fs.read("a") }',
      "let text = load()",
      'fn load() -> String !{fs.read} { fs.read("b") }',
      'fn load() -> String { "c" }',
      "string.len(text)",
      ":reset",
      'fn load() -> String { "c" }',
      "load()",
      "text",
    ]);
    expect(stdout).toBe('2\n25\n"c"\n');
    expect(stderr.match(/entries before would do something else/g)).toHaveLength(2);
    expect(stderr).toContain("unknown variable `text`");
  });

  test("a trap shows the entry, and changes nothing", async () => {
    const { stdout, stderr, code } = await session([
      "let mut n = 1",
      "fn part(a: Int) -> Int {",
      "    10 / a",
      "}",
      "n = part(0)",
      "n",
      "let z = 0; 1 / z",
      "n",
    ]);
    expect(stdout).toBe("1\n1\n");
    expect(stderr).toContain(
      "program error: division by zero\n  --> entry 2:2:5\n1 | fn part(a: Int) -> Int {\n2 |     10 / a\n  |     ^^^^^^\n  called from main (entry 3:1:5)",
    );
    expect(stderr).toContain("--> entry 5:1:12\n1 | let z = 0; 1 / z\n  |            ^^^^^");
    expect(code).toBe(0);
  });

  test("a type error and an unknown name show the entry", async () => {
    const { stderr } = await session([
      "let n: Int = true",
      "fn f() -> Int {",
      "    nmae",
      "}",
      "2 + x }",
      "main()",
      "fn main() {}",
      'test "a" {}',
    ]);
    expect(stderr).toContain("--> entry 1:1:14\n  |\n1 | let n: Int = true\n  |              ^^^^");
    expect(stderr).toContain("--> entry 2:2:5");
    expect(stderr).toMatch(/closes nothing\n --> entry 3:1:7/);
    expect(stderr).toContain("`main` is the session itself");
    expect(stderr).toContain("a session has no tests");
  });

  test("debug and emit show each text once", async () => {
    const { stdout, stderr } = await session(['let a = debug("one")', 'let b = debug("two")', "emit [a, b]", "emit [b]", "a"]);
    expect(stderr).toBe('"one"\n"two"\nemitted ["one","two"]\nemitted ["two"]\n');
    expect(stdout).toBe('"one"\n');
  });

  test("actors", async () => {
    const { stdout } = await session([
      "fn echo() !{actor.send} {",
      "    let back: ActorId<Int> = receive",
      "    send back 42",
      "}",
      "let a = spawn echo",
      "1",
    ]);
    expect(stdout).toBe("1\n");
  });
});

describe("calls", () => {
  test("mocks answer, and a note says so", async () => {
    const { stdout, stderr } = await session(['let page = net.fetch("https://example.com/")', "page", "string.len(page)"]);
    expect(stdout).toBe(
      '"{"mock": true, "url": "https://example.com/"}"\n45\n'.replace("45", String('{"mock": true, "url": "https://example.com/"}'.length)),
    );
    expect(stderr).toBe("note: mocks answered 1 call (net.fetch 1); add --live to make real calls\n");
  });

  test("--live makes each call once, within the policy and its budget", async () => {
    let requests = 0;
    const web = await startWeb(() => (requests += 1));
    writeFileSync(
      join(cwd, "web.json"),
      JSON.stringify({
        schema_version: 1,
        default_allow: false,
        rules: { "net.fetch": { allow: true, budget: 2 } },
        net_policy: { allowed_domains: ["127.0.0.1"], allow_private_networks: true },
      }),
    );
    const lines = [
      `let url = "${web.url}"`,
      "let page = net.fetch(url)",
      "page",
      "page ++ page",
      "net.fetch(url)",
      "net.fetch(url)",
      'fs.read("a")',
      "page",
    ];
    const { stdout, stderr } = await session(lines, ["--live", "--policy", "web.json"]);
    await web.close();
    expect(stdout).toBe('"answer-é"\n"answer-éanswer-é"\n"answer-é"\n"answer-é"\n');
    expect(stderr).toMatch(/budget/);
    expect(stderr).toMatch(/denied: /);
    expect(requests).toBe(2);
  });

  test("--live alone allows nothing", async () => {
    expect((await session(["time.now()"], ["--live"])).stderr).toContain("denied");
  });

  test("`try` catches a failed call, and later entries see the same failure", async () => {
    const { stdout } = await session(
      ['let r = try net.fetch("http://127.0.0.1:1/")', "result.is_ok(r)", "result.is_ok(r)"],
      ["--live", "--allow-net", "127.0.0.1:1"],
    );
    expect(stdout).toBe("false\nfalse\n");
  });
});

describe("commands", () => {
  test(":type, :effects, :doc", async () => {
    const { stdout, stderr } = await session([
      "// Doubles a number.",
      "fn double(n: Int) -> Int { n * 2 }",
      "fn load(path: String) -> String !{fs.read} { fs.read(path) }",
      "type Point { x: Int, y: Int }",
      ":type [1.5]",
      ":type double",
      ":type list.map",
      ":effects 1 + 1",
      ':effects load("a")',
      ":effects load",
      ":doc double",
      ":doc list.len",
      ":doc net.fetch",
      ":doc Point",
      ":doc option",
      ":doc nothing_here",
      ":type nmae",
    ]);
    const lines = stdout.split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "List<Float>",
      "fn double(n: Int) -> Int",
      expect.stringMatching(/^list\.map\(/),
      "no effects",
      "!{fs.read}",
      "no effects; when it is called: !{fs.read}",
    ]);
    expect(stdout).toContain("fn double(n: Int) -> Int\n\nDoubles a number.");
    expect(stdout).toMatch(/list\.len\([^\n]*\n\n[^]*Steps: /);
    expect(stdout).toMatch(/net\.fetch\(url: String/);
    expect(stdout).toContain("type Point { x: Int, y: Int }");
    expect(stdout).toContain("option.unwrap_or(");
    expect(stdout).toContain("nothing is known about nothing_here");
    expect(stderr).toContain("unknown variable `nmae`");
  });

  test(":quit, :help, a wrong command", async () => {
    const { stdout, stderr } = await session([":help", ":nothing", ":type", ":quit", "1"]);
    expect(stdout).toBe("");
    expect(stderr).toContain(":type EXPR");
    expect(stderr).toContain("there is no command :nothing");
    expect(stderr).toContain("wrong use of :type");
  });

  test("--json is refused", async () => {
    expect(await boruna(["repl", "--json"], { cwd })).toMatchObject({ code: 2 });
  });
});

test("an entry that is open at the end of the input is evaluated", async () => {
  const { stderr, code } = await boruna(["repl"], { cwd, stdin: "let x = (1 +" });
  expect(stderr).toContain("error[E002]");
  expect(code).toBe(0);
});

test("the session in docs/guide/command-line.md", async () => {
  const page = readFileSync(new URL("../../docs/guide/command-line.md", import.meta.url), "utf8");
  const shown = /```text\n\$ boruna repl\n([^]*?)```/.exec(page)?.[1] ?? "";
  const lines = shown.split("\n");
  const typed = lines.flatMap((line) => /^(?:\d+>|\.\.) (.*)$/.exec(line)?.[1] ?? []);
  expect(typed.length).toBe(7);
  const { stdout, stderr } = await session(typed);
  const printed = lines.filter((line) => line !== "" && !/^(\d+>|\.\.) /.test(line));
  expect(
    `${stdout}${stderr}`
      .split("\n")
      .filter((line) => line !== "")
      .toSorted(),
  ).toEqual(printed.toSorted());
});
