/** Finds two arguments of a call that are swapped, so that they cause one error instead of two. */
import type { Expr } from "../ast.ts";
import { builtinType, type CheckedType, ERROR, FLOAT, freshVar, INT, prune, STRING, unifies } from "../check-types.ts";
import { sourceOf } from "./call-rewrites.ts";
import type { FunctionChecker } from "./context.ts";

/** Returns the type of an argument that is a literal, a lambda or a binding, without checking it; undefined for other arguments. */
function typeAtSight({ scope }: FunctionChecker, arg: Expr): CheckedType | undefined {
  switch (arg.kind) {
    case "int":
      return INT;
    case "float":
      return FLOAT;
    case "string":
      return STRING;
    case "list":
      return builtinType("List", freshVar());
    case "lambda":
      return { kind: "fn", params: arg.params.map(() => freshVar()), result: freshVar(), row: [] };
    case "name":
      return scope.typeOf(arg.name.text);
    default:
      return undefined;
  }
}

/** Like `typeAtSight`, but makes no type variables: the parts of a list or function type are error types. */
function outerTypeAtSight(checker: FunctionChecker, arg: Expr): CheckedType | undefined {
  return arg.kind === "list" ? SOME_LIST : arg.kind === "lambda" ? SOME_FUNCTION : typeAtSight(checker, arg);
}

const SOME_LIST: CheckedType = builtinType("List", ERROR);
const SOME_FUNCTION: CheckedType = { kind: "fn", params: [], result: ERROR, row: [] };

/** Returns whether the types differ apart from their type arguments, like Int and List<T>. This quick check keeps correct calls fast. */
function outerTypesDiffer(a: CheckedType | undefined, b: CheckedType | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const [x, y] = [prune(a), prune(b)];
  const isNamed = (x.kind === "primitive" || x.kind === "builtin") && (y.kind === "primitive" || y.kind === "builtin");
  return isNamed
    ? x.name !== y.name
    : x.kind !== y.kind && x.kind !== "var" && y.kind !== "var" && x.kind !== "error" && y.kind !== "error";
}

/** Calls with more arguments than this are not searched for swapped ones. */
const MAX_ARGS = 4;

/** Reports two arguments if each fits the parameter of the other but not its own. `help` shows the parameters. Returns whether it did. */
export function reportSwapped(
  checker: FunctionChecker,
  name: string,
  args: readonly Expr[],
  params: readonly CheckedType[],
  help: () => string,
): boolean {
  if (args.length > MAX_ARGS) return false;
  if (!args.some((arg, i) => outerTypesDiffer(outerTypeAtSight(checker, arg), params[i]))) return false;
  const types = args.map((arg) => typeAtSight(checker, arg));
  const fits = (i: number, j: number): boolean => {
    const [type, param] = [types[i], params[j]];
    return type !== undefined && param !== undefined && unifies(type, param);
  };
  for (let i = 0; i < args.length; i++) {
    for (let j = i + 1; j < args.length; j++) {
      const [first, second] = [args[i], args[j]];
      if (first === undefined || second === undefined || !fits(i, j) || !fits(j, i) || (fits(i, i) && fits(j, j))) continue;
      const { unit } = checker.scope;
      const edits = [
        { span: first.span, text: sourceOf(unit, second) },
        { span: second.span, text: sourceOf(unit, first) },
      ];
      const span = { start: first.span.start, end: second.span.end };
      const message = `arguments ${i + 1} and ${j + 1} of \`${name}\` are swapped`;
      checker.error("E009", span, message, { help: help(), fixes: [{ title: "swap them", edits }] });
      return true;
    }
  }
  return false;
}
