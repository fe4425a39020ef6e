/**
 * Lowers the body of one function. Code from `expr` always leaves exactly one value on the operand stack, and code from
 * `#statement` leaves no value. A `for` keeps its list and index in stack slots, not on the operand stack. So all operands at a
 * `break`, `continue` or `return` belong to unfinished expressions, and are popped before the jump.
 */
import { OPCODE_BY_TAG, OPCODES, type OpName } from "../../vm/bytecode/opcodes.ts";
import { MATCH_TAGS, WRAPPERS } from "../../vm/bytecode/tags.ts";
import { INDEX_STEP, updatePathText } from "../../vm/bytecode/update-path.ts";
import { BorunaError } from "../../vm/error.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { FnRefValue, UNIT, type Value } from "../../vm/value/value.ts";
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { BinaryOp, RangeOp, Span } from "../ast.ts";
import type { Callable, CheckedBody, CheckedClause, Ir, IrStmt, Local } from "../ir.ts";
import { type CheckedType, prune, type TypeDecl } from "../check-types.ts";
import type { LineTable } from "../source.ts";
import { Emitter, type Label, type OpenFlow } from "./emitter.ts";
import { joinedText } from "./texts.ts";
import { lowerCondition, lowerDestructuring, lowerMatch, type MatchLowering } from "./patterns.ts";

/** The constants, functions and types of the module. A method that returns an index adds the constant, function or type on first use. */
export interface ModulePool {
  constant(value: Value): number;
  functionIndex(target: Callable): number;
  /** Returns the index of a function that only runs the builtin. It is needed if a builtin is used as a value. */
  builtinFunction(builtin: BuiltinDecl, arity: number, typeArg: CheckedType | null): number;
  /** Returns the text of a type that has no type parameters, and adds its declarations to the module. */
  typeText(type: CheckedType): string;
  typeIndex(decl: TypeDecl): number;
  variantTypeIndex(decl: TypeDecl, variant: number): number;
  /** Returns the type of a received message as text, or null if the message may have any type. */
  messageType(type: CheckedType): string | null;
}

/** Maps the name of a builtin to the instruction that calls only this builtin. If there are several, it is the one with the lowest opcode number. */
const INSTRUCTION_BY_BUILTIN: ReadonlyMap<string, OpName> = new Map(
  [...OPCODE_BY_TAG.values()]
    .sort((a, b) => b.tag - a.tag)
    .flatMap(({ builtin, name }) => (builtin === undefined ? [] : [[builtin, name] as const])),
);

