/** Makes help for type mismatches. It says how to convert one type to another, or what was probably meant. */
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import type { Span, Stmt } from "../ast.ts";
import type { DiagnosticExtras, Fix } from "../diagnostics.ts";
import { insertResult } from "../insert-edits.ts";
import type { Callable } from "../ir.ts";
import type { FunctionScope, SourceUnit } from "../scope.ts";
import { partWithoutJson } from "./json-types.ts";
import { type CheckedType, type FnType, isDecided, prune, showType, unify, UNIT_TYPE } from "../check-types.ts";
import { rowItemName, itemsOf } from "../rows.ts";
import type { FunctionChecker } from "./context.ts";

const MIXED_NUMBERS_HELP = "Int and Float do not mix: convert with `int.to_float(…)`, or write the literal with a point, like `1.0`";

/** The help for a conversion, by the expected type and the found type as source text. */
const CONVERSIONS: ReadonlyMap<string, string> = new Map([
  ["Float Int", MIXED_NUMBERS_HELP],
  ["Int Float", "Int and Float do not mix: `float.round(…)`, `float.floor(…)` and `float.trunc(…)` make an Int"],
  ["String Int", "turn the Int into text with `int.to_string(…)`"],
  ["String Float", "turn the Float into text with `float.to_string(…)`"],
  ["String Bool", "turn the Bool into text with `bool.to_string(…)`"],
  ["Int String", "`int.parse(…)` reads an Int out of a text: it returns an Option, since the text may not be a number"],
  ["Float String", "`float.parse(…)` reads a Float out of a text: it returns an Option, since the text may not be a number"],
  ["Bool Int", "compare it: `x != 0`"],
  ["Bool Float", "compare it: `x != 0.0`"],
  ["Bool String", 'compare it: `x != ""`'],
  ...["Bool", "Int", "Float", "String"].flatMap((name): (readonly [string, string])[] => [
    [`Json ${name}`, `build the Json with \`Json::${name}(…)\``],
    [`${name} Json`, `take the Json apart with \`json.as_${name.toLowerCase()}(…)\`, which returns an Option, or with \`match\``],
  ]),
]);

/** Like `CONVERSIONS`, but by the names of the types without their type arguments. */
const CONVERSIONS_BY_NAME: ReadonlyMap<string, string> = new Map([
  ["Bool Option", "ask `option.is_some(…)`, or take it apart with `match`"],
  ["Bool Result", "ask `result.is_ok(…)`, or take it apart with `match`"],
  ["Bool List", "ask `!list.is_empty(…)`"],
  ["List Int", "the numbers from 0 up to it are `list.range(0, …)`"],
  ["List Map", "its keys are `map.keys(…)`, its values `map.values(…)`, both `map.entries(…)`"],
  ["List String", "its characters are `string.chars(…)`, its lines `string.lines(…)`"],
]);

/** The help for two types of the same name, by that name. It says how to convert the elements or the value inside. */
const INNER_CONVERSIONS: ReadonlyMap<string, string> = new Map([
  ["ActorId", "`ActorId<M>` is an id for messages of the type M, `ActorId` one for any message: write the same type in both places"],
  ["List", "`list.map(…, fn(x) { … })` makes a list of other elements"],
  ["Option", "`option.map(…, fn(x) { … })` makes an Option of another value"],
  ["Result", "`result.map(…, fn(x) { … })` changes the value, `result.map_err(…, fn(e) { … })` the error"],
]);

/** The functions and variants that convert one type to another, by the expected type and the found type. */
const CONVERTERS: ReadonlyMap<string, string> = new Map([
  ["Float Int", "int.to_float"],
  ["String Int", "int.to_string"],
  ["String Float", "float.to_string"],
  ["String Bool", "bool.to_string"],
  ...["Bool", "Int", "Float", "String"].map((name) => [`Json ${name}`, `Json::${name}`] as const),
]);

/** The variants that wrap a value, by the type. */
const WRAPS: ReadonlyMap<string, string> = new Map([
  ["Option", "Some"],
  ["Result", "Ok"],
]);

