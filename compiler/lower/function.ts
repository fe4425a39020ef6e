/**
 * Lowers the body of one function. Invariant: `expr` leaves exactly one value on the operand stack, `#statement` leaves
 * none. A `for` keeps its list and index in stack slots, so all operands at a `break`, `continue` or `return` belong to the
 * expressions around it, and are popped before the jump.
 */
import { OPCODE_BY_TAG, type OpName } from "../../vm/bytecode/opcodes.ts";
import { WRAPPERS } from "../../vm/bytecode/tags.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { FnRefValue, UNIT, type Value } from "../../vm/value/value.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { BinaryOp, Span } from "../ast.ts";
import type { Callable, CheckedBody, CheckedClause, Ir, IrStmt, Local } from "../ir.ts";
import { type CheckedType, prune, type TypeDecl } from "../check-types.ts";
import type { LineTable } from "../source.ts";
import { Emitter, type Label } from "./emitter.ts";
import { lowerMatch, type MatchLowering } from "./patterns.ts";

/** The indexes of what a function refers to in its module. An entry is added on first use. */
export interface ModulePool {
  constant(value: Value): number;
  functionIndex(target: Callable): number;
  /** A function that only runs the builtin, for a builtin used as a value. */
  builtinFunction(builtin: BuiltinDecl, arity: number): number;
  typeIndex(decl: TypeDecl): number;
  variantTypeIndex(decl: TypeDecl, variant: number): number;
  /** The type of a received message, as text; null if it may be anything. */
  messageType(type: CheckedType): string | null;
}

/** The builtins that have an instruction of their own. If there are several, the one with the lowest tag is used. */
const OWN_INSTRUCTION: ReadonlyMap<string, OpName> = new Map(
  [...OPCODE_BY_TAG.values()]
    .sort((a, b) => b.tag - a.tag)
    .flatMap(({ builtin, name }) => (builtin === undefined ? [] : [[builtin, name] as const])),
);

const OPERATOR_OPCODES: Readonly<Record<Exclude<BinaryOp, "&&" | "||" | "+" | "/">, OpName>> = {
  "==": "Eq",
  "!=": "Neq",
  "<": "Lt",
  "<=": "Lte",
  ">": "Gt",
  ">=": "Gte",
  "++": "Concat",
  "-": "Sub",
  "*": "Mul",
  "%": "Mod",
};

function operatorOpcode(op: BinaryOp, type: CheckedType): OpName {
  const t = prune(type);
  const name = t.kind === "primitive" ? t.name : "";
  if (op === "+") return name === "String" ? "Concat" : "Add";
  if (op === "/") return name === "Float" ? "FDiv" : "Div";
  return op === "&&" ? "And" : op === "||" ? "Or" : OPERATOR_OPCODES[op];
}

/** The most elements of a `MakeList` in bytecode 1.1. */
const MAX_SHORT_LIST = 255;

function emitBuiltin(e: Emitter, builtin: BuiltinDecl, argc: number): void {
  const own = builtin.instruction ?? OWN_INSTRUCTION.get(builtin.name);
  if (own === undefined) e.emit("Builtin", builtin.id, argc);
  else e.emit(own);
}

interface Loop {
  /** Where `continue` jumps to. */
  readonly next: Label;
  /** Where `break` jumps to. */
  readonly end: Label;
  /** The height of the operand stack at the start of the loop. */
  readonly height: number;
}

export class FunctionLowering implements MatchLowering {
  readonly emitter: Emitter;
  readonly #pool: ModulePool;
  readonly #callable: Callable;
  readonly #body: CheckedBody;
  readonly #loops: Loop[] = [];
  /** The code that checks the `ensures` clauses; returns jump to it. Null if there are none. */
  readonly #epilogue: Label | null;

  constructor(pool: ModulePool, callable: Callable, body: CheckedBody, lines: LineTable) {
    this.#pool = pool;
    this.#callable = callable;
    this.#body = body;
    this.emitter = new Emitter(lines, body.params);
    this.#epilogue = body.ensures.length > 0 ? this.emitter.label() : null;
  }

