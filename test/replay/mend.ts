/** Changes logs and recomputes their hash chains, like a forger. */
import { createHash } from "node:crypto";
import { canonicalJson, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";

const DEPTH = { maxDepth: 40_000 };

/** Returns the log with these lines, with the hash chain recomputed. Implements the chain a second time, from its documentation. */
export function withNewHashes(lines: readonly string[]): string {
  let previous = Buffer.alloc(32);
  return lines
    .map((line) => {
      const data = parseJson(line, DEPTH);
      if (!isJsonObject(data)) throw new Error("not an object");
      const content = new Map<string, JsonData>(data);
      for (const notHashed of ["hash", "signature"]) content.delete(notHashed);
      previous = createHash("sha256").update(previous).update(canonicalJson(content)).digest();
      const signature = data.get("signature");
      if (signature !== undefined) content.set("signature", signature);
      return `${canonicalJson(content.set("hash", previous.toString("hex")))}\n`;
    })
    .join("");
}

export const linesOf = (log: string): string[] => log.split("\n").filter((line) => line !== "");

/** Replaces text in one line of a log (from 1) and recomputes the chain. */
export function editLine(log: Uint8Array, line: number, from: string | RegExp, to: string): Uint8Array {
  const lines = linesOf(new TextDecoder().decode(log));
  const before = lines[line - 1] ?? "";
  const after = before.replace(from, to);
  if (before === after) throw new Error(`line ${line} has no ${String(from)}: ${before}`);
  return new TextEncoder().encode(withNewHashes(lines.map((l, i) => (i === line - 1 ? after : l))));
}

/** Changes any lines, then renumbers the events and recomputes their count and the chain. */
export function rewriteLines(log: Uint8Array, change: (lines: string[]) => string[]): Uint8Array {
  let n = 0;
  const lines = change(linesOf(new TextDecoder().decode(log))).map((line) => {
    if (line.startsWith('{"end"')) return line.replace(/"events":\d+/, `"events":${n}`);
    if (!line.startsWith('{"event"')) return line;
    n += 1;
    return line.replace(/"n":\d+\}$/, `"n":${n}}`);
  });
  return new TextEncoder().encode(withNewHashes(lines));
}
