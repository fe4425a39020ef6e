/** The messages between the server and the thread of a tool. */
import type { IncomingContext } from "../telemetry/context.ts";
import type { McpSettings, ToolAnswer, ToolArgs } from "./settings.ts";

/** The data that a thread starts with. */
export interface Job {
  readonly tool: string;
  readonly args: ToolArgs;
  readonly settings: McpSettings;
  /** The parent of the job's spans: the span of the tool call, or what the client sent if the server makes no spans. */
  readonly caller: IncomingContext;
}

/** How far a run has come. */
export interface Progress {
  /** Number of calls that have ended. */
  readonly calls: number;
  readonly message: string;
}

/** A message from a thread to the server. The answer is the last one. */
export type FromThread =
  | { readonly type: "progress"; readonly progress: Progress }
  | { readonly type: "answer"; readonly answer: ToolAnswer; readonly isError: boolean };

/** The only message that the server sends to a thread. */
export const CANCEL = "cancel";
