/** Checks list literals, map literals and indexing. */
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import type { Expr, Span } from "../ast.ts";
import { separatorHelp } from "../insert-edits.ts";
import type { Ir } from "../ir.ts";
import { builtinType, type CheckedType, ERROR, freshVar, INT, mapOf, prune, showType, STRING, unify } from "../check-types.ts";
import { errorExpression, type FunctionChecker, type TypedIr } from "./context.ts";

/** Unifies the type arguments of two types, if both are the same built-in type. Does not report a mismatch. */
export function unifyArguments(type: CheckedType, expected: CheckedType): void {
  // `prune` follows bound type variables.
  const t = prune(type);
  const e = prune(expected);
  if (t.kind === "builtin" && e.kind === "builtin" && t.name === e.name) t.args.forEach((arg, i) => unify(arg, e.args[i] ?? ERROR));
}

/** Checks a list literal, `[a, b]`. */
export function checkList(checker: FunctionChecker, expr: Expr & { kind: "list" }, expected: CheckedType): TypedIr {
  const item = freshVar();
  const type = builtinType("List", item);
  unifyArguments(type, expected);
  return { ir: { kind: "list", items: expr.items.map((e) => checker.check(e, item, "an element of the list")), span: expr.span }, type };
}

/** Checks a map literal, `{ "a": 1 }`. */
export function checkMap(checker: FunctionChecker, expr: Expr & { kind: "map" }, expected: CheckedType): TypedIr {
  const reported = reportMissingRecordName(checker, expr, expected) ?? reportNamedKeys(checker, expr);
  if (reported !== undefined) return reported;
  const value = freshVar();
  unifyArguments(mapOf(value), expected);
  const entries = expr.entries.map((e) => ({ key: checkKey(checker, e.key), value: checker.check(e.value, value, "a value of the map") }));
  return { ir: { kind: "map", entries, span: expr.span }, type: mapOf(value) };
}

/** Reports `{ x: 1 }` without the name of the record, if a record is expected and no key is the name of a binding. */
function reportMissingRecordName(checker: FunctionChecker, expr: Expr & { kind: "map" }, expected: CheckedType): TypedIr | undefined {
  const wanted = prune(expected);
  const { scope } = checker;
  const allKeysUnbound = expr.entries.every(({ key }) => key.kind === "name" && scope.lookup(key.name.text) === undefined);
  if (!allKeysUnbound || expr.entries.length === 0 || wanted.kind !== "declared" || wanted.decl.kind !== "record") return undefined;
  const { start } = expr.span;
  const { name } = wanted.decl;
  checker.error("E009", expr.span, `expected ${showType(wanted)}, found a map`, {
    help: `a record is written with its name: \`${name} { … }\``,
    fixes: [{ title: `write \`${name}\``, edits: [{ span: { start, end: start }, text: `${name} ` }] }],
  });
  for (const entry of expr.entries) checker.check(entry.value, ERROR);
  return errorExpression(expr.span);
}

/** Reports a map like `{ x: 1, y: 2 }` in which all keys are unknown names. */
function reportNamedKeys(checker: FunctionChecker, expr: Expr & { kind: "map" }): TypedIr | undefined {
  const names = expr.entries.flatMap(({ key }) => (key.kind === "name" && !isKnown(checker, key.name.text) ? [key.name] : []));
  const [first] = names;
  if (first === undefined || names.length < 2 || names.length < expr.entries.length) return undefined;
  const quoted = names.map(({ text, span }) => ({ span, text: `"${text}"` }));
  checker.error("E003", first.span, `unknown variable \`${first.text}\``, {
    help: `the keys of a map are Strings, \`"${first.text}"\`; a record has a declared type: \`type P { ${first.text}: Int, … }\`, and \`P { ${first.text}: … }\` here`,
    fixes: [{ title: "write the keys in quotes", edits: quoted }],
  });
  for (const entry of expr.entries) checker.check(entry.value, freshVar());
  return errorExpression(expr.span);
}

/** Returns whether the name refers to a binding, a function or a builtin. */
function isKnown({ scope, context }: FunctionChecker, text: string): boolean {
  return scope.lookup(text) !== undefined || scope.unit.functions.has(text) || context.builtin(scope.unit, text) !== undefined;
}

