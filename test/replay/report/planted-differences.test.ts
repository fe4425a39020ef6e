/** Each change of a log is reported at its event, with path, both values, source line and call stack. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Handler } from "../../../gateway/handlers.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { linesOf, rewriteLines } from "../mend.ts";
import { recorded, replayed } from "../recorded.ts";

const TEXT = `type Bill { who: String, cents: Int, tags: List<String> }

fn rate(n: Int) -> Int
    requires n > 0
    ensures result >= 0
{
    n / 2
}

fn worker() -> Int {
    let n: Int = receive
    n + 1
}

fn pay(who: String, cents: Int) -> String !{net.fetch} {
    net.fetch("http://pay.example/" ++ who, "POST", int.to_string(cents), { "x-id": who, "x-sum": int.to_string(cents) })
}

fn main() -> Bill !{net.fetch, fs.read, time.now, random, ui.render, actor.spawn, actor.send} {
    let names = fs.read("names.txt")
    let w = spawn worker
    send w 41
    let at = time.now()
    let fair = random()
    let a = pay(names, at)
    let b = if fair > 0.5 { "unfair" } else { pay("bob", 250) }
    let receipt = guard(a, string.len(a) > 0, "the receipt has a text")
    let bill = Bill { who: names, cents: rate(at), tags: [receipt, b] }
    emit bill
    bill
}
`;
/** A module as older compilers made it, without `tasks`. In its logs, each answer follows its call. */
const { tasks: _, ...OLDER } = compile({ name: "planted.ax", text: TEXT }).module;
const program = verifyModule(OLDER);
const HANDLERS: Readonly<Record<string, Handler>> = {
  "fs.read": () => "ada",
  "time.now": () => 70,
  random: () => 0.25,
  "net.fetch": ([url]) => `paid ${String(url)}`,
};

/** Replaces text in the first line that has it. */
const put =
  (from: string | RegExp, to: string) =>
  (lines: string[]): string[] => {
    const at = lines.findIndex((line) => line !== line.replace(from, to));
    if (at === -1) throw new Error(`no line has ${String(from)}`);
    return lines.map((line, i) => (i === at ? line.replace(from, to) : line));
  };
/** Index of the nth line (from 0) that has the text. */
const indexOf = (lines: readonly string[], text: string, nth = 0): number =>
  lines.flatMap((line, i) => (line.includes(text) ? [i] : []))[nth] ?? -1;
/** A call and its answer are two lines. */
const PAIR = 2;
/** Removes `count` lines from the nth line with the text on. */
const without =
  (text: string, count = 1, nth = 0) =>
  (lines: string[]): string[] => {
    const at = indexOf(lines, text, nth);
    return lines.filter((_, i) => i < at || i >= at + count);
  };
/** Repeats `count` lines from the nth line with the text on. */
const twice =
  (text: string, count = 1, nth = 0) =>
  (lines: string[]): string[] => {
    const at = indexOf(lines, text, nth);
    return [...lines.slice(0, at + count), ...lines.slice(at)];
  };
/** Swaps `count` lines that begin at the line with `text` with those at the line with `other`. */
const swapped =
  (text: string, other: string, count = 1) =>
  (lines: string[]): string[] => {
    const [i, j] = [indexOf(lines, text), indexOf(lines, other)];
    return [
      ...lines.slice(0, i),
      ...lines.slice(j, j + count),
      ...lines.slice(i + count, j),
      ...lines.slice(i, i + count),
      ...lines.slice(j + count),
    ];
  };