  constant(value: Value): number {
    return this.#pool.constant(value);
  }

  run(): void {
    const e = this.emitter;
    const body = this.#body;
    body.requires.forEach((c, i) => this.#clause(c, "requires", i));
    this.expr(body.value, this.#epilogue === null);
    if (this.#epilogue !== null && body.result !== null) {
      e.emit("StoreLocal", e.slot(body.result));
      e.placeLabel(this.#epilogue);
      body.ensures.forEach((c, i) => this.#clause(c, "ensures", i));
      e.emit("LoadLocal", e.slot(body.result));
    }
    e.setSpan({ start: Math.max(0, body.value.span.end - 1), end: body.value.span.end });
    e.emit("Ret");
  }

  #clause(clause: CheckedClause, kind: "requires" | "ensures", index: number): void {
    this.expr(clause.condition, false);
    this.emitter.setSpan(clause.span);
    const word = kind === "requires" ? "precondition" : "postcondition";
    const message = this.constant(`${word} ${index + 1} failed in \`${this.#callable.name}\`: ${clause.text}`);
    this.emitter.emit("Assert", message, kind === "requires" ? 0 : 1, index);
  }

  /** Lowers an expression. With `tail`, its value is that of the function, so a call of the function itself becomes a `TailCall`. */
  expr(ir: Ir, tail: boolean): void {
    const before = this.emitter.setSpan(ir.span);
    this.#expr(ir, tail);
    this.emitter.setSpan(before);
  }

  #args(args: readonly Ir[], span: Span): void {
    for (const arg of args) this.expr(arg, false);
    this.emitter.setSpan(span);
  }

  #unit(): void {
    this.emitter.emit("PushConst", this.constant(UNIT));
  }

  #expr(ir: Ir, tail: boolean): void {
    const e = this.emitter;
    const pool = this.#pool;
    switch (ir.kind) {
      case "const":
        e.emit("PushConst", this.constant(ir.value));
        return;
      case "local":
        e.emit("LoadLocal", e.slot(ir.local));
        return;
      case "fn":
        e.emit("PushConst", this.constant(new FnRefValue(pool.functionIndex(ir.target))));
        return;
      case "builtin_value":
        e.emit("PushConst", this.constant(new FnRefValue(pool.builtinFunction(ir.builtin, ir.arity))));
        return;
      case "closure":
        for (const local of ir.captured) e.emit("LoadLocal", e.slot(local));
        e.emit("MakeClosure", pool.functionIndex(ir.target), ir.captured.length);
        return;
      case "call":
        this.#args(ir.args, ir.span);
        if (tail && ir.target === this.#callable) {
          e.emit("TailCall", pool.functionIndex(ir.target), ir.args.length);
          e.height += 1;
        } else e.emit("Call", pool.functionIndex(ir.target), ir.args.length);
        return;
      case "call_value":
        this.expr(ir.callee, false);
        this.#callValue(ir.args, ir.span);
        return;
      case "builtin":
        this.#args(ir.args, ir.span);
        emitBuiltin(e, ir.builtin, ir.args.length);
        return;
      case "op":
        this.#args(ir.args, ir.span);
        e.emit(ir.op);
        return;
      case "chain":
        this.expr(ir.first, false);
        for (const r of ir.rest) {
          this.expr(r.operand, false);
          e.setSpan({ start: ir.first.span.start, end: r.operand.span.end });
          e.emit(operatorOpcode(r.op, r.type));
        }
        return;
      case "logic":
        this.#logic(ir);
        return;
      case "capability":
        this.#args(ir.args, ir.span);
        e.emit(ir.caught ? "TryCapCall" : "CapCall", ir.id, ir.args.length);
        return;
      case "record":
        this.#args(ir.fields, ir.span);
        e.emit("MakeRecord", pool.typeIndex(ir.decl), ir.fields.length);
        return;
      case "variant_record":
        this.#args(ir.fields, ir.span);
        e.emit("MakeRecord", pool.variantTypeIndex(ir.decl, ir.variant), ir.fields.length);
        return;
      case "enum":
        if (ir.payload === null) this.#unit();
        else this.expr(ir.payload, false);
        e.emit("MakeEnum", pool.typeIndex(ir.decl), ir.variant);
        return;
      case "wrap":
        this.expr(ir.value, false);
        e.emit("Wrap", WRAPPERS.indexOf(ir.wrap));
        return;
      case "get_field":
        this.expr(ir.target, false);
        e.emit("GetField", ir.index);
        return;
      case "list":
        this.#list(ir);
        return;
      case "map":
        this.#map(ir);
        return;
      case "if":
        this.#if(ir, tail);
        return;
      case "match":
        lowerMatch(this, ir, tail);
        return;
      case "block":
        for (const stmt of ir.stmts) this.#stmt(stmt);
        if (ir.value === null) this.#unit();
        else this.expr(ir.value, tail);
        return;
      case "spawn":
        e.emit("SpawnActor", pool.functionIndex(ir.target));
        return;
      case "send":
        this.#args([ir.actor, ir.message], ir.span);
        e.emit("SendMsg");
        this.#unit();
        return;
      case "receive": {
        const type = pool.messageType(ir.type);
        if (type === null) e.emit("ReceiveMsg");
        else e.emit("ReceiveAs", this.constant(type));
        return;
      }
      case "emit":
        this.expr(ir.tree, false);
        e.emit("EmitUi");
        this.#unit();
    }
  }

