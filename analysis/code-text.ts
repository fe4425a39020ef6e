/**
 * Writes the code of a function as a text that is free of layout, source positions, and the names of variables and functions. Two
 * functions do the same if their texts are equal and the functions that they refer to, taken in order, do the same too.
 */
import type { Callable, CheckedCondition, CheckedPattern, Ir, IrStmt, Local, UpdateStep } from "../compiler/ir.ts";
import { type CheckedType, declarationsIn, partsOf, showType, type TypeDecl } from "../compiler/check-types.ts";
import type { Value } from "../vm/value/value.ts";

export interface CodeText {
  readonly text: string;
  /** The functions that the code calls, passes on or spawns, in the order in which the text refers to them. */
  readonly functions: readonly Callable[];
}

export function codeText({ body }: Callable): CodeText {
  const printer = new Printer();
  if (body === null) return { text: "", functions: [] };
  for (const param of body.params) printer.local(param);
  for (const stmt of body.destructureParams) printer.stmt(stmt);
  for (const { condition } of body.requires) printer.node("requires", condition);
  for (const { condition } of body.ensures) printer.node("ensures", condition);
  printer.ir(body.value);
  return printer.result();
}

class Printer {
  /** The words of the text. */
  readonly #parts: string[] = [];
  /** The numbers that stand for the bindings and the functions, in the order of their first use. */
  readonly #locals = new Map<Local, number>();
  readonly #functions = new Map<Callable, number>();

  result(): CodeText {
    return { text: this.#parts.join(" "), functions: [...this.#functions.keys()] };
  }

  node(name: string, ...children: readonly (Ir | null)[]): void {
    this.#parts.push(`(${name}`);
    for (const child of children) {
      if (child === null) this.#parts.push("none");
      else this.ir(child);
    }
    this.#parts.push(")");
  }

  local(local: Local): void {
    this.#parts.push(`%${idIn(this.#locals, local)}`);
  }

  #function(callable: Callable): void {
    this.#parts.push(`&${idIn(this.#functions, callable)}`);
  }

