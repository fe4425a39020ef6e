/** Makes the attributes of control-flow spans. The spans and the observers of an embedder get the same attributes. */
import type { FlowSpanEnd, FlowSpanStart } from "../vm/host.ts";
import type { SpanAttributes } from "./attributes.ts";
import { filePath, shorten } from "./code-attributes.ts";

export type FlowSpanName = "boruna.call" | "boruna.flow";
export type FlowAttributes = SpanAttributes<"boruna.call"> & SpanAttributes<"boruna.flow">;

export function flowSpanName({ construct }: FlowSpanStart): FlowSpanName {
  return construct === "call" ? "boruna.call" : "boruna.flow";
}

/** Returns the attributes that are known when a span begins. */
export function flowStartAttributes(start: FlowSpanStart): FlowAttributes {
  const attributes: FlowAttributes =
    start.construct === "call" ? { "code.function.name": shorten(start.function) } : { "flow.construct": start.construct };
  const path = start.file === undefined ? undefined : filePath(start.file);
  if (path !== undefined) attributes["code.file.path"] = path;
  if (path !== undefined && start.line !== undefined) attributes["code.line.number"] = start.line;
  if (start.argumentCount !== undefined) attributes["call.argument_count"] = start.argumentCount;
  if (start.branchCount !== undefined) attributes.branch_count = start.branchCount;
  if (start.armCount !== undefined) attributes.arm_count = start.armCount;
  if (start.variableName !== undefined) attributes.variable_name = shorten(start.variableName);
  if (start.index !== undefined) attributes.index = start.index;
  return attributes;
}

/** Returns the attributes that are known only when a span ends, or undefined if there are none. */
export function flowEndAttributes(end: FlowSpanEnd): FlowAttributes | undefined {
  const { outcome, branchTaken, armTaken, iterationCount, brokeEarly } = end;
  if (outcome === undefined && branchTaken === undefined && armTaken === undefined && iterationCount === undefined) return undefined;
  const attributes: FlowAttributes = {};
  if (outcome !== undefined) attributes["error.type"] = outcome;
  if (branchTaken !== undefined) attributes.branch_taken = branchTaken;
  if (armTaken !== undefined) attributes.arm_taken = armTaken;
  if (iterationCount !== undefined) attributes.iteration_count = iterationCount;
  if (brokeEarly !== undefined) attributes.broke_early = brokeEarly;
  return attributes;
}
