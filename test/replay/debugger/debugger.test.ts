/** The debugger for recorded runs: moves, breakpoints, replaced answers and limits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Debugger, type Move } from "../../../replay/debugger/debugger.ts";
import { fileSource, memorySource } from "../../../replay/log/log-source.ts";
import { execute } from "../../../runtime/execute.ts";
import { readCondition, readExpression } from "../../../runtime/debug-expression.ts";
import { parseJson } from "../../../vm/json/json.ts";
import { kindOf } from "../../error-kind.ts";
import { recorded } from "../recorded.ts";
import { debuggerOf, programOf, shown, walk } from "./visited.ts";

const TOTALS = `type Item { name: String, price: Int }

fn priced(name: String) -> Item !{net.fetch} {
    let text = net.fetch(name)
    let price = string.len(text)
    Item { name: name, price: price }
}

fn main() -> Int !{net.fetch} {
    let mut total = 0
    for name in ["a", "bb", "ccc"] {
        let item = priced(name)
        total = total + item.price
    }
    total
}
`;

const handlers = { "net.fetch": (args: readonly unknown[]) => `<${String(args[0])}>` };
const recording = () => recorded(programOf(TOTALS), { handlers });

async function linesAfter(debug: Debugger, moves: readonly Move[]): Promise<readonly (number | string)[]> {
  const seen: (number | string)[] = [];
  for (const move of moves) {
    const { reason } = await debug.move(move);
    seen.push(debug.currentStop?.line ?? reason);
  }
  return seen;
}

test("in, over, out and back-over move by lines and frames", async () => {
  const debug = await debuggerOf(await recording());
  expect(debug.currentStop?.line).toBe(10);
  expect(await linesAfter(debug, ["over", "over", "in", "in", "out", "over", "back-over", "back-over"])).toEqual([
    11, 12, 4, 5, 13, 11, 13, 12,
  ]);
  // The move `call` stops in the middle of a line.
  expect(await linesAfter(debug, ["in", "call", "back-call", "end", "over", "back", "start", "back"])).toEqual([
    4,
    0,
    10,
    "end",
    "end",
    16,
    10,
    10,
  ]);
});

test("a breakpoint with a condition stops where it holds, in both directions, and where it cannot be evaluated", async () => {
  const debug = await debuggerOf(await recording());
  const { types } = debug.program.module;
  const condition = readCondition('item.price > 3 && item.name != ""', types);
  expect(
    debug.setBreakpoints([{ file: "main.ax", line: 13, condition }, { capability: "fs.read" }, { file: "other.ax", line: 1 }]),
  ).toEqual([13, 0, undefined]);
  const totals: string[] = [];
  for (let moved = await debug.move("continue"); moved.reason === "breakpoint"; moved = await debug.move("continue")) {
    expect(moved.breakpoints).toEqual([0]);
    totals.push(shown(debug));
  }
  expect(totals).toHaveLength(2);
  const back: string[] = [];
  for (let moved = await debug.move("reverse"); moved.reason === "breakpoint"; moved = await debug.move("reverse")) back.push(shown(debug));
  expect(back.toReversed()).toEqual(totals);
  debug.setBreakpoints([{ file: "main.ax", line: 11, condition: readCondition("nothing > 1", types) }]);
  expect((await debug.move("continue")).reason).toBe("breakpoint");
});

test("a replaced answer changes the run, and without it the recorded run is back", async () => {
  const debug = await debuggerOf(await recording());
  const before = await walk(debug, "in");
  await debug.move("start");
  await debug.move("call");
  await debug.move("call");
  expect(debug.nextCall()).toMatchObject({ call: 2, capability: "net.fetch", isEdited: false });
  expect(await kindOf(async () => debug.setAnswer(12))).toBe("usage");
  debug.setAnswer("a long answer");
  expect(debug.nextCall()).toMatchObject({ call: 2, answer: { value: "a long answer" }, isEdited: true });
  await debug.move("end");
  expect(debug.end()).toEqual({ outcome: "success", text: "success: 21", recorded: "success: 12" });
  await debug.resetAnswers();
  await debug.move("start");
  expect(await walk(debug, "in")).toEqual(before);
  await debug.move("start");
  debug.setAnswer(parseJson('{"CapError":{"kind":"runtime_error","message":"HTTP 500"}}'));
  await debug.move("end");
  expect(debug.end()).toMatchObject({ outcome: "runtime_error" });
  await debug.move("back");
  expect(debug.stack(0).frames.map(({ location }) => location.function)).toEqual(["priced", "main"]);
});

test("a run with a replaced answer ends where the program makes a call that the log does not have", async () => {
  const source = `fn main() -> String !{net.fetch} { if net.fetch("a") == "x" { net.fetch("b") } else { "" } }`;
  const debug = await debuggerOf(await recorded(programOf(source), { handlers }));
  debug.setAnswer("x");
  await debug.move("end");
  expect(debug.end()).toMatchObject({ outcome: "what-if", text: 'the log has no answer for net.fetch("b")' });
});

test("an aborted move stays where it was", async () => {
  const debug = await debuggerOf(await recording());
  const place = shown(debug);
  for (const move of ["end", "continue", "over", "back"] as const)
    expect((await debug.move(move, AbortSignal.abort())).reason).toBe("interrupted");
  expect(shown(debug)).toBe(place);
});

test("snapshots take at most `maxBytes` while the debugger goes back and forth", async () => {
  const source = `fn main() -> Int {
    let mut xs: List<Int> = []
    for i in list.range(0, 400) {
        xs = list.push(xs, i)
    }
    list.len(xs)
}
`;
  const maxBytes = 40_000;
  const debug = await debuggerOf(await recorded(programOf(source), {}), { maxBytes, interval: 50 });
  await debug.move("end");
  const last = await walk(debug, "back", 60);
  for (let round = 0; round < 5; round++) {
    await walk(debug, "in", 40);
    await walk(debug, "back", 40);
  }
  await debug.move("end");
  expect(await walk(debug, "back", 60)).toEqual(last);
  expect(debug.snapshotBytes.peak).toBeLessThanOrEqual(maxBytes);
  expect(debug.snapshotBytes.now).toBeGreaterThan(0);
});

test("a run that was interrupted ends where it was interrupted", async () => {
  const source = `fn main() -> Int !{net.fetch} {
    let text = net.fetch("a")
    let mut n = 0
    while true { n = n + 1 }
    n
}
`;
  const stop = new AbortController();
  const stops = { "net.fetch": () => (stop.abort(), "x") };
  const run = await recorded(programOf(source), { handlers: stops, signal: stop.signal });
  expect(run.run.outcome).toBe("canceled");
  const debug = await debuggerOf(run);
  await debug.move("end");
  expect(debug.end()).toMatchObject({ outcome: "interrupted" });
  expect(debug.progress().step).toBe(run.run.steps);
});

test("logs that cannot be trusted are refused with typed errors", async () => {
  const { bytes, recorder } = await recording();
  const opened = (changed: Uint8Array, limits = {}) => kindOf(() => Debugger.open(memorySource(changed, recorder.blobs), { limits }));
  const text = Buffer.from(bytes).toString();
  expect(await opened(Buffer.from(text.replace("<bb>", "<bB>")))).toBe("log.hash");
  expect(await opened(Buffer.from(text.slice(0, 40)))).toBe("log.cut");
  expect(await opened(Buffer.from('{"version":1}\n'))).toBe("log.header");
  expect(await opened(Buffer.from(""))).toBe("log.empty");
  expect(await opened(bytes, { max_steps: 3 })).toBe("log.replay_limit");
  // A log that was cut in the middle can be debugged up to there.
  expect(await opened(bytes.subarray(0, bytes.length - 300))).toBe("nothing was thrown");
});

test("a log that changes while it is debugged is noticed, and the debugger never writes it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-debug-"));
  const path = join(folder, "run.jsonl");
  const source = `fn main() -> Int !{net.fetch} {
    let mut n = 0
    for i in list.range(0, 400) {
        n = n + string.len(net.fetch(int.to_string(i)))
    }
    n
}
`;
  await execute(programOf(source), { policy: "allow-all", handlers, tracing: false, record: path });
  const bytes = readFileSync(path);
  const debug = await Debugger.open(fileSource(path));
  await debug.move("end");
  await debug.move("start");
  expect(readFileSync(path).equals(bytes)).toBe(true);
  const again = await Debugger.open(fileSource(path));
  writeFileSync(path, readFileSync(path, "utf8").replaceAll("<390>", "<39x>"));
  expect(await kindOf(() => again.move("end"))).toBe("log.changed");
  expect(await kindOf(() => again.move("end"))).toBe("log.changed");
  expect((await again.move("over")).reason).toBe("step");
  rmSync(folder, { recursive: true });
});

test("expressions call nothing and are bounded", async () => {
  const local = (name: string) => (name === "n" ? 7 : undefined);
  const value = (text: string) => readExpression(text, [])(local);
  expect(value("n * 2 + 1")).toBe(15);
  expect(value("-n < 0 && !(n == 8) || m")).toBe(true);
  expect(value('"a" ++ "b" == "ab"')).toBe(true);
  for (const text of [
    "m",
    "n(1)",
    "n +",
    "} fn x() {",
    "net.fetch(n)",
    "n; n",
    "fn() { n }",
    "x".repeat(5_000),
    "(".repeat(4_000),
    "1 / 0",
  ])
    expect(await kindOf(async () => value(text))).toBe("usage");
});