  #value(value: Value): void {
    this.#parts.push(
      typeof value === "object" ? JSON.stringify(value, distinctNumber) : typeof value === "string" ? JSON.stringify(value) : String(value),
    );
  }

  ir(ir: Ir): void {
    switch (ir.kind) {
      case "const":
        return this.#value(ir.value);
      case "local":
        return this.local(ir.local);
      case "fn":
      case "spawn":
        this.#parts.push(ir.kind);
        return this.#function(ir.target);
      case "closure":
        this.#parts.push("closure");
        for (const local of ir.captured) this.local(local);
        return this.#function(ir.target);
      case "builtin_value":
        this.#parts.push(`builtin ${ir.builtin.id}/${ir.arity} ${typeArgText(ir.typeArg)}`);
        return;
      case "receive":
        this.#parts.push("receive");
        return;
      case "call":
        this.#function(ir.target);
        return this.node("call", ...ir.args);
      case "call_self":
        return this.node("self", ...ir.args);
      case "call_value":
        return this.node("apply", ir.callee, ...ir.args);
      case "builtin":
        return this.node(`builtin ${ir.builtin.id} ${typeArgText(ir.typeArg)}`, ...ir.args);
      case "op":
        return this.node(ir.op, ...ir.args);
      case "text":
        return this.node("text", ...ir.parts.map(({ value }) => value));
      case "chain":
        return this.node(`chain ${ir.rest.map(({ op }) => op).join(" ")}`, ir.first, ...ir.rest.map(({ operand }) => operand));
      case "logic":
        return this.node(ir.op, ...ir.operands);
      case "capability":
        return this.node(`capability ${ir.id} ${ir.caught}`, ...ir.args);
      case "record":
        return this.node(`record ${memberNames(ir.decl)}`, ...ir.fields);
      case "variant_record":
        return this.node(`variant ${memberNames(ir.decl)} ${ir.variant}`, ...ir.fields);
      case "enum":
        return this.node(`enum ${memberNames(ir.decl)} ${ir.variant}`, ir.payload);
      case "someOkErr":
        return this.node(ir.wrap, ir.value);
      case "propagate":
        return this.node(`propagate ${ir.wrapper}`, ir.value);
      case "get_field":
        return this.node(`field ${ir.index}`, ir.target);
      case "par":
        return this.node("par", ...ir.branches);
      case "list":
        return this.node("list", ...ir.items);
      case "map":
        return this.node("map", ...ir.entries.flatMap(({ key, value }) => [key, value]));
      case "if":
        for (const branch of ir.branches) {
          this.#condition("if", branch);
          this.ir(branch.body);
        }
        return this.node("else", ir.otherwise);
      case "match":
        this.node("match", ir.scrutinee);
        for (const { pattern, guard, body } of ir.arms) {
          this.#pattern(pattern);
          this.node("arm", guard, body);
        }
        return;
      case "block":
        this.#parts.push("{");
        for (const stmt of ir.stmts) this.stmt(stmt);
        return this.node("}", ir.value);
      case "send":
        return this.node("send", ir.actor, ir.message);
      case "emit":
        return this.node("emit", ir.tree);
    }
  }

  stmt(stmt: IrStmt): void {
    switch (stmt.kind) {
      case "set":
        this.node("set", stmt.value);
        return this.local(stmt.local);
      case "destructure":
        this.#parts.push("destructure");
        this.local(stmt.subject);
        this.#pattern(stmt.test.pattern);
        return this.node("else", stmt.otherwise);
      case "update":
        this.node(`update ${stmt.operator ?? ""}`, ...stmt.steps.map(indexOf), stmt.value);
        this.#parts.push(...stmt.steps.map((step) => (step.kind === "field" ? `.${step.field}` : "[]")));
        return this.local(stmt.local);
      case "while":
        this.#condition("while", stmt);
        return this.ir(stmt.body);
      case "for":
        this.node("for", stmt.list);
        this.local(stmt.local);
        return this.ir(stmt.body);
      case "return":
        return this.node("return", stmt.value);
      case "expr":
        return this.node("expr", stmt.value);
      case "break":
      case "continue":
        this.#parts.push(stmt.kind);
    }
  }

  #condition(name: string, { condition, match }: CheckedCondition): void {
    this.node(name, condition);
    if (match !== null) this.#pattern(match.test.pattern);
  }

  #pattern(pattern: CheckedPattern): void {
    switch (pattern.kind) {
      case "wildcard":
        this.#parts.push("_");
        return;
      case "bind":
        return this.local(pattern.local);
      case "literal":
        return this.#value(pattern.value);
      case "list":
        this.#parts.push(`list ${pattern.prefix.length} ${pattern.suffix.length} ${pattern.rest !== null}`);
        for (const part of [...pattern.prefix, ...pattern.suffix]) this.#pattern(part);
        if (pattern.rest !== null && pattern.rest !== "unused") this.local(pattern.rest);
        return;
      case "constructor":
        this.#parts.push(`is ${pattern.constructor_.name} ${pattern.args.length}`);
        for (const part of pattern.args) this.#pattern(part);
        return;
      case "or":
        this.#parts.push(`or ${pattern.alternatives.length}`);
        for (const part of pattern.alternatives) this.#pattern(part);
    }
  }
}

const indexOf = (step: UpdateStep): Ir | null => (step.kind === "index" ? step.index : null);

/** Returns the names of a type's fields and variants. Types count as different if these names differ. */
const memberNames = ({ fields, variants }: TypeDecl): string => [...fields, ...variants].map(({ name }) => name).join("|");

/** Returns the type, with the fields and variants of all declared types in it, because a conversion from JSON depends on them. */
function typeArgText(type: CheckedType | null): string {
  if (type === null) return "";
  // The loop also visits the elements that it adds.
  const decls = new Set(declarationsIn(type));
  for (const decl of decls) for (const part of partsOf(decl)) for (const inner of declarationsIn(part)) decls.add(inner);
  return [showType(type), ...[...decls].map((decl) => `${decl.name} ${memberNames(decl)} ${partsOf(decl).map(showType).join("|")}`)].join(
    " ",
  );
}

/** Converts what `JSON.stringify` cannot show or tell apart: bigints and -0. */
const distinctNumber = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : value;

/** Returns the number of `key`. A new key gets the next number. */
function idIn<T>(ids: Map<T, number>, key: T): number {
  const id = ids.get(key) ?? ids.size;
  ids.set(key, id);
  return id;
}
