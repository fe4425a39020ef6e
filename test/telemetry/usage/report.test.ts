import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_EVENT_BYTES, usageLine } from "../../../telemetry/usage/event.ts";
import { boundedLines, UsageCounter } from "../../../telemetry/usage/report.ts";
import { scaledRuns } from "../../cases.ts";
import { EVENT } from "./event.ts";

const counterOfRuns = (durations: readonly number[]): UsageCounter => {
  const counter = new UsageCounter();
  const ok = { ...EVENT, command: "run", subcommand: null, outcome: "ok", err_class: null, exit_code: 0 } as const;
  for (const duration_ms of durations) counter.addLine(usageLine({ ...ok, duration_ms }));
  return counter;
};

test("errors are counted by command and class", () => {
  const counter = counterOfRuns([10, 20, 30]);
  for (const err_class of ["io_error", "usage", "io_error"]) counter.addLine(usageLine({ ...EVENT, err_class }));
  counter.addLine(usageLine({ ...EVENT, command: "run", subcommand: null, err_class: "denied" }));
  counter.addLine("{}");
  counter.addLine(undefined);
  expect(counter.report()).toEqual({
    events: 7,
    malformed: 2,
    commands: [
      {
        command: "policy show",
        events: 3,
        errors: 3,
        errorClasses: [
          ["io_error", 2],
          ["usage", 1],
        ],
        p50: 148,
        p90: 148,
        p99: 148,
      },
      { command: "run", events: 4, errors: 1, errorClasses: [["denied", 1]], p50: 20, p90: 148, p99: 148 },
    ],
  });
});

test("percentiles are the nearest rank, at most 1.6% too low", () => {
  const durations = fc.array(fc.oneof(fc.nat(127), fc.nat(100_000), fc.maxSafeNat()), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(durations, (list) => {
      const [run] = counterOfRuns(list).report().commands;
      const ascending = list.toSorted((a, b) => a - b);
      for (const [share, value = 0] of [
        [0.5, run?.p50],
        [0.9, run?.p90],
        [0.99, run?.p99],
      ] as const) {
        const exact = ascending[Math.max(0, Math.ceil(list.length * share) - 1)] ?? 0;
        expect(value).toBeLessThanOrEqual(exact);
        expect(value).toBeGreaterThanOrEqual(exact < 128 ? exact : exact * (1 - 1 / 64));
      }
    }),
    { numRuns: scaledRuns(1_000) },
  );
});

test("a forged file with many commands and error classes takes bounded memory", () => {
  const counter = new UsageCounter();
  const word = (i: number): string => `w${i}`;
  for (let i = 0; i < 1_000; i++) counter.addLine(usageLine({ ...EVENT, command: word(i), subcommand: null, err_class: word(i) }));
  for (let i = 0; i < 1_000; i++) counter.addLine(usageLine({ ...EVENT, command: "w0", subcommand: null, err_class: word(i) }));
  const { commands, events } = counter.report();
  expect(events).toBe(2_000);
  expect(commands).toHaveLength(129);
  expect(commands.find(({ command }) => command === "other")?.events).toBe(872);
  expect(commands.find(({ command }) => command === "w0")?.errorClasses).toHaveLength(65);
});

test("lines are the same however the bytes are cut", () => {
  const text = fc
    .array(fc.constantFrom("a", "é", "\n", "x".repeat(MAX_EVENT_BYTES - 1), "y"), { maxLength: 20 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 7_000 }), (whole, size) => {
      const bytes = Buffer.from(whole, "utf8");
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      const expected = whole
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => (Buffer.byteLength(line) > MAX_EVENT_BYTES ? undefined : line));
      expect([...boundedLines(chunks)]).toEqual(expected);
    }),
    { numRuns: scaledRuns(1_000) },
  );
});
