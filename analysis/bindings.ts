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

function visitIrs(irs: Iterable<Ir>, visitor: BindingVisitor): void {
  for (const ir of irs) visitIr(ir, visitor);
}

function visitIr(ir: Ir, visitor: BindingVisitor): void {
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
      return visitIrs(ir.args, visitor);
    case "call_value":
      visitIr(ir.callee, visitor);
      return visitIrs(ir.args, visitor);
    case "text":
      for (const { value } of ir.parts) visitIr(value, visitor);
      return;
    case "chain":
      visitIr(ir.first, visitor);
      for (const { operand } of ir.rest) visitIr(operand, visitor);
      return;
    case "logic":
      return visitIrs(ir.operands, visitor);
    case "record":
    case "variant_record":
      return visitIrs(ir.fields, visitor);
    case "enum":
      if (ir.payload !== null) visitIr(ir.payload, visitor);
      return;
    case "propagate":
      visitor.untrack(ir.subject);
      return visitIr(ir.value, visitor);
    case "someOkErr":
      return visitIr(ir.value, visitor);
    case "get_field":
      return visitIr(ir.target, visitor);
    case "par":
      return visitIrs(ir.branches, visitor);
    case "list":
      return visitIrs(ir.items, visitor);
    case "map":
      for (const { key, value } of ir.entries) visitIrs([key, value], visitor);
      return;
    case "if":
      for (const branch of ir.branches) {
        visitCondition(branch, visitor);
        visitIr(branch.body, visitor);
      }
      if (ir.otherwise !== null) visitIr(ir.otherwise, visitor);
      return;
    case "match":
      visitor.untrack(ir.subject);
      visitIr(ir.scrutinee, visitor);
      for (const { pattern, guard, body } of ir.arms) {
        visitPattern(pattern, visitor);
        if (guard !== null) visitIr(guard, visitor);
        visitIr(body, visitor);
      }
      return;
    case "block":
      for (const stmt of ir.stmts) visitStmt(stmt, visitor);
      if (ir.value !== null) visitIr(ir.value, visitor);
      return;
    case "send":
      return visitIrs([ir.actor, ir.message], visitor);
    case "emit":
      return visitIr(ir.tree, visitor);
  }
}

function visitCondition({ condition, match }: CheckedCondition, visitor: BindingVisitor): void {
  visitIr(condition, visitor);
  if (match === null) return;
  visitor.untrack(match.subject);
  visitPattern(match.test.pattern, visitor);
}

function visitStmt(stmt: IrStmt, visitor: BindingVisitor): void {
  switch (stmt.kind) {
    case "set":
      visitor.set(stmt.local);
      return visitIr(stmt.value, visitor);
    case "destructure":
      visitor.untrack(stmt.subject);
      visitPattern(stmt.test.pattern, visitor);
      if (stmt.otherwise !== null) visitIr(stmt.otherwise, visitor);
      return;
    case "update":
      visitor.untrack(stmt.local);
      for (const step of stmt.steps) if (step.kind === "index") visitIr(step.index, visitor);
      return visitIr(stmt.value, visitor);
    case "while":
      visitCondition(stmt, visitor);
      return visitIr(stmt.body, visitor);
    case "for":
      visitor.set(stmt.local);
      visitIr(stmt.list, visitor);
      return visitIr(stmt.body, visitor);
    case "return":
      if (stmt.value !== null) visitIr(stmt.value, visitor);
      return;
    case "expr":
      return visitIr(stmt.value, visitor);
    case "break":
    case "continue":
      return;
  }
}

function visitPattern(pattern: CheckedPattern, visitor: BindingVisitor): void {
  switch (pattern.kind) {
    case "bind":
      visitor.untrack(pattern.local);
      return;
    case "list":
      for (const part of [...pattern.prefix, ...pattern.suffix]) visitPattern(part, visitor);
      if (pattern.rest !== null && pattern.rest !== "unused") visitor.untrack(pattern.rest);
      return;
    case "constructor":
      for (const part of pattern.args) visitPattern(part, visitor);
      return;
    case "or":
      for (const part of pattern.alternatives) visitPattern(part, visitor);
      return;
    case "wildcard":
    case "literal":
      return;
  }
}
