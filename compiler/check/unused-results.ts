/** A builtin's value that nobody takes: since values never change, the call does nothing. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { Span } from "../ast.ts";
import type { Edit } from "../diagnostics.ts";
import type { Ir } from "../ir.ts";
import { prune, show, type T } from "../check-types.ts";
import type { Expressions } from "./context.ts";

/** Notes what a call of a builtin gives, for `warnDropped`. */
export function noteBuiltinCall(x: Expressions, ir: Ir, { name, calledForEffect }: BuiltinDecl, result: T): void {
  if (!calledForEffect) x.context.builtinCalls.set(ir, { name, result });
}

/** Warns of each call of a builtin that gives the value of `ir`, which is dropped. */
export function warnDropped(x: Expressions, ir: Ir): void {
  const pending: Ir[] = [ir];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at.kind === "block" && at.value !== null) pending.push(at.value);
    if (at.kind === "if") pending.push(...at.branches.map(({ body }) => body), ...(at.otherwise === null ? [] : [at.otherwise]));
    if (at.kind === "match") pending.push(...at.arms.map(({ body }) => body));
    const call = x.context.builtinCalls.get(at);
    if (call === undefined) continue;
    // The block around it may be dropped too.
    x.context.builtinCalls.delete(at);
    warnCall(x, at, call.name, call.result);
  }
}

function warnCall({ context, scope }: Expressions, ir: Ir, name: string, result: T): void {
  const { span } = ir;
  const first = "args" in ir ? ir.args[0] : undefined;
  const local = first?.kind === "local" ? first.local : undefined;
  // `list.push(xs, x)` is usually meant to change `xs`.
  const { unit } = scope;
  context.deferred.push(() => {
    const type = prune(result);
    if (type.kind === "never" || show(type) === "Unit") return;
    const changes = local !== undefined && local.name !== "" && show(local.type) === show(type);
    const before = ({ start }: Span, text: string): Edit => ({ span: { start, end: start }, text });
    const mut = local === undefined || local.mutable ? [] : [before(local.span, "mut ")];
    context.warning(unit, "W007", span, `the value of \`${name}\` is dropped: the call does nothing`, {
      help: changes
        ? `values never change, so \`${name}\` gives a new one: write \`${local.name} = ${name}(…)\`${local.mutable ? "" : ` and declare \`let mut ${local.name}\``}`
        : "bind it with `let`, or take the call out",
      ...(changes ? { fixes: [{ title: `assign it to \`${local.name}\``, edits: [...mut, before(span, `${local.name} = `)] }] } : {}),
    });
  });
}
