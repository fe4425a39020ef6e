/** The text of a stranger may import the shipped libraries but never reads a file, whichever function or tool gets it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, compile, CompileError, compileTests, execute } from "../../index.ts";
import { DISK_WORKSPACE } from "../../lsp/disk-workspace.ts";
import { AnalyzedProgram } from "../../lsp/program.ts";
import { PROGRAM_TOOLS } from "../../mcp/programs.ts";
import { findLibrary } from "../../playground/libraries.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-strangers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "secret.ax"), "hunter2 is not a program\n");

/** Paths of existing files: beside the program, above it, and below the working directory. */
const SPECIFIERS = [
  "./secret.ax",
  "../secret.ax",
  `./${relative(process.cwd(), join(folder, "secret.ax"))}`,
  join(folder, "secret.ax"),
  "./package.json",
  "./index.ts",
  "./examples/word-count/count.ax",
  "../std/std-list/src/core.ax",
  "std-list/../std-csv",
];

const ANSWER = 'import "std-list"\nfn main() -> Int { list.len(take_last([1, 2, 3], 2)) }\n';
const LIBRARY_TEST = 'import "std-testing"\nfn main() -> Int { 1 }\ntest "one" { assert_equal(main(), 1) }\n';

/** The ways in ("doors"): each takes a text and returns the messages of all diagnostics. */
const DOORS: Readonly<Record<string, (text: string) => Promise<readonly string[]> | readonly string[]>> = {
  check: (text) => check({ name: join(folder, "main.ax"), text }).diagnostics.map(({ message }) => message),
  compile: (text) => messagesOf(() => compile({ name: join(folder, "main.ax"), text })),
  compileTests: (text) => messagesOf(() => compileTests({ name: join(folder, "main.ax"), text })),
  "boruna_check of boruna mcp": (text) => callTool("boruna_check", text),
  "boruna_run of boruna mcp": (text) => callTool("boruna_run", text),
  "the language server, for a text that is not on the disk": (text) => {
    const program = new AnalyzedProgram("untitled:Untitled-1", DISK_WORKSPACE);
    program.update(text, () => undefined);
    return program.diagnostics.map(({ message }) => message);
  },
  "the playground": (text) => check({ name: "program.ax", text }, { resolve: findLibrary }).diagnostics.map(({ message }) => message),
};

function messagesOf(body: () => unknown): readonly string[] {
  try {
    body();
    return [];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.diagnostics.map(({ message }) => message);
  }
}

async function callTool(name: string, source: string): Promise<readonly string[]> {
  const answer = await PROGRAM_TOOLS.get(name)?.(
    { source },
    {
      settings: { policy: "{}", live: false, logs: folder, tools: [] },
      signal: new AbortController().signal,
      onCall: () => undefined,
      tracing: undefined,
      caller: {},
      registry: BUILTIN_REGISTRY,
    },
  );
  const diagnostics: unknown = answer?.["diagnostics"] ?? [];
  return Array.isArray(diagnostics) ? diagnostics.map((one: unknown) => String(Object(one).message)) : [];
}

test.each(Object.keys(DOORS))("%s", async (door) => {
  for (const specifier of SPECIFIERS) {
    const messages = await DOORS[door]?.(`import "${specifier}"\nfn main() -> Int { 1 }\n`);
    expect(messages, specifier).toEqual([`cannot find \`${specifier}\``]);
  }
  // Only the playground's page can load the script with its libraries.
  if (door !== "the playground") for (const text of [ANSWER, LIBRARY_TEST]) expect(await DOORS[door]?.(text)).toEqual([]);
});

test("a program with a library runs without a resolver", async () => {
  expect((await execute(compile({ name: "main.ax", text: ANSWER }), { tracing: false })).value).toBe(2);
});

test("a resolver of one's own replaces the libraries", () => {
  const { diagnostics } = check({ name: "main.ax", text: ANSWER }, { resolve: () => undefined });
  expect(diagnostics.map(({ code }) => code)).toEqual(["E012"]);
});
