/** Says how a binding that is not declared `mut` becomes a variable. */
import type { Fix } from "../diagnostics.ts";
import type { Local } from "../ir.ts";
import type { FunctionChecker } from "./context.ts";

/** The maximum distance between `let` and a name of its pattern, in code units. */
const MAX_LET_DISTANCE = 200;

/** Returns help and a fix for an assignment to a binding that is not declared `mut`. */
export function suggestMut(checker: FunctionChecker, { name, span }: Local): { readonly help: string; readonly fixes: readonly Fix[] } {
  const before = checker.scope.unit.text.slice(Math.max(0, span.start - MAX_LET_DISTANCE), span.start);
  const [, header, afterLet] = /(?:\b(if|while)\s+)?\blet\s+([^;=\n]*)$/.exec(before) ?? [];
  // `if let` and `while let` do not accept `mut`.
  if (afterLet === undefined || header !== undefined)
    return { help: `make a variable of it first: \`let mut ${name} = ${name}\``, fixes: [] };
  const nameStart = span.start - afterLet.length;
  const help = afterLet === "" ? `declare it with \`let mut ${name}\`` : "declare the names of the pattern with `let mut`";
  return { help, fixes: [{ title: "declare it `mut`", edits: [{ span: { start: nameStart, end: nameStart }, text: "mut " }] }] };
}
