/** A run description and events that no run has made, for tests of the file format. */
import fc from "fast-check";
import type { RunDescription } from "../../replay/log/run-description.ts";
import type { RunEnd } from "../../replay/log/end-record.ts";
import { sha256Hex } from "../../gateway/digest.ts";
import { runIdOf, type LogHeader } from "../../replay/log/header.ts";
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import type { LogLimits } from "../../replay/log/log-limits.ts";
import { DEFAULT_LIMITS } from "../../vm/limits.ts";
import type { RunEvent } from "../../vm/events.ts";
import { anyText, anyValue } from "./values.ts";

const MODULE = new TextEncoder().encode("module");
const HASH = `sha256:${"0".repeat(64)}`;

const COUNTERS = { total: 1, dispatched: 1, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };

/** Describes a mock run of a module that does not exist. */
export function sampleDescription(args: LogHeader["args"] = new Map()): RunDescription {
  const header = {
    program: { name: "sample", moduleHash: HASH, sourceHash: null, moduleBlob: `sha256:${sha256Hex(MODULE)}` },
    policyHash: HASH,
    policy: new Map([["default_allow", true]]),
    capabilitySetHash: HASH,
    capabilities: [],
    args,
    limits: DEFAULT_LIMITS,
    mode: "mock",
    redactable: false,
    unserved: [],
    flags: [],
  } as const;
  return { header: { ...header, runId: runIdOf(header) }, module: MODULE };
}

/** A contract check, a call that succeeds and one that fails. */
export const SAMPLE_EVENTS: readonly RunEvent[] = [
  { type: "ContractCheck", function: "main", kind: "requires", index: 0, passed: true },
  { type: "CapCall", capability: "fs.read", args: ["a.txt"] },
  { type: "CapResult", capability: "fs.read", result: "häß\n" },
  { type: "CapCall", capability: "net.fetch", args: ["http://example.com/"] },
  { type: "CapError", capability: "net.fetch", kind: "runtime_error", message: "HTTP 404 Not Found" },
];

/** Returns the end of a successful run with this number of events. */
export function successfulRunEnd(events: number, more: Partial<RunEnd> = {}): RunEnd {
  return { outcome: "success", value: 42, error: undefined, steps: 10, allocBytes: 100, counters: COUNTERS, events, ...more };
}

/** Records events in memory. With `end` false, the log has no end record. */
export function recordEvents(
  events: readonly RunEvent[],
  limits: Partial<LogLimits> = {},
  end: RunEnd | false = successfulRunEnd(events.length),
): MemoryRecorder {
  const recorder = memoryRecorder(sampleDescription(), { limits });
  for (const event of events) recorder.append(event);
  if (end !== false) recorder.finish(end);
  return recorder;
}

const name = fc.constantFrom("net.fetch", "fs.read", "own.thing");
const count = fc.nat(2 ** 31);

const single: fc.Arbitrary<readonly RunEvent[]> = fc
  .oneof(
    fc.record({ type: fc.constant("ActorSpawn" as const), actor_id: count, function: anyText }),
    fc.record({ type: fc.constant("MessageSend" as const), from: count, to: count, payload: anyValue }),
    fc.record({ type: fc.constant("MessageReceive" as const), actor_id: count, payload: anyValue }),
    fc.record({ type: fc.constant("UiEmit" as const), tree: anyValue }),
    fc.record({ type: fc.constant("GuardCheck" as const), function: anyText, label: anyText, passed: fc.boolean() }),
    fc.record({ type: fc.constant("SchedulerTick" as const), round: count, active_actor: count }),
    fc.record({
      type: fc.constant("ContractCheck" as const),
      function: anyText,
      kind: fc.constantFrom("requires" as const, "ensures" as const),
      index: count,
      passed: fc.boolean(),
    }),
  )
  .map((event) => [event]);

const call: fc.Arbitrary<readonly RunEvent[]> = fc
  .tuple(
    name,
    fc.array(anyValue, { maxLength: 3 }),
    fc.oneof(
      anyValue.map((result) => ({ result })),
      anyText.map((message) => ({ message })),
    ),
  )
  .map(([capability, args, answer]) => [
    { type: "CapCall", capability, args },
    "result" in answer
      ? { type: "CapResult", capability, result: answer.result }
      : { type: "CapError", capability, kind: "runtime_error", message: answer.message },
  ]);

/** Up to twelve calls and other events. Each call has its answer. */
export const anyEvents: fc.Arbitrary<readonly RunEvent[]> = fc
  .array(fc.oneof(single, call), { maxLength: 12 })
  .map((parts) => parts.flat());