const ROWS: readonly (readonly [name: string, change: (lines: string[]) => string[], report: string])[] = [
  ["argument: a path", put('"names.txt"', '"name.txt"'), '2 arguments args[0]: "name.txt" ≠ "names.txt" @ 20 in main:20'],
  [
    "argument: a URL",
    put('pay.example/ada"},{"String":"POST', 'pay.example/eve"},{"String":"POST'),
    '8 arguments args[0]: "http://pay.example/eve" ≠ "http://pay.example/ada" @ 16 in pay:16 < main:25',
  ],
  ["argument: a method", put('"POST"', '"GET"'), '8 arguments args[1]: "GET" ≠ "POST" @ 16 in pay:16 < main:25'],
  ["argument: a body", put('{"String":"250"},{', '{"String":"251"},{'), '10 arguments args[2]: "251" ≠ "250" @ 16 in pay:16 < main:26'],
  [
    "argument: a value in a map",
    put(/"x-id":\{"String":"ada"\}/, '"x-id":{"String":"eve"}'),
    '8 arguments args[3]["x-id"]: "eve" ≠ "ada" @ 16 in pay:16 < main:25',
  ],
  ["argument: another key in a map", put(/"x-sum"/, '"x-tot"'), '8 arguments args[3]["x-sum"]: (nothing) ≠ "70" @ 16 in pay:16 < main:25'],
  ["argument: type only", put('{"String":"70"},', '{"Int":70},'), '8 arguments args[2]: 70 ≠ "70" @ 16 in pay:16 < main:25'],
  [
    "argument: one more",
    put('[{"String":"names.txt"}]', '[{"String":"names.txt"},{"String":"list"}]'),
    '2 arguments args[1]: "list" ≠ "text" @ 20 in main:20',
  ],
  ["argument: one less", put(/\[\](?=,"capability":"time.now")/, '[{"Int":1}]'), '4 arguments args[0]: 1 ≠ "s" @ 23 in main:23'],
  [
    "another capability",
    (lines) => lines.map((line) => line.replace('"time.now"', '"random"')),
    "4 event random() ≠ time.now() @ 23 in main:23",
  ],
  ["extra call, before the first", (lines) => twice("names.txt", PAIR)(lines), '4 event fs.read("names.txt") ≠ time.now() @ 23 in main:23'],
  [
    "extra call, in the middle",
    twice('"bob"', PAIR),
    '12 event net.fetch("http://pay.example/bob", "POST", "250", {x-id: "bob", x-sum: "250"}) ≠ guard in main, the receipt has a text: holds @ 27 in main:27',
  ],
  [
    "extra call, at the end",
    (lines) => [...lines.slice(0, -1), ...lines.slice(indexOf(lines, "names.txt"), indexOf(lines, "names.txt") + PAIR), ...lines.slice(-1)],
    '20 left_over fs.read("names.txt") ≠ success: Bill { who: "ada", cents: 35, tags: ["paid http://pay.example/ada", "paid http://pay.example/bob"] } @ 30',
  ],
  ["missing call: the first", without("names.txt", PAIR), '2 event time.now() ≠ fs.read("names.txt") @ 20 in main:20'],
  ["missing call: in the middle", without("time.now", PAIR), "4 event random() ≠ time.now() @ 23 in main:23"],
  [
    "missing call: the last",
    without("pay.example/bob", PAIR),
    '10 event guard in main, the receipt has a text: holds ≠ net.fetch("http://pay.example/bob", "POST", "250", {x-id: "bob", x-sum: "250"}) @ 16 in pay:16 < main:26',
  ],
  ["order of two calls", swapped("time.now", "random", PAIR), "4 event random() ≠ time.now() @ 23 in main:23"],
  [
    "order of two payments",
    swapped('"http://pay.example/ada"}', '"http://pay.example/bob"}', PAIR),
    '8 arguments args[0]: "http://pay.example/bob" ≠ "http://pay.example/ada" @ 16 in pay:16 < main:25',
  ],
  [
    "order of a spawn and a send",
    swapped("ActorSpawn", "MessageSend"),
    "16 event message from actor 0 to actor 1: 41 ≠ spawn of actor 1, which runs worker @ 21 in main:21",
  ],
  [
    "answer that changes a later argument",
    put('"result":{"String":"ada"}', '"result":{"String":"eve"}'),
    '8 arguments args[0]: "http://pay.example/ada" ≠ "http://pay.example/eve" @ 16 in pay:16 < main:25',
  ],
  [
    "answer that changes a branch",
    put('{"Float":0.25}', '{"Float":0.75}'),
    '10 event net.fetch("http://pay.example/bob", "POST", "250", {x-id: "bob", x-sum: "250"}) ≠ guard in main, the receipt has a text: holds @ 27 in main:27',
  ],
  [
    "answer of another type",
    put('"result":{"Int":70}', '"result":{"String":"70"}'),
    '5 answer time.now → "70" ≠ time.now failed (host_fault): the handler of time.now answered something else than Int @ 23 in main:23',
  ],
  [
    "answer of another type with equal text",
    put('{"Float":0.25}', '{"Int":0}'),
    "7 answer random → 0 ≠ random failed (host_fault): the handler of random answered something else than Float @ 24 in main:24",
  ],
  [
    "answer that becomes a failure",
    put(
      '"CapResult":{"capability":"time.now","result":{"Int":70}}',
      '"CapError":{"capability":"time.now","kind":"runtime_error","message":"no clock"}',
    ),
    "6 left_over random() ≠ runtime_error: capability_failed at step 9: no clock @ 23 in main:23",
  ],
  [
    "answer that becomes a refusal",
    put('"CapResult":{"capability":"random","result":{"Float":0.25}}', '"CapError":{"capability":"random","kind":"denied","message":"no"}'),
    '8 left_over net.fetch("http://pay.example/ada", "POST", "70", {x-id: "ada", x-sum: "70"}) ≠ denied: capability_denied at step 11: no @ 24 in main:24',
  ],
  [
    "answer that breaks a contract",
    put('"result":{"Int":70}', '"result":{"Int":-70}'),
    '8 arguments args[2]: "70" ≠ "-70" @ 16 in pay:16 < main:25',
  ],
  ["requires verdict", put(/("requires".*"passed":)true/, "$1false"), "13 content passed: false ≠ true @ 4 in rate:4 < main:28"],
  ["ensures verdict", put(/("ensures".*"passed":)true/, "$1false"), "14 content passed: false ≠ true @ 5 in rate:5 < main:28"],
  [
    "contract of another function",
    put('"function":"rate"', '"function":"rates"'),
    '13 content function: "rates" ≠ "rate" @ 4 in rate:4 < main:28',
  ],
  ["contract with another index", put(/("ContractCheck".*"index":)0/, "$11"), "13 content index: 1 ≠ 0 @ 4 in rate:4 < main:28"],
  ["missing contract check", without('"requires"'), '13 content kind: "ensures" ≠ "requires" @ 4 in rate:4 < main:28'],
  ["guard verdict", put(/("GuardCheck".*"passed":)true/, "$1false"), "12 content passed: false ≠ true @ 27 in main:27"],
  [
    "guard label",
    put("the receipt has a text", "the receipt is there"),
    '12 content label: "the receipt is there" ≠ "the receipt has a text" @ 27 in main:27',
  ],
  ["actor message: value", put('"payload":{"Int":41}', '"payload":{"Int":42}'), "17 content payload: 42 ≠ 41 @ 22 in main:22"],
  [
    "actor message: type only",
    put('"payload":{"Int":41}', '"payload":{"Float":41.0}'),
    "17 content payload: 41: Float ≠ 41: Int @ 22 in main:22",
  ],
  ["actor message: receiver", put(/("MessageSend".*"to":)1/, "$12"), "17 content to: 2 ≠ 1 @ 22 in main:22"],
  [
    "actor message: received",
    (lines) => lines.map((line) => (line.includes("MessageReceive") ? line.replace('"Int":41', '"Int":40') : line)),
    "18 content payload: 40 ≠ 41 @ 11 in worker:11",
  ],
  ["actor: function", put('"function":"worker"', '"function":"walker"'), '16 content function: "walker" ≠ "worker" @ 21 in main:21'],
  ["actor: turn", put(/("SchedulerTick":\{"active_actor":)1/, "$13"), "19 content active_actor: 3 ≠ 1 @ 11 in worker:11"],
  ["emitted tree: a field", put(/("UiEmit".*"Int":)35/, "$136"), "15 content tree.cents: 36 ≠ 35 @ 29 in main:29"],
  [
    "emitted tree: an item of a list",
    put(/("UiEmit".*)bob/, "$1rob"),
    '15 content tree.tags[1]: "paid http://pay.example/rob" ≠ "paid http://pay.example/bob" @ 29 in main:29',
  ],
  ["value", put(/("value".*)bob/, "$1rob"), '20 value value.tags[1]: "paid http://pay.example/rob" ≠ "paid http://pay.example/bob" @ 30'],
  ["value: a number", put(/("value".*"Int":)35/, "$136"), "20 value value.cents: 36 ≠ 35 @ 30"],
  ["steps", put(/"steps":\d+/, '"steps":90'), "20 steps 90 ≠ more than 90 @ 12 in worker:12"],
  ["allocation", put(/"alloc_bytes":\d+/, '"alloc_bytes":9000'), "20 alloc_bytes 9000 ≠ 5266 @ 30"],
  [
    "outcome",
    put(
      /"outcome":"success",("steps":\d+),"value":.*\}(?=,"hash")/,
      '"error":{"kind":"type_error","message":"x","step":1},"outcome":"program_error",$1}',
    ),
    '20 outcome program_error: type_error at step 1: x ≠ success: Bill { who: "ada", cents: 35, tags: ["paid http://pay.example/ada", "paid http://pay.example/bob"] } @ 30',
  ],
];

test("there are at least 40 of them", () => expect(ROWS.length).toBeGreaterThanOrEqual(40));

test.each(ROWS)("%s", async (_name, change, report) => {
  const recording = await recorded(program, { handlers: HANDLERS });
  const log = rewriteLines(recording.bytes, change);
  const lines = linesOf(new TextDecoder().decode(recording.bytes));
  expect(lines.length).toBeGreaterThan(15);
  for (const engine of ["interpreter", "compiled"] as const) {
    const { divergence: d } = await replayed(recording, log, { engine });
    if (d === undefined) throw new Error("no divergence");
    const stack = d.stack.map(({ function: name, line = 0 }) => `${name}:${line}`).join(" < ");
    const values =
      d.difference === undefined
        ? `${d.expected} ≠ ${d.actual}`
        : `${d.difference.path}: ${d.difference.expected} ≠ ${d.difference.actual}`;
    const at = d.location?.line ?? 0;
    expect(d.frame?.lines.at(-1)?.text).toBe(TEXT.split("\n")[at - 1]);
    expect(`${d.event} ${d.kind} ${values} @ ${at}${stack === "" ? "" : ` in ${stack}`}`).toBe(report);
  }
});
