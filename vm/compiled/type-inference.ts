/**
 * What is known of values without running: their kind at every place of a function, and of the parameters and results
 * of all functions that are compiled together. A sound data flow: a kind holds on every path, or it is `any`.
 */
import { BUILTIN_BY_ID, BUILTINS } from "../builtins/builtin-table.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { parseType } from "../value/type.ts";
import { FloatValue, type Value } from "../value/value.ts";
import type { Flow } from "./control-flow-graph.ts";

/**
 * `num`: an Int that is a safe integer. `float`: a Float, held as a bare number. `never`: no value comes here.
 * All but `float` are held as the interpreter holds them.
 */
export type Kind = "never" | "num" | "float" | "bool" | "str" | "any";

export function join(a: Kind, b: Kind): Kind {
  if (a === b || b === "never") return a;
  return a === "never" ? b : "any";
}

export function kindOf(value: Value | undefined): Kind {
  if (typeof value === "number") return "num";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  return value instanceof FloatValue ? "float" : "any";
}

/** Builtins by id: the kind of the result. `Int` may be wide, but for the lengths. */
const LENGTHS: ReadonlySet<string> = new Set(["list.len", "string.len", "map.len", "string.compare"]);
const RESULT_KINDS: ReadonlyMap<string, Kind> = new Map([
  ["String", "str"],
  ["Bool", "bool"],
  ["Float", "float"],
]);
const BUILTIN_KINDS: ReadonlyMap<number, Kind> = new Map(
  BUILTINS.map((b): [number, Kind] => {
    const type = parseType(b.type, new Set(b.typeParams));
    const result = type.kind === "fn" && type.result.kind === "primitive" ? type.result.name : "";
    return [b.id, LENGTHS.has(b.name) ? "num" : (RESULT_KINDS.get(result) ?? "any")];
  }),
);

export function builtinKind(id: number): Kind {
  return BUILTIN_BY_ID.has(id) ? (BUILTIN_KINDS.get(id) ?? "any") : "any";
}

/**
 * Of two operands of `+ - * /` and `%`, by tag. What is not known is taken for a safe Int, and so is the result; a
 * `generic` function takes it for what it is, and its Ints may be wide.
 */
export function arithmeticKind(tag: number, a: Kind, b: Kind, generic: boolean): Kind {
  if (a === "never" || b === "never") return "never";
  if (tag === OPCODES.FDiv.tag) return "float";
  const divides = tag === OPCODES.Div.tag || tag === OPCODES.Mod.tag;
  if (a === "num" && b === "num") return generic && !divides ? "any" : "num";
  if (tag !== OPCODES.Mod.tag && (a === "float" || b === "float")) return "float";
  if (tag === OPCODES.Add.tag && (a === "str" || b === "str")) return "str";
  const guessed = (kind: Kind): boolean => kind === "num" || kind === "any";
  return !generic && guessed(a) && guessed(b) ? "num" : "any";
}

export function concatKind(a: Kind, b: Kind): Kind {
  if (a === "never" || b === "never") return "never";
  return a === "str" || b === "str" ? "str" : "any";
}

export function negationKind(a: Kind): Kind {
  return a === "num" || a === "float" || a === "never" ? a : "any";
}

/** Kinds at the start of a block. Those of dead locals mean nothing. */
export interface Entry {
  readonly locals: Kind[];
  readonly stack: Kind[];
}

/** One function, or one loop of it, as it is compiled. */
export interface Part {
  readonly fn: VerifiedFunction;
  /** The instruction it begins with. */
  readonly start: number;
  readonly flow: Flow;
  readonly live: readonly Uint8Array[];
  /** Nothing is guessed: see `arithmeticKind`. */
  readonly generic: boolean;
  /** At the entry: of a whole function its parameters, of a loop all locals, then the operand stack. */
  readonly entry: Entry;
  result: Kind;
  /** By block; undefined where nothing leads to it. */
  blocks: (Entry | undefined)[];
}

/** Asks and tells the other functions of the group. */
export interface Callees {
  /** The kind of a call's result; the kinds of the arguments are taken in. */
  call(index: number, args: readonly Kind[]): Kind;
}

/** Sets `blocks` and `result`. Kinds only rise, so a fixed point is near. */
export function inferPart(part: Part, constants: readonly Value[], callees: Callees): void {
  const { flow } = part;
  part.blocks = flow.map((_, i) => (i === 0 ? { locals: part.entry.locals.slice(), stack: part.entry.stack.slice() } : undefined));
  const work = [0];
  const waits = new Uint8Array(flow.length);
  const flowInto = (to: number, locals: readonly Kind[], stack: readonly Kind[]): void => {
    const known = part.blocks[to];
    if (known === undefined) part.blocks[to] = { locals: locals.slice(), stack: stack.slice() };
    else {
      const localsRose = raise(known.locals, locals, part.live[to]);
      const stackRose = raise(known.stack, stack);
      if (!localsRose && !stackRose) return;
    }
    if (waits[to] === 1) return;
    waits[to] = 1;
    work.push(to);
  };
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    waits[i] = 0;
    inferBlock(part, i, constants, callees, flowInto);
  }
}

