/**
 * The declaration file of an import, `mcp_NAME.json`: the address of the server, and its tools as they were imported. `boruna import mcp`
 * writes it, people may edit the settings, and a run with `--capabilities mcp_NAME.json` reads it.
 *
 *     { "format": "boruna-mcp-1",
 *       "name": "mcp_fs",
 *       "server": { "command": ["mcp-server-filesystem", "notes"], "env": ["HOME"] },
 *       "protocol": "2025-11-25",
 *       "start_timeout_ms": 30000, "timeout_ms": 60000, "max_answer_bytes": 4194304,
 *       "tools": [{ "tool": "read_file", "capability": "mcp_fs.read_file", "pin": "9f…", "description_pin": "3a…", "has_output": false,
 *                   "may_repeat": true, "doc": "Reads a file.", "mock": { "content": [] } }] }
 */
import { BorunaError } from "../vm/error.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import { isJsonArray, isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";

/** How to reach a server. */
export type ServerAddress =
  | {
      readonly command: readonly string[];
      /** Environment variables that the server gets in addition to those without private data (`server-process.ts`). */
      readonly variableNames: readonly string[];
    }
  | {
      readonly url: string;
      /** For each header, the name of the environment variable that holds its value. */
      readonly headerVariables: ReadonlyMap<string, string>;
    };

/** The address of a server, and settings for its connection and its calls. */
export interface ToolServerSettings {
  /** Such as `mcp_fs`. */
  readonly name: string;
  readonly server: ServerAddress;
  /** The version of MCP that the server speaks. */
  readonly protocol: string;
  /** Time limit for connecting, and for listing the tools. */
  readonly startTimeoutMs: number;
  /** Time limit for each call. */
  readonly timeoutMs: number;
  /** Maximum size of one answer, in bytes. */
  readonly maxAnswerBytes: number;
}

/** A tool as it was imported. */
export interface DeclaredTool {
  /** The name under which the server lists the tool. */
  readonly tool: string;
  readonly capability: string;
  /** Hash of the tool's name and schemas when it was imported (`pins.ts`). If the server's differ, the tool may not be called. */
  readonly pin: string;
  /** Hash of the description. If the server's differs, there is a warning. */
  readonly descriptionPin: string;
  /** Whether the tool has an output schema. If so, its answer is the structured content. */
  readonly hasOutput: boolean;
  /** Whether a call whose answer was lost may be made again. */
  readonly mayRepeat: boolean;
  readonly doc: string;
  readonly mock: JsonData;
}

/** The contents of a declaration file. */
export interface ToolDeclaration extends ToolServerSettings {
  readonly tools: readonly DeclaredTool[];
}

const FORMAT = "boruna-mcp-1";

export const DEFAULT_SETTINGS = { startTimeoutMs: 30_000, timeoutMs: 60_000, maxAnswerBytes: 4 * 1024 * 1024 } as const;
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Returns the JSON of the declaration file. */
export function declarationToJson(declaration: ToolDeclaration): unknown {
  const { name, server, protocol, startTimeoutMs, timeoutMs, maxAnswerBytes, tools } = declaration;
  return {
    format: FORMAT,
    name,
    server:
      "url" in server
        ? { url: server.url, headers: Object.fromEntries(server.headerVariables) }
        : { command: server.command, env: server.variableNames },
    protocol,
    start_timeout_ms: startTimeoutMs,
    timeout_ms: timeoutMs,
    max_answer_bytes: maxAnswerBytes,
    tools: tools.map(({ tool, capability, pin, descriptionPin, hasOutput, mayRepeat, doc, mock }) => ({
      tool,
      capability,
      pin,
      description_pin: descriptionPin,
      has_output: hasOutput,
      may_repeat: mayRepeat,
      doc,
      mock: jsonToJs(mock),
    })),
  };
}

/** Reads the text of a declaration file. Throws `capability.invalid_declaration` with the path of the wrong part. */
export function parseDeclaration(text: string): ToolDeclaration {
  const file = new Part(parseJson(text), "the file");
  if (file.text("format") !== FORMAT) throw file.member("format").invalid(`expected ${JSON.stringify(FORMAT)}`);
  file.allowOnly(["format", "name", "server", "protocol", "start_timeout_ms", "timeout_ms", "max_answer_bytes", "tools"]);
  const name = file.text("name");
  return {
    name,
    server: readServer(file.member("server")),
    protocol: file.text("protocol"),
    startTimeoutMs: file.number("start_timeout_ms", MAX_TIMEOUT_MS),
    timeoutMs: file.number("timeout_ms", MAX_TIMEOUT_MS),
    maxAnswerBytes: file.number("max_answer_bytes", MAX_ANSWER_BYTES),
    tools: file
      .member("tools")
      .items()
      .map((tool) => readTool(tool, name)),
  };
}

