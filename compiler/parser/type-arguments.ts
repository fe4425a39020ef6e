/** Reports and skips type arguments in expressions, as in `id<Int>(3)`. */
import type { TokenKind } from "../tokens.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName } from "../../vm/value/type.ts";
import type { Cursor } from "./cursor.ts";

/** Bounds the look-ahead, so that parsing stays linear. */
const MAX_TOKENS = 64;

/** Tokens between `<` and `>`; brackets only as part of a function type. */
const TYPE_TOKENS: ReadonlySet<TokenKind> = new Set(["name", ",", "<", ">", "(", ")", "->", "!", "{", "}", "."]);

/** Tokens that may follow type arguments but not a comparison operator. */
const ENDS: ReadonlySet<TokenKind> = new Set(["::", "{", "}", ")", "]", ",", ";", ".", "eof"]);

/**
 * The number of tokens of the type arguments that begin at this `<` or `::`, or undefined if these are comparisons.
 * Comparisons cannot be chained, so `a < b > c` is an error in any case and only the message depends on the answer. But
 * `f(a < b, c > (d))` is valid: it has two arguments. So with a comma inside parentheses, all names must be built-in types.
 */
function typeArgumentTokens(c: Cursor): number | undefined {
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
    if (commas && from === 0 && !c.newlinesMatter && !builtIn) return undefined;
    const called = after.kind === "(" && after.start === end;
    return written && brackets === 0 && (called || after.newline || ENDS.has(after.kind)) ? at + 1 : undefined;
  }
  return undefined;
}

function isBuiltInType(name: string): boolean {
  return name === "Fn" || isPrimitiveName(name) || GENERIC_TYPE_ARITY.has(name);
}

/** Reports and skips type arguments, if any. */
export function skipTypeArguments(c: Cursor): void {
  if (!c.at("<") && !c.at("::")) return;
  const count = typeArgumentTokens(c);
  if (count === undefined) return;
  const span = { start: c.token.start, end: c.peek(count - 1).end };
  c.report("E002", span, "an expression has no type arguments", {
    help: "remove them: types are inferred; if the compiler cannot infer one, give a `let` a type",
    fixes: [{ title: "remove the type arguments", edits: [{ span, text: "" }] }],
  });
  for (let i = 0; i < count; i++) c.next();
}
