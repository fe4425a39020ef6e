/** Checks `value?`. If the value is None or Err, the function returns it. */
import type { Expr, Span } from "../ast.ts";
import type { Local } from "../ir.ts";
import { builtinType, type CheckedType, ERROR, freshVar, prune, showType, unify } from "../check-types.ts";
import type { FunctionChecker, TypedIr } from "./context.ts";

type Propagate = Expr & { readonly kind: "propagate" };

export function checkPropagate(checker: FunctionChecker, expr: Propagate): TypedIr {
  const { scope } = checker;
  const type = freshVar();
  const value = checker.check(expr.value, type);
  if (scope.inContract) {
    checker.error("E007", questionMark(expr), "a contract has no result, so `?` cannot leave it", { help: "write a `match`" });
    return { ir: value, type: ERROR };
  }
  const { wrapper, inner } = checkOperand(checker, expr, prune(type));
  const subject: Local = { name: "", type, isMutable: false, span: expr.value.span, isUsed: true };
  return { ir: { kind: "propagate", value, wrapper, subject, span: expr.span }, type: inner };
}

const questionMark = ({ span }: Propagate): Span => ({ start: span.end - 1, end: span.end });

interface Operand {
  readonly wrapper: "Some" | "Ok";
  /** The type of the value in the Some or Ok. */
  readonly inner: CheckedType;
}

const ERROR_OPERAND: Operand = { wrapper: "Ok", inner: ERROR };

/** Returns the parts of an Option or Result type. Reports any other type, and a function that cannot return the failure. */
function checkOperand(checker: FunctionChecker, expr: Propagate, type: CheckedType): Operand {
  const result = prune(checker.scope.result);
  if (type.kind === "error") return ERROR_OPERAND;
  // The type of the result decides an undecided type.
  if (type.kind === "var" && result.kind === "builtin" && result.name === "Option") unify(type, builtinType("Option", freshVar()));
  if (type.kind === "var" && result.kind === "builtin" && result.name === "Result")
    unify(type, builtinType("Result", freshVar(), freshVar()));
  const t = prune(type);
  if (t.kind === "var") {
    checker.error("E014", expr.value.span, "the type of this value is not known here, so it may be an Option or a Result", {
      help: "write the type of the binding or parameter, or that of the result",
    });
    return ERROR_OPERAND;
  }
  const [first = ERROR, second = ERROR] = t.kind === "builtin" ? t.args : [];
  if (t.kind === "builtin" && t.name === "Option") {
    if (!unify(builtinType("Option", freshVar()), result)) reportResult(checker, expr, t, result);
    return { wrapper: "Some", inner: first };
  }
  if (t.kind === "builtin" && t.name === "Result") {
    if (!unify(builtinType("Result", freshVar(), second), result)) reportResult(checker, expr, t, result);
    return { wrapper: "Ok", inner: first };
  }
  checker.error("E009", questionMark(expr), `\`?\` takes an Option or a Result, found ${showType(t)}`, {
    help: "remove the `?`",
    fixes: [{ title: "remove the `?`", edits: [{ span: questionMark(expr), text: "" }] }],
  });
  return ERROR_OPERAND;
}

/** Reports that the function cannot return the None or Err of the value, because its result has another type. */
function reportResult(checker: FunctionChecker, expr: Propagate, type: CheckedType & { kind: "builtin" }, result: CheckedType): void {
  if (result.kind === "error") return;
  const { callable, parent } = checker.scope;
  const owner = callable.item !== null ? `\`${callable.name}\`` : parent === null ? "a test" : "this lambda";
  const isTest = callable.item === null && parent === null;
  const returned = result.kind === "builtin" ? result.name : "";
  const span = questionMark(expr);
  if (type.name === "Result" && returned === "Result") {
    const [found, wanted] = [type.args[1] ?? ERROR, result.kind === "builtin" ? (result.args[1] ?? ERROR) : ERROR];
    checker.error(
      "E009",
      span,
      `\`?\` passes on an error of the type ${showType(found)}, but ${owner} returns errors of the type ${showType(wanted)}`,
      {
        help: "convert the error first: `result.map_err(value, fn(e) { … })?`",
      },
    );
    return;
  }
  const failure = type.name === "Option" ? "None" : "an Err";
  const help =
    returned === "Result"
      ? "turn the None into an error: `option.ok_or(value, error)?`"
      : returned === "Option"
        ? "drop the error: `result.to_option(value)?`"
        : `${isTest ? "" : `return ${type.name === "Option" ? "an Option" : "a Result"} from it, or `}handle ${failure} here: \`let ${type.name === "Option" ? "Some" : "Ok"}(x) = … else { ${isTest ? 'panic("…")' : "…"} }\``;
  checker.error("E009", span, `\`?\` leaves the function with ${failure}, but ${owner} returns ${showType(result)}`, { help });
}
