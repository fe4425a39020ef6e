import { type CompiledTest, compileTests } from "../../compiler/compile.ts";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import type { RunError } from "../../gateway/run.ts";
import { runTest, type TestResult } from "../../gateway/test-run.ts";
import { stackLines } from "../../replay/report/source-frame.ts";
import { openSources } from "../../runtime/sources.ts";
import type { Limits } from "../../vm/limits.ts";
import type { CodePlace } from "../../vm/bytecode/module.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { limit } from "../run-arguments.ts";
import { errorJson, failureLines, failuresJson } from "../run-error.ts";
import type { Session } from "../session.ts";
import { clean, printJson } from "../terminal.ts";
import { nothingSelected, selectTests, type TestSelection } from "../test-files.ts";

export interface TestFlags {
  readonly maxSteps?: string;
}

interface TestFile {
  /** The path that the user gave. */
  readonly path: string;
  /** The file name in the module. */
  readonly name: string;
  readonly program: Program;
  readonly tests: readonly CompiledTest[];
}

interface Ran {
  readonly file: TestFile;
  readonly test: CompiledTest;
  readonly result: TestResult;
}

/** The start of a `test` block. Files found in folders are compiled only if they match. */
const TEST_BLOCK = /\btest\s*"/;

export async function testCommand(session: Session, given: readonly string[], flags: TestFlags): Promise<number> {
  const limits: Partial<Limits> = limit("--max-steps", "max_steps", flags.maxSteps);
  const selection = selectTests(given);
  const { filters } = selection;
  const files = compileAll(session, selection);
  const wanted = (test: CompiledTest): boolean => filters.length === 0 || filters.some((filter) => test.name.includes(filter));
  const all = files.flatMap((file) => file.tests);
  if (!all.some(wanted))
    throw nothingSelected(
      filters,
      all.map((test) => test.name),
    );
  const ran: Ran[] = [];
  for (const file of files) {
    const tests = file.tests.filter(wanted);
    if (tests.length > 0 && !session.json) session.terminal.out(clean(file.path));
    for (const test of tests) ran.push(await runOne(session, file, test, limits));
  }
  summarize(session, ran, all.length - ran.length);
  return ran.every((r) => r.result.passed) ? EXIT.done : EXIT.failed;
}

/** Compiles all files before any test runs. Throws `CompileError` with the errors of every file. */
function compileAll(session: Session, { files, found }: TestSelection): readonly TestFile[] {
  const { terminal } = session;
  const texts = new Map<string, (file: string) => string | undefined>();
  session.textOf = (file) => [...texts.values()].map((textOf) => textOf(file)).find((text) => text !== undefined);
  const compiled: TestFile[] = [];
  const errors: Diagnostic[] = [];
  for (const path of [...files, ...found]) {
    const { source, resolve, textOf } = openSources(path);
    if (!files.includes(path) && !TEST_BLOCK.test(source.text)) continue;
    texts.set(path, textOf);
    try {
      const { module, tests, diagnostics } = compileTests(source, { resolve });
      if (!session.json) for (const d of diagnostics) terminal.err(renderDiagnostic(d, textOf, { color: terminal.color }));
      if (module !== undefined) compiled.push({ path, name: source.name, program: verifyModule(module), tests });
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      errors.push(...error.diagnostics);
    }
  }
  if (errors.length > 0) throw new CompileError(errors, session.textOf);
  return compiled;
}

async function runOne({ terminal, json }: Session, file: TestFile, test: CompiledTest, limits: Partial<Limits>): Promise<Ran> {
  const result = await runTest(file.program, test, { limits, onDebug: (text) => terminal.err(clean(text)) });
  if (!json) {
    terminal.out(clean(`  ${result.passed ? "ok  " : "FAIL"}  ${test.name} (${result.steps} steps)`));
    for (const line of whyFailed(file, result)) terminal.out(clean(line === "" ? line : `        ${line}`));
  }
  return { file, test, result };
}

/** The stack from the innermost frame in the tested file: where an assertion was called matters more than where it failed inside a library. */
function stackIn(file: TestFile, stack: readonly CodePlace[]): readonly CodePlace[] {
  const own = stack.findIndex((place) => place.file === file.name);
  return own < 0 ? stack : stack.slice(own);
}

function whyFailed(file: TestFile, { error, failedAnswer, unreceived }: TestResult): readonly string[] {
  if (failedAnswer !== undefined) {
    const { capability, trap } = failedAnswer;
    return [`the answer for ${capability} failed: ${trap.message}`, ...stackLines(file.program.module, trap.stack)];
  }
  const failures = failureLines(unreceived);
  return error === undefined ? failures : [messageOf(error), ...stackLines(file.program.module, stackIn(file, error.stack)), ...failures];
}

const messageOf = (error: RunError): string => error.message.replace(/^panic: /, "");

function summarize({ terminal, json }: Session, ran: readonly Ran[], filteredOut: number): void {
  const passed = ran.filter((r) => r.result.passed).length;
  const failed = ran.length - passed;
  if (json) {
    printJson(terminal, { ok: failed === 0, passed, failed, filtered_out: filteredOut, tests: ran.map(testJson) });
    return;
  }
  const steps = ran.reduce((sum, r) => sum + r.result.steps, 0);
  const left = filteredOut === 0 ? "" : `, ${filteredOut} filtered out`;
  terminal.out(`${passed} passed, ${failed} failed${left} (${steps} steps)`);
}

function testJson({ file, test, result }: Ran): Readonly<Record<string, unknown>> {
  const { error, failedAnswer } = result;
  return {
    file: file.path,
    name: test.name,
    line: test.line,
    passed: result.passed,
    outcome: result.outcome,
    steps: result.steps,
    alloc_bytes: result.allocBytes,
    error: error === undefined ? null : errorJson({ ...error, stack: stackIn(file, error.stack) }),
    ...failuresJson(result.unreceived),
    ...(failedAnswer === undefined
      ? {}
      : { broken_answer: { capability: failedAnswer.capability, kind: failedAnswer.trap.kind, message: failedAnswer.trap.message } }),
  };
}