/** Returns a fix that converts the value at `span`, if there is one way that cannot fail. */
export function conversionFix(unit: SourceUnit, wanted: CheckedType, found: CheckedType, span: Span): readonly Fix[] {
  const [w, f] = [prune(wanted), prune(found)];
  const [inner] = w.kind === "builtin" ? w.args : [];
  const isInner = inner !== undefined && showType(inner) === showType(f);
  const wrap = isInner && w.kind === "builtin" ? WRAPS.get(w.name) : undefined;
  const name =
    wrap ?? CONVERTERS.get(`${showType(w)} ${showType(f)}`) ?? (nameOf(w) === "Json" && hasJsonForm(f) ? "json.from" : undefined);
  if (name === undefined) return [];
  const isLiteral = name === "int.to_float" && /^-?\d[\d_]*$/.test(unit.text.slice(span.start, span.end));
  const [before, after] = isLiteral ? ["", ".0"] : [`${name}(`, ")"];
  const edits = [
    { span: { start: span.start, end: span.start }, text: before },
    { span: { start: span.end, end: span.end }, text: after },
  ];
  return [{ title: isLiteral ? "write it with a point" : `write \`${name}(…)\``, edits: edits.filter((edit) => edit.text !== "") }];
}

/** Returns why a block that ends with this statement has no value, and what to write. Undefined for statements that need no such help. */
function unitEnding(last: Stmt | undefined): { readonly reason: string; readonly help: string } | undefined {
  switch (last?.kind) {
    case undefined:
      return { reason: "the block is empty", help: "write the value between the braces" };
    case "for":
    case "while":
      return {
        reason: `a \`${last.kind}\` has no value`,
        help: "write the value after the loop, for the case that no `return` in it is reached",
      };
    case "let":
      return { reason: "a `let` has no value", help: `write the value after it: \`${last.name.text}\`` };
    case "assign":
      return { reason: "an assignment has no value", help: `write the value after it: \`${last.name.text}\`` };
    default:
      return undefined;
  }
}

/** Reports a block that must have a value of the expected type, but ends with a statement. Returns whether it did. */
export function reportEnding(checker: FunctionChecker, last: Stmt | undefined, expected: CheckedType, span: Span, why: string): boolean {
  const ending = unitEnding(last);
  if (ending === undefined || showType(expected) === "Unit" || unify(UNIT_TYPE, expected)) return false;
  checker.error("E009", span, `expected ${showType(expected)}${why === "" ? "" : ` for ${why}`}, but ${ending.reason}`, {
    help: ending.help,
  });
  return true;
}

const nameOf = (type: CheckedType): string => (type.kind === "builtin" || type.kind === "primitive" ? type.name : "");

/** Returns help that says how to convert the found type to the wanted type, if a way is known. */
function conversionHelp(wanted: CheckedType, found: CheckedType): string | undefined {
  // `prune` follows bound type variables.
  const [w, f] = [prune(wanted), prune(found)];
  const firstArgument = (type: CheckedType, name: string): string | undefined => {
    const [first] = type.kind === "builtin" && type.name === name ? type.args : [];
    return first === undefined ? undefined : showType(first);
  };
  if (firstArgument(w, "Option") === showType(f)) return "write `Some(…)`";
  if (firstArgument(w, "Result") === showType(f)) return "write `Ok(…)`";
  if (firstArgument(f, "Option") === showType(w))
    return "it may be None: take it apart with `match`, or write `option.unwrap_or(…, other)`";
  if (firstArgument(f, "Result") === showType(w))
    return "it may be an Err: take it apart with `match`, or write `result.unwrap_or(…, other)`";
  if (firstArgument(w, "List") === showType(f)) return "write `[…]` for a list with one element";
  if (f.kind === "fn" && showType(f.result) === showType(w))
    return `this is the function itself: call it, \`f(${f.params.map(showType).join(", ")})\``;
  if (w.kind === "primitive" && w.name === "Unit") return "drop a value that is not needed with `let _ = …`";
  if (nameOf(w) === nameOf(f) && isDecided(w) && isDecided(f)) return INNER_CONVERSIONS.get(nameOf(w));
  return CONVERSIONS.get(`${showType(w)} ${showType(f)}`) ?? CONVERSIONS_BY_NAME.get(`${nameOf(w)} ${nameOf(f)}`) ?? jsonHelp(w, f);
}

/** Returns whether the type is data that `json.from` and `json.to` convert. */
const hasJsonForm = (type: CheckedType): boolean => isDecided(type) && partWithoutJson(type) === undefined;

/** Returns help that names the conversion between data and Json, if one of the types is Json. */
function jsonHelp(wanted: CheckedType, found: CheckedType): string | undefined {
  if (nameOf(wanted) === "Json" && hasJsonForm(found)) return "make a Json of it with `json.from(…)`";
  return nameOf(found) === "Json" && hasJsonForm(wanted) ? "read the value with `json.to(…)`, which returns a Result" : undefined;
}

