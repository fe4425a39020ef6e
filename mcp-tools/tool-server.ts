/**
 * The connection to an MCP server whose tools were imported. The first call of any run opens it, and it serves all runs until `close`. After
 * each connect, before any call, the server lists its tools, and they are compared with their pins: hashes of the tools as they were
 * imported.
 *
 * If the server ends, each call in progress fails. If no call is in progress, the next call fails, so that the program notices the loss of
 * the server's state. The call after that starts the server again.
 */
import type { HandlerContext } from "../gateway/handlers.ts";
import { CapabilityFailure } from "../gateway/handlers.ts";
import { importOptional } from "../gateway/optional-package.ts";
import { plainAnswer } from "../gateway/plain-values.ts";
import type { PlainValue } from "../vm/json/js-interop.ts";
import { parseType } from "../vm/value/type.ts";
import type { Connection, ToolAnswer } from "./client/mcp-client.ts";
import { ServerFailure } from "./client/server-failure.ts";
import type { DeclaredTool, ToolDeclaration } from "./declaration.ts";
import { contractPin, descriptionPin, type ListedTool } from "./pins.ts";
import { scrubber } from "./scrub.ts";

export interface ToolServerOptions {
  /** The folder in which a command starts. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receives a warning to show to the user. */
  readonly onWarning: (text: string) => void;
}

/** A connection whose tools were compared with their pins. */
interface Connected {
  readonly connection: Connection;
  /** The tools that may not be called, by name, each with the reason. */
  readonly refused: ReadonlyMap<string, string>;
}

const JSON_TYPE = parseType("Json");
/** Limit on the message of a failed tool, in UTF-16 code units. */
const MAX_MESSAGE_CHARS = 2_000;

export class ToolServer {
  readonly #declaration: ToolDeclaration;
  readonly #options: ToolServerOptions;
  /** Removes the secrets of the server from data. */
  readonly #scrub: (value: unknown) => unknown;
  #connected: Promise<Connected> | undefined;
  /** Aborted by `close`. */
  readonly #closing = new AbortController();

  constructor(declaration: ToolDeclaration, options: ToolServerOptions) {
    this.#declaration = declaration;
    this.#options = options;
    this.#scrub = scrubber(declaration.server, options.env);
  }

