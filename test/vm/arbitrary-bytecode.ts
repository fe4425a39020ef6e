/**
 * Makes verified modules that the compiler would never write. Their functions are basic blocks with arbitrary jumps between them, at which
 * stack heights usually agree. Operands usually have the kinds that instructions expect, so that runs get far.
 */
import fc from "fast-check";
import type { FunctionDef, Instruction, MatchArm, Module } from "../../vm/bytecode/module.ts";
import type { OpName } from "../../vm/bytecode/opcodes.ts";
import { FnRefValue, UNIT, type Value } from "../../vm/value/value.ts";
import { arbitraryChoices, type Choices } from "../choices.ts";
import {
  CONSTANT_LIST,
  INDICES,
  type Kind,
  KINDS,
  MAX_FUNCTIONS,
  MODULE_TYPES,
  STEPS,
  UNIT_CONSTANT,
  UPDATE_PATHS,
} from "./bytecode-tables.ts";

const LOCALS = 8;
/** The usual kind of each local. The last local counts down. */
const LOCAL_KINDS: readonly Kind[] = ["int", "text", "float", "list", "any", "int", "text", "int"];
/** Locals that are targets of appends. */
const APPENDED = [1, 6, 6, 3, 4] as const;
/** Locals whose parts are assigned. */
const UPDATED = [3, 3, 3, 4] as const;
/** The local that counts down, so that most loops end. */
const FUEL = LOCALS - 1;

/** A jump to a block, whose first instruction is not known yet. */
type Draft = Instruction & { readonly block?: number };

interface Shape {
  readonly index: number;
  readonly arities: readonly number[];
  /** Whether the function may have effects. */
  readonly effects: boolean;
}

class FunctionWriter {
  readonly #choices: Choices;
  readonly #shape: Shape;
  readonly #code: Draft[] = [];
  readonly #starts: number[] = [];
  readonly #tables: { readonly tag: number; readonly block: number }[][] = [];
  /** The height of the operand stack at the start of each block. */
  readonly #heights: readonly number[];
  /** The kinds of the operands on the stack at the end of the code so far. */
  #stack: Kind[] = [];

  constructor(choices: Choices, shape: Shape) {
    this.#choices = choices;
    this.#shape = shape;
    const blocks = 1 + choices.below(7);
    this.#heights = Array.from({ length: blocks }, (_, i) => (i === 0 ? 0 : ([0, 0, 1, 2, 1, 3][choices.below(6)] ?? 0)));
  }

  write(): FunctionDef {
    const { index, arities, effects } = this.#shape;
    this.#heights.forEach((height, block) => this.#block(block, height));
    const end = this.#code.length;
    const at = (block: number): number => this.#starts[block] ?? end;
    return {
      name: `f${index}`,
      arity: arities[index] ?? 0,
      locals: LOCALS,
      code: this.#code.map(({ op, operands, block }) => ({ op, operands: block === undefined ? operands : [at(block)] })),
      capabilities: effects ? [5, 6] : [],
      intent: null,
      matchTables: this.#tables.map((table) => table.map(({ tag, block }): MatchArm => ({ tag, target: at(block) }))),
    };
  }