/** Returns help for two types that must be the same, when it is not known which of them is right. */
export function conversionHelpEitherWay(a: CheckedType, b: CheckedType): string | undefined {
  const names = [showType(a), showType(b)];
  if (names.includes("Int") && names.includes("Float")) return MIXED_NUMBERS_HELP;
  const [wanted, found] = names[1] === "String" ? [b, a] : [a, b];
  return conversionHelp(wanted, found) ?? conversionHelp(found, wanted);
}

/** Returns the text that `checkBody` passes as `why` when it checks the body of a function. */
const resultOfFunction = (callable: Callable): string => `the result of \`${callable.name}\``;

/** Returns help that says why one function type does not match another. */
function functionHelp(found: FnType, wanted: FnType, why: string): string {
  const allowed = itemsOf(wanted.row);
  const extra = itemsOf(found.row).filter((item) => !allowed.includes(item));
  if (extra.length === 0) return "a function value matches if its parameters, its result and its row match";
  const lacks = `the row of the expected type lacks ${extra.map((item) => `\`${rowItemName(item)}\``).join(", ")}`;
  const callee = /^argument \d+ of `(.*)`$/.exec(why)?.[1];
  if (callee === undefined) return `${lacks}; if no type is written, the first function value decides the row`;
  const row = `!{${["e", ...allowed.map(rowItemName)].join(", ")}}`;
  return `${lacks}; a row variable lets effects pass through: \`fn ${callee}<e>(…: ${showType({ ...wanted, row: [] })} ${row}) … ${row}\``;
}

/** Returns help for an argument that is wrapped twice, is in the wrong place, is a list whose elements are meant, or fits another builtin. */
function argumentHelp(wanted: CheckedType, found: CheckedType, why: string): string | undefined {
  if (why === "`Ok`" && found.kind === "builtin" && found.name === "Result") return "this is a Result already: leave out `Ok(…)`";
  if (why === "`Some`" && found.kind === "builtin" && found.name === "Option") return "this is an Option already: leave out `Some(…)`";
  const [, index, callee = ""] = /^argument (\d+) of `(.*)`$/.exec(why) ?? [];
  if (callee === "list.push" && found.kind === "builtin" && found.name === "List")
    return "this adds the list as one element; to add its elements, join the lists: `xs ++ ys`";
  if (index === "1" && found.kind === "fn" && wanted.kind === "builtin" && BUILTIN_BY_NAME.has(callee))
    return `the function comes last: \`${callee}(…, fn(x) { … })\``;
  if (index === "2" && callee === "list.fold" && found.kind === "fn")
    return "the first value comes before the function: `list.fold(xs, 0, fn(sum, x) { … })`";
  return index === "1" ? sameNameHelp(callee, found) : undefined;
}

/** Returns help if the module of the argument's type has a builtin of the same name: for a List, `string.len` should be `list.len`. */
function sameNameHelp(callee: string, found: CheckedType): string | undefined {
  const [module, name] = callee.split(".");
  const other = `${nameOf(found).toLowerCase()}.${name}`;
  const takesOther = BUILTIN_BY_NAME.has(callee) && nameOf(found).toLowerCase() !== module && BUILTIN_BY_NAME.has(other);
  return takesOther ? `for a ${nameOf(found)} it is \`${other}\`` : undefined;
}

/** Returns help for a mismatch, with a fix if there is one. `why` says what the value is used for, as in `FunctionChecker.check`. */
export function mismatchReport(scope: FunctionScope, type: CheckedType, expected: CheckedType, why: string, span: Span): DiagnosticExtras {
  const { callable, unit } = scope;
  if (unit.diagnostics.isFull) return {};
  const [found, wanted] = [prune(type), prune(expected)];
  // The declaration of the callable; null unless it was declared with `fn`.
  const { item } = callable;
  if (item !== null && item.result === null && (why === "the result" || why === resultOfFunction(callable)) && isDecided(found)) {
    // Put a function type in parentheses, because otherwise a row after it would be parsed as the row of that type.
    const resultText = found.kind === "fn" ? `(${showType(found)})` : showType(found);
    const title = `write \`-> ${resultText}\``;
    const help = `${title} after the parameters; without it the function returns \`()\``;
    return { help, fixes: [{ title, edits: insertResult(unit, item, resultText) }] };
  }
  if (why === "the result" && found.kind === "primitive" && found.name === "Unit") return { help: "write the value after `return`" };
  if (wanted.kind === "fn" && found.kind === "fn") return { help: functionHelp(found, wanted, why) };
  return { help: argumentHelp(wanted, found, why) ?? conversionHelp(wanted, found), fixes: conversionFix(unit, wanted, found, span) };
}
