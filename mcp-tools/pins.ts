/** Pins: hashes that detect whether a tool has changed since it was imported. */
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
  /** Whether the tool can only be called through MCP's task extension, which imports do not support. */
  readonly isTaskOnly: boolean;
}

/** Returns the pin of a tool's name and schemas. If it changes, the tool must be imported again. */
export function contractPin({ name, inputSchema, outputSchema }: ListedTool): string {
  const members = new Map<string, JsonData>([
    ["name", name],
    ["inputSchema", inputSchema],
  ]);
  if (outputSchema !== undefined) members.set("outputSchema", outputSchema);
  return sha256Hex(canonicalJson(members));
}

/** Returns the pin of a tool's description. If it changes, programs still work, but a warning says so. */
export function descriptionPin({ description }: ListedTool): string {
  return sha256Hex(description);
}
