import { describe, expect, test } from "vitest";
import { someOf } from "../cases.ts";
import { DIAGNOSTICS } from "../../compiler/diagnostics.ts";
import { EXPLANATIONS, exampleSources } from "../../compiler/explanations.ts";
import { boruna } from "./boruna.ts";

describe("boruna explain", () => {
  test("prints the page: meaning, reason, a wrong program and its message, a right one", async () => {
    const { code, stdout, stderr } = await boruna(["explain", "E007"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.startsWith("error[E007]: capability\n\n")).toBe(true);
    const parts = [
      "\n\nWrong:\n\n    fn title(url: String) -> String !{net.fetch} { net.fetch(url) }\n\n    fn main() -> String {",
      "\n\nThe compiler says:\n\n    error[E007]: `main` does not declare the capability `net.fetch` (main → title → net.fetch)\n     --> main.ax:3:23\n",
      "\n\nRight:\n\n    fn title(url: String) -> String !{net.fetch} { net.fetch(url) }\n\n    fn main() -> String !{net.fetch} {",
    ];
    const places = parts.map((part) => stdout.indexOf(part));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    const prose = stdout.slice(0, stdout.indexOf("\n\nWrong:")).split("\n");
    expect(prose.filter((line) => line.length > 80 || line !== line.trimEnd())).toEqual([]);
  });

  test("accepts lower case", async () => {
    const [lower, upper] = await Promise.all([boruna(["explain", "w003"]), boruna(["explain", "W003"])]);
    expect(lower.code).toBe(0);
    expect(lower.stdout).toBe(upper.stdout);
  });

  test("shows the files beside a program, and what is left out", async () => {
    const [imports, sizes] = await Promise.all([boruna(["explain", "E012"]), boruna(["explain", "E015"])]);
    expect(imports.stdout).toContain('    import "./shape.ax"\n');
    expect(imports.stdout).toContain("\n\nwith shapes.ax beside it:\n\n    export fn area(");
    expect(sizes.stdout).toContain("    fn main() -> Int { …1… }\n\nHere … is short for 300 × `(` and 300 × `)`.\n");
  });

  test("of a code that no program can get, says so", async () => {
    const { code, stdout } = await boruna(["explain", "E008"]);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, " ")).toContain("This version of the compiler does not report it.");
    expect(stdout).not.toContain("Wrong:");
  });

  test("--json gives the page as data, with whole programs", async () => {
    const { code, stdout, stderr } = await boruna(["explain", "e015", "--json"]);
    const page = EXPLANATIONS.E015;
    if ("unreachable" in page) throw new Error("E015 can be reached");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      protocol_version: 1,
      code: "E015",
      severity: "error",
      title: "limit",
      meaning: DIAGNOSTICS.E015.doc,
      why: page.why,
      reachable: true,
      wrong: { files: [{ name: "main.ax", text: `fn main() -> Int { ${"(".repeat(300)}1${")".repeat(300)} }\n` }] },
      right: { files: [exampleSources(page.right).source] },
    });
  });

  test("--json of a code that no program can get", async () => {
    const { stdout } = await boruna(["explain", "E008", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ protocol_version: 1, code: "E008", reachable: false });
    expect(JSON.parse(stdout)).not.toHaveProperty("wrong");
  });

  test.each(
    someOf([
      ["E07", "did you mean `E007`?"],
      ["WOO3", "did you mean `W003`?"],
      ["W0", "the codes are E001"],
      ["E099", "did you mean `E009`?"],
      ["nonsense", "the codes are E001, E002"],
      ["__proto__", "the codes are E001, E002"],
    ] as const),
  )("%s is a usage error: %s", async (given, hint) => {
    const { code, stdout, stderr } = await boruna(["explain", given]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`error: there is no diagnostic \`${given}\`\n`);
    expect(stderr).toContain(hint);
  });

  test("an unknown code with --json", async () => {
    const { code, stdout } = await boruna(["explain", "E07", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      protocol_version: 1,
      ok: false,
      error: { kind: "usage", message: "there is no diagnostic `E07`", hint: "did you mean `E007`?" },
    });
  });

  test("without a code, or with help", async () => {
    const [none, help] = await Promise.all([boruna(["explain"]), boruna(["explain", "--help"])]);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("missing required argument 'code'");
    expect(help.code).toBe(0);
    expect(help.stdout.startsWith("Examples:\n  boruna explain E007\n")).toBe(true);
  });
});
