/** The settings of the MCP server, and the arguments and answers of its tools. */

/** What the operator allowed when the server started. The settings are plain data, because each thread gets a copy. */
export interface McpSettings {
  /** The canonical JSON of the operator's policy. */
  readonly policy: string;
  /** Whether calls may reach the outside world. */
  readonly live: boolean;
  /** The folder of the logs. */
  readonly logs: string;
  /** Paths of declaration files of `boruna import mcp`, with the modules beside them. */
  readonly tools: readonly string[];
}

/** How long a run may take if the policy has no limit, in milliseconds. */
export const DEFAULT_WALL_MS = 60_000;

/** Default for the maximum bytes of JSON in an answer: about 6,000 tokens. */
export const DEFAULT_RESULT_BYTES = 24_000;
/** The largest value that a client may ask for instead. */
export const MAX_RESULT_BYTES = 1_048_576;

/** The arguments of a tool. They match its input schema. */
export type ToolArgs = Readonly<Record<string, unknown>>;
/** The structured content of an answer, without `protocol_version`. */
export type ToolAnswer = Readonly<Record<string, unknown>>;

export function textArg(args: ToolArgs, name: string): string | undefined {
  const value = args[name];
  return typeof value === "string" ? value : undefined;
}

export function numberArg(args: ToolArgs, name: string): number | undefined {
  const value = args[name];
  return typeof value === "number" ? value : undefined;
}

/** Returns an argument that is an object. The input schema excludes arrays and null. */
export function objectArg(args: ToolArgs, name: string): Readonly<Record<string, unknown>> | undefined {
  const value = args[name];
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;
}

export function listArg(args: ToolArgs, name: string): readonly string[] | undefined {
  const value: unknown = args[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
}
