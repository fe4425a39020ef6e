/** Reports W007: unused values of builtins, unused Results, and unused values of an `if` without `else`. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { Span } from "../ast.ts";
import type { Edit } from "../diagnostics.ts";
import type { Ir } from "../ir.ts";
import { type CheckedType, prune, showType } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";
import { suggestMut } from "./suggest-mut.ts";

/** Records a call of a builtin without effects, for `warnUnusedResult`. `result` is the type of its value. */
export function recordBuiltinCall(checker: FunctionChecker, ir: Ir, { name, calledForEffect }: BuiltinDecl, result: CheckedType): void {
  if (!calledForEffect) checker.context.builtinCalls.set(ir, { name, result });
}

/**
 * Nothing uses the value of `ir`: warns if the value is a Result or comes from a builtin. If `ir` is a block, an `if` or a `match`, looks at
 * the expressions in it that compute the value. If `construct` is "if", `ir` is the body of an `if` without `else`.
 */
export function warnUnusedResult(checker: FunctionChecker, ir: Ir, type: CheckedType, construct: "if" | "other" = "other"): void {
  const unvisited: Ir[] = [ir];
  // All branches and arms have the same type. So the fix must not turn the value of only one into an assignment, which has no value.
  let isOneOfSeveral = false;
  for (let current = unvisited.pop(); current !== undefined; current = unvisited.pop()) {
    isOneOfSeveral ||= current.kind === "match" || (current.kind === "if" && (current.otherwise !== null || current.branches.length > 1));
    if (current.kind === "block") {
      if (current.value !== null) unvisited.push(current.value);
    } else if (current.kind === "if") {
      unvisited.push(...current.branches.map(({ body }) => body), ...(current.otherwise === null ? [] : [current.otherwise]));
    } else if (current.kind === "match") {
      unvisited.push(...current.arms.map(({ body }) => body));
    } else {
      const call = checker.context.builtinCalls.get(current);
      // Delete the call, so that it causes only one warning even if this function comes here again for an enclosing block.
      if (call !== undefined && checker.context.builtinCalls.delete(current)) warnUnusedCall(checker, current, { ...call, isOneOfSeveral });
      else warnUnusedValue(checker, current, type, construct);
    }
  }
}

/** A call of a builtin whose value nothing uses. */
interface UnusedCall {
  readonly name: string;
  readonly result: CheckedType;
  /** Whether the call is the value of a branch or arm beside others. */
  readonly isOneOfSeveral: boolean;
}

function warnUnusedCall(checker: FunctionChecker, ir: Ir, { name, result, isOneOfSeveral }: UnusedCall): void {
  const { span } = ir;
  const { scope } = checker;
  const first = "args" in ir ? ir.args[0] : undefined;
  const local = first?.kind === "local" ? first.local : undefined;
  const isStatement = !isOneOfSeveral && !isInParentheses(scope.unit.text, span) && (local === undefined || !scope.isCaptured(local));
  const mut = local === undefined || local.isMutable ? [] : suggestMut(checker, local).fixes[0]?.edits;
  // `list.push(xs, x)` is usually meant to change `xs`. If the types agree, suggest an assignment.
  checker.context.deferredChecks.push(() => {
    // `prune` follows bound type variables.
    const type = prune(result);
    if (type.kind === "never" || showType(type) === "Unit") return;
    const canAssign = local !== undefined && local.name !== "" && showType(local.type) === showType(type);
    checker.warning("W007", span, `the value of \`${name}\` is dropped: the call does nothing`, {
      help: canAssign
        ? `values never change, so \`${name}\` returns a new one: write \`${local.name} = ${name}(…)\`${local.isMutable ? "" : ` and declare \`let mut ${local.name}\``}`
        : "bind it with `let`, or remove the call",
      fixes:
        canAssign && mut !== undefined && isStatement
          ? [{ title: `assign it to \`${local.name}\``, edits: [...mut, insertBefore(span, `${local.name} = `)] }]
          : [],
    });
  });
}

/** Whether the expression may follow a `(`, so that no statement can be in its place. Between them may be lines and comments. */
function isInParentheses(text: string, { start }: Span): boolean {
  let before = text.slice(0, start);
  while (true) {
    const lineStart = before.lastIndexOf("\n") + 1;
    const line = before.slice(lineStart).trim();
    if (line !== "" && !line.startsWith("//")) return line.endsWith("(") || /\(\s*\/\//.test(line);
    if (lineStart === 0) return false;
    before = before.slice(0, lineStart - 1);
  }
}

const insertBefore = ({ start }: Span, text: string): Edit => ({ span: { start, end: start }, text });

/** Warns of an unused Result. For an `if` without `else`, also warns of any other unused value, unless its expression may have an effect. */
function warnUnusedValue(checker: FunctionChecker, ir: Ir, type: CheckedType, construct: "if" | "other"): void {
  const { span } = ir;
  const { isBranch, result, unit } = checker.scope;
  // `prune` follows bound type variables.
  const pruned = prune(type);
  if (construct === "other" && pruned.kind !== "var" && !isResult(pruned)) return;
  checker.context.deferredChecks.push(() => {
    const t = prune(type);
    if (isResult(t)) {
      checker.warning("W007", span, "this Result is dropped, so nobody sees a failure", {
        help: "take it apart with `match`, or write `let _ = …` if a failure does not matter",
      });
    } else if (construct === "if" && hasValue(t) && !mayHaveEffect(ir)) {
      // A branch of a `par` has no `return`.
      const returns = !isBranch && showType(result) === showType(t) && !isInParentheses(unit.text, span);
      checker.warning("W007", span, "this value is dropped: an `if` without `else` has no value", {
        help: returns ? "write `return` before it, or add an `else` branch" : "add an `else` branch, or bind the value with `let`",
        fixes: returns ? [{ title: "write `return`", edits: [insertBefore(span, "return ")] }] : [],
      });
    }
  });
}

const isResult = (type: CheckedType): boolean => type.kind === "builtin" && type.name === "Result";

/** Returns whether the type is decided and has more values than `()`. */
function hasValue(type: CheckedType): boolean {
  return type.kind !== "var" && type.kind !== "never" && type.kind !== "error" && showType(type) !== "Unit";
}

/** Returns whether the expression may have been written for an effect, not for its value. */
function mayHaveEffect(ir: Ir): boolean {
  switch (ir.kind) {
    case "call":
      return ir.target.row.length > 0;
    case "op":
      // The builtin `guard`, which traps if its condition is false.
      return ir.op === "GuardSeal";
    case "builtin":
    case "call_value":
    case "capability":
    case "spawn":
    case "receive":
    case "propagate":
      return true;
    default:
      return false;
  }
}