  /** Makes one call. Throws `CapabilityFailure`. If the tool has changed, the program cannot catch the failure. */
  async call(tool: DeclaredTool, args: PlainValue, { signal }: HandlerContext): Promise<unknown> {
    const members = wireArguments(args);
    const { timeoutMs } = this.#declaration;
    try {
      const connected = await this.#connect();
      const refusal = connected.refused.get(tool.tool);
      if (refusal !== undefined) throw new CapabilityFailure(refusal, "host_fault");
      signal.throwIfAborted();
      return this.#answerOf(tool, await this.#callOn(connected.connection, tool, members, { signal, timeoutMs }));
    } catch (error) {
      throw error instanceof ServerFailure ? new CapabilityFailure(textOf(this.#scrub(error.message))) : error;
    }
  }

  async #callOn(
    connection: Connection,
    tool: DeclaredTool,
    args: Readonly<Record<string, unknown>>,
    options: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<ToolAnswer> {
    try {
      return await connection.callTool(tool.tool, args, options);
    } catch (error) {
      if (connection.ended !== undefined) await this.#forget(connection);
      throw error;
    }
  }

  /** Drops a connection that has ended, so that the next call opens another. */
  async #forget(connection: Connection): Promise<void> {
    const current = this.#connected;
    if ((await current?.catch(() => undefined))?.connection !== connection) return;
    if (this.#connected === current) this.#connected = undefined;
    this.#showStderr(connection.stderr);
    await connection.close();
  }

  /** Shows the server's stderr, which may explain why it ended. The log does not contain it. */
  #showStderr(stderr: string): void {
    if (this.#closing.signal.aborted || stderr === "") return;
    this.#options.onWarning(`the server of ${this.#declaration.name} has ended; the end of its stderr:\n${textOf(this.#scrub(stderr))}`);
  }

  #connect(): Promise<Connected> {
    if (this.#closing.signal.aborted) throw new ServerFailure(`the server of ${this.#declaration.name} was closed`);
    const connecting = (this.#connected ??= this.#open());
    connecting.catch(() => {
      if (this.#connected === connecting) this.#connected = undefined;
    });
    return connecting;
  }

  async #open(): Promise<Connected> {
    // The SDK takes a third of a second to load.
    const { connect } = await importOptional(
      "an imported tool",
      () => import("./client/mcp-client.ts"),
      (text) => new ServerFailure(text),
    );
    const { name, startTimeoutMs, tools } = this.#declaration;
    const { cwd, env } = this.#options;
    let connection: Connection;
    try {
      connection = await connect({ ...this.#declaration, cwd, env, signal: this.#closing.signal });
    } catch (error) {
      if (error instanceof ServerFailure) this.#showStderr(error.stderr);
      throw error;
    }
    try {
      const listed = await connection.listTools(startTimeoutMs);
      const { refused, warnings } = compareTools(name, tools, listed);
      for (const warning of warnings) this.#options.onWarning(warning);
      if (this.#closing.signal.aborted) throw new ServerFailure(`the server of ${name} was closed`);
      return { connection, refused };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  #answerOf({ capability, hasOutput }: DeclaredTool, { content, structuredContent, isError }: ToolAnswer): unknown {
    if (isError) throw new CapabilityFailure(textOf(this.#scrub(messageOf(content))));
    if (hasOutput && structuredContent === undefined)
      throw new CapabilityFailure(`${capability} answered without the structured content that its schema declares`);
    const rest = structuredContent === undefined ? {} : { structuredContent };
    const answer = this.#scrub(hasOutput ? structuredContent : { content, ...rest });
    // Checked here, because the gateway would report an invalid value as a fault of this handler.
    const checked = plainAnswer(answer, JSON_TYPE, []);
    if ("problem" in checked) throw new CapabilityFailure(`${capability} answered ${checked.problem}`);
    return answer;
  }

  /** Ends the server. Calls in progress fail. */
  async close(): Promise<void> {
    this.#closing.abort();
    const connected = await this.#connected?.catch(() => undefined);
    await connected?.connection.close();
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Compares the tools that the server lists with the tools as they were imported. Returns the ones that may not be called, with the reason. */
export function compareTools(
  name: string,
  declared: readonly DeclaredTool[],
  listed: readonly ListedTool[],
): { readonly refused: ReadonlyMap<string, string>; readonly warnings: readonly string[] } {
  const byName = new Map(listed.map((tool) => [tool.name, tool]));
  const refused = new Map<string, string>();
  const warnings: string[] = [];
  for (const { tool, capability, pin, descriptionPin: oldDescription } of declared) {
    const now = byName.get(tool);
    if (now === undefined) refused.set(tool, `the server of ${name} no longer has the tool of ${capability}; import it again`);
    else if (contractPin(now) !== pin) refused.set(tool, `the tool of ${capability} has changed since it was imported; import it again`);
    else if (descriptionPin(now) !== oldDescription)
      warnings.push(`the server describes ${capability} otherwise than when it was imported`);
  }
  return { refused, warnings };
}

/** Returns the arguments as JSON that every server can read. Throws `CapabilityFailure`. */
function wireArguments(args: PlainValue): Readonly<Record<string, PlainValue>> {
  if (!isObject(args)) throw new CapabilityFailure("the arguments of a tool must be an object");
  rejectUnsendable(args);
  return args;
}

function isObject(value: PlainValue): value is Readonly<Record<string, PlainValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws `CapabilityFailure` for a number that JSON cannot represent, or that other programs would round. */
function rejectUnsendable(root: PlainValue): void {
  const stack: PlainValue[] = [root];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (typeof value === "bigint") throw new CapabilityFailure(`the Int ${value} is beyond 2^53, so a server would round it`);
    if (typeof value === "number" && !Number.isFinite(value)) throw new CapabilityFailure(`${value} is no number of JSON`);
    if (typeof value === "object" && value !== null) for (const part of Object.values<PlainValue>(value)) stack.push(part);
  }
}

/** Returns the text of a failed tool's answer. */
function messageOf(content: unknown): string {
  const blocks: readonly unknown[] = Array.isArray(content) ? content : [];
  const texts = blocks.map((block) => (typeof block === "object" && block !== null && "text" in block ? textOf(block.text) : ""));
  const text = texts.filter((part) => part !== "").join("\n");
  if (text === "") return "the tool failed without a message";
  return text.length <= MAX_MESSAGE_CHARS ? text : `${text.slice(0, MAX_MESSAGE_CHARS)} …`;
}
