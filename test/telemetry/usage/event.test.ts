import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_EVENT_BYTES, parseUsageEvent, USAGE_FIELDS, type UsageEvent, usageLine } from "../../../telemetry/usage/event.ts";
import { channelOf, usageEvent } from "../../../telemetry/usage/record.ts";
import { VERSION } from "../../../vm/version.ts";
import { scaledRuns } from "../../cases.ts";
import { EVENT } from "./event.ts";

const parsed = (data: unknown): object => parseUsageEvent(JSON.stringify(data));

test("an event has exactly the fields of the specification, in order", () => {
  expect(Object.keys(USAGE_FIELDS)).toEqual(
    "schema_version ts trace_id command subcommand outcome err_class exit_code duration_ms cli_version channel os tenant".split(" "),
  );
  const end = { name: "policy show", exitCode: 2, errorClass: "io_error", traceId: undefined };
  const event = usageEvent(end, undefined);
  expect(Object.keys(JSON.parse(usageLine(event)))).toEqual(Object.keys(USAGE_FIELDS).filter((name) => name !== "tenant"));
  expect(event).toMatchObject({
    schema_version: "1",
    command: "policy",
    subcommand: "show",
    outcome: "error",
    err_class: "io_error",
    exit_code: 2,
    cli_version: VERSION,
    channel: "stable",
    os: process.platform,
  });
  expect(usageEvent(end, "acme").tenant).toBe("acme");
  expect(usageEvent({ ...end, name: "run", exitCode: 0 }, undefined)).toMatchObject({
    command: "run",
    subcommand: null,
    outcome: "ok",
    err_class: null,
  });
});

test("the trace id is that of the run's span, or random", () => {
  const end = { name: "run", exitCode: 0, errorClass: "", traceId: undefined };
  expect(usageEvent({ ...end, traceId: EVENT.trace_id }, undefined).trace_id).toBe(EVENT.trace_id);
  const [a, b] = [usageEvent(end, undefined).trace_id, usageEvent(end, undefined).trace_id];
  expect(a).toMatch(/^[0-9a-f]{32}$/);
  expect(a).not.toBe(b);
});

test.each([
  ["1.0.0", "stable"],
  ["1.0.0+build-7", "stable"],
  ["1.0.0-beta.2", "beta"],
  ["1.0.0-rc1", "rc1"],
])("the channel of %s is %s", (version, channel) => {
  expect(channelOf(version)).toBe(channel);
});

test("an event is parsed from its line", () => {
  for (const event of [EVENT, { ...EVENT, tenant: "acme" }, { ...EVENT, subcommand: null, err_class: null }]) {
    expect(parseUsageEvent(usageLine(event))).toEqual({ event });
  }
});

const LONGEST: UsageEvent = {
  ...EVENT,
  command: "c".repeat(32),
  subcommand: "s".repeat(32),
  err_class: "e".repeat(64),
  exit_code: 255,
  duration_ms: Number.MAX_SAFE_INTEGER,
  cli_version: "9".repeat(64),
  channel: "c".repeat(32),
  os: "o".repeat(32),
  tenant: "t".repeat(64),
};

test("the longest event fits in one atomic write", () => {
  expect(parsed(LONGEST)).toEqual({ event: LONGEST });
  expect(usageLine(LONGEST).length + 1).toBeLessThanOrEqual(MAX_EVENT_BYTES);
});

test.each([
  ["schema_version", "2"],
  ["schema_version", 1],
  ["ts", "yesterday"],
  ["trace_id", "F".repeat(32)],
  ["command", "SENTINEL"],
  ["command", "c".repeat(33)],
  ["command", ""],
  ["subcommand", "\u001b[31m"],
  ["outcome", "fine"],
  ["err_class", "cannot read /home/ada"],
  ["err_class", "e".repeat(65)],
  ["exit_code", -1],
  ["exit_code", 256],
  ["exit_code", 1.5],
  ["exit_code", "0"],
  ["duration_ms", -1],
  ["duration_ms", 1e300],
  ["cli_version", "1 2"],
  ["channel", "Beta"],
  ["os", null],
  ["tenant", "two words"],
  ["tenant", undefined],
])("%s cannot be %j", (name, value) => {
  const data: Record<string, unknown> = { ...EVENT, tenant: "acme", [name]: value };
  const absent = value === undefined;
  expect(parsed(data)).toEqual(absent ? { event: EVENT } : { problem: `not valid: ${name}` });
});

test("every field but the tenant is necessary", () => {
  for (const name of Object.keys(EVENT)) {
    expect(parsed(Object.fromEntries(Object.entries(EVENT).filter(([key]) => key !== name)))).toEqual({ problem: `not valid: ${name}` });
  }
});

test.each([
  ["another field", `{"SENTINEL":1,${JSON.stringify(EVENT).slice(1)}`],
  ["__proto__", `{"__proto__":{},${JSON.stringify(EVENT).slice(1)}`],
  ["a list", JSON.stringify([EVENT])],
  ["null", "null"],
  ["no JSON", "SENTINEL {"],
  ["nothing", ""],
])("%s is refused, and its text is not repeated", (_what, text) => {
  const result = parseUsageEvent(text);
  expect(result).toHaveProperty("problem");
  expect(JSON.stringify(result)).not.toContain("SENTINEL");
});

test("any JSON is an event or has a problem, and what is an event is printable ASCII", () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom(...Object.values(LONGEST)),
  );
  const data = fc
    .record(Object.fromEntries(Object.keys(USAGE_FIELDS).map((name) => [name, value])), { requiredKeys: [] })
    .map((changes) => ({ ...EVENT, ...changes }));
  fc.assert(
    fc.property(fc.oneof(data, fc.jsonValue({ maxDepth: 1 })), (given) => {
      const result = parseUsageEvent(JSON.stringify(given));
      if ("event" in result) expect(usageLine(result.event)).toMatch(/^[\x20-\x7e]+$/);
      else expect(result.problem).toMatch(/^[\x20-\x7e]+$/);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});
