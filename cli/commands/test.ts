import { resolve } from "node:path";
import { type CompiledTest, compileTests } from "../../compiler/compile.ts";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import type { RunError } from "../../gateway/run.ts";
import { runTest, type TestResult } from "../../gateway/test-run.ts";
import { stackLines } from "../../replay/report/source-frame.ts";
import { openSources } from "../../runtime/sources.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import type { Limits } from "../../vm/limits.ts";
import { BorunaError } from "../../vm/error.ts";
import type { SourceLocation } from "../../vm/bytecode/module.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { upgradeSummaryLine } from "../../replay/report/upgrade-report.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { checkLogs, type LogCheck, logCheckJson } from "../log-check.ts";
import { withProgress } from "../progress.ts";
import { limitFromFlag } from "../run-arguments.ts";
import { errorJson, failuresJson } from "../../runtime/execution-json.ts";
import { failureLines } from "../run-error.ts";
import type { CommandSession } from "../session.ts";
import { withoutControlCharacters, printJson } from "../terminal.ts";
import { noTestSelected, selectTests, type TestSelection } from "../test-files.ts";

/** The options of `boruna test`, which `command-table.ts` explains. */
export interface TestFlags extends CapabilityFlags {
  readonly maxSteps?: string;
  /** A folder of logs, or one log, to replay on both engines. */
  readonly logs?: string;
  readonly program?: string;
  readonly watch?: boolean;
}

interface TestFile {
  /** The path that the user gave. */
  readonly path: string;
  /** The name of the file in the debug information of the module. */
  readonly name: string;
  readonly program: Program;
  readonly tests: readonly CompiledTest[];
}

interface FinishedTest {
  readonly file: TestFile;
  readonly test: CompiledTest;
  readonly result: TestResult;
}

const BOTH_ENGINES = ["interpreter", "compiled"] as const;

/** The start of a `test` block. A file found in a folder is compiled only if its text contains one. */
const TEST_BLOCK = /\btest\s*"/;

export async function testCommand(session: CommandSession, args: readonly string[], flags: TestFlags): Promise<number> {
  if (flags.watch !== true) return runTests(session, args, flags);
  const { watchFiles } = await import("../watch.ts");
  const chosen = (): readonly string[] => {
    try {
      const { files, foundInFolders } = selectTests(args);
      return [...files, ...foundInFolders];
    } catch (error) {
      // A named file may be missing for a moment, while an editor replaces it. Then watch the arguments themselves.
      if (error instanceof BorunaError) return args;
      throw error;
    }
  };
  return watchFiles(
    session,
    () => new Set([...chosen().map((path) => resolve(path)), ...session.filesRead()]),
    () => runTests(session, args, flags),
  );
}

async function runTests(session: CommandSession, args: readonly string[], flags: TestFlags): Promise<number> {
  const limits: Partial<Limits> = limitFromFlag("--max-steps", "max_steps", flags.maxSteps);
  const selection = selectTests(args);
  const { filters } = selection;
  const files = compileAll(session, selection, await loadRegistry(flags));
  const isSelected = (test: CompiledTest): boolean => filters.length === 0 || filters.some((filter) => test.name.includes(filter));
  const allTests = files.flatMap((file) => file.tests);
  // With `--logs` and no other arguments, a project need not have tests.
  const needsTest = flags.logs === undefined || args.length > 0;
  if (needsTest && !allTests.some(isSelected))
    throw noTestSelected(
      filters,
      allTests.map((test) => test.name),
    );
  const count = allTests.filter(isSelected).length;
  const finishedTests = await withProgress(session, "test", async (progress) => {
    const finished: FinishedTest[] = [];
    for (const file of files) {
      const tests = file.tests.filter(isSelected);
      if (tests.length > 0 && !session.json) session.terminal.out(withoutControlCharacters(file.path));
      for (const test of tests) {
        progress.step(`${finished.length + 1} of ${count}`);
        finished.push(await runOne(session, file, test, limits));
      }
    }
    return finished;
  });
  const logCheck =
    flags.logs === undefined ? undefined : await checkLogs(session, [flags.logs], { ...flags, limits, engines: BOTH_ENGINES });
  summarize(session, finishedTests, allTests.length - finishedTests.length, logCheck);
  const logsExitCode = logCheck?.summary.exitCode ?? EXIT.done;
  return finishedTests.every((r) => r.result.passed) ? logsExitCode : EXIT.failed;
}