  /** The callee is evaluated first, but `CallIndirect` needs it on top of the arguments, so it is kept in a slot. */
  #callValue(args: readonly Ir[], span: Span): void {
    const e = this.emitter;
    const callee = e.scratchSlot();
    e.emit("StoreLocal", callee);
    this.#args(args, span);
    e.emit("LoadLocal", callee);
    e.emit("CallIndirect", args.length);
  }

  #logic(ir: Ir & { kind: "logic" }): void {
    const e = this.emitter;
    const [short, end] = [e.label(), e.label()];
    const base = e.height;
    ir.operands.forEach((operand, i) => {
      this.expr(operand, false);
      if (i < ir.operands.length - 1) e.emit(ir.op === "&&" ? "JmpIfNot" : "JmpIf", short);
    });
    e.emit("Jmp", end);
    e.placeLabel(short);
    e.height = base;
    e.emit("PushConst", this.constant(ir.op === "||"));
    e.placeLabel(end);
  }

  /** Long literals are built in parts, to keep the operand stack small. */
  #list(ir: Ir & { kind: "list" }): void {
    const e = this.emitter;
    if (ir.items.length === 0) e.emit("PushConst", this.constant(ListValue.EMPTY));
    for (let from = 0; from < ir.items.length; from += MAX_SHORT_LIST) {
      const part = ir.items.slice(from, from + MAX_SHORT_LIST);
      this.#args(part, ir.span);
      e.emit("MakeList", part.length);
      if (from > 0) e.emit("Concat");
    }
  }

  #map(ir: Ir & { kind: "map" }): void {
    const e = this.emitter;
    const first = ir.entries.slice(0, MAX_SHORT_LIST);
    if (first.length === 0) e.emit("PushConst", this.constant(MapValue.EMPTY));
    else {
      this.#args(
        first.flatMap((entry) => [entry.key, entry.value]),
        ir.span,
      );
      e.emit("MakeMap", first.length * 2);
    }
    for (const entry of ir.entries.slice(MAX_SHORT_LIST)) {
      this.#args([entry.key, entry.value], ir.span);
      e.emit("MapSet");
    }
  }

  #if(ir: Ir & { kind: "if" }, tail: boolean): void {
    const e = this.emitter;
    const end = e.label();
    const base = e.height;
    for (const branch of ir.branches) {
      const next = e.label();
      this.expr(branch.condition, false);
      e.emit("JmpIfNot", next);
      this.expr(branch.body, tail && ir.otherwise !== null);
      if (ir.otherwise === null) e.emit("Pop");
      e.emit("Jmp", end);
      e.placeLabel(next);
      e.height = base;
    }
    if (ir.otherwise !== null) this.expr(ir.otherwise, tail);
    e.placeLabel(end);
    if (ir.otherwise === null) this.#unit();
  }

  #stmt(stmt: IrStmt): void {
    const before = this.emitter.setSpan(stmt.span);
    this.#statement(stmt);
    this.emitter.setSpan(before);
  }

  #statement(stmt: IrStmt): void {
    const e = this.emitter;
    switch (stmt.kind) {
      case "set":
        this.expr(stmt.value, false);
        e.emit("StoreLocal", e.slot(stmt.local));
        return;
      case "expr":
        this.expr(stmt.value, false);
        e.emit("Pop");
        return;
      case "while": {
        const loop: Loop = { next: e.label(), end: e.label(), height: e.height };
        e.placeLabel(loop.next);
        this.expr(stmt.condition, false);
        e.emit("JmpIfNot", loop.end);
        this.#loopBody(loop, stmt.body);
        e.emit("Jmp", loop.next);
        e.placeLabel(loop.end);
        return;
      }
      case "for":
        this.#for(stmt);
        return;
      case "break":
      case "continue": {
        const loop = this.#loops.at(-1);
        if (loop === undefined) return;
        const { height } = e;
        while (e.height > loop.height) e.emit("Pop");
        e.emit("Jmp", stmt.kind === "break" ? loop.end : loop.next);
        e.height = height;
        return;
      }
      case "return":
        this.#return(stmt.value);
    }
  }

  #return(value: Ir | null): void {
    const e = this.emitter;
    const { height } = e;
    if (value === null) this.#unit();
    else this.expr(value, this.#epilogue === null);
    if (this.#epilogue !== null && this.#body.result !== null) {
      e.emit("StoreLocal", e.slot(this.#body.result));
      while (e.height > 0) e.emit("Pop");
      e.emit("Jmp", this.#epilogue);
    } else e.emit("Ret");
    e.height = height;
  }

  #loopBody(loop: Loop, body: Ir): void {
    this.#loops.push(loop);
    this.expr(body, false);
    this.#loops.pop();
    this.emitter.emit("Pop");
  }

  #for(stmt: IrStmt & { kind: "for" }): void {
    const e = this.emitter;
    const [list, length, index] = [e.scratchSlot(), e.scratchSlot(), e.scratchSlot()];
    this.expr(stmt.list, false);
    e.emit("StoreLocal", list);
    e.emit("LoadLocal", list);
    e.emit("ListLen");
    e.emit("StoreLocal", length);
    e.emit("PushConst", this.constant(0));
    e.emit("StoreLocal", index);
    const head = e.label();
    const loop: Loop = { next: e.label(), end: e.label(), height: e.height };
    e.placeLabel(head);
    e.emit("LoadLocal", index);
    e.emit("LoadLocal", length);
    e.emit("Lt");
    e.emit("JmpIfNot", loop.end);
    e.emit("LoadLocal", list);
    e.emit("LoadLocal", index);
    e.emit("ListGet");
    e.emit("StoreLocal", e.slot(stmt.local));
    this.#loopBody(loop, stmt.body);
    e.placeLabel(loop.next);
    e.emit("LoadLocal", index);
    e.emit("PushConst", this.constant(1));
    e.emit("Add");
    e.emit("StoreLocal", index);
    e.emit("Jmp", head);
    e.placeLabel(loop.end);
  }
}

/** The function for a builtin used as a value: it loads its arguments and runs the builtin. */
export function builtinWrapper(builtin: BuiltinDecl, arity: number, lines: LineTable): Emitter {
  const params = Array.from(
    { length: arity },
    (_, i): Local => ({ name: `a${i + 1}`, type: { kind: "error" }, mutable: false, span: { start: 0, end: 0 }, used: true }),
  );
  const e = new Emitter(lines, params);
  for (const param of params) e.emit("LoadLocal", e.slot(param));
  emitBuiltin(e, builtin, arity);
  e.emit("Ret");
  return e;
}
