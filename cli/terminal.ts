/** Output of the command line: data on stdout, messages on stderr. */
import { writeSync } from "node:fs";
import { systemErrorText } from "../replay/log/files.ts";
import { BorunaError, errorCode } from "../vm/error.ts";
import { Branch, foldTree } from "../vm/json/fold.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";

const STDOUT = 1;
const STDERR = 2;
/** Moves to the start of the line and erases it. */
const ERASE_LINE = "\r\u001b[K";

export type ColorChoice = "auto" | "always" | "never";

export interface Terminal {
  /** Whether messages on stderr have colors. */
  readonly color: boolean;
  /** Whether data on stdout may have colors. */
  readonly outColor: boolean;
  /** The width of the terminal in columns. Undefined if stdout is not a terminal. */
  readonly columns: number | undefined;
  /** Prints a line of data. Throws `io_error` if stdout cannot be written. */
  out(text: string): void;
  /** Whether progress can be shown: stderr is a terminal that can erase a line. */
  readonly hasProgress: boolean;
  /** Shows a line on stderr that the next output replaces; undefined removes it. Only for a terminal with `hasProgress`. */
  progress(text: string | undefined): void;
  /** Whether the program that reads stdout has closed it. */
  readonly isOutClosed: boolean;
  /** Prints a line of a message. If stderr cannot be written, the line is lost, because there is nowhere else to print it. */
  err(text: string): void;
}

/** Decides whether a stream has colors: by `--color`, otherwise by the NO_COLOR and FORCE_COLOR conventions. */
function wantsColor(choice: ColorChoice, env: NodeJS.ProcessEnv, stream: () => NodeJS.WriteStream): boolean {
  if (choice !== "auto") return choice === "always";
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return stream().isTTY === true;
}

/** Writes synchronously, so that no text is lost when the process exits. Returns false if the reader has closed the pipe, which is no error. */
function write(descriptor: number, text: string): boolean {
  const bytes = Buffer.from(text, "utf8");
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(descriptor, bytes, offset);
    } catch (error) {
      const code = errorCode(error);
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
    }
  }
  return true;
}

export function createTerminal(choice: ColorChoice = "auto", env: NodeJS.ProcessEnv = process.env): Terminal {
  let isOutClosed = false;
  let showsProgress = false;
  const writeMessage = (text: string): void => {
    try {
      write(STDERR, text);
    } catch {
      // There is nowhere else to report this.
    }
  };
  const eraseProgress = (): void => {
    if (showsProgress) writeMessage(ERASE_LINE);
    showsProgress = false;
  };
  return {
    get hasProgress() {
      return process.stderr.isTTY === true && env.TERM !== "dumb";
    },
    progress: (text) => {
      eraseProgress();
      if (text === undefined) return;
      showsProgress = true;
      writeMessage(withoutControlCharacters(text).slice(0, (process.stderr.columns || 80) - 1));
    },
    get isOutClosed() {
      return isOutClosed;
    },
    // This is a getter because reading `process.stderr.isTTY` sets up the stream, which a command without messages does not need.
    get color() {
      return wantsColor(choice, env, () => process.stderr);
    },
    get outColor() {
      return wantsColor(choice, env, () => process.stdout);
    },
    get columns() {
      return process.stdout.isTTY === true ? process.stdout.columns || 80 : undefined;
    },
    out: (text) => {
      eraseProgress();
      try {
        isOutClosed = !write(STDOUT, `${text}\n`);
      } catch (error) {
        throw new BorunaError("io_error", `cannot write to stdout: ${systemErrorText(error, "write")}`, {
          hint: "The output is not complete; what the run recorded is.",
          cause: error,
        });
      }
    },
    err: (text) => {
      eraseProgress();
      writeMessage(`${text}\n`);
    },
  };
}

const KEPT_CHARACTERS = "\t\n\ufeff";

/** Removes control and bidirectional formatting characters from text that others wrote. Keeps line feeds and tabs. */
export function withoutControlCharacters(text: string): string {
  return replaceUnsafe(text, (character) => (KEPT_CHARACTERS.includes(character) ? character : ""));
}

/** Returns the same text as `JSON.stringify`, except that it keeps the sign of -0. */
function jsonText(data: unknown): string {
  return foldTree<{ readonly node: unknown }, string>({ node: data }, ({ node }) => {
    if (Object.is(node, -0)) return { leaf: "-0.0" };
    if (node === undefined) return { leaf: "null" };
    if (typeof node !== "object" || node === null) return { leaf: JSON.stringify(node) };
    if (Array.isArray(node))
      return new Branch(
        Array.from(node, (item: unknown) => ({ node: item })),
        (items) => `[${items.join(",")}]`,
      );
    const allEntries: readonly (readonly [string, unknown])[] = Object.entries(node);
    const entries = allEntries.filter(([, value]) => value !== undefined);
    return new Branch(
      entries.map(([, value]) => ({ node: value })),
      (values) => `{${entries.map(([key], i) => `${JSON.stringify(key)}:${values[i]}`).join(",")}}`,
    );
  });
}

/** Returns the data as JSON on one line. Writes characters that control a terminal as JSON escapes. */
export function jsonLine(data: unknown): string {
  return replaceUnsafe(jsonText(data), (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The version of the form of `--json` output. */
export const PROTOCOL_VERSION = 1;

/** Converts a JSON object to a plain object for `printJson`. Ints beyond 2^53 become strings. */
export function toPlainObject(data: JsonData): Readonly<Record<string, unknown>> {
  return isJsonObject(data) ? Object.fromEntries([...data].map(([key, value]) => [key, jsonToJs(value)])) : {};
}

/** Prints one JSON object with the protocol version. Omits fields that are undefined. */
export function printJson(terminal: Terminal, fields: Readonly<Record<string, unknown>>): void {
  terminal.out(jsonLine({ protocol_version: PROTOCOL_VERSION, ...fields }));
}
