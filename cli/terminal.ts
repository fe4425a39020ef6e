/** What the command line prints, and where: data on stdout, messages on stderr. */
import { writeSync } from "node:fs";
import { systemReason } from "../replay/log/files.ts";
import { BorunaError } from "../vm/error.ts";
import { Branch, foldTree } from "../vm/json/fold.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";

const STDOUT = 1;
const STDERR = 2;

export type ColorChoice = "auto" | "always" | "never";

export interface Terminal {
  readonly color: boolean;
  /** A line of data. Throws `io_error` where it cannot be written. */
  out(text: string): void;
  /** A line of a message. One that cannot be written is lost: there is nowhere left to tell it. */
  err(text: string): void;
}

/** NO_COLOR and FORCE_COLOR as their conventions say; an explicit choice wins. Colors are for messages, on stderr. */
function wantsColor(choice: ColorChoice, env: NodeJS.ProcessEnv): boolean {
  if (choice !== "auto") return choice === "always";
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return process.stderr.isTTY === true;
}

/** Writes all of the text before it returns, so that nothing is lost when the process exits; a closed pipe is no error. */
function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
    }
  }
}

export function createTerminal(choice: ColorChoice = "auto", env: NodeJS.ProcessEnv = process.env): Terminal {
  return {
    // Asking the host whether stderr is a terminal sets up its stream, which a command without messages need not pay.
    get color() {
      return wantsColor(choice, env);
    },
    out: (text) => {
      try {
        write(STDOUT, `${text}\n`);
      } catch (error) {
        throw new BorunaError("io_error", `cannot write to stdout: ${systemReason(error, "write")}`, {
          hint: "The output is not complete; what the run recorded is.",
          cause: error,
        });
      }
    },
    err: (text) => {
      try {
        write(STDERR, `${text}\n`);
      } catch {
        // See above.
      }
    },
  };
}

/** Text of programs, files and peers that reaches a terminal: control and direction-changing characters are taken out, line feeds and tabs stay. */
export function clean(text: string): string {
  return text.replace(/[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "");
}

/** As `JSON.stringify`, which drops the sign of -0. */
function jsonText(data: unknown): string {
  return foldTree<{ readonly host: unknown }, string>({ host: data }, ({ host }) => {
    if (Object.is(host, -0)) return { leaf: "-0.0" };
    if (host === undefined) return { leaf: "null" };
    if (typeof host !== "object" || host === null) return { leaf: JSON.stringify(host) };
    if (Array.isArray(host))
      return new Branch(
        Array.from(host, (item: unknown) => ({ host: item })),
        (items) => `[${items.join(",")}]`,
      );
    const all: readonly (readonly [string, unknown])[] = Object.entries(host);
    const entries = all.filter(([, value]) => value !== undefined);
    return new Branch(
      entries.map(([, value]) => ({ host: value })),
      (values) => `{${entries.map(([key], i) => `${JSON.stringify(key)}:${values[i]}`).join(",")}}`,
    );
  });
}

/** JSON in one line. What would drive a terminal is escaped, which changes nothing for a reader of JSON. */
export function jsonLine(data: unknown): string {
  return jsonText(data).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export const PROTOCOL_VERSION = 1;

/** The members of a JSON object for `printJson`; Ints beyond 2^53 become text. */
export function members(data: JsonData): Readonly<Record<string, unknown>> {
  return isJsonObject(data) ? Object.fromEntries([...data].map(([key, value]) => [key, jsonToJs(value)])) : {};
}

/** One JSON object with the protocol's version. Fields without a value are left out. */
export function printJson(terminal: Terminal, fields: Readonly<Record<string, unknown>>): void {
  terminal.out(jsonLine({ protocol_version: PROTOCOL_VERSION, ...fields }));
}
