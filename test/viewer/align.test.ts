import { describe, expect, test } from "vitest";
import { memorySource } from "../../replay/log/log-source.ts";
import { parseLog } from "../../replay/log/log-reader.ts";
import { diffLogs } from "../../replay/diff.ts";
import type { RunEvent } from "../../vm/events.ts";
import { alignEvents } from "../../viewer/page/align.ts";
import { recordEvents } from "../replay/sample.ts";

const callOf = (unit: string): RunEvent[] => [
  { type: "CapCall", capability: "time.now", args: [unit] },
  { type: "CapResult", capability: "time.now", result: 1 },
];
const logOf = (...units: readonly string[]) => parseLog(memorySource(recordEvents(units.flatMap(callOf)).bytes()));

/** For each row, the numbers of the events of both logs, and the kind of the difference. */
function rowsOf(a: ReturnType<typeof logOf>, b: ReturnType<typeof logOf>) {
  const differences = [...diffLogs(a, b)];
  const answer = {
    same: differences.length === 0,
    equal: 0,
    total: differences.length,
    differences: differences.map(({ kind, a, b, events }) => ({ kind, a, b, events })),
  };
  const { segments } = alignEvents(answer, a.eventCount, b.eventCount);
  return segments.flatMap(({ rows, a, b, difference }) =>
    Array.from(
      { length: rows },
      (_, i) => `${a === undefined ? "-" : a + i} ${b === undefined ? "-" : b + i} ${difference?.kind ?? "equal"}`,
    ),
  );
}

describe("the rows of two logs", () => {
  test("a call that only one log has takes a row for each of its events, and the rows after it show equal events", () => {
    const rows = ["1 1 equal", "2 2 equal", "3 - only_a", "4 - only_a", "5 3 equal", "6 4 equal"];
    expect(rowsOf(logOf("s", "ms", "s"), logOf("s", "s"))).toEqual(rows);
    expect(rowsOf(logOf("s", "s"), logOf("s", "ms", "s"))).toEqual(
      rows.map((row) => row.replace(/^(\S+) (\S+) (equal|only_)a?/, (_, a, b, kind) => `${b} ${a} ${kind}${kind === "only_" ? "b" : ""}`)),
    );
  });

  test("several such calls, in both logs", () => {
    const rows = rowsOf(logOf("ms", "s", "ns", "us", "s"), logOf("s", "s", "h"));
    const equal = rows.filter((row) => row.endsWith("equal"));
    expect(equal).toEqual(["3 1 equal", "4 2 equal", "9 3 equal", "10 4 equal"]);
    for (const [side, count] of [
      [0, 10],
      [1, 6],
    ] as const)
      expect(rows.map((row) => row.split(" ")[side]).filter((n) => n !== "-")).toEqual(Array.from({ length: count }, (_, i) => `${i + 1}`));
  });
});
