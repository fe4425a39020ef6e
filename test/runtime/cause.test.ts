/** What a handler throws reaches the embedder, but not the program, the log or the spans. */
import { expect, test } from "vitest";
import { errorJson } from "../../runtime/execution-json.ts";
import { compile } from "../../compiler/compile.ts";
import type { CallEnd } from "../../gateway/observers.ts";
import { CapabilityFailure, type Handler, machineHandler } from "../../gateway/handlers.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { recordingTracing } from "../gateway/tracing.ts";
import { recorded } from "../replay/recorded.ts";

const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const READS = programOf('fn main() -> String !{fs.read} { fs.read("a") }');
const TRIES = programOf('fn main() -> String !{fs.read} { match try fs.read("a") { Ok(text) => text, Err(why) => why } }');

const broken = new TypeError("cannot reach 10.0.0.7 with s3cret");
const failure = Object.assign(new CapabilityFailure("the store is closed"), { cause: broken });

const throwsLater =
  (error: unknown): Handler =>
  async () => {
    await Promise.resolve();
    throw error;
  };
const throwsAtOnce =
  (error: unknown): Handler =>
  () => {
    throw error;
  };

test.each([
  ["an error, at once", throwsAtOnce(broken), broken, "host_fault"],
  ["an error, later", throwsLater(broken), broken, "host_fault"],
  ["a failure", throwsAtOnce(failure), failure, "capability_failed"],
  ["no error at all", throwsLater({ s3cret: 1 }), { s3cret: 1 }, "host_fault"],
])("%s is the cause in the result and in callEnd, and is in no log, span, JSON or program", async (_name, handler, cause, kind) => {
  const ends: CallEnd[] = [];
  const tracing = recordingTracing();
  const options = { handlers: { "fs.read": handler }, on: { callEnd: (end: CallEnd) => void ends.push(end) }, tracing };
  const { run, bytes } = await recorded(READS, options);
  expect(run).toMatchObject({ outcome: "runtime_error", error: { kind } });
  expect(run.error?.cause).toEqual(cause);
  expect(run.result.error?.cause).toBe(run.error?.cause);
  expect(ends.map((end) => end.cause)).toEqual([cause]);
  const tried = await recorded(TRIES, options);
  expect(tried.run.outcome).toBe(kind === "host_fault" ? "runtime_error" : "success");
  expect(ends.at(-1)?.cause).toEqual(cause);

  const { program: _program, ...rest } = run;
  const shown = [rest, tried.run.value, ends, tracing.calls, tracing.runs, run.error === undefined ? "" : errorJson(run.error)];
  const written = [JSON.stringify(shown), ...[bytes, tried.bytes].map((text) => new TextDecoder().decode(text))];
  for (const text of written) expect(text).not.toMatch(/s3cret|10\.0\.0\.7|"cause"/);
});

test("the error about a wrong answer is the cause", async () => {
  const { run } = await recorded(READS, { handlers: { "fs.read": () => 1 } });
  expect(run).toMatchObject({ outcome: "runtime_error", error: { kind: "host_fault" } });
  expect(run.error?.cause).toMatchObject({ kind: "value.form", message: "answer: expected String, found Int" });
  const machine = await recorded(READS, { handlers: { "fs.read": machineHandler(() => 1) } });
  expect(machine.run.error?.cause).toMatchObject({ kind: "value.form", message: "the answer is something else than String" });
});
