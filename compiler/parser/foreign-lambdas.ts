/** Reports and reads lambdas as other languages write them, in arguments and values of `let`: `x => x + 1`, `|x| x + 1`, `lambda x: x + 1`. */
import type { Expr, LambdaParam } from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { LAMBDA_HELP } from "./other-languages-syntax.ts";

/** The limit on the look-ahead for the end of the parameters, in tokens. */
const MAX_PARAMS_TOKENS = 64;

/** The tokens of a lambda up to its body: how many are before the parameters, in them, and after them. */
interface LambdaHead {
  readonly before: number;
  readonly params: number;
  readonly after: number;
}

/** Returns the distance of the first token, from `from` on, that is the end and not in inner parentheses. Undefined if none is near. */
function distanceOf(c: Cursor, from: number, isEnd: (distance: number) => boolean): number | undefined {
  for (let distance = from, depth = 0; distance < MAX_PARAMS_TOKENS; distance++) {
    const { kind } = c.peek(distance);
    if (depth === 0 && isEnd(distance)) return distance;
    if (kind === "(") depth += 1;
    else if (kind === ")") depth -= 1;
    if (depth < 0 || kind === "eof" || kind === "{" || kind === ";") return undefined;
  }
  return undefined;
}

/** Returns the head of the lambda of another language that begins here, or undefined if none does. */
function lambdaHeadHere(c: Cursor): LambdaHead | undefined {
  const { kind, value } = c.token;
  const second = c.peek(1).kind;
  if (kind === "name" && second === "=>") return { before: 0, params: 1, after: 1 };
  if (kind === "||") return { before: 1, params: 0, after: 0 };
  if (kind === "(") {
    const end = distanceOf(c, 1, (distance) => c.peek(distance).kind === ")");
    return end !== undefined && c.peek(end + 1).kind === "=>" ? { before: 1, params: end - 1, after: 2 } : undefined;
  }
  if (kind === "|") {
    const end = distanceOf(c, 1, (distance) => c.peek(distance).kind === "|");
    return end === undefined ? undefined : { before: 1, params: end - 1, after: 1 };
  }
  if (kind !== "name" || value !== "lambda" || (second !== "name" && second !== ":")) return undefined;
  const end = distanceOf(c, 1, (distance) => c.peek(distance).kind === ":");
  return end === undefined ? undefined : { before: 1, params: end - 1, after: 1 };
}

/** Reports a lambda of another language and reads it as a lambda without types. Returns undefined if no such lambda begins here. */
export function parseForeignLambda(c: Cursor): Expr | undefined {
  const head = lambdaHeadHere(c);
  if (head === undefined) return undefined;
  const { start } = c.token;
  const skip = (count: number): void => {
    for (let i = 0; i < count; i++) c.next();
  };
  skip(head.before);
  const params: LambdaParam[] = [];
  const paramsStart = c.token.start;
  for (let i = 0; i < head.params; i++) {
    const { kind, value, start: nameStart, end } = c.token;
    if (kind === "name" && (i === 0 || c.text.charAt(c.lastEnd - 1) === ",")) {
      params.push({ name: { text: value, span: { start: nameStart, end } }, type: null, pattern: null });
    }
    c.next();
  }
  const paramsText = head.params === 0 ? "" : c.text.slice(paramsStart, c.lastEnd);
  skip(head.after);
  const bodyStart = c.token.start;
  const isBlock = c.at("{");
  const span = { start, end: c.lastEnd };
  c.enterNesting();
  const value = isBlock ? undefined : c.grammar.expression(c);
  const body = value === undefined ? c.grammar.block(c) : { stmts: [{ kind: "expr" as const, value, span: value.span }], span: value.span };
  c.leaveNesting();
  const end = c.lastEnd;
  const text = `fn(${paramsText}) ${isBlock ? "" : "{ "}`;
  const edits = [
    { span: { start, end: bodyStart }, text },
    { span: { start: end, end }, text: isBlock ? "" : " }" },
  ];
  c.report("E002", span, "a lambda begins with `fn`", {
    help: LAMBDA_HELP,
    fixes: [{ title: "write it with `fn`", edits: edits.filter((edit) => edit.text !== "") }],
  });
  return { kind: "lambda", params, result: null, row: null, body, span: { start, end } };
}
