/** Values in pieces: what is written is read, with the right size, and messages keep their order. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { valueBytes } from "../../gateway/logged-bytes.ts";
import { compile } from "../../compiler/compile.ts";
import { Inbox, type LongValues, Outbox } from "../../runtime/pool/long-values.ts";
import type { AnswerMessage, PieceMessage } from "../../runtime/pool/messages.ts";
import { PoolRun } from "../../runtime/pool/pool-run.ts";
import { PoolWorker } from "../../runtime/pool/pool-worker.ts";
import { prepareRun } from "../../runtime/pool/prepare.ts";
import { programOf } from "../../runtime/pool/programs.ts";
import type { Isolation } from "../../runtime/pool/worker-link.ts";
import { PIECE_UNITS, type Piece } from "../../runtime/pool/value-pieces.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { valueToTaggedJson } from "../../vm/json/tagged-json.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { ErrValue, OkValue, RecordValue, SomeValue, type Value } from "../../vm/value/value.ts";
import { scaledRuns } from "../cases.ts";
import { errorKind, deepValue, anyText, anyValue } from "../vm/arbitrary.ts";

/** Texts around the sizes at which a piece ends, with characters of one and two code units at the boundary. */
const longText = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: -2, max: 2 }),
    fc.constantFrom("x", "é", "\n", "漢"),
    fc.array(anyText, { maxLength: 2 }),
  )
  .map(([pieces, more, character, [start = "", end = "😀"]]) => {
    const length = pieces * PIECE_UNITS + more - end.length;
    return start + character.repeat(Math.max(0, length - start.length)) + end + end;
  });
const longValue = fc.oneof(
  longText,
  fc.tuple(longText, anyValue).map((parts) => ListValue.of(parts)),
  fc.tuple(longText, longText, anyValue).map(([a, b, c]) =>
    MapValue.from([
      [a, new SomeValue(b)],
      ["", c],
    ]),
  ),
  fc.tuple(fc.nat(6_000), anyValue).map(([length, part]) => ListValue.of(Array.from({ length }, (_, i) => RecordValue.of(1, [i, part])))),
  fc.tuple(longText, anyValue).map(([a, b]) => new OkValue(new ErrValue(RecordValue.of(2, [a, b, a, b, a, b])))),
);

const jsonOf = (value: Value): string => canonicalJson(valueToTaggedJson(value));

function sendAndRead(
  value: Value,
  isolation: Isolation = "process",
  size: { pieces: number } = { pieces: 0 },
): { readonly value: Value; readonly bytes: number } {
  const long: LongValues = [];
  const inbox = new Inbox();
  const wire = structuredClone(new Outbox(isolation, true, () => undefined).wireValue(value, long));
  for (const pieces of long) {
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      inbox.add(structuredClone(next.value));
      size.pieces += 1;
    }
  }
  return inbox.read(wire);
}

describe("a value", () => {
  test("that is written in pieces is read, with the bytes of its JSON", () => {
    fc.assert(
      fc.property(fc.oneof(anyValue, longValue), fc.constantFrom<Isolation>("thread", "process"), (value, isolation) => {
        const { value: copy, bytes } = sendAndRead(value, isolation);
        expect(jsonOf(copy) === jsonOf(value)).toBe(true);
        expect(bytes).toBe(valueBytes(value));
      }),
      { numRuns: scaledRuns(1_000) },
    );
  });

  test.each([
    [0, 0],
    [PIECE_UNITS, 0],
    [PIECE_UNITS + 1, 2],
    [2 * PIECE_UNITS, 2],
    [2 * PIECE_UNITS + 1, 3],
  ])("that is a text of %d characters takes %d pieces through a pipe", (length, pieces) => {
    const size = { pieces: 0 };
    expect(sendAndRead("x".repeat(length), "process", size).value).toHaveLength(length);
    expect(size.pieces).toBe(pieces);
  });

  test.each([
    [PIECE_UNITS, 0],
    [9 * PIECE_UNITS, 1],
  ])("that is a text of %d characters takes %d pieces between threads", (length, pieces) => {
    const size = { pieces: 0 };
    expect(sendAndRead("é".repeat(length), "thread", size).value).toHaveLength(length);
    expect(size.pieces).toBe(pieces);
  });

  test("may be as deep as the limit allows", () => {
    const deep = deepValue(10_000, (inner) => new SomeValue(inner));
    expect(jsonOf(sendAndRead(deep).value) === jsonOf(deep)).toBe(true);
  });

  test.each<readonly [string, Piece]>([
    ["no value", { ops: "", data: [], jsonBytes: 0, isLast: true }],
    ["two values", { ops: "UU", data: [], jsonBytes: 0, isLast: true }],
    ["a list without its parts", { ops: "sL", data: [1, 2], jsonBytes: 0, isLast: true }],
    ["an operation without its data", { ops: "s", data: [], jsonBytes: 0, isLast: true }],
    ["an unknown operation", { ops: "?", data: [], jsonBytes: 0, isLast: true }],
    ["a text that ends with a number", { ops: "ts", data: ["a", 1], jsonBytes: 0, isLast: true }],
  ])("that is malformed is refused: %s", (_, piece) => {
    expect(errorKind(() => new Inbox().add(piece))).toBe("internal");
  });

  test("that never ends is refused when it is too large", () => {
    const inbox = new Inbox();
    const data = Array.from({ length: 64 }, () => "x".repeat(PIECE_UNITS));
    const piece: Piece = { ops: "t".repeat(64), data, jsonBytes: 0, isLast: false };
    let pieces = 0;
    const kind = errorKind(() => {
      for (; pieces < 100; pieces++) inbox.add(piece);
    });
    expect([kind, pieces]).toEqual(["internal", 63]);
  });
});

