/** Measures the analyses of programs and policies against the compiler, in CPU time. */
import { checkProgramPolicy } from "../analysis/check.ts";
import { findEffects } from "../analysis/effects.ts";
import { programChanges } from "../analysis/program-diff.ts";
import { checkFunctions, compile, compileWithFunctions } from "../compiler/compile.ts";
import { policyFromJson } from "../policy/policy.ts";
import { memoryRecorder, type MemoryRecorder } from "../replay/log/recorder.ts";
import { parseLog } from "../replay/log/log-reader.ts";
import { memorySource } from "../replay/log/log-source.ts";
import { execute } from "../runtime/execute.ts";
import { suggestPolicy } from "../runtime/suggest.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import { type Figure, figureOf, ratios } from "./statistics.ts";

const ROUNDS = 5;
const BYTES = 1_000_000;

/** Returns about 1 MB of functions that make calls, pass on function values and call each other. */
function sourceOf(host: string): string {
  const functionText = (i: number): string => {
    const previous = i === 0 ? '""' : `f${i - 1}(n - 1, [s])`;
    return `fn f${i}(n: Int, xs: List<String>) -> String !{net.fetch, fs.read} {
    let s = if n > ${i} { fs.read(f"notes/{n}/${i}") } else { string.join(list.map(xs, fs.read), ",") }
    for path in ["a${i}", "b"] { if net.fetch("https://${host}/" ++ path) == s { return path } }
    let read = fn(x) { fs.read(x ++ s) }
    match n % 3 { 0 => s, 1 => ${previous}, _ => string.join(list.map(list.filter(xs, fn(x) { x != s }), read), "") }
}
`;
  };
  const parts: string[] = [];
  for (let length = 0; length < BYTES; length += parts.at(-1)?.length ?? 0) parts.push(functionText(parts.length));
  return `${parts.join("")}fn main() -> String !{net.fetch, fs.read} { f${parts.length - 1}(1, ["x"]) }\n`;
}

export interface AnalysisTimes {
  /** The CPU time of `policy check` for 1 MB of source, divided by that of compiling this source. */
  readonly check: Figure;
  /** The same for a comparison of two programs of 1 MB, divided by the time of compiling both. */
  readonly diff: Figure;
  /** The same for `policy suggest`, with one log. */
  readonly suggest: Figure;
}

/** Returns the CPU time in milliseconds. */
async function cpuTime(body: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await body();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

export async function analysisTimes(): Promise<AnalysisTimes> {
  const [before, after] = ["a.example", "b.example"].map((host) => ({ name: "large.ax", text: sourceOf(host) }));
  if (before === undefined || after === undefined) throw new Error("no source");
  const policy = policyFromJson(jsonFromJs({ rules: { "fs.read": { allow: true, budget: 3 } }, fs_policy: { read: ["notes"] } }));
  const recorders: MemoryRecorder[] = [];
  const record = (facts: Parameters<typeof memoryRecorder>[0]): MemoryRecorder => {
    const recorder = memoryRecorder(facts);
    recorders.push(recorder);
    return recorder;
  };
  await execute(verifyModule(compile(before).module), { policy: "allow-all", tracing: false, record });
  const [recorder] = recorders;
  if (recorder === undefined) throw new Error("no log");
  const log = parseLog(memorySource(recorder.bytes(), recorder.blobs));
  if (log.format !== "log") throw new Error("no log");
  const contenders = {
    compile: () => compile(before),
    compileBoth: () => [compile(before), compile(after)],
    check: () => checkProgramPolicy(checkFunctions(before), policy, BUILTIN_REGISTRY),
    diff: () => programChanges(checkFunctions(before), checkFunctions(after), BUILTIN_REGISTRY),
    suggest: () => {
      const { module, ...functions } = compileWithFunctions(before);
      return suggestPolicy([log], verifyModule(module), findEffects(functions, BUILTIN_REGISTRY));
    },
  };
  const times = {
    compile: Array<number>(),
    compileBoth: Array<number>(),
    check: Array<number>(),
    diff: Array<number>(),
    suggest: Array<number>(),
  };
  // The round below 0 is the warm-up.
  for (let round = -1; round < ROUNDS; round++) {
    for (const name of ["compile", "check", "suggest", "compileBoth", "diff"] as const) {
      const time = await cpuTime(contenders[name]);
      if (round >= 0) times[name].push(time);
    }
  }
  return {
    check: figureOf(ratios(times.check, times.compile)),
    diff: figureOf(ratios(times.diff, times.compileBoth)),
    suggest: figureOf(ratios(times.suggest, times.compile)),
  };
}
