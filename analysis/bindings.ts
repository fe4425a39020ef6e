/** Finds the bindings whose values the analysis does not track: those that are set more than once, or by a pattern. */
import type { Callable, CheckedCondition, CheckedPattern, Ir, IrStmt, Local } from "../compiler/ir.ts";

const changingOf = new WeakMap<Callable, ReadonlySet<Local>>();

/** Returns the bindings of a function that are set more than once, or by a pattern. */
export function untrackedIn(callable: Callable): ReadonlySet<Local> {
  const known = changingOf.get(callable);
  if (known !== undefined) return known;
  const { body } = callable;
  const changing = new Set<Local>();
  if (body !== null) {
    const bound = new Set<Local>(body.params);
    const set = (local: Local): void => {
      if (bound.has(local)) changing.add(local);
      bound.add(local);
    };
    const bindings: Bindings = { set, change: (local) => changing.add(local) };
    for (const stmt of body.prologue) stmtBindings(stmt, bindings);
    irBindings(body.value, bindings);
    for (const { condition } of [...body.requires, ...body.ensures]) irBindings(condition, bindings);
  }
  changingOf.set(callable, changing);
  return changing;
}

/** Called for each binding that a body sets: `set` for one assignment, `change` for a binding whose value is not tracked. */
interface Bindings {
  readonly set: (local: Local) => void;
  readonly change: (local: Local) => void;
}

function irsBindings(irs: Iterable<Ir>, bindings: Bindings): void {
  for (const ir of irs) irBindings(ir, bindings);
}

function irBindings(ir: Ir, bindings: Bindings): void {
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
      return irsBindings(ir.args, bindings);
    case "call_value":
      irBindings(ir.callee, bindings);
      return irsBindings(ir.args, bindings);
    case "text":
      for (const { value } of ir.parts) irBindings(value, bindings);
      return;
    case "chain":
      irBindings(ir.first, bindings);
      for (const { operand } of ir.rest) irBindings(operand, bindings);
      return;
    case "logic":
      return irsBindings(ir.operands, bindings);
    case "record":
    case "variant_record":
      return irsBindings(ir.fields, bindings);
    case "enum":
      if (ir.payload !== null) irBindings(ir.payload, bindings);
      return;
    case "propagate":
      bindings.change(ir.subject);
      return irBindings(ir.value, bindings);
    case "wrap":
      return irBindings(ir.value, bindings);
    case "get_field":
      return irBindings(ir.target, bindings);
    case "par":
      return irsBindings(ir.branches, bindings);
    case "list":
      return irsBindings(ir.items, bindings);
    case "map":
      for (const { key, value } of ir.entries) irsBindings([key, value], bindings);
      return;
    case "if":
      for (const branch of ir.branches) {
        conditionBindings(branch, bindings);
        irBindings(branch.body, bindings);
      }
      if (ir.otherwise !== null) irBindings(ir.otherwise, bindings);
      return;
    case "match":
      bindings.change(ir.subject);
      irBindings(ir.scrutinee, bindings);
      for (const { pattern, guard, body } of ir.arms) {
        patternBindings(pattern, bindings);
        if (guard !== null) irBindings(guard, bindings);
        irBindings(body, bindings);
      }
      return;
    case "block":
      for (const stmt of ir.stmts) stmtBindings(stmt, bindings);
      if (ir.value !== null) irBindings(ir.value, bindings);
      return;
    case "send":
      return irsBindings([ir.actor, ir.message], bindings);
    case "emit":
      return irBindings(ir.tree, bindings);
  }
}

function conditionBindings({ condition, match }: CheckedCondition, bindings: Bindings): void {
  irBindings(condition, bindings);
  if (match === null) return;
  bindings.change(match.subject);
  patternBindings(match.test.pattern, bindings);
}

function stmtBindings(stmt: IrStmt, bindings: Bindings): void {
  switch (stmt.kind) {
    case "set":
      bindings.set(stmt.local);
      return irBindings(stmt.value, bindings);
    case "destructure":
      bindings.change(stmt.subject);
      patternBindings(stmt.test.pattern, bindings);
      if (stmt.otherwise !== null) irBindings(stmt.otherwise, bindings);
      return;
    case "update":
      bindings.change(stmt.local);
      for (const step of stmt.steps) if (step.kind === "index") irBindings(step.index, bindings);
      return irBindings(stmt.value, bindings);
    case "while":
      conditionBindings(stmt, bindings);
      return irBindings(stmt.body, bindings);
    case "for":
      bindings.set(stmt.local);
      irBindings(stmt.list, bindings);
      return irBindings(stmt.body, bindings);
    case "return":
      if (stmt.value !== null) irBindings(stmt.value, bindings);
      return;
    case "expr":
      return irBindings(stmt.value, bindings);
    case "break":
    case "continue":
      return;
  }
}

function patternBindings(pattern: CheckedPattern, bindings: Bindings): void {
  switch (pattern.kind) {
    case "bind":
      bindings.change(pattern.local);
      return;
    case "list":
      for (const part of [...pattern.prefix, ...pattern.suffix]) patternBindings(part, bindings);
      if (pattern.rest !== null && pattern.rest !== "unused") bindings.change(pattern.rest);
      return;
    case "constructor":
      for (const part of pattern.args) patternBindings(part, bindings);
      return;
    case "or":
      for (const part of pattern.alternatives) patternBindings(part, bindings);
      return;
    case "wildcard":
    case "literal":
      return;
  }
}
