/** Pins: hashes of what a tool was when it was imported. */
import { sha256Hex } from "../gateway/digest.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";

/** A tool as its server lists it. */
export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonData;
  readonly outputSchema: JsonData | undefined;
  /** Whether the server says that a second call changes nothing. */
  readonly mayRepeat: boolean;
  /** Whether the tool can only be called as a task of the protocol's extension, which imports do not support. */
  readonly isTaskOnly: boolean;
}

/** The pin of a tool's contract. If it changes, the tool must be imported again. */
export function contractPin({ name, inputSchema, outputSchema }: ListedTool): string {
  const members = new Map<string, JsonData>([
    ["name", name],
    ["inputSchema", inputSchema],
  ]);
  if (outputSchema !== undefined) members.set("outputSchema", outputSchema);
  return sha256Hex(canonicalJson(members));
}

/** The pin of a tool's description. If it changes, programs still fit, but people should know. */
export function descriptionPin({ description }: ListedTool): string {
  return sha256Hex(description);
}
