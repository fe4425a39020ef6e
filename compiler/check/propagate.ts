/** Checks `value?`, which leaves the function with the None or Err that the value may be. */
import type { Expr, Span } from "../ast.ts";
import type { Local } from "../ir.ts";
import { builtinType, type CheckedType, ERROR, freshVar, prune, show, unify } from "../check-types.ts";
import type { FunctionChecker, Typed } from "./context.ts";

type Propagate = Expr & { readonly kind: "propagate" };

export function checkPropagate(checker: FunctionChecker, expr: Propagate): Typed {
  const { scope } = checker;
  const type = freshVar();
  const value = checker.check(expr.value, type);
  if (scope.inContract) {
    checker.error("E007", questionMark(expr), "a contract has no result, so `?` cannot leave it", { help: "write a `match`" });
    return { ir: value, type: ERROR };
  }
  const { succeeded, inner } = checkOperand(checker, expr, prune(type));
  const subject: Local = { name: "", type, mutable: false, span: expr.value.span, used: true };
  return { ir: { kind: "propagate", value, succeeded, subject, span: expr.span }, type: inner };
}

const questionMark = ({ span }: Propagate): Span => ({ start: span.end - 1, end: span.end });

interface Operand {
  readonly succeeded: "Some" | "Ok";
  /** The type of the value in the Some or Ok. */
  readonly inner: CheckedType;
}

const WRONG: Operand = { succeeded: "Ok", inner: ERROR };

/** Returns the parts of an Option or Result type. Reports any other type, and a function that cannot return the failure. */
function checkOperand(checker: FunctionChecker, expr: Propagate, type: CheckedType): Operand {
  const result = prune(checker.scope.result);
  if (type.kind === "error") return WRONG;
  // The type of the result decides an undecided type.
  if (type.kind === "var" && result.kind === "builtin" && result.name === "Option") unify(type, builtinType("Option", freshVar()));
  if (type.kind === "var" && result.kind === "builtin" && result.name === "Result")
    unify(type, builtinType("Result", freshVar(), freshVar()));
  const t = prune(type);
  if (t.kind === "var") {
    checker.error("E014", expr.value.span, "the type of this value is not known here, so it may be an Option or a Result", {
      help: "write the type of the binding or parameter, or that of the result",
    });
    return WRONG;
  }
  const [first = ERROR, second = ERROR] = t.kind === "builtin" ? t.args : [];
  if (t.kind === "builtin" && t.name === "Option") {
    if (!unify(builtinType("Option", freshVar()), result)) reportResult(checker, expr, t, result);
    return { succeeded: "Some", inner: first };
  }
  if (t.kind === "builtin" && t.name === "Result") {
    if (!unify(builtinType("Result", freshVar(), second), result)) reportResult(checker, expr, t, result);
    return { succeeded: "Ok", inner: first };
  }
  checker.error("E009", questionMark(expr), `\`?\` takes an Option or a Result, found ${show(t)}`, {
    help: "remove the `?`",
    fixes: [{ title: "remove the `?`", edits: [{ span: questionMark(expr), text: "" }] }],
  });
  return WRONG;
}

/** Reports that the function does not return what `?` would leave it with. */
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
      `\`?\` passes on an error of the type ${show(found)}, but ${owner} returns errors of the type ${show(wanted)}`,
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
  checker.error("E009", span, `\`?\` leaves the function with ${failure}, but ${owner} returns ${show(result)}`, { help });
}