function readServer(server: Part): ServerAddress {
  if (server.has("url")) {
    server.allowOnly(["url", "headers"]);
    return { url: serverUrl(server.text("url")), headerVariables: server.member("headers").texts() };
  }
  server.allowOnly(["command", "env"]);
  const command = server
    .member("command")
    .items()
    .map((word) => word.textItself());
  if (command.length === 0) throw server.member("command").invalid("expected the words of a command");
  return {
    command,
    variableNames: server
      .member("env")
      .items()
      .map((name) => name.textItself()),
  };
}

/** Checks the URL of a server. Throws `capability.invalid_declaration`. */
export function serverUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.username === "" && parsed.password === "") return url;
  throw new BorunaError("capability.invalid_declaration", "the URL of a server: expected an http or https URL without a user name");
}

function readTool(tool: Part, name: string): DeclaredTool {
  tool.allowOnly(["tool", "capability", "pin", "description_pin", "has_output", "may_repeat", "doc", "mock"]);
  const capability = tool.text("capability");
  if (!capability.startsWith(`${name}.`)) throw tool.member("capability").invalid(`expected a name that begins with ${name}.`);
  return {
    tool: tool.text("tool"),
    capability,
    pin: tool.text("pin"),
    descriptionPin: tool.text("description_pin"),
    hasOutput: tool.flag("has_output"),
    mayRepeat: tool.flag("may_repeat"),
    doc: tool.text("doc"),
    mock: tool.member("mock").data,
  };
}

/** A value in the file, with its path for error messages. Each method checks a type, and throws `capability.invalid_declaration`. */
class Part {
  readonly data: JsonData;
  readonly #path: string;

  constructor(data: JsonData, path: string) {
    this.data = data;
    this.#path = path;
  }

  /** Returns an error that names this part. */
  invalid(problem: string): BorunaError {
    return new BorunaError("capability.invalid_declaration", `${this.#path}: ${problem}`, {
      hint: "`boruna import mcp` writes this file.",
    });
  }

  #members(): ReadonlyMap<string, JsonData> {
    if (isJsonObject(this.data)) return this.data;
    throw this.invalid("expected an object");
  }

  has(name: string): boolean {
    return this.#members().has(name);
  }

  member(name: string): Part {
    const data = this.#members().get(name);
    if (data === undefined) throw this.invalid(`expected a member ${JSON.stringify(name)}`);
    return new Part(data, this.#path === "the file" ? name : `${this.#path}.${name}`);
  }

  /** Throws if the object has a member with another name. */
  allowOnly(names: readonly string[]): void {
    const unknown = [...this.#members().keys()].find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw this.invalid(`the member ${JSON.stringify(unknown.slice(0, 100))} is unknown; known are ${names.join(", ")}`);
  }

  items(): readonly Part[] {
    if (!isJsonArray(this.data)) throw this.invalid("expected a list");
    return this.data.map((item, i) => new Part(item, `${this.#path}[${i}]`));
  }

  /** Returns the members of an object whose values are all texts. */
  texts(): ReadonlyMap<string, string> {
    return new Map([...this.#members().keys()].map((name) => [name, this.member(name).textItself()]));
  }

  /** Returns this value as a text. */
  textItself(): string {
    return typeof this.data === "string" ? this.data : this.#fail("expected a text");
  }

  // Each of the next three methods returns the value of a member.

  text(name: string): string {
    return this.member(name).textItself();
  }

  flag(name: string): boolean {
    const { data } = this.member(name);
    return typeof data === "boolean" ? data : this.member(name).#fail("expected true or false");
  }

  number(name: string, max: number): number {
    const { data } = this.member(name);
    return typeof data === "number" && data >= 1 && data <= max
      ? data
      : this.member(name).#fail(`expected a whole number from 1 to ${max}`);
  }

  #fail(problem: string): never {
    throw this.invalid(problem);
  }
}
