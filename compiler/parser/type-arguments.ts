/** Reports and skips type arguments in expressions, as in `id<Int>(3)`. */
import type { TokenKind } from "../tokens.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName } from "../../vm/value/type.ts";
import type { Cursor } from "./cursor.ts";

/** The limit on the look-ahead. With it, parsing takes linear time. */
const MAX_LOOKAHEAD_TOKENS = 64;

/** Tokens that can occur between `<` and `>`. Brackets are allowed only as part of a function type. */
const TYPE_TOKENS: ReadonlySet<TokenKind> = new Set(["name", ",", "<", ">", "(", ")", "->", "!", "{", "}", "."]);

/** Tokens that may follow type arguments but not a comparison operator. */
const CAN_FOLLOW_TYPES: ReadonlySet<TokenKind> = new Set(["::", "{", "}", ")", "]", ",", ";", ".", "eof"]);

/**
 * Returns the number of tokens of the type arguments that begin at this `<` or `::`, or undefined if `<` is a comparison.
 * Comparisons cannot be chained, so `a < b > c` is always an error, and only its message depends on the result. But
 * `f(a < b, c > (d))` is a valid call with two arguments. So inside parentheses, names separated by commas count as type arguments
 * only if all of them are built-in types.
 */
function countTypeArgumentTokens(c: Cursor): number | undefined {
  const firstDistance = c.at("::") ? 1 : 0;
  const firstToken = c.peek(firstDistance + 1);
  if (c.peek(firstDistance).kind !== "<" || firstToken.kind !== "name" || c.atNewline()) return undefined;
  const looksLikeTypes = firstDistance === 1 || c.token.start === c.lastEnd || /^[A-Z]/.test(firstToken.value);
  let angleDepth = 0;
  let bracketDepth = 0;
  let allBuiltIn = true;
  let hasComma = false;
  for (let distance = firstDistance; distance < MAX_LOOKAHEAD_TOKENS; distance++) {
    const { kind, isAfterLineBreak, end, value } = c.peek(distance);
    if (!TYPE_TOKENS.has(kind) || (isAfterLineBreak && distance > 0)) return undefined;
    hasComma ||= kind === ",";
    if (kind === "name" && bracketDepth === 0) allBuiltIn &&= isBuiltInType(value);
    if (kind === "(" && bracketDepth === 0 && c.peek(distance - 1).value !== "Fn") return undefined;
    if (kind === "(" || kind === "{") bracketDepth += 1;
    else if (kind === ")" || kind === "}") bracketDepth -= 1;
    if (bracketDepth < 0) return undefined;
    if (kind === "<") angleDepth += 1;
    else if (kind === ">") angleDepth -= 1;
    if (angleDepth > 0) continue;
    const tokenAfter = c.peek(distance + 1);
    if (hasComma && firstDistance === 0 && !c.newlinesMatter && !allBuiltIn) return undefined;
    const beginsCall = tokenAfter.kind === "(" && tokenAfter.start === end;
    return looksLikeTypes && bracketDepth === 0 && (beginsCall || tokenAfter.isAfterLineBreak || CAN_FOLLOW_TYPES.has(tokenAfter.kind))
      ? distance + 1
      : undefined;
  }
  return undefined;
}

function isBuiltInType(name: string): boolean {
  return name === "Fn" || isPrimitiveName(name) || GENERIC_TYPE_ARITY.has(name);
}

/** Reports and skips type arguments, if any. */
export function skipTypeArguments(c: Cursor): void {
  if (!c.at("<") && !c.at("::")) return;
  const count = countTypeArgumentTokens(c);
  if (count === undefined) return;
  const span = { start: c.token.start, end: c.peek(count - 1).end };
  c.report("E002", span, "an expression has no type arguments", {
    help: "remove them: types are inferred; if the compiler cannot infer one, give a `let` a type",
    fixes: [{ title: "remove the type arguments", edits: [{ span, text: "" }] }],
  });
  for (let i = 0; i < count; i++) c.next();
}
