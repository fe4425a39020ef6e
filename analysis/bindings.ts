/**
 * Finds the bindings whose values the analysis does not track: those that are set more than once, are set by a pattern or matched with one, or
 * have a part that is assigned.
 */
import type { Callable, CheckedCondition, CheckedPattern, Ir, IrStmt, Local } from "../compiler/ir.ts";

const untrackedByCallable = new WeakMap<Callable, ReadonlySet<Local>>();

/** Returns the untracked bindings of a function. */
export function untrackedIn(callable: Callable): ReadonlySet<Local> {
  const cached = untrackedByCallable.get(callable);
  if (cached !== undefined) return cached;
  const { body } = callable;
  const untracked = new Set<Local>();
  if (body !== null) {
    const boundLocals = new Set<Local>(body.params);
    const set = (local: Local): void => {
      if (boundLocals.has(local)) untracked.add(local);
      boundLocals.add(local);
    };
    const visitor: BindingVisitor = { set, untrack: (local) => untracked.add(local) };
    for (const stmt of body.destructureParams) visitStmt(stmt, visitor);
    visitIr(body.value, visitor);
    for (const { condition } of [...body.requires, ...body.ensures]) visitIr(condition, visitor);
  }
  untrackedByCallable.set(callable, untracked);
  return untracked;
}

/** Receives what the visit of a body finds. */
interface BindingVisitor {
  /** Called for the local of each `let`, `for` and assignment. */
  readonly set: (local: Local) => void;
  /** Called for each local that is never tracked, such as one that a pattern sets. */
  readonly untrack: (local: Local) => void;
}

function visitIrs(irs: Iterable<Ir>, bindings: BindingVisitor): void {
  for (const ir of irs) visitIr(ir, bindings);
}

function visitIr(ir: Ir, bindings: BindingVisitor): void {
  switch (ir.kind) {
    case "const":
    case "local":
    case "fn":
    case "builtin_value":
    case "closure":
    case "spawn":
    case "receive":
      return;
    case "call":
    case "call_self":
    case "builtin":
    case "op":
    case "capability":
      return visitIrs(ir.args, bindings);
    case "call_value":
      visitIr(ir.callee, bindings);
      return visitIrs(ir.args, bindings);
    case "text":
      for (const { value } of ir.parts) visitIr(value, bindings);
      return;
    case "chain":
      visitIr(ir.first, bindings);
      for (const { operand } of ir.rest) visitIr(operand, bindings);
      return;
    case "logic":
      return visitIrs(ir.operands, bindings);
    case "record":
    case "variant_record":
      return visitIrs(ir.fields, bindings);
    case "enum":
      if (ir.payload !== null) visitIr(ir.payload, bindings);
      return;
    case "propagate":
      bindings.untrack(ir.subject);
      return visitIr(ir.value, bindings);
    case "someOkErr":
      return visitIr(ir.value, bindings);
    case "get_field":
      return visitIr(ir.target, bindings);
    case "par":
      return visitIrs(ir.branches, bindings);
    case "list":
      return visitIrs(ir.items, bindings);
    case "map":
      for (const { key, value } of ir.entries) visitIrs([key, value], bindings);
      return;
    case "if":
      for (const branch of ir.branches) {
        visitCondition(branch, bindings);
        visitIr(branch.body, bindings);
      }
      if (ir.otherwise !== null) visitIr(ir.otherwise, bindings);
      return;
    case "match":
      bindings.untrack(ir.subject);
      visitIr(ir.scrutinee, bindings);
      for (const { pattern, guard, body } of ir.arms) {
        visitPattern(pattern, bindings);
        if (guard !== null) visitIr(guard, bindings);
        visitIr(body, bindings);
      }
      return;
    case "block":
      for (const stmt of ir.stmts) visitStmt(stmt, bindings);
      if (ir.value !== null) visitIr(ir.value, bindings);
      return;
    case "send":
      return visitIrs([ir.actor, ir.message], bindings);
    case "emit":
      return visitIr(ir.tree, bindings);
  }
}

function visitCondition({ condition, match }: CheckedCondition, bindings: BindingVisitor): void {
  visitIr(condition, bindings);
  if (match === null) return;
  bindings.untrack(match.subject);
  visitPattern(match.test.pattern, bindings);
}

function visitStmt(stmt: IrStmt, bindings: BindingVisitor): void {
  switch (stmt.kind) {
    case "set":
      bindings.set(stmt.local);
      return visitIr(stmt.value, bindings);
    case "destructure":
      bindings.untrack(stmt.subject);
      visitPattern(stmt.test.pattern, bindings);
      if (stmt.otherwise !== null) visitIr(stmt.otherwise, bindings);
      return;
    case "update":
      bindings.untrack(stmt.local);
      for (const step of stmt.steps) if (step.kind === "index") visitIr(step.index, bindings);
      return visitIr(stmt.value, bindings);
    case "while":
      visitCondition(stmt, bindings);
      return visitIr(stmt.body, bindings);
    case "for":
      bindings.set(stmt.local);
      visitIr(stmt.list, bindings);
      return visitIr(stmt.body, bindings);
    case "return":
      if (stmt.value !== null) visitIr(stmt.value, bindings);
      return;
    case "expr":
      return visitIr(stmt.value, bindings);
    case "break":
    case "continue":
      return;
  }
}

function visitPattern(pattern: CheckedPattern, bindings: BindingVisitor): void {
  switch (pattern.kind) {
    case "bind":
      bindings.untrack(pattern.local);
      return;
    case "list":
      for (const part of [...pattern.prefix, ...pattern.suffix]) visitPattern(part, bindings);
      if (pattern.rest !== null && pattern.rest !== "unused") bindings.untrack(pattern.rest);
      return;
    case "constructor":
      for (const part of pattern.args) visitPattern(part, bindings);
      return;
    case "or":
      for (const part of pattern.alternatives) visitPattern(part, bindings);
      return;
    case "wildcard":
    case "literal":
      return;
  }
}