/** Compiles all files before any test runs. Throws `CompileError` with the errors of every file. */
function compileAll(session: CommandSession, { files, foundInFolders }: TestSelection, registry: CapabilityRegistry): readonly TestFile[] {
  const { terminal } = session;
  const texts = new Map<string, (file: string) => string | undefined>();
  const paths: (() => Iterable<string>)[] = [];
  session.filesRead = () => paths.flatMap((pathsOf) => [...pathsOf()]);
  session.sourceOf = (file) => [...texts.values()].map((textOf) => textOf(file)).find((text) => text !== undefined);
  const compiled: TestFile[] = [];
  const errors: Diagnostic[] = [];
  for (const path of [...files, ...foundInFolders]) {
    const { source, resolve: resolveImport, textOf, paths: pathsOf } = openSources(path);
    if (!files.includes(path) && !TEST_BLOCK.test(source.text)) continue;
    texts.set(path, textOf);
    paths.push(pathsOf);
    try {
      const { module, tests, diagnostics } = compileTests(source, { resolve: resolveImport, registry });
      if (!session.json) for (const d of diagnostics) terminal.err(renderDiagnostic(d, textOf, { color: terminal.color }));
      if (module !== undefined) compiled.push({ path, name: source.name, program: verifyModule(module, registry), tests });
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      errors.push(...error.diagnostics);
    }
  }
  if (errors.length > 0) throw new CompileError(errors, session.sourceOf);
  return compiled;
}

async function runOne(
  { terminal, json }: CommandSession,
  file: TestFile,
  test: CompiledTest,
  limits: Partial<Limits>,
): Promise<FinishedTest> {
  const result = await runTest(file.program, test, { limits, onDebug: (text) => terminal.err(withoutControlCharacters(text)) });
  if (!json) {
    terminal.out(withoutControlCharacters(`  ${result.passed ? "ok  " : "FAIL"}  ${test.name} (${result.steps} steps)`));
    for (const line of failureDetails(file, result)) terminal.out(withoutControlCharacters(line === "" ? line : `        ${line}`));
  }
  return { file, test, result };
}

/** Leaves out the innermost frames in other files, such as that of a library's failed assertion: readers need the line that called it. */
function stackIn(file: TestFile, stack: readonly SourceLocation[]): readonly SourceLocation[] {
  const firstInFile = stack.findIndex((location) => location.file === file.name);
  return firstInFile < 0 ? stack : stack.slice(firstInFile);
}

function failureDetails(file: TestFile, { error, failedAnswer, unreceived }: TestResult): readonly string[] {
  if (failedAnswer !== undefined) {
    const { capability, trap } = failedAnswer;
    return [`the answer for ${capability} failed: ${trap.message}`, ...stackLines(file.program.module, trap.stack)];
  }
  const failures = failureLines(unreceived);
  return error === undefined ? failures : [messageOf(error), ...stackLines(file.program.module, stackIn(file, error.stack)), ...failures];
}

const messageOf = (error: RunError): string => error.message.replace(/^panic: /, "");

function summarize(
  { terminal, json }: CommandSession,
  finishedTests: readonly FinishedTest[],
  filteredOut: number,
  logCheck: LogCheck | undefined,
): void {
  const passed = finishedTests.filter((r) => r.result.passed).length;
  const failed = finishedTests.length - passed;
  if (json) {
    const tests = { passed, failed, filtered_out: filteredOut, tests: finishedTests.map(testJson) };
    const ok = failed === 0 && (logCheck?.summary.exitCode ?? 0) === 0;
    printJson(terminal, { ok, ...tests, logs: logCheck === undefined ? undefined : logCheckJson(logCheck) });
    return;
  }
  const steps = finishedTests.reduce((sum, r) => sum + r.result.steps, 0);
  const filteredText = filteredOut === 0 ? "" : `, ${filteredOut} filtered out`;
  terminal.out(`${passed} passed, ${failed} failed${filteredText} (${steps} steps)`);
  if (logCheck !== undefined) terminal.out(upgradeSummaryLine(logCheck.summary));
}

function testJson({ file, test, result }: FinishedTest): Readonly<Record<string, unknown>> {
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
    broken_answer:
      failedAnswer === undefined
        ? undefined
        : { capability: failedAnswer.capability, kind: failedAnswer.trap.kind, message: failedAnswer.trap.message },
  };
}
