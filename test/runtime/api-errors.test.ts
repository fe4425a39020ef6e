/** What an embedder reads: hints name options of functions, which the command shows as flags, and diagnostics have lines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cliHint } from "../../cli/hints.ts";
import {
  check,
  compile,
  CompileError,
  createRegistry,
  decodeModule,
  diagnosticToJson,
  encodeModule,
  execute,
  parsePolicy,
  verifyModule,
} from "../../index.ts";
import { BorunaError } from "../../vm/error.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-errors-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ADD = compile({ name: "add.ax", text: "fn main(a: Int, b: Int) -> Int { a + b }" });
const registry = createRegistry([{ name: "own.total", version: "1", params: [], result: "Int", mayRepeat: true }]);
const OWN = compile({ name: "own.ax", text: "fn main() -> Int !{own.total} { own.total() }" }, { registry }).module;
const OWN_RULE = '{ "rules": { "own.total": { "allow": true } } }';

/** Each mistake, and the hints of the library and of the command. */
const MISTAKES: readonly (readonly [string, () => unknown, string, string])[] = [
  [
    "a missing argument",
    () => execute(ADD, { args: { a: 1 }, tracing: false }),
    "its main takes (a: Int, b: Int); give each in the option `args`",
    "its main takes (a: Int, b: Int); give each as --arg name=VALUE",
  ],
  [
    "a log that exists",
    async () => {
      const options = { args: { a: 1, b: 2 }, tracing: false, record: join(folder, "run.jsonl") } as const;
      await execute(ADD, options);
      await execute(ADD, options);
    },
    "A log is evidence and is not overwritten: choose another name, or set `force` in the option `record`.",
    "A log is evidence and is not overwritten: choose another name, or say --force.",
  ],
  ...(
    [
      ["execute without the registry", () => execute(OWN, { policy: "allow-all", tracing: false })],
      ["verifyModule without the registry", () => verifyModule(OWN)],
      ["decodeModule without the registry", () => decodeModule(encodeModule(OWN, { registry }))],
    ] as const
  ).map(
    ([name, mistake]) =>
      [
        name,
        mistake,
        "pass the `registry` that the program was compiled with",
        "name the file of its capabilities with --capabilities",
      ] as const,
  ),
  [
    "parsePolicy without the registry",
    () => parsePolicy(OWN_RULE, { file: "policy.json", jsonc: false }),
    "If it is a capability of your own, pass the `registry` that has it.",
    "If it is a capability of your own, name its file with --capabilities.",
  ],
];

async function hintOf(mistake: () => unknown): Promise<string> {
  try {
    await mistake();
  } catch (error) {
    if (error instanceof BorunaError) return error.hint ?? "";
    throw error;
  }
  return "";
}

test.each(MISTAKES)("the hint of %s", async (_, mistake, option, flag) => {
  const hint = await hintOf(mistake);
  expect(hint).toContain(option);
  expect(cliHint(hint)).toContain(flag);
  expect(cliHint(hint)).not.toContain("`");
});

test("a policy may be a plain object, and is checked", async () => {
  const program = compile({ name: "read.ax", text: 'fn main() -> String !{fs.read} { fs.read("a.txt") }' });
  const handlers = { "fs.read": () => "text" };
  const policy = { rules: { "fs.read": { allow: true } }, fs_policy: { read: ["."] } };
  expect((await execute(program, { policy, handlers, tracing: false })).value).toBe("text");
  expect((await execute(program, { policy: {}, handlers, tracing: false })).outcome).toBe("denied");
  const wrong = { rules: { "fs.read": { allow: "yes" } } };
  await expect(execute(program, { policy: wrong, handlers, tracing: false })).rejects.toThrow("allow");
});

test("diagnostics have lines and columns, from check and from a CompileError", () => {
  const source = { name: "main.ax", text: 'fn main() -> Int {\n    // 😀\n    string.len("😀") + one }\n' };
  const { diagnostics, sourceOf } = check(source);
  const [shown] = diagnostics.map((one) => diagnosticToJson(one, sourceOf));
  expect(shown).toMatchObject({ code: "E003", line: 3, column: 23, end_line: 3, end_column: 26 });
  const [span] = diagnostics.map((one) => one.span);
  expect(source.text.slice(span?.start, span?.end)).toBe("one");
  try {
    compile(source);
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    expect(error.diagnostics.map((one) => diagnosticToJson(one, (file) => error.sourceOf(file)))[0]).toEqual(shown);
  }
});