/** Checks a key of a map. For an unknown name, the help suggests quotes around it, or a record instead of the map. */
function checkKey(checker: FunctionChecker, key: Expr): Ir {
  const name = key.kind === "name" ? key.name : undefined;
  if (name === undefined || isKnown(checker, name.text)) return checker.check(key, STRING, "a key");
  const { text, span } = name;
  checker.error("E003", span, `unknown variable \`${text}\``, {
    help: `a key is a String, \`"${text}"\`; a record is written with its name: \`P { ${text}: … }\``,
    fixes: [{ title: `write \`"${text}"\``, edits: [{ span, text: `"${text}"` }] }],
  });
  return errorExpression(span).ir;
}

/** Checks an index expression, `xs[i]` or `m[key]`. */
export function checkIndex(checker: FunctionChecker, expr: Expr & { kind: "index" }): TypedIr {
  const type = freshVar();
  const target = checker.check(expr.target, type);
  const pruned = prune(type);
  const mapAt = BUILTIN_BY_NAME.get("map.at");
  if (pruned.kind === "builtin" && pruned.name === "Map" && mapAt !== undefined) {
    const key = checker.check(expr.index, STRING, "a key");
    return { ir: { kind: "builtin", builtin: mapAt, args: [target, key], typeArg: null, span: expr.span }, type: pruned.args[1] ?? ERROR };
  }
  const item = freshVar();
  const isList = unify(type, builtinType("List", item));
  if (!isList && reportNotIndexed(checker, type, expr)) return errorExpression(expr.span);
  const index = checker.check(expr.index, isList ? INT : freshVar(), "an index");
  if (isList) warnOfNegativeIndex(checker, expr.index, expr.target.span);
  return { ir: { kind: "op", op: "ListGet", args: [target, index], span: expr.span }, type: isList ? item : ERROR };
}

/** Warns of an index like `-1`, which always traps. `list` is the source of the list. */
export function warnOfNegativeIndex(checker: FunctionChecker, index: Expr, list: Span): void {
  const operand = index.kind === "unary" && index.op === "-" ? index.operand : undefined;
  const number = index.kind === "int" ? index.value : operand?.kind === "int" ? -operand.value : 0;
  if (number >= 0) return;
  const source = checker.scope.unit.text.slice(list.start, list.end);
  const name = /^[\w.]{1,40}$/.test(source) ? source : "xs";
  const fromEnd = `list.len(${name}) - ${-number}`;
  // Without the module `list`, or with the magnitude of the smallest Int, the expression would be wrong.
  const hasFix = name === source && -number < 2 ** 63 && !checker.scope.has("list");
  checker.warning("W009", index.span, "a negative index always traps", {
    help: `an index does not count from the end: write \`${name}[${fromEnd}]\`, or \`list.last(${name})\`, which returns an Option`,
    fixes: hasFix ? [{ title: `write \`${fromEnd}\``, edits: [{ span: index.span, text: fromEnd }] }] : [],
  });
}

/** The help that says what to write instead of an index, by the name of the type. */
const INSTEAD_OF_INDEX: ReadonlyMap<string, string> = new Map([
  ["String", "write `string.slice(s, from, to)`"],
  ["Option", "take it apart with `match`, or continue inside it with `option.and_then(…, fn(xs) { list.get(xs, i) })`"],
  ["Result", "take it apart with `match`, or continue inside it with `result.map(…, fn(xs) { xs[i] })`"],
  ["Json", 'write `json.get(j, "key")`, which returns an Option; a path is written `"key.inner[0]"`'],
]);

/** Reports an index of a value that is neither a list nor a map. Returns whether the bracket was probably meant to begin a statement. */
function reportNotIndexed(checker: FunctionChecker, type: CheckedType, { target }: Expr & { kind: "index" }): boolean {
  const t = prune(type);
  if (!INSTEAD_OF_INDEX.has(showType(t).replace(/<.*/, "")) && /\s/.test(checker.scope.unit.text.charAt(target.span.end))) {
    checker.error("E009", target.span, `only lists and maps are indexed, found ${showType(t)}`, separatorHelp("[", target.span.end));
    return true;
  }
  const name = t.kind === "builtin" || t.kind === "primitive" ? t.name : "";
  checker.error("E009", target.span, `only lists and maps are indexed, found ${showType(t)}`, {
    help:
      INSTEAD_OF_INDEX.get(name) ??
      (showType(t).startsWith("(") ? "take the tuple apart: `let (a, b) = t`" : "a part of a record is reached by its name, `p.x`"),
  });
  return false;
}
