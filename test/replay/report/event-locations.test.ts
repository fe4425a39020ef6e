/** A divergence is located at the line that caused the event, even if the event happens much later. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { firstDifference } from "../../../replay/report/value-difference.ts";
import { pathDifference, type Divergence } from "../../../replay/report/divergence.ts";
import { replayLines } from "../../../replay/report/replay-report.ts";
import { editLine, linesOf } from "../mend.ts";
import { recorded, replayed, type Recorded } from "../recorded.ts";
import type { TypeDef } from "../../../vm/bytecode/module.ts";
import { SavedStacks } from "../../../vm/interpreter/saved-stacks.ts";
import { RecordValue } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";

const ENGINES = ["interpreter", "compiled", "auto"] as const;

const TEXT = `fn worker() -> Int {
    let first: Int = receive
    let second: Int = receive
    first + second
}

fn fails() -> Int {
    let n: Int = receive
    1 / (n - n)
}

fn half(n: Int) -> Int
    requires n > 0
    ensures result >= 0
{
    n / 2
}

fn start() -> ActorId !{actor.spawn, actor.send} {
    let w = spawn worker
    send w 41
    send w 1
    w
}

fn main() -> Int !{actor.spawn, actor.send} {
    let _w = start()
    let bad = spawn fails
    send bad 5
    let mut i = 1
    let mut sum = 0
    while i < 300 {
        sum = sum + half(i)
        i = i + 1
    }
    sum
}
`;
/** A module as older compilers made it, without `tasks`. Each turn of an actor is an event in its logs. */
const { tasks: _, ...OLDER } = compile({ name: "places.ax", text: TEXT }).module;
const program = verifyModule(OLDER);

/** Replaces `from` by `to` in the first line of the log for which `is` holds. Returns the divergence that each engine then reports. */
async function divergenceOf(is: (line: string) => boolean, from: string, to: string): Promise<readonly Divergence[]> {
  const recording = await recorded(program);
  const line = linesOf(new TextDecoder().decode(recording.bytes)).findIndex(is) + 1;
  const log = editLine(recording.bytes, line, from, to);
  return Promise.all(ENGINES.map(async (engine) => divergence(recording, log, line - 1, engine)));
}

async function divergence(recording: Recorded, log: Uint8Array, event: number, engine: (typeof ENGINES)[number]): Promise<Divergence> {
  const report = await replayed(recording, log, { engine });
  expect(report.divergence?.event).toBe(event);
  if (report.divergence === undefined) throw new Error("no divergence");
  return report.divergence;
}

/** `function: source line`, innermost call first. */
const shown = ({ stack }: Divergence): readonly string[] =>
  stack.map(({ line = 0, function: name }) => `${name}: ${TEXT.split("\n")[line - 1]?.trim()}`);

describe("an event that differs is located where the program caused it", () => {
  const has =
    (...parts: readonly string[]) =>
    (line: string): boolean =>
      parts.every((part) => line.includes(part));
  test.each<[string, (line: string) => boolean, string, string, readonly string[]]>([
    ["a spawn", has("ActorSpawn", "worker"), '"worker"', '"other"', ["start: let w = spawn worker", "main: let _w = start()"]],
    ["the second spawn", has("ActorSpawn", "fails"), '"fails"', '"other"', ["main: let bad = spawn fails"]],
    ["a send", has("MessageSend", '"Int":41'), '"Int":41', '"Int":42', ["start: send w 41", "main: let _w = start()"]],
    ["the second send", has("MessageSend", '"Int":1}'), '"Int":1}', '"Int":2}', ["start: send w 1", "main: let _w = start()"]],
    [
      "a receipt by one that has not begun",
      has("MessageReceive", '"Int":41'),
      '"Int":41',
      '"Int":42',
      ["worker: let first: Int = receive"],
    ],
    ["a failure that is sent to the parent", has("MessageSend", "Err"), "division", "subtraction", ["fails: 1 / (n - n)"]],
    ["a turn", has("SchedulerTick", '"active_actor":1,'), '"active_actor":1', '"active_actor":7', ["worker: let first: Int = receive"]],
    [
      "a requires clause",
      has("ContractCheck", "requires", '"n":101}'),
      "true",
      "false",
      ["half: requires n > 0", "main: sum = sum + half(i)"],
    ],
    [
      "an ensures clause",
      has("ContractCheck", "ensures", '"n":102}'),
      "true",
      "false",
      ["half: ensures result >= 0", "main: sum = sum + half(i)"],
    ],
  ])("%s", async (_name, is, from, to, places) => {
    for (const found of await divergenceOf(is, from, to)) {
      expect(shown(found)).toEqual(places);
      expect(found.location).toEqual(found.stack[0]);
      expect(found.frame?.lines.at(-1)?.text.trim()).toBe(places[0]?.replace(/^\w+: /, ""));
    }
  });
});

test("two values that differ only in their types are shown with them", async () => {
  const recording = await recorded(program);
  const line = linesOf(new TextDecoder().decode(recording.bytes)).findIndex((text) => text.includes('"Int":41')) + 1;
  const report = await replayed(recording, editLine(recording.bytes, line, '{"Int":41}', '{"Float":41.0}'));
  expect(report.divergence?.difference).toEqual({ path: "payload", expected: "41: Float", actual: "41: Int" });
  expect(replayLines(report).slice(1, 4)).toEqual(["  payload:", "    expected 41: Float", "    actual   41: Int"]);
});

test("records of two types with the same name are shown with their types", () => {
  const point: TypeDef = { kind: "record", name: "Point", fields: [{ name: "x", type: "Int" }] };
  const found = firstDifference(RecordValue.of(0, [1]), RecordValue.of(1, [1]), "value", [point, point]);
  expect(found === undefined ? undefined : pathDifference(found, [point, point])).toEqual({
    path: "value",
    expected: "Point { x: 1 }: Point (type 0)",
    actual: "Point { x: 1 }: Point (type 1)",
  });
});

test("equal stacks are kept once, and their depth is limited", () => {
  const stacks = new SavedStacks();
  const at = (pc: number): ReturnType<SavedStacks["save"]> => stacks.save({ depth: 2, frameFunction: [0, 1, 7], framePc: [3, pc, 9] });
  expect(at(1)).toEqual({ depth: 2, frameFunction: [0, 1], framePc: [3, 1] });
  expect(at(1)).toBe(at(1));
  const kept = Array.from({ length: 10_000 }, (_, pc) => at(pc)).filter((frames) => frames !== undefined);
  expect(kept).toHaveLength(4_096);
  const deep = new SavedStacks().save({
    depth: 1_000,
    frameFunction: Array(1_000).fill(0),
    framePc: Array.from({ length: 1_000 }, (_, i) => i),
  });
  expect([deep?.depth, deep?.framePc.at(-1)]).toEqual([64, 999]);
});