  #emit(op: OpName, ...operands: readonly number[]): void {
    this.#code.push({ op, operands });
  }

  #jump(op: "Jmp" | "JmpIf" | "JmpIfNot", block: number): void {
    this.#code.push({ op, operands: [0], block });
  }

  #block(block: number, height: number): void {
    this.#starts.push(this.#code.length);
    this.#stack = Array.from({ length: height }, (): Kind => "any");
    if (block === 0 && !this.#choices.onceIn(8)) {
      for (let local = this.#shape.arities[this.#shape.index] ?? 0; local < LOCALS; local++) {
        this.#pushConstant(LOCAL_KINDS[local] ?? "any");
        this.#emit("StoreLocal", local);
        this.#stack.pop();
      }
    }
    for (let n = this.#choices.below(9); n > 0; n--) this.#step();
    this.#endBlock(block);
  }

  #pushConstant(kind: Kind): void {
    const wanted = kind === "any" || this.#choices.onceIn(200) ? (this.#choices.oneOf(KINDS) ?? "int") : kind;
    const indices = INDICES.get(wanted) ?? [0];
    // Mostly small Ints.
    const index = wanted === "int" && !this.#choices.onceIn(4) ? this.#choices.below(7) : (this.#choices.oneOf(indices) ?? 0);
    this.#emit("PushConst", index);
    this.#stack.push(wanted);
  }

  #push(kind: Kind): void {
    const locals = LOCAL_KINDS.flatMap((held, i) => (kind === "any" || held === kind ? [i] : []));
    const local = this.#choices.oneOf(locals);
    if (local === undefined || this.#choices.below(2) === 0) return this.#pushConstant(kind);
    this.#emit("LoadLocal", local);
    this.#stack.push(kind);
  }

  /** Pushes operands of the given kinds, or sometimes uses those that are already on the stack. */
  #operands(kinds: readonly Kind[]): void {
    const top = this.#stack.slice(this.#stack.length - kinds.length);
    const fits = top.length === kinds.length && kinds.every((kind, i) => kind === "any" || top[i] === kind);
    if (kinds.length > 0 && top.length === kinds.length && (fits ? !this.#choices.onceIn(3) : this.#choices.onceIn(60))) return;
    if (kinds.length === 2 && this.#stack.at(-1) === kinds[0] && !this.#choices.onceIn(3)) return this.#push(kinds[1] ?? "any");
    for (const kind of kinds) this.#push(kind);
  }

  /** Removes the kinds of operands that an instruction pops from `#stack`. */
  #popKinds(count: number): void {
    this.#stack.length = Math.max(0, this.#stack.length - count);
  }

  /** Emits one or more instructions that stay in the block. */
  #step(): void {
    switch (this.#choices.below(27)) {
      case 24:
      case 25:
      case 26:
        return this.#update();
      case 20:
      case 21:
      case 22:
      case 23:
        return this.#append();
      case 0:
      case 1:
      case 2:
        return this.#store();
      case 3:
        return this.#push(this.#choices.oneOf(KINDS) ?? "int");
      case 4:
        return this.#shuffle();
      case 5:
      case 6:
        return this.#make();
      case 7:
        return this.#call();
      case 8:
        return this.#effect();
      default:
        return this.#apply();
    }
  }

  /** Emits one of the instructions of `STEPS`, with its operands. */
  #apply(): void {
    const chosen = this.#choices.oneOf(STEPS);
    if (chosen === undefined) return;
    // Wrong kinds usually trap.
    const odd = this.#choices.onceIn(50);
    this.#operands(
      odd ? chosen.takes.map((kind) => (this.#choices.below(2) === 0 ? kind : (this.#choices.oneOf(KINDS) ?? kind))) : chosen.takes,
    );
    if (chosen.builtin !== undefined) this.#emit("Builtin", chosen.builtin, chosen.takes.length);
    else if (chosen.op === "GetField") this.#emit("GetField", this.#choices.below(3));
    else this.#emit(chosen.op);
    this.#popKinds(chosen.takes.length);
    this.#stack.push(chosen.gives);
  }

  #store(): void {
    const local = this.#choices.onceIn(3) ? (this.#choices.oneOf(APPENDED) ?? 1) : this.#choices.below(LOCALS);
    const held = LOCAL_KINDS[local] ?? "any";
    if (this.#stack.at(-1) !== held && !this.#choices.onceIn(40)) this.#push(held);
    if (this.#stack.length === 0) this.#push(held);
    this.#emit("StoreLocal", local);
    this.#popKinds(1);
  }

  /** Emits an append to a local: a load of its value, then appends of pieces. Some pieces need a call, a store or a read of the local. */
  #append(): void {
    const local = this.#choices.oneOf(APPENDED) ?? 1;
    const held = LOCAL_KINDS[local] ?? "any";
    this.#emit("LoadLocal", local);
    this.#stack.push(held);
    for (let pieces = 1 + this.#choices.below(3); pieces > 0; pieces--) {
      const height = this.#stack.length;
      const odd = this.#choices.below(8);
      if (odd === 0) this.#call();
      else if (odd === 1) this.#store();
      else if (odd === 2) this.#append();
      else if (odd === 3) this.#shuffle();
      if (this.#stack.length <= height || !this.#choices.onceIn(4)) this.#push(held === "any" ? "text" : held);
      this.#emit("Concat");
      this.#popKinds(2);
      this.#stack.push(held);
    }
    this.#emit("StoreLocal", this.#choices.onceIn(8) ? this.#choices.below(LOCALS) : local);
    this.#popKinds(1);
  }

  /** Emits an assignment to a part of a local, usually a list. Some operands need a call, a store or a read of the local. */
  #update(): void {
    const local = this.#choices.oneOf(UPDATED) ?? 3;
    const { constant, indices } = this.#choices.oneOf(UPDATE_PATHS) ?? { constant: 0, indices: [] };
    for (const kind of indices) this.#push(kind);
    const height = this.#stack.length;
    const odd = this.#choices.below(8);
    if (odd === 0) this.#call();
    else if (odd === 1) this.#update();
    else if (odd === 2) this.#append();
    if (this.#stack.length !== height + 1) this.#push(this.#choices.oneOf(KINDS) ?? "int");
    this.#emit("Update", this.#choices.onceIn(20) ? this.#choices.below(LOCALS) : local, constant, indices.length + 1);
    this.#popKinds(indices.length + 1);
  }

  #shuffle(): void {
    if (this.#stack.length === 0) return this.#emit("Nop");
    if (this.#choices.below(3) > 0) {
      this.#emit("Dup");
      this.#stack.push(this.#stack.at(-1) ?? "any");
      return;
    }
    this.#emit("Pop");
    this.#popKinds(1);
  }

  /** Emits an instruction that makes a value from operands. */
  #make(): void {
    const count = this.#choices.below(4);
    const many = (): void => this.#operands(Array.from({ length: count }, (): Kind => this.#choices.oneOf(KINDS) ?? "int"));
    const made = (takes: number, gives: Kind): void => {
      this.#popKinds(takes);
      this.#stack.push(gives);
    };
    switch (this.#choices.below(6)) {
      case 0:
        many();
        this.#emit("MakeRecord", 0, count);
        return made(count, "record");
      case 1:
        many();
        this.#emit("MakeList", count);
        return made(count, "list");
      case 2:
        for (let i = 0; i < count; i++) {
          this.#push("text");
          this.#push("any");
        }
        this.#emit("MakeMap", 2 * count);
        return made(2 * count, "map");
      case 3: {
        this.#push("any");
        if (this.#choices.below(3) === 0) {
          this.#emit("Pop");
          this.#emit("PushConst", UNIT_CONSTANT);
        }
        const legacy = this.#choices.onceIn(5);
        this.#emit(
          "MakeEnum",
          legacy ? 65_534 - this.#choices.below(2) : 1,
          legacy ? (this.#choices.oneOf([0, 1, 65_536]) ?? 0) : this.#choices.below(3),
        );
        return made(1, "enum");
      }
      case 4:
        this.#push("any");
        this.#emit("Wrap", this.#choices.below(3));
        return made(1, "option");
      default: {
        const callee = this.#callee();
        const captured = Math.min(count, this.#shape.arities[callee] ?? 0);
        this.#operands(Array.from({ length: captured }, (_, i): Kind => LOCAL_KINDS[i] ?? "any"));
        this.#emit("MakeClosure", callee, captured);
        return made(captured, "function");
      }
    }
  }

  /** Returns a function, usually a later one, so that calls end. */
  #callee(): number {
    const { index, arities } = this.#shape;
    const later = arities.length - 1 - index;
    if (later === 0 || this.#choices.onceIn(4)) return this.#choices.below(arities.length);
    return index + 1 + this.#choices.below(later);
  }

  /** Returns the number of arguments for a call, usually that of the function's parameters. */
  #argumentCount(callee: number): number {
    return this.#choices.onceIn(6) ? this.#choices.below(5) : (this.#shape.arities[callee] ?? 0);
  }

  #arguments(count: number): void {
    for (let i = 0; i < count; i++) this.#push(LOCAL_KINDS[i] ?? "any");
  }

  #call(): void {
    const callee = this.#callee();
    const count = this.#argumentCount(callee);
    this.#arguments(count);
    if (this.#choices.below(3) > 0) this.#emit("Call", callee, count);
    else {
      const captured = this.#choices.below(1 + Math.min(count, this.#shape.arities[callee] ?? 0));
      if (this.#choices.onceIn(8)) this.#push("any");
      else {
        this.#arguments(captured);
        this.#emit("MakeClosure", callee, captured);
        this.#popKinds(captured);
        this.#stack.push("function");
      }
      // Closures receive the arguments that are not captured, and sometimes more.
      const given = this.#choices.onceIn(6) ? count : count - captured;
      this.#emit("CallIndirect", given);
      this.#popKinds(given + 1);
      this.#stack.push("any");
      return;
    }
    this.#popKinds(count);
    this.#stack.push("any");
  }

  #effect(): void {
    if (!this.#shape.effects) return this.#apply();
    switch (this.#choices.below(7)) {
      case 5:
      case 6:
        return this.#par();
      case 0:
        this.#emit("LoadGlobal", 0);
        this.#stack.push("any");
        return;
      case 1:
        this.#push("any");
        this.#emit("StoreGlobal", 0);
        return this.#popKinds(1);
      case 2:
        this.#push("any");
        this.#emit("Debug");
        return;
      case 3:
        this.#emit("CapCall", 5, 0);
        this.#stack.push("int");
        return;
      default:
        this.#push("bool");
        this.#emit("Assert", 0, 0, 0);
        this.#popKinds(1);
    }
  }

  /** Emits a `par` of functions without arguments, or a `par.map` over a list. */
  #par(): void {
    const isMap = this.#choices.onceIn(2);
    if (isMap) this.#push("list");
    const count = isMap ? 1 : this.#choices.below(3);
    for (let i = 0; i < count; i++) {
      const callee = this.#callee();
      const captured = this.#choices.below(1 + (this.#shape.arities[callee] ?? 0));
      this.#arguments(captured);
      this.#emit("MakeClosure", callee, captured);
      this.#popKinds(captured);
      this.#stack.push("function");
    }
    if (isMap) this.#emit("ParMap");
    else this.#emit("Par", count);
    this.#popKinds(isMap ? 2 : count);
    this.#stack.push("list");
  }

  /** Pushes or pops until the operand stack has the height. */
  #level(height: number): void {
    if (this.#choices.onceIn(60)) return;
    while (this.#stack.length > height) {
      this.#emit("Pop");
      this.#popKinds(1);
    }
    while (this.#stack.length < height) this.#push("any");
  }

  /** Returns the next block, usually a later one. The end of the code counts as a block. */
  #target(block: number): number {
    const later = this.#heights.length - block;
    if (this.#choices.onceIn(3)) return this.#choices.below(this.#heights.length);
    return block + 1 + this.#choices.below(later);
  }

  #heightOf(block: number): number {
    // Any height is valid at the end of the code.
    return this.#heights[block] ?? this.#stack.length;
  }

  /** Backward jumps usually depend on the counter, so that loops end. */
  #condition(block: number, target: number): void {
    if (target <= block && !this.#choices.onceIn(4)) {
      this.#emit("LoadLocal", FUEL);
      this.#emit("PushConst", 1);
      this.#emit("Sub");
      this.#emit("Dup");
      this.#emit("StoreLocal", FUEL);
      this.#emit("PushConst", 0);
      this.#emit("Gt");
      this.#stack.push("bool");
      return;
    }
    const compared = this.#choices.oneOf(["int", "float", "text"] as const) ?? "int";
    if (this.#choices.below(3) === 0) return this.#push(this.#choices.onceIn(3) ? "any" : "bool");
    this.#push(compared);
    this.#push(compared);
    this.#emit(this.#choices.oneOf(["Lt", "Lte", "Gt", "Gte", "Eq", "Neq"] as const) ?? "Lt");
    this.#popKinds(2);
    this.#stack.push("bool");
    if (this.#choices.onceIn(4)) this.#emit("Not");
  }

  /** Emits the instructions that end a block. */
  #endBlock(block: number): void {
    switch (this.#choices.below(12)) {
      case 0:
      case 1:
        return this.#leave();
      case 2:
        return this.#tail();
      case 3:
      case 4:
        if (this.#match(block)) return;
        break;
      case 5:
      case 6:
        return this.#go(block, this.#target(block));
      default:
    }
    const target = this.#target(block);
    this.#level(this.#heightOf(target));
    this.#condition(block, target);
    this.#jump(this.#choices.below(2) === 0 ? "JmpIf" : "JmpIfNot", target);
    this.#popKinds(1);
    this.#go(block, block + 1);
  }

  /** Makes the code continue at a block. If that is the next block, usually without a jump. */
  #go(block: number, target: number): void {
    this.#level(this.#heightOf(target));
    if (target !== block + 1 || this.#choices.onceIn(4)) this.#jump("Jmp", target);
  }

  #leave(): void {
    if (this.#shape.effects && this.#choices.onceIn(6)) return this.#emit("Halt");
    if (!this.#choices.onceIn(5)) this.#push("any");
    this.#emit("Ret");
  }

  #tail(): void {
    const { index } = this.#shape;
    const callee = this.#choices.onceIn(4) ? this.#callee() : index;
    const count = this.#argumentCount(callee);
    const guarded = callee === index && count > 0 && !this.#choices.onceIn(4);
    const guard = this.#code.length + 3;
    if (guarded) {
      // The first parameter counts down; at 0 the function returns.
      this.#emit("LoadLocal", 0);
      this.#emit("PushConst", 0);
      this.#emit("Gt");
      this.#emit("JmpIfNot", 0);
      this.#emit("LoadLocal", 0);
      this.#emit("PushConst", 1);
      this.#emit("Sub");
      this.#stack.push("int");
    }
    for (let i = guarded ? 1 : 0; i < count; i++) {
      if (i > 0 && this.#choices.onceIn(4)) {
        this.#emit("Dup");
        this.#stack.push(this.#stack.at(-1) ?? "any");
        continue;
      }
      const kind = this.#choices.onceIn(4) ? (this.#choices.oneOf(["int", "float", "text"] as const) ?? "int") : (LOCAL_KINDS[i] ?? "any");
      this.#push(kind);
      if (this.#choices.below(2) > 0) continue;
      this.#push(kind);
      this.#emit("Add");
      this.#popKinds(1);
    }
    this.#emit("TailCall", callee, count);
    this.#popKinds(count);
    if (!guarded) return;
    this.#code[guard] = { op: "JmpIfNot", operands: [this.#code.length] };
    this.#leave();
  }

  #match(block: number): boolean {
    const height = 1 + this.#choices.below(2);
    const fitting = this.#heights.flatMap((h, i) => (h === height && (i > block || this.#choices.onceIn(4)) ? [i] : []));
    if (fitting.length === 0) return false;
    this.#level(height - 1);
    this.#push(this.#choices.oneOf(["enum", "option", "bool", "enum", "any"] as const) ?? "enum");
    const tags = [0, 1, 2, -1, -2, -3, -4, -5, 7];
    const arms = Array.from({ length: 1 + this.#choices.below(5) }, () => ({
      tag: this.#choices.oneOf(tags) ?? -1,
      block: this.#choices.oneOf(fitting) ?? 0,
    }));
    if (!this.#choices.onceIn(3)) arms.push({ tag: -1, block: this.#choices.oneOf(fitting) ?? 0 });
    this.#tables.push(arms);
    this.#emit("Match", this.#tables.length - 1);
    return true;
  }
}