const OPERATOR_OPCODES: Readonly<Record<Exclude<BinaryOp, "&&" | "||" | "+" | "/" | RangeOp>, OpName>> = {
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

/** Returns the opcode of an operator whose operands have the type. */
function operatorOpcode(op: Exclude<BinaryOp, RangeOp>, type: CheckedType): OpName {
  // `prune` follows bound type variables.
  const t = prune(type);
  const name = t.kind === "primitive" ? t.name : "";
  if (op === "+") return name === "String" ? "Concat" : "Add";
  if (op === "/") return name === "Float" ? "FDiv" : "Div";
  return op === "&&" ? "And" : op === "||" ? "Or" : OPERATOR_OPCODES[op];
}

/** Maximum number of elements of a `MakeList` in bytecode 1.1. */
const MAX_LIST_PART = 255;

function emitBuiltin(e: Emitter, builtin: BuiltinDecl, argc: number): void {
  const instruction = builtin.instruction ?? INSTRUCTION_BY_BUILTIN.get(builtin.name);
  if (instruction === undefined) e.emit("Builtin", builtin.id, argc);
  else e.emit(instruction);
}

interface Loop {
  /** The target of `continue`. */
  readonly next: Label;
  /** The target of `break`. */
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
  /** The label of the code that checks the `ensures` clauses, to which every `return` jumps. Null if there are no clauses. */
  readonly #epilogue: Label | null;

  constructor(pool: ModulePool, callable: Callable, body: CheckedBody, lines: LineTable) {
    this.#pool = pool;
    this.#callable = callable;
    this.#body = body;
    this.emitter = new Emitter(lines, body.params);
    this.#epilogue = body.ensures.length > 0 ? this.emitter.label() : null;
  }

  builtin(name: string, argc: number): void {
    const builtin = BUILTIN_BY_NAME.get(name);
    if (builtin === undefined) throw new BorunaError("internal", `no builtin ${name}`);
    emitBuiltin(this.emitter, builtin, argc);
  }

  constant(value: Value): number {
    return this.#pool.constant(value);
  }

  /** Lowers the contract and the body of the function. */
  run(): void {
    const e = this.emitter;
    const body = this.#body;
    for (const stmt of body.destructureParams) this.#stmt(stmt);
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

  /** Lowers an expression. If `isTail` is true, its value is the result of the function, so a recursive call becomes a `TailCall`. */
  expr(ir: Ir, isTail: boolean): void {
    const previousSpan = this.emitter.setSpan(ir.span);
    this.#expr(ir, isTail);
    this.emitter.setSpan(previousSpan);
  }

  #args(args: readonly Ir[], span: Span): void {
    for (const arg of args) this.expr(arg, false);
    this.emitter.setSpan(span);
  }

  #pushUnit(): void {
    this.emitter.emit("PushConst", this.constant(UNIT));
  }

  #expr(ir: Ir, isTail: boolean): void {
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
        e.emit("PushConst", this.constant(new FnRefValue(pool.builtinFunction(ir.builtin, ir.arity, ir.typeArg))));
        return;
      case "par":
        this.#args(ir.branches, ir.span);
        e.emit("Par", ir.branches.length);
        return;
      case "closure":
        for (const local of ir.captured) e.emit("LoadLocal", e.slot(local));
        e.emit("MakeClosure", pool.functionIndex(ir.target), ir.captured.length);
        return;
      case "call":
        this.#args(ir.args, ir.span);
        this.#call(ir.target, ir.args.length, isTail);
        return;
      case "call_self": {
        const { params } = this.#body;
        const captured = params.slice(0, params.length - ir.args.length);
        for (const local of captured) e.emit("LoadLocal", e.slot(local));
        this.#args(ir.args, ir.span);
        this.#call(this.#callable, params.length, isTail);
        return;
      }
      case "call_value":
        this.expr(ir.callee, false);
        this.#callValue(ir.args, ir.span);
        return;
      case "builtin":
        this.#args(ir.args, ir.span);
        if (ir.typeArg !== null) e.emit("PushConst", this.constant(pool.typeText(ir.typeArg)));
        emitBuiltin(e, ir.builtin, ir.args.length + (ir.typeArg === null ? 0 : 1));
        return;
      case "text":
        this.expr(joinedText(ir, MAX_LIST_PART), false);
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
        if (ir.payload === null) this.#pushUnit();
        else this.expr(ir.payload, false);
        e.emit("MakeEnum", pool.typeIndex(ir.decl), ir.variant);
        return;
      case "someOkErr":
        this.expr(ir.value, false);
        e.emit("Wrap", WRAPPERS.indexOf(ir.wrap));
        return;
      case "propagate":
        this.#propagate(ir);
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
        this.#if(ir, isTail);
        return;
      case "match":
        lowerMatch(this, ir, isTail);
        return;
      case "block":
        for (const stmt of ir.stmts) this.#stmt(stmt);
        if (ir.value === null) this.#pushUnit();
        else this.expr(ir.value, isTail);
        return;
      case "spawn":
        e.emit("SpawnActor", pool.functionIndex(ir.target));
        return;
      case "send":
        this.#args([ir.actor, ir.message], ir.span);
        e.emit("SendMsg");
        this.#pushUnit();
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
        this.#pushUnit();
    }
  }

  /** Emits a call of a function whose `argc` arguments are on the stack. */
  #call(target: Callable, argc: number, isTail: boolean): void {
    const e = this.emitter;
    if (isTail && target === this.#callable) {
      e.emit("TailCall", this.#pool.functionIndex(target), argc);
      // Control never returns from it. The code that follows is lowered as if the result were on the stack.
      e.height += 1;
    } else e.emit("Call", this.#pool.functionIndex(target), argc);
  }

  /** Lowers a call of a function value. The callee is evaluated first and kept in a slot, because `CallIndirect` needs it on top. */
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
    const [shortCircuit, end] = [e.label(), e.label()];
    const base = e.height;
    ir.operands.forEach((operand, i) => {
      this.expr(operand, false);
      if (i < ir.operands.length - 1) e.jump(ir.op === "&&" ? "JmpIfNot" : "JmpIf", shortCircuit);
    });
    e.jump("Jmp", end);
    e.placeLabel(shortCircuit);
    e.height = base;
    e.emit("PushConst", this.constant(ir.op === "||"));
    e.placeLabel(end);
  }

  /** Lowers a list literal. A long literal is built in parts, to keep the operand stack small. */
  #list(ir: Ir & { kind: "list" }): void {
    const e = this.emitter;
    if (ir.items.length === 0) e.emit("PushConst", this.constant(ListValue.EMPTY));
    for (let from = 0; from < ir.items.length; from += MAX_LIST_PART) {
      const part = ir.items.slice(from, from + MAX_LIST_PART);
      this.#args(part, ir.span);
      e.emit("MakeList", part.length);
      if (from > 0) e.emit("Concat");
    }
  }

  #map(ir: Ir & { kind: "map" }): void {
    const e = this.emitter;
    const first = ir.entries.slice(0, MAX_LIST_PART);
    if (first.length === 0) e.emit("PushConst", this.constant(MapValue.EMPTY));
    else {
      this.#args(
        first.flatMap((entry) => [entry.key, entry.value]),
        ir.span,
      );
      e.emit("MakeMap", first.length * 2);
    }
    for (const entry of ir.entries.slice(MAX_LIST_PART)) {
      this.#args([entry.key, entry.value], ir.span);
      e.emit("MapSet");
    }
  }

  #if(ir: Ir & { kind: "if" }, isTail: boolean): void {
    const e = this.emitter;
    const flow = e.beginFlow(ir.otherwise === null ? "if" : "if_else", ir.span);
    const end = e.label();
    const base = e.height;
    for (const branch of ir.branches) {
      const next = e.label();
      lowerCondition(this, branch, next);
      const start = e.pc;
      this.expr(branch.body, isTail && ir.otherwise !== null);
      if (ir.otherwise === null) e.emit("Pop");
      e.jump("Jmp", end);
      e.endPart(flow, start);
      e.placeLabel(next);
      e.height = base;
    }
    if (ir.otherwise !== null) {
      const start = e.pc;
      this.expr(ir.otherwise, isTail);
      e.endPart(flow, start);
    }
    e.placeLabel(end);
    e.endFlow(flow);
    if (ir.otherwise === null) this.#pushUnit();
  }

  #stmt(stmt: IrStmt): void {
    const previousSpan = this.emitter.setSpan(stmt.span);
    this.#statement(stmt);
    this.emitter.setSpan(previousSpan);
  }

  #statement(stmt: IrStmt): void {
    const e = this.emitter;
    switch (stmt.kind) {
      case "set":
        this.expr(stmt.value, false);
        e.emit("StoreLocal", e.slot(stmt.local));
        return;
      case "destructure":
        lowerDestructuring(this, stmt);
        return;
      case "update":
        this.#update(stmt);
        return;
      case "expr":
        this.expr(stmt.value, false);
        e.emit("Pop");
        return;
      case "while": {
        const flow = e.beginFlow("while", stmt.span);
        const loop: Loop = { next: e.label(), end: e.label(), height: e.height };
        e.placeLabel(loop.next);
        lowerCondition(this, stmt, loop.end);
        const start = e.pc;
        this.#loopBody(loop, stmt.body);
        e.jump("Jmp", loop.next);
        e.endPart(flow, start);
        e.placeLabel(loop.end);
        e.endFlow(flow);
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
        e.jump("Jmp", stmt.kind === "break" ? loop.end : loop.next);
        e.height = height;
        return;
      }
      case "return":
        this.#return(stmt.value);
    }
  }

  /** Lowers an assignment to a part of a variable. The indices are evaluated from left to right, and then the value. */
  #update({ local, steps, operator, type, value, span }: IrStmt & { kind: "update" }): void {
    const e = this.emitter;
    const indices = steps.flatMap((step) => (step.kind === "index" ? [step.index] : []));
    this.#args([...indices, value], span);
    const path = updatePathText({
      steps: steps.map((step) => (step.kind === "index" ? INDEX_STEP : step.field)),
      operator: operator === null ? undefined : OPCODES[operatorOpcode(operator, type)].tag,
    });
    e.emit("Update", e.slot(local), this.constant(path), indices.length + 1);
  }

  #return(value: Ir | null): void {
    const e = this.emitter;
    const { height } = e;
    if (value === null) this.#pushUnit();
    else this.expr(value, this.#epilogue === null);
    this.#returnTop();
    e.height = height;
  }

  /** Lowers `value?`. A None or Err is returned unchanged, although the function's result may be, say, Option<Int> and not Option<String>. */
  #propagate(ir: Ir & { kind: "propagate" }): void {
    const e = this.emitter;
    this.expr(ir.value, false);
    const subject = e.slot(ir.subject);
    e.emit("StoreLocal", subject);
    const { height } = e;
    const [succeeded, failed] = [e.label(), e.label()];
    e.emit("LoadLocal", subject);
    e.emit(
      "Match",
      e.addMatchTable([
        { tag: MATCH_TAGS[ir.wrapper], target: succeeded },
        { tag: MATCH_TAGS.any, target: failed },
      ]),
    );
    e.placeLabel(failed);
    e.height = height + 1;
    e.emit("Pop");
    e.emit("LoadLocal", subject);
    this.#returnTop();
    e.placeLabel(succeeded);
    e.height = height + 1;
  }

  /** Emits code that returns the value on top of the operand stack. */
  #returnTop(): void {
    const e = this.emitter;
    if (this.#epilogue !== null && this.#body.result !== null) {
      e.emit("StoreLocal", e.slot(this.#body.result));
      while (e.height > 0) e.emit("Pop");
      e.jump("Jmp", this.#epilogue);
    } else e.emit("Ret");
  }

  #loopBody(loop: Loop, body: Ir): void {
    this.#loops.push(loop);
    this.expr(body, false);
    this.#loops.pop();
    this.emitter.emit("Pop");
  }

  #for(stmt: IrStmt & { kind: "for" }): void {
    const e = this.emitter;
    const { list } = stmt;
    const flow = e.beginFlow("for", stmt.span);
    const [from, to] = list.kind === "builtin" && list.builtin.name === "list.range" ? list.args : [];
    if (from !== undefined && to !== undefined) this.#forRange(stmt, from, to, flow);
    else this.#forList(stmt, flow);
    e.endFlow(flow);
  }

  #forList(stmt: IrStmt & { kind: "for" }, flow: OpenFlow): void {
    const e = this.emitter;
    const [list, length, index] = [e.scratchSlot(), e.scratchSlot(), e.scratchSlot()];
    this.expr(stmt.list, false);
    e.emit("StoreLocal", list);
    e.emit("LoadLocal", list);
    e.emit("ListLen");
    e.emit("StoreLocal", length);
    e.emit("PushConst", this.constant(0));
    e.emit("StoreLocal", index);
    const pushLength = (): void => e.emit("LoadLocal", length);
    this.#countingLoop(index, pushLength, stmt.body, flow, () => {
      e.emit("LoadLocal", list);
      e.emit("LoadLocal", index);
      e.emit("ListGet");
      flow.local = e.slot(stmt.local);
      e.emit("StoreLocal", flow.local);
    });
  }

  /** Lowers a loop over a range, which builds no list. The loop variable is the counter, unless the body assigns to it. */
  #forRange(stmt: IrStmt & { kind: "for" }, from: Ir, to: Ir, flow: OpenFlow): void {
    const e = this.emitter;
    flow.local = e.slot(stmt.local);
    const counter = stmt.assigned.has(stmt.local) ? e.scratchSlot() : flow.local;
    this.expr(from, false);
    const pushEnd = this.#rangeEnd(to, stmt.assigned);
    e.emit("StoreLocal", counter);
    this.#countingLoop(counter, pushEnd, stmt.body, flow, () => {
      if (counter === flow.local) return;
      e.emit("LoadLocal", counter);
      e.emit("StoreLocal", flow.local);
    });
  }

  /**
   * Returns a function that emits a push of the range's end. A constant, or a binding that is never assigned to, is pushed directly. Any other
   * end is evaluated once, before the loop, and kept in a slot.
   */
  #rangeEnd(to: Ir, assigned: ReadonlySet<Local>): () => void {
    const e = this.emitter;
    if (to.kind === "const" || (to.kind === "local" && !assigned.has(to.local))) return () => this.expr(to, false);
    this.expr(to, false);
    const end = e.scratchSlot();
    e.emit("StoreLocal", end);
    return () => e.emit("LoadLocal", end);
  }

  /** Lowers a loop that adds 1 to the slot `counter` while it is below the end. `begin` emits the start of an iteration. */
  #countingLoop(counter: number, pushEnd: () => void, body: Ir, flow: OpenFlow, begin: () => void): void {
    const e = this.emitter;
    const head = e.label();
    const loop: Loop = { next: e.label(), end: e.label(), height: e.height };
    e.placeLabel(head);
    e.emit("LoadLocal", counter);
    pushEnd();
    e.emit("Lt");
    e.jump("JmpIfNot", loop.end);
    const start = e.pc;
    begin();
    this.#loopBody(loop, body);
    e.placeLabel(loop.next);
    e.emit("LoadLocal", counter);
    e.emit("PushConst", this.constant(1));
    e.emit("Add");
    e.emit("StoreLocal", counter);
    e.jump("Jmp", head);
    e.endPart(flow, start);
    e.placeLabel(loop.end);
  }
}

/**
 * Returns the code of a function that loads its arguments and runs the builtin. It is needed if a builtin is used as a value.
 * `typeConstant` is the index of the constant with the text of a type, which is the last argument; null for most builtins.
 */
export function builtinWrapper(builtin: BuiltinDecl, arity: number, typeConstant: number | null, lines: LineTable): Emitter {
  const params = Array.from(
    { length: arity },
    (_, i): Local => ({ name: `a${i + 1}`, type: { kind: "error" }, isMutable: false, span: { start: 0, end: 0 }, isUsed: true }),
  );
  const e = new Emitter(lines, params);
  for (const param of params) e.emit("LoadLocal", e.slot(param));
  if (typeConstant !== null) e.emit("PushConst", typeConstant);
  emitBuiltin(e, builtin, arity + (typeConstant === null ? 0 : 1));
  e.emit("Ret");
  return e;
}
