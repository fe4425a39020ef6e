/** Reports W007, for calls of builtins whose result is not used. Because values never change, such a call has no effect. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { Span } from "../ast.ts";
import type { Edit } from "../diagnostics.ts";
import type { Ir } from "../ir.ts";
import { type CheckedType, prune, show } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";

/** Records the result type of a builtin call, for `warnUnusedResult`. */
export function recordBuiltinCall(checker: FunctionChecker, ir: Ir, { name, calledForEffect }: BuiltinDecl, result: CheckedType): void {
  if (!calledForEffect) checker.context.builtinCalls.set(ir, { name, result });
}

/** Warns of each builtin call that computes the unused value of `ir`. Looks into blocks and the branches of `if` and `match`. */
export function warnUnusedResult(checker: FunctionChecker, ir: Ir): void {
  const unvisited: Ir[] = [ir];
  for (let current = unvisited.pop(); current !== undefined; current = unvisited.pop()) {
    if (current.kind === "block" && current.value !== null) unvisited.push(current.value);
    if (current.kind === "if")
      unvisited.push(...current.branches.map(({ body }) => body), ...(current.otherwise === null ? [] : [current.otherwise]));
    if (current.kind === "match") unvisited.push(...current.arms.map(({ body }) => body));
    const call = checker.context.builtinCalls.get(current);
    if (call === undefined) continue;
    // The value of the enclosing block may be unused, too. Delete the call, so that it causes only one warning.
    checker.context.builtinCalls.delete(current);
    warnUnusedCall(checker, current, call.name, call.result);
  }
}

function warnUnusedCall(checker: FunctionChecker, ir: Ir, name: string, result: CheckedType): void {
  const { span } = ir;
  const first = "args" in ir ? ir.args[0] : undefined;
  const local = first?.kind === "local" ? first.local : undefined;
  // `list.push(xs, x)` is usually meant to change `xs`. If the types agree, suggest an assignment.
  checker.context.deferredChecks.push(() => {
    // `prune` follows bound type variables.
    const type = prune(result);
    if (type.kind === "never" || show(type) === "Unit") return;
    const canAssign = local !== undefined && local.name !== "" && show(local.type) === show(type);
    const insertBefore = ({ start }: Span, text: string): Edit => ({ span: { start, end: start }, text });
    const mut = local === undefined || local.mutable ? [] : [insertBefore(local.span, "mut ")];
    checker.warning("W007", span, `the value of \`${name}\` is dropped: the call does nothing`, {
      help: canAssign
        ? `values never change, so \`${name}\` returns a new one: write \`${local.name} = ${name}(…)\`${local.mutable ? "" : ` and declare \`let mut ${local.name}\``}`
        : "bind it with `let`, or remove the call",
      fixes: canAssign ? [{ title: `assign it to \`${local.name}\``, edits: [...mut, insertBefore(span, `${local.name} = `)] }] : [],
    });
  });
}
