/** W007: a call of a builtin whose result is not used. Since values never change, such a call does nothing. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { Span } from "../ast.ts";
import type { Edit } from "../diagnostics.ts";
import type { Ir } from "../ir.ts";
import { type CheckedType, prune, show } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";

/** Records the result type of a call of a builtin, for `warnUnusedResult`. */
export function recordBuiltinCall(checker: FunctionChecker, ir: Ir, { name, calledForEffect }: BuiltinDecl, result: CheckedType): void {
  if (!calledForEffect) checker.context.builtinCalls.set(ir, { name, result });
}

/** Warns of each builtin call that computes the value of `ir`, which is not used. Looks into the branches of blocks, `if` and `match`. */
export function warnUnusedResult(checker: FunctionChecker, ir: Ir): void {
  const pending: Ir[] = [ir];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at.kind === "block" && at.value !== null) pending.push(at.value);
    if (at.kind === "if") pending.push(...at.branches.map(({ body }) => body), ...(at.otherwise === null ? [] : [at.otherwise]));
    if (at.kind === "match") pending.push(...at.arms.map(({ body }) => body));
    const call = checker.context.builtinCalls.get(at);
    if (call === undefined) continue;
    // The value of the enclosing block may be unused, too: warn once.
    checker.context.builtinCalls.delete(at);
    warnUnusedCall(checker, at, call.name, call.result);
  }
}

function warnUnusedCall(checker: FunctionChecker, ir: Ir, name: string, result: CheckedType): void {
  const { span } = ir;
  const first = "args" in ir ? ir.args[0] : undefined;
  const local = first?.kind === "local" ? first.local : undefined;
  // `list.push(xs, x)` is usually meant to change `xs`: if the types agree, suggest an assignment.
  checker.context.deferredChecks.push(() => {
    const type = prune(result);
    if (type.kind === "never" || show(type) === "Unit") return;
    const changes = local !== undefined && local.name !== "" && show(local.type) === show(type);
    const before = ({ start }: Span, text: string): Edit => ({ span: { start, end: start }, text });
    const mut = local === undefined || local.mutable ? [] : [before(local.span, "mut ")];
    checker.warning("W007", span, `the value of \`${name}\` is dropped: the call does nothing`, {
      help: changes
        ? `values never change, so \`${name}\` returns a new one: write \`${local.name} = ${name}(…)\`${local.mutable ? "" : ` and declare \`let mut ${local.name}\``}`
        : "bind it with `let`, or remove the call",
      fixes: changes ? [{ title: `assign it to \`${local.name}\``, edits: [...mut, before(span, `${local.name} = `)] }] : [],
    });
  });
}
