/** Formats values, events and ends of runs as short texts for reports. */
import type { RunEvent } from "../../vm/events.ts";
import { typeName } from "../../vm/meter.ts";
import type { TypeDef } from "../../vm/bytecode/module.ts";
import { typedText } from "../../vm/value/display.ts";
import { EnumValue, RecordValue, type Value, replaceLoneSurrogates } from "../../vm/value/value.ts";
import type { RunEnd } from "../log/end-record.ts";

/** Maximum number of code points of an excerpt. */
const MAX_EXCERPT_LENGTH = 240;

/** Returns a short text unchanged. Of a long text, returns the part around the code unit `center`, with `…` where it was cut. */
export function excerpt(text: string, center = 0): string {
  if (text.length <= MAX_EXCERPT_LENGTH) return text;
  const start = Math.max(0, center - MAX_EXCERPT_LENGTH);
  const points = Array.from(replaceLoneSurrogates(text.slice(start, center + MAX_EXCERPT_LENGTH)));
  const centerPoint = Array.from(text.slice(start, center)).length;
  const firstPoint = Math.max(0, centerPoint - MAX_EXCERPT_LENGTH / 4);
  const shownText = points.slice(firstPoint, firstPoint + MAX_EXCERPT_LENGTH).join("");
  const isStartCut = start > 0 || firstPoint > 0;
  const isEndCut = center + MAX_EXCERPT_LENGTH < text.length || firstPoint + MAX_EXCERPT_LENGTH < points.length;
  return `${isStartCut ? "…" : ""}${shownText}${isEndCut ? "…" : ""}`;
}

export function valueText(value: Value | undefined, types: readonly TypeDef[], center = 0): string {
  return value === undefined ? "(nothing)" : excerpt(typedText(value, undefined, types), center);
}

/** Returns the type of a value as text: `Int`, or `Point (type 3)` for a declared type, because two types may have the same name. */
export function typeText(value: Value, types: readonly TypeDef[]): string {
  if (!(value instanceof RecordValue || value instanceof EnumValue)) return typeName(value);
  const name = types[value.typeId]?.name;
  return name === undefined ? `type ${value.typeId}` : `${name} (type ${value.typeId})`;
}

export function eventText(event: RunEvent, types: readonly TypeDef[]): string {
  const value = (v: Value): string => valueText(v, types);
  switch (event.type) {
    case "CapCall":
      return `${event.capability}(${event.args.map(value).join(", ")})`;
    case "CapResult":
      return `${event.capability} → ${value(event.result)}`;
    case "CapError":
      return `${event.capability} failed (${event.kind}): ${excerpt(event.message)}`;
    case "Approval":
      return `call ${event.call} ${event.decision} by ${excerpt(event.by)}`;
    case "ActorSpawn":
      return `spawn of actor ${event.actor_id}, which runs ${event.function}`;
    case "MessageSend":
      return `message from actor ${event.from} to actor ${event.to}: ${value(event.payload)}`;
    case "MessageReceive":
      return `message received by actor ${event.actor_id}: ${value(event.payload)}`;
    case "UiEmit":
      return `emit ${value(event.tree)}`;
    case "SchedulerTick":
      return `round ${event.round}, turn of actor ${event.active_actor}`;
    case "ContractCheck":
      if (event.kind === "output") return `guard ${excerpt(event.function)}: ${event.passed ? "holds" : "fails"}`;
      return `${event.kind} ${event.index + 1} of ${event.function}: ${event.passed ? "holds" : "fails"}`;
    case "GuardCheck":
      return `guard in ${event.function}, ${excerpt(event.label)}: ${event.passed ? "holds" : "fails"}`;
  }
}

export function endText(end: Pick<RunEnd, "outcome" | "value" | "error">, types: readonly TypeDef[]): string {
  if (end.error === undefined) return `${end.outcome}: ${valueText(end.value, types)}`;
  const rule = end.error.rule === undefined ? "" : `, rule ${end.error.rule}`;
  return `${end.outcome}: ${end.error.kind} at step ${end.error.step}${rule}: ${excerpt(end.error.message)}`;
}
