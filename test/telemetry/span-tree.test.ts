import { describe, expect, test } from "vitest";
import { duration, spanLine, type SpanValue, spanTree, type TreeSpan } from "../../telemetry/span-tree.ts";

const TRACE = "a".repeat(32);

function spanOf(
  id: string,
  parent: string | undefined,
  startNs: number,
  more: { name?: string; endNs?: number; attributes?: Record<string, SpanValue>; code?: number } = {},
): TreeSpan {
  const own = {
    traceId: TRACE,
    spanId: id,
    name: more.name ?? id,
    startNs: BigInt(startNs),
    endNs: BigInt(more.endNs ?? startNs + 1_000),
    attributes: new Map(Object.entries(more.attributes ?? {})),
    status: { code: more.code ?? 0 },
  };
  return parent === undefined ? own : { ...own, parentSpanId: parent };
}

test("a call in a library shows where the program called it", () => {
  const library = { "code.file.path": "std/std-http/src/core.ax", "code.line.number": 237 };
  const line = spanLine(
    spanOf("1", undefined, 0, {
      name: "boruna.cap",
      attributes: { ...library, "code.caller.file.path": "a.ax", "code.caller.line.number": 4 },
    }),
  );
  expect(line).toBe("boruna.cap  1.00 µs  std/std-http/src/core.ax:237  from a.ax:4");
});

test("a run with its calls", () => {
  const place = { "code.file.path": "digest.ax", "code.line.number": 12 };
  const spans = [
    spanOf("3", "1", 6_000_000, {
      name: "boruna.cap",
      endNs: 6_200_000,
      code: 2,
      attributes: { "cap.name": "llm.call", "cap.mode": "mock", bytes_in: 90, "error.kind": "unknown", ...place },
    }),
    spanOf("4", "2", 2_000_000, { name: "GET", endNs: 4_500_000 }),
    spanOf("1", "f", 0, {
      name: "boruna.run",
      endNs: 12_345_678,
      attributes: {
        "boruna.program.name": "digest",
        "boruna.run.outcome": "success",
        "boruna.run.mode": "live",
        "boruna.run.calls.total": 3,
        "boruna.run.steps": 420,
      },
    }),
    spanOf("2", "1", 1_000_000, {
      name: "boruna.cap",
      endNs: 5_000_000,
      attributes: { "cap.name": "net.fetch", "cap.mode": "live", bytes_in: 34, bytes_out: 120, "cap.budget_remaining": 4 },
    }),
    spanOf("5", "1", 7_000_000, {
      name: "boruna.cap",
      endNs: 7_000_850,
      attributes: { "cap.name": "fs.write", "error.kind": "denied", "error.type": "denied" },
    }),
  ];
  expect(spanTree(spans)).toBe(
    [
      "boruna.run  digest  12.3 ms  success  live  calls=3  steps=420",
      "├─ boruna.cap  net.fetch  4.00 ms  live  in=34  out=120  budget_left=4",
      "│  └─ GET  2.50 ms",
      "├─ boruna.cap  llm.call  200 µs  ERROR unknown  mock  in=90  digest.ax:12",
      "└─ boruna.cap  fs.write  850 ns  denied",
    ].join("\n"),
  );
});

describe("hostile spans", () => {
  test("spans in a cycle of parents are shown once", () => {
    expect(spanTree([spanOf("1", "2", 0), spanOf("2", "1", 1), spanOf("3", "3", 2)])).toBe("1  1.00 µs\n└─ 2  1.00 µs\n3  1.00 µs");
  });

  test("two spans with one id", () => {
    expect(spanTree([spanOf("1", undefined, 0), spanOf("1", undefined, 1), spanOf("2", "1", 2)]).split("\n")).toHaveLength(3);
  });

  test("a long chain is neither deeply indented nor slow", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => spanOf(String(i), i === 0 ? undefined : String(i - 1), i));
    const lines = spanTree(chain).split("\n");
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toBe("… 19000 more spans");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(140);
  });

  test("many children of one parent", () => {
    const wide = Array.from({ length: 50_000 }, (_, i) => spanOf(`c${i}`, "root", i + 1));
    expect(spanTree([spanOf("root", undefined, 0), ...wide]).split("\n")).toHaveLength(1001);
  });

  test("control characters are replaced", () => {
    const line = spanLine(spanOf("1", undefined, 0, { name: "a\u001b[2Jb\nc\u202e", attributes: { "cap.name": "x".repeat(500) } }));
    expect(line).toMatch(/^a\?\[2Jb\?c\? {2}x{200}… {2}1\.00 µs$/);
  });
});

test("spans that start together are ordered by call number, then by id", () => {
  const call = (id: string, number: number): TreeSpan => spanOf(id, "r", 5, { attributes: { "cap.call": number } });
  expect(
    spanTree([spanOf("r", undefined, 0), call("a", 2), call("b", 1), spanOf("d", "r", 5), spanOf("c", "r", 5)])
      .split("\n")
      .map((line) => line.slice(0, 4)),
  ).toEqual(["r  1", "├─ c", "├─ d", "├─ b", "└─ a"]);
});

test.each([
  [-5n, "0 ns"],
  [0n, "0 ns"],
  [999n, "999 ns"],
  [1_000n, "1.00 µs"],
  [12_345n, "12.3 µs"],
  [999_499n, "999 µs"],
  [999_500n, "1.00 ms"],
  [9_994_999n, "9.99 ms"],
  [9_995_000n, "10.0 ms"],
  [99_950_000n, "100 ms"],
  [61_234_000_000n, "61.2 s"],
  [18_446_744_073_709_551_615n, "18446744074 s"],
])("%d ns is %s", (ns, text) => {
  expect(duration(ns)).toBe(text);
});