describe("an outbox", () => {
  const answer = (run: number, call: number): AnswerMessage => ({ type: "answer", run, call, answer: { later: true } });
  const pieces = (n: number): LongValues[number] =>
    Array.from({ length: n }, (_, i): Piece => ({ ops: "t", data: [String(i)], jsonBytes: 0, isLast: i === n - 1 })).values();
  const shown = (message: AnswerMessage | PieceMessage): string =>
    message.type === "piece" ? `${message.run}:${message.piece.data.join("")}` : `${message.run}#${message.call}`;

  test("sends the runs' pieces in turn, two at most before one is taken, and each message after its values", () => {
    const sent: string[] = [];
    const outbox = new Outbox<AnswerMessage>("process", true, (message) => sent.push(shown(message)));
    outbox.send(answer(1, 1), [pieces(3), pieces(1)]);
    outbox.send(answer(2, 1), [pieces(2)]);
    outbox.send(answer(1, 2));
    outbox.send(answer(3, 1));
    expect(sent).toEqual(["1:0", "1:1", "3#1"]);
    for (let n = 0; n < 4; n++) outbox.taken();
    expect(sent.slice(3)).toEqual(["1:2", "2:0", "1:0", "1#1", "1#2", "2:1", "2#1"]);
    outbox.send(answer(1, 3));
    expect(sent.at(-1)).toBe("1#3");
  });

  test("sends nothing more of a run that it forgets, and goes on with the others", () => {
    const sent: string[] = [];
    const outbox = new Outbox<AnswerMessage>("process", true, (message) => sent.push(shown(message)));
    outbox.send(answer(1, 1), [pieces(9)]);
    outbox.send(answer(2, 1), [pieces(1)]);
    outbox.forget(1);
    outbox.taken();
    outbox.taken();
    expect(sent).toEqual(["1:0", "1:1", "2:0", "2#1"]);
  });
});

test("a worker whose pieces do not fit together, or whose message comes before its value, is ended", async () => {
  const program = programOf(compile({ name: "main.ax", text: "fn main() -> Int { 1 }" }), BUILTIN_REGISTRY);
  const run = new PoolRun(await prepareRun(program, "", { tracing: false }), { resolve: vi.fn(), reject: vi.fn() }, vi.fn());
  const link = { send: vi.fn(), stop: vi.fn(), keepAlive: vi.fn() };
  const worker = new PoolWorker("process", () => link);
  worker.begin(run);
  worker.receive({ type: "piece", run: run.id, piece: { ops: "U", data: [], jsonBytes: 0, isLast: false } });
  expect(link.send).toHaveBeenLastCalledWith({ type: "taken" });
  expect(link.stop).not.toHaveBeenCalled();
  worker.receive({ type: "piece", run: run.id, piece: { ops: "L", data: [5], jsonBytes: 0, isLast: true } });
  expect(link.stop).toHaveBeenCalledOnce();
  const call = { type: "call", call: 1, capability: "net.fetch", remainingMs: undefined, budgetRemaining: undefined } as const;
  worker.receive({ ...call, run: run.id, args: [null], idempotencyKey: "", ownFiles: [] });
  expect(link.stop).toHaveBeenCalledTimes(2);
});
