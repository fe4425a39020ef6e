/** Type arguments where a value stands, `id<Int>(3)`: told, and passed over. */
import type { TokenKind } from "../tokens.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName } from "../../vm/value/type.ts";
import type { Cursor } from "./cursor.ts";

/** Longer ones are not looked for, so that reading stays linear. */
const MAX_TOKENS = 64;

/** What may stand between `<` and `>`; brackets only where they are those of a function type. */
const TYPE_TOKENS: ReadonlySet<TokenKind> = new Set(["name", ",", "<", ">", "(", ")", "->", "!", "{", "}", "."]);

/** What follows type arguments and never follows a comparison sign. */
const ENDS: ReadonlySet<TokenKind> = new Set(["::", "{", "}", ")", "]", ",", ";", ".", "eof"]);

/**
 * At the `<` after a name or a literal, or at `::` before it: whether type arguments stand here, and how many tokens
 * they have. Comparisons do not chain, so that `a < b > c` is wrong in any case and the question is only what to say.
 * With a comma it is wrong only where lines count: `f(a < b, c > (d))` has two arguments. There the names must be
 * those of built-in types.
 */
function typeArgumentsHere(c: Cursor): number | undefined {
  const from = c.at("::") ? 1 : 0;
  const first = c.peek(from + 1);
  if (c.peek(from).kind !== "<" || first.kind !== "name" || c.atNewline()) return undefined;
  const written = from === 1 || c.token.start === c.lastEnd || /^[A-Z]/.test(first.value);
  let depth = 0;
  let brackets = 0;
  let builtIn = true;
  let commas = false;
  for (let at = from; at < MAX_TOKENS; at++) {
    const { kind, newline, end, value } = c.peek(at);
    if (!TYPE_TOKENS.has(kind) || (newline && at > 0)) return undefined;
    commas ||= kind === ",";
    if (kind === "name" && brackets === 0) builtIn &&= isBuiltInType(value);
    if (kind === "(" && brackets === 0 && c.peek(at - 1).value !== "Fn") return undefined;
    if (kind === "(" || kind === "{") brackets += 1;
    else if (kind === ")" || kind === "}") brackets -= 1;
    if (brackets < 0) return undefined;
    if (kind === "<") depth += 1;
    else if (kind === ">") depth -= 1;
    if (depth > 0) continue;
    const after = c.peek(at + 1);
    if (commas && from === 0 && !c.linesCount && !builtIn) return undefined;
    const called = after.kind === "(" && after.start === end;
    return written && brackets === 0 && (called || after.newline || ENDS.has(after.kind)) ? at + 1 : undefined;
  }
  return undefined;
}

function isBuiltInType(name: string): boolean {
  return name === "Fn" || isPrimitiveName(name) || GENERIC_TYPE_ARITY.has(name);
}

/** Passes over type arguments, if any stand here. */
export function skipTypeArguments(c: Cursor): void {
  if (!c.at("<") && !c.at("::")) return;
  const count = typeArgumentsHere(c);
  if (count === undefined) return;
  const span = { start: c.token.start, end: c.peek(count - 1).end };
  c.report("E002", span, "type arguments are never written in an expression", {
    help: "leave them out: they are inferred; where the context does not decide, annotate a `let`",
    fixes: [{ title: "remove the type arguments", edits: [{ span, text: "" }] }],
  });
  for (let i = 0; i < count; i++) c.next();
}