function raise(into: Kind[], from: readonly Kind[], live?: Uint8Array): boolean {
  let changed = false;
  for (let i = 0; i < into.length; i++) {
    if (live !== undefined && live[i] === 0) continue;
    const joined = join(into[i] ?? "any", from[i] ?? "any");
    if (joined !== into[i]) {
      into[i] = joined;
      changed = true;
    }
  }
  return changed;
}

function inferBlock(
  part: Part,
  index: number,
  constants: readonly Value[],
  callees: Callees,
  flowInto: (to: number, locals: readonly Kind[], stack: readonly Kind[]) => void,
): void {
  const block = part.flow[index];
  const entry = part.blocks[index];
  if (block === undefined || entry === undefined) return;
  const locals = entry.locals.slice();
  const stack = entry.stack.slice();
  const { exit } = block;
  // What the last instruction of these takes from the stack is read below.
  const end = exit.kind === "tail" || exit.kind === "return" ? Math.max(block.start, block.end - 1) : block.end;
  for (let pc = block.start; pc < end; pc++) {
    const at = pc * CODE_STRIDE;
    stepKinds(part, part.fn.code[at] ?? 0, part.fn.code[at + 1] ?? 0, part.fn.code[at + 2] ?? 0, locals, stack, constants, callees);
  }
  switch (exit.kind) {
    case "return":
      part.result = join(part.result, block.start === block.end ? "any" : (stack.at(-1) ?? "any"));
      return;
    case "jump":
      return flowInto(exit.to, locals, stack);
    case "branch":
      flowInto(exit.ifTrue, locals, stack);
      return flowInto(exit.ifFalse, locals, stack);
    case "match":
      for (const arm of exit.arms) flowInto(arm.to, locals, stack);
      return;
    case "tail": {
      const count = part.fn.code[(block.end - 1) * CODE_STRIDE + 2] ?? 0;
      const args = stack.slice(stack.length - count);
      const { arity } = part.fn.def;
      flowInto(
        exit.to,
        locals.map((_, i) => (i < Math.min(count, arity) ? (args[i] ?? "any") : "any")),
        [],
      );
    }
  }
}

/** The effect of one instruction on the kinds. Control flow is the caller's matter. */
function stepKinds(
  part: Part,
  tag: number,
  first: number,
  second: number,
  locals: Kind[],
  stack: Kind[],
  constants: readonly Value[],
  callees: Callees,
): void {
  const pop = (): Kind => stack.pop() ?? "any";
  const drop = (count: number): readonly Kind[] => stack.splice(stack.length - count, count);
  switch (tag) {
    case OPCODES.PushConst.tag:
      stack.push(kindOf(constants[first]));
      return;
    case OPCODES.LoadLocal.tag:
      stack.push(locals[first] ?? "any");
      return;
    case OPCODES.StoreLocal.tag:
      locals[first] = pop();
      return;
    case OPCODES.Add.tag:
    case OPCODES.Sub.tag:
    case OPCODES.Mul.tag:
    case OPCODES.Div.tag:
    case OPCODES.Mod.tag:
    case OPCODES.FDiv.tag: {
      const b = pop();
      stack.push(arithmeticKind(tag, pop(), b, part.generic));
      return;
    }
    case OPCODES.Concat.tag: {
      const b = pop();
      stack.push(concatKind(pop(), b));
      return;
    }
    case OPCODES.Neg.tag:
      stack.push(negationKind(pop()));
      return;
    case OPCODES.Eq.tag:
    case OPCODES.Neq.tag:
    case OPCODES.Lt.tag:
    case OPCODES.Lte.tag:
    case OPCODES.Gt.tag:
    case OPCODES.Gte.tag:
    case OPCODES.And.tag:
    case OPCODES.Or.tag:
      drop(2);
      stack.push("bool");
      return;
    case OPCODES.Not.tag:
      pop();
      stack.push("bool");
      return;
    case OPCODES.JsonKind.tag:
      pop();
      stack.push("num");
      return;
    case OPCODES.Dup.tag:
      stack.push(stack.at(-1) ?? "any");
      return;
    case OPCODES.Call.tag:
      stack.push(callees.call(first, drop(second)));
      return;
    case OPCODES.Builtin.tag:
      drop(second);
      stack.push(builtinKind(first));
      return;
    default:
      otherKinds(tag, first, second, stack);
  }
}

const ROWS: ReadonlyMap<number, { readonly pops: number; readonly pushes: number; readonly counted: number; readonly builtin?: string }> =
  new Map(
    Object.values(OPCODES).map((row) => [
      row.tag,
      {
        pops: row.pops,
        pushes: row.pushes,
        counted: "popsCount" in row ? row.operands.findIndex((operand) => operand === "count") : -1,
        ...("builtin" in row ? { builtin: row.builtin } : {}),
      },
    ]),
  );
const BUILTIN_IDS: ReadonlyMap<string, number> = new Map(BUILTINS.map((b) => [b.name, b.id]));

/** By the opcode table: what is popped is dropped, what is pushed may be anything. */
function otherKinds(tag: number, first: number, second: number, stack: Kind[]): void {
  const row = ROWS.get(tag);
  if (row === undefined) return;
  const count = row.counted < 0 ? 0 : row.counted === 0 ? first : second;
  stack.length -= row.pops + count;
  const id = row.builtin === undefined ? undefined : BUILTIN_IDS.get(row.builtin);
  for (let i = 0; i < row.pushes; i++) stack.push(id === undefined ? "any" : builtinKind(id));
}
