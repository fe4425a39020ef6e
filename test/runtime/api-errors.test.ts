/** Texts for embedders: they name options of functions (the command line shows them as flags), and diagnostics have line numbers. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { COMMANDS } from "../../cli/command-table.ts";
import { withFlagNames } from "../../cli/hints.ts";
import {
  check,
  compile,
  CompileError,
  createClient,
  createRegistry,
  decodeModule,
  DENY_ALL,
  diagnosticToJson,
  encodeModule,
  execute,
  parsePolicy,
  readLog,
  replayRun,
  verifyLog,
  verifyModule,
  withShorthands,
} from "../../index.ts";
import { BorunaError } from "../../vm/error.ts";
import { allImports, ROOT } from "../repo/imports.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-errors-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ADD = compile({ name: "add.ax", text: "fn main(a: Int, b: Int) -> Int { a + b }" });
const registry = createRegistry([{ name: "own.total", version: "1", params: [], result: "Int", mayRepeat: true }]);
const OWN = compile({ name: "own.ax", text: "fn main() -> Int !{own.total} { own.total() }" }, { registry }).module;
const OWN_RULE = '{ "rules": { "own.total": { "allow": true } } }';

/** Mistakes, each with the hint of the library and that of the command line. */
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
  [
    "a replay that takes too long",
    async () => {
      const record = join(folder, "adds.jsonl");
      await execute(ADD, { args: { a: 1, b: 2 }, tracing: false, record });
      return replayRun(readLog(record), { limits: { max_steps: 1 } });
    },
    "If you trust the log, raise `max_steps` in the limits of the replay to ",
    "If you trust the log, raise --max-steps to ",
  ],
  [
    "an address of a database",
    () => createClient({ databaseUrl: "localhost" }),
    "give it in the option `databaseUrl`",
    "give it in DATABASE_URL or --database-url",
  ],
  [
    "a policy with an unknown capability",
    () => withShorthands(DENY_ALL, { allow: ["net.fetsh"] }),
    'the option `allow` names the unknown capability "net.fetsh"',
    '--allow names the unknown capability "net.fetsh"',
  ],
];

/** Makes the mistake and returns the message and the hint of its error. */
async function textOf(mistake: () => unknown): Promise<string> {
  try {
    await mistake();
  } catch (error) {
    if (error instanceof BorunaError) return `${error.message}\n${error.hint ?? ""}`;
    throw error;
  }
  return "";
}

test.each(MISTAKES)("the hint of %s", async (_, mistake, option, flag) => {
  const text = await textOf(mistake);
  expect(text).toContain(option);
  expect(withFlagNames(text)).toContain(flag);
  expect(withFlagNames(text)).not.toContain("`");
});

test("what a verification proves", async () => {
  const record = join(folder, "proven.jsonl");
  await execute(ADD, { args: { a: 1, b: 2 }, tracing: false, record });
  const { doesNotProve } = await verifyLog(record);
  expect(doesNotProve.join(" ")).toMatch(/in the option `expectHead`.* in the option `key`.* the option `replay` checks that/);
  expect(doesNotProve.map(withFlagNames).join(" ")).toMatch(/with --expect-head,.* with --key\..* --replay checks that/);
});

/** Returns the files that `index.ts` imports, directly or through others, also with `import()`. */
function filesOfApi(): readonly string[] {
  const imports = allImports().filter(({ own, kind }) => own && kind !== "type");
  const files = new Set(["index.ts"]);
  // The iteration over a Set includes entries that are added during it.
  for (const file of files) for (const { from, to } of imports) if (from === file) files.add(to);
  return [...files];
}

const withoutComments = (text: string): string => text.replace(/^\s*(?:\/\*\*?[\s\S]*?\*\/|\/\/.*)$/gm, "");

const NO_ERRORS = [
  // This reason of a refusal is in logs, so it must not change.
  "open it: --allow-net",
  // A flag of Node.
  "--max-old-space-size",
  // The tables of exit codes and of environment variables are about commands.
  "`fmt --check`",
  "`--traceparent` wins over it",
];

test("nothing that the API loads names a flag of a command, unless it names the command", () => {
  const lines = filesOfApi().flatMap((file) =>
    withoutComments(readFileSync(join(ROOT, file), "utf8"))
      .split("\n")
      .filter((line) => /["'`].*(?<![\w-])--[a-z]/.test(line) && !/\bboruna \w/.test(line))
      .filter((line) => !NO_ERRORS.some((text) => line.includes(text)))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(lines).toEqual([]);
});

test("every option that the library names has a flag", () => {
  const flags = new Set(COMMANDS.flatMap(({ options }) => options.flatMap(({ flags: text }) => text.match(/--[a-z-]+/g) ?? [])));
  const named = filesOfApi().flatMap((file) =>
    [...withoutComments(readFileSync(join(ROOT, file), "utf8")).matchAll(/the option \\?`\w+\\?`/g)].map(([text]) =>
      text.replaceAll("\\", ""),
    ),
  );
  expect(named.length).toBeGreaterThan(5);
  const special = ["the option `args`", "the option `record`"];
  expect(
    named
      .filter((text) => !special.includes(text))
      .map(withFlagNames)
      .filter((flag) => !flags.has(flag)),
  ).toEqual([]);
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
