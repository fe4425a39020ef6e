import { UNIT } from "../../vm/value/value.ts";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeModule } from "../../vm/bytecode/codec.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import type { CapabilityAnswer } from "../../vm/host.ts";
import { canonicalJson, isJsonArray, isJsonObject, type JsonData, parseJson } from "../../vm/json/json.ts";
import { DEFAULT_LIMITS } from "../../vm/limits.ts";
import { runMachine } from "../../vm/scheduler/scheduler.ts";
import { textForm } from "../../vm/value/display.ts";
import { valueToTaggedJson } from "../../vm/json/tagged-json.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { testHost } from "./helpers.ts";

const ROOT = join(CONFORMANCE_ROOT, "bytecode");

/** A member of an object; null if it is absent. */
function member(data: JsonData, name: string): JsonData {
  return isJsonObject(data) ? (data.get(name) ?? null) : null;
}

/** Trap kinds by the text of the older machine's error. */
const ERROR_KINDS: readonly (readonly [RegExp, string])[] = [
  [/counterexample/, "contract_violation"],
  [/^assertion failed/, "assertion_failed"],
  [/^division by zero/, "division_by_zero"],
  [/^integer overflow/, "arithmetic_overflow"],
  [/^list index out of bounds/, "index_out_of_bounds"],
  [/^no match found/, "match_exhausted"],
  [/^type error/, "type_error"],
  [/^stack underflow/, "stack_underflow"],
  [/^stack overflow/, "stack_overflow"],
  [/^max execution steps/, "step_limit"],
  [/^capability denied/, "capability_denied"],
  [/^capability budget/, "capability_budget_exceeded"],
  [/^deadlock/, "deadlock"],
  [/^max scheduler rounds/, "max_rounds"],
  [/^actor not found/, "invalid_actor"],
];

/** The older form of an event: its type, then its fields. */
function eventToJson(event: RunEvent): JsonData {
  const fields = new Map<string, JsonData>();
  for (const [name, value] of Object.entries(event)) {
    if (name === "type") continue;
    if (name === "payload" || name === "tree" || name === "result") fields.set(name, valueToTaggedJson(value));
    else if (name === "args") fields.set(name, Array.isArray(value) ? value.map(valueToTaggedJson) : null);
    else fields.set(name, value);
  }
  return new Map([[event.type, fields]]);
}

const cases = readdirSync(ROOT)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));

describe.each(cases)("%s", (name) => {
  const data = parseJson(readFileSync(join(ROOT, `${name}.json`), "utf8"));
  const expected = member(data, "expect");
  const actors = member(data, "run") === "actors";
  const inputs = member(data, "inputs");
  const forms: readonly (readonly [string, () => Uint8Array])[] = [
    ["payload", () => new TextEncoder().encode(canonicalJson(member(data, "module")))],
    ["axbc", () => readFileSync(join(ROOT, `${name}.axbc`))],
  ];

  test.each(forms)("%s", (_form, bytes) => {
    const serve = (input: string): CapabilityAnswer => {
      const value = member(inputs, input);
      return value === null
        ? { ok: false, trap: "capability_failed", message: `no input ${input}` }
        : { ok: true, value: canonicalJson(value) };
    };
    const host = testHost({
      call: ({ capability, args }) =>
        capability.name === "step.input" ? serve(String(args[0])) : { ok: true, value: capability.mock?.(args) ?? UNIT },
    });
    const end = runMachine(verifyModule(decodeModule(bytes())), host, { limits: DEFAULT_LIMITS, args: [], actors });
    if ("then" in end) throw new BorunaError("internal", "no call was asynchronous");

    if (member(expected, "ok") === true) {
      expect(end).toMatchObject({ status: "completed" });
      if (end.status === "completed") {
        expect(canonicalJson(valueToTaggedJson(end.value))).toBe(canonicalJson(member(expected, "value")));
        expect(textForm(end.value)).toBe(member(expected, "display"));
      }
      if (!actors) expect(end.steps).toBe(Number(member(expected, "steps")) - 1);
    } else {
      const error = String(member(expected, "error"));
      const kind = ERROR_KINDS.find(([pattern]) => pattern.test(error))?.[1];
      expect(end).toMatchObject({ status: "trapped", trap: { kind } });
      if (!actors) expect(end.steps).toBe(member(expected, "steps"));
    }
    if (member(expected, "actors") !== null) expect(end.actors).toBe(member(expected, "actors"));
    const expectedEvents = member(member(expected, "events"), "events");
    expect(canonicalJson(host.events.map(eventToJson))).toBe(canonicalJson(expectedEvents));
    const ui = host.events.flatMap((event) => (event.type === "UiEmit" ? [valueToTaggedJson(event.tree)] : []));
    expect(canonicalJson(ui)).toBe(canonicalJson(member(expected, "ui")));
    expect(isJsonArray(expectedEvents)).toBe(true);
  });
});