function moduleOfChoices(choices: Choices): Module {
  const arities = Array.from({ length: 1 + choices.below(MAX_FUNCTIONS) }, () => choices.below(4));
  const mostly = choices.onceIn(3);
  const functions = arities.map((_, index) =>
    new FunctionWriter(choices, { index, arities, effects: choices.onceIn(index === 0 && mostly ? 2 : 12) }).write(),
  );
  // The interpreter starts this frame, and the compiled engine takes over inside its loops.
  const entry: FunctionDef = {
    name: "main",
    arity: arities[0] ?? 0,
    locals: LOCALS,
    code: [
      { op: "LoadGlobal", operands: [0] },
      { op: "Pop", operands: [] },
      ...Array.from({ length: arities[0] ?? 0 }, (_, i): Instruction => ({ op: "LoadLocal", operands: [i] })),
      { op: "TailCall", operands: [0, arities[0] ?? 0] },
    ],
    capabilities: [],
    intent: null,
    matchTables: [],
  };
  const all = choices.onceIn(3) ? [...functions, entry] : functions;
  // References to missing functions become Unit.
  const constants = CONSTANT_LIST.map((value) => (value instanceof FnRefValue && value.index >= functions.length ? UNIT : value));
  return {
    name: "random",
    constants,
    globals: ["g"],
    types: MODULE_TYPES,
    tasks: 1,
    functions: all,
    entry: all.length > functions.length ? functions.length : 0,
  };
}

export const arbitraryModule: fc.Arbitrary<Module> = arbitraryChoices(700).map((choices) => moduleOfChoices(choices));

const ofKind = (kind: Kind): fc.Arbitrary<Value> =>
  fc.constantFrom(...(INDICES.get(kind) ?? []).map((i): Value => CONSTANT_LIST[i] ?? UNIT));

/** Makes arguments for an entry function, usually of the kinds that its locals have. */
export const arbitraryArguments: fc.Arbitrary<readonly Value[]> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(ofKind("int"), ofKind("text"), ofKind("float")) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...CONSTANT_LIST), { maxLength: 3 }) },
);
