import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SpanRow } from "../../viewer/api.ts";
import { SpanStore } from "../../viewer/span-store.ts";
import { storedSpan } from "../../viewer/stored-span.ts";
import { rowJson, rowsOf } from "../../viewer/timeline.ts";
import { decodeTraceRequest } from "../../viewer/otlp.ts";
import { scaledRuns, DEEP } from "../cases.ts";
import { type SentSpan, spanId, TRACE, traceRequest } from "./test-viewer.ts";

function rowsOfSpans(spans: readonly SentSpan[]): readonly SpanRow[] {
  const store = new SpanStore({ limitBytes: 2 ** 30, onChange: () => undefined });
  for (let from = 0; from < spans.length; from += 5_000) {
    const request = JSON.stringify(traceRequest(spans.slice(from, from + 5_000)));
    store.add(decodeTraceRequest(Buffer.from(request), "json").map(storedSpan));
  }
  const trace = store.traces.get(TRACE);
  if (trace === undefined) return [];
  const arranged = rowsOf(trace);
  return arranged.spans.flatMap((_, row) => rowJson(arranged, row, () => undefined) ?? []);
}

const outline = (spans: readonly SentSpan[]): readonly string[] =>
  rowsOfSpans(spans).map(({ depth, name }) => `${"-".repeat(depth)}${name}`);

describe("rows of a trace", () => {
  test("children follow their parent, siblings in the order of their start", () => {
    const spans = [
      { spanId: spanId(4), parentSpanId: spanId(2), name: "d", start: 20 },
      { spanId: spanId(3), parentSpanId: spanId(1), name: "c", start: 5 },
      { spanId: spanId(1), name: "a", start: 0, end: 100 },
      { spanId: spanId(2), parentSpanId: spanId(1), name: "b", start: 10 },
    ];
    expect(outline(spans)).toEqual(["a", "-c", "-b", "--d"]);
    expect(rowsOfSpans(spans).map(({ parentRow, descendants }) => [parentRow, descendants])).toEqual([
      [undefined, 3],
      [0, 0],
      [0, 1],
      [2, 0],
    ]);
  });

  test("a span whose parent is missing is a root; spans in a cycle are shown once", () => {
    expect(
      outline([
        { spanId: spanId(1), parentSpanId: spanId(2), name: "a", start: 1 },
        { spanId: spanId(2), parentSpanId: spanId(3), name: "b", start: 2 },
        { spanId: spanId(3), parentSpanId: spanId(1), name: "c", start: 3 },
        { spanId: spanId(4), parentSpanId: spanId(4), name: "self", start: 4 },
        { spanId: spanId(5), parentSpanId: spanId(99), name: "lost", start: 5 },
      ]),
    ).toEqual(["lost", "a", "-c", "--b", "self"]);
  });

  test("siblings that overlap are in different lanes", () => {
    const lanes = rowsOfSpans([
      { spanId: spanId(1), name: "root", end: 100 },
      { spanId: spanId(2), parentSpanId: spanId(1), start: 0, end: 50 },
      { spanId: spanId(3), parentSpanId: spanId(1), start: 10, end: 20 },
      { spanId: spanId(4), parentSpanId: spanId(1), start: 20, end: 60 },
      { spanId: spanId(5), parentSpanId: spanId(1), start: 50, end: 70 },
    ]).map(({ lane, lanes: all }) => `${lane}/${all}`);
    expect(lanes).toEqual(["0/1", "0/2", "1/2", "1/2", "0/2"]);
  });

  test("spans below a branch get its name", () => {
    const branch = { "flow.construct": "par.branch", index: 2 };
    const spans = [
      { spanId: spanId(1), name: "boruna.run" },
      { spanId: spanId(2), parentSpanId: spanId(1), name: "boruna.flow", attributes: branch, start: 1 },
      { spanId: spanId(3), parentSpanId: spanId(2), name: "boruna.cap", attributes: { "cap.name": "fs.read", "cap.call": 7 }, start: 2 },
    ];
    expect(rowsOfSpans(spans).map(({ task, label, call }) => [task, label, call])).toEqual([
      [undefined, "", undefined],
      ["branch 2", "par.branch", undefined],
      ["branch 2", "fs.read", 7],
    ]);
  });

  test.runIf(DEEP)("a chain of 50,000 spans, and 50,000 siblings at once", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => ({ spanId: spanId(i + 1), parentSpanId: spanId(i), start: i, end: 100_000 }));
    expect(rowsOfSpans(chain).at(-1)).toMatchObject({ depth: 49_999, descendants: 0 });
    expect(rowsOfSpans(chain)[0]).toMatchObject({ descendants: 49_999 });
    const siblings = chain.map((span) => ({ ...span, parentSpanId: spanId(1) }));
    expect(Math.max(...rowsOfSpans(siblings).map(({ lanes }) => lanes))).toBe(64);
  });

  test("times out of order or out of range do no harm", () => {
    const span = rowsOfSpans([{ spanId: spanId(1), start: 100, end: 5 }])[0];
    expect(span).toMatchObject({ startNs: 0, durationNs: 0 });
  });

  test("any links between spans: every span has one row, and lies within its parent's descendants", () => {
    const links = fc.array(fc.record({ parent: fc.nat(30), start: fc.nat(20), length: fc.nat(20) }), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(links, (given) => {
        const spans = given.map(({ parent, start, length }, i) => ({
          spanId: spanId(i + 1),
          ...(parent === 0 ? {} : { parentSpanId: spanId(parent) }),
          start,
          end: start + length,
        }));
        const found = rowsOfSpans(spans);
        expect(found.map((row) => row.spanId).toSorted()).toEqual(spans.map((span) => span.spanId).toSorted());
        for (const { row, parentRow, depth, lane, lanes } of found) {
          expect(lane).toBeLessThan(lanes);
          const parent = parentRow === undefined ? undefined : found[parentRow];
          expect(depth).toBe(parent === undefined ? 0 : parent.depth + 1);
          if (parent !== undefined) expect(row > parent.row && row <= parent.row + parent.descendants).toBe(true);
        }
      }),
      { numRuns: scaledRuns(1_000) },
    );
  });
});
