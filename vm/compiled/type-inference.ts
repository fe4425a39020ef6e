/**
 * Type inference. It finds the kind of every local and operand at the start of each basic block, and the kinds of the
 * parameters and results of all functions in a compilation unit. It is a forward data-flow analysis over the lattice of `kinds.ts`:
 * `never` < `safeInt`, `float`, `bool`, `string` and guessed types < `any`.
 *
 * The kinds decide what the generator writes, for example for `a + b`. For two safe Ints it writes a JavaScript `+` and a
 * range check. For two Floats it writes only a `+` on unboxed numbers. For two values of kind `any` it writes checks of both
 * kinds, or a call to the runtime.
 *
 * ## Guesses
 *
 * An instruction that reads a part of a value, such as an element of a `?List<Float>`, guesses the kind of the part. An operation on two
 * values of kind `any` guesses that both are Ints. Compiled code checks each guess where it is made. If a guess is wrong, the engine
 * counts that at its *site*, and compiles again. The count decides what is guessed at the site the next time (see `SITE`).
 */
import { BUILTINS } from "../builtins/builtin-table.ts";
import { OPCODE_BY_TAG, OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { MATCH_TAGS, WRAPPERS } from "../bytecode/tags.ts";
import { INDEX_STEP, type UpdatePath } from "../bytecode/update-path.ts";
import { parseType, type Type } from "../value/type.ts";
import type { TypeDef } from "../bytecode/module.ts";
import type { Value } from "../value/value.ts";
import { lazily, memoizePerObject } from "../lazy.ts";
import type { ControlFlowGraph } from "./control-flow-graph.ts";
import {
  assignedKind,
  elementKind,
  enumKind,
  fieldKind,
  functionKind,
  isBoxed,
  joinKinds,
  kindOf,
  listKind,
  mapKind,
  mayBeUnique,
  payloadKind,
  recordKind,
  resultKind,
  type ValueKind,
  wrappedKind,
  wrapperKind,
} from "./kinds.ts";
import type { Enumerations } from "./enumerations.ts";
import type { TextLists } from "./text-lists.ts";
import { mayPush, type UniqueLists } from "./unique-lists.ts";

/** The kinds of the results of builtins that return a String, a Bool or a Float. */
const PRIMITIVE_RESULTS: ReadonlyMap<string, ValueKind> = new Map([
  ["String", "string"],
  ["Bool", "bool"],
  ["Float", "float"],
]);
/** Builtins whose Int result is always a safe Int. */
const SAFE_INT_BUILTINS: ReadonlySet<string> = new Set(["list.len", "string.len", "map.len", "string.compare"]);
/** The types of the builtins, by id. */
const builtinTypes = lazily(
  (): ReadonlyMap<number, Type> => new Map(BUILTINS.map((b) => [b.id, parseType(b.type, new Set(b.typeParams))])),
);
/** The kinds of the results that do not depend on the arguments, by id. */
const fixedKinds = lazily(
  (): ReadonlyMap<number, ValueKind> =>
    new Map(
      BUILTINS.flatMap((b): [number, ValueKind][] => {
        const type = builtinTypes().get(b.id);
        const result = type?.kind === "fn" && type.result.kind === "primitive" ? type.result.name : "";
        const kind = SAFE_INT_BUILTINS.has(b.name) ? "safeInt" : PRIMITIVE_RESULTS.get(result);
        return kind === undefined ? [] : [[b.id, kind]];
      }),
    ),
);

/** Returns the kind that a builtin's result certainly has, so that code need not check it; undefined if no base kind is certain. */
export const fixedKind = (id: number): ValueKind | undefined => fixedKinds().get(id);

/** Returns the kind of a builtin's result. A base kind that is not `fixedKind` is a guess. */
export function builtinKind(version: FunctionVersion, pc: number, id: number, args: readonly ValueKind[]): ValueKind {
  const type = builtinTypes().get(id);
  if (type === undefined) return "any";
  return fixedKinds().get(id) ?? guessedPart(version, pc, resultKind(type, args));
}

/**
 * The sites of an instruction: the places where it guesses. A site's number is `SITES * pc` plus one of these:
 *
 *   operands   the operands of arithmetic or a comparison. At 0 wrong guesses, boxed operands are safe Ints; after 1, two boxed operands
 *              are Floats; after 2, they may be anything. Also the class of a matched value and the function of a call; after 1, these may
 *              be anything. Also the list that `ListGet` reads: at 0, it has its elements in `exactArray`; after 1, in `firstArray`; after 2, it
 *              may be anything. Also a text in place of a list (`text-lists.ts`): at 0, each character is one code unit
 *   part       the kind of the part that is read, or of the result. After 1, it is `any`
 */
export const SITE = { operands: 0, part: 1 } as const;
export const SITES = 2;

/** Returns the number of wrong guesses at a site. */
export const wrongGuesses = ({ guesses: { wrong } }: Pick<FunctionVersion, "guesses">, pc: number, site: number): number =>
  wrong === undefined ? Number.POSITIVE_INFINITY : (wrong.get(pc * SITES + site) ?? 0);

/** Returns the kind that is guessed for a part that an instruction reads. */
export const guessedPart = (version: FunctionVersion, pc: number, kind: ValueKind): ValueKind =>
  wrongGuesses(version, pc, SITE.part) === 0 ? kind : "any";

/**
 * Returns the kind of the result of `+ - * /` or `%`, given the opcode's tag, the operands' kinds and the number of wrong guesses at the
 * site (see `SITE`). Compiled code checks the guesses.
 */
export function arithmeticKind(tag: number, a: ValueKind, b: ValueKind, wrong: number): ValueKind {
  if (a === "never" || b === "never") return "never";
  if (tag === OPCODES.FDiv.tag) return "float";
  const isRemainder = tag === OPCODES.Mod.tag;
  if (a === "safeInt" && b === "safeInt") return wrong > 0 && !isRemainder && tag !== OPCODES.Div.tag ? "any" : "safeInt";
  if (!isRemainder && (a === "float" || b === "float")) return "float";
  if (tag === OPCODES.Add.tag && (a === "string" || b === "string")) return "string";
  const mayBeInt = (kind: ValueKind): boolean => kind === "safeInt" || isBoxed(kind);
  if (!mayBeInt(a) || !mayBeInt(b)) return "any";
  if (wrong === 0) return "safeInt";
  if (isRemainder) return b === "safeInt" ? "safeInt" : "any";
  return wrong === 1 && isBoxed(a) && isBoxed(b) ? "float" : "any";
}

export function concatKind(a: ValueKind, b: ValueKind): ValueKind {
  if (a === "never" || b === "never") return "never";
  return a === "string" || b === "string" ? "string" : "any";
}

export function negationKind(a: ValueKind): ValueKind {
  return a === "safeInt" || a === "float" || a === "never" ? a : "any";
}

/** The kinds of a frame's locals and operands at one point of the code. The kinds of dead locals have no meaning. */
export interface FrameKinds {
  readonly locals: ValueKind[];
  readonly stack: ValueKind[];
}

/** The wrong guesses so far in the versions of a function for certain function values. */
export interface Guesses {
  readonly id: number;
  /** The number of wrong guesses, by site; undefined if nothing may be guessed. */
  readonly wrong: ReadonlyMap<number, number> | undefined;
}

/** A function that is compiled for one entry point and one set of kinds. It runs a whole call, or a frame of the interpreter from an instruction on. */
export interface FunctionVersion {
  readonly fn: VerifiedFunction;
  /** The types of the module. */
  readonly types: readonly TypeDef[];
  /** The pc at which the version begins. */
  readonly start: number;
  /** Whether the version runs a frame of the interpreter, whose locals and operands are on the actor's stack. If not, it runs a whole call. */
  readonly isFrame: boolean;
  /** Whether the interpreter executes some of the instructions, so that the version leaves its frame before these. */
  readonly leaves: boolean;
  readonly graph: ControlFlowGraph;
  /** For each block and each local, 1 if the local is live at the start of the block. */
  readonly live: readonly Uint8Array[];
  /** The number of this version among the versions of the function. It is part of the version's name. */
  readonly number: number;
  readonly guesses: Guesses;
  readonly uniqueLists: () => UniqueLists;
  readonly enumerations: Enumerations;
  readonly textLists: TextLists;
  /** The versions that its calls run, by pc: direct calls, and calls of function values that are known. */
  readonly calls: Map<number, FunctionVersion>;
  /** The kinds at the entry point. In a whole call only parameters have a kind. In a frame all locals and operands have one. */
  readonly entry: FrameKinds;
  result: ValueKind;
  /** The kinds at the start of each block; undefined for a block that inference has not reached. */
  blocks: (FrameKinds | undefined)[];
  /** The locals in which an instruction stores a value that probably is or has a list or a map. */
  readonly storedLists: Set<number>;
}

/** The part of a compilation unit that type inference needs. */
interface UnitKinds {
  readonly constants: readonly Value[];
  readonly types: readonly TypeDef[];
  readonly updatePath: (constant: number) => UpdatePath | undefined;
  /**
   * Returns the kind of a call's result, and joins the kinds of the arguments into those of the callee's parameters. `callValue` does the
   * same for a function value.
   */
  readonly call: (pc: number, index: number, args: readonly ValueKind[]) => ValueKind;
  readonly callValue: (pc: number, callee: ValueKind, args: readonly ValueKind[]) => ValueKind;
}

/** Returns the locals that have a second variable, for the uniqueness of their values (see `unique-lists.ts`). */
export const trackedLists: (version: FunctionVersion) => ReadonlySet<number> = memoizePerObject((version: FunctionVersion) => {
  const { fn, types, entry, blocks, storedLists, uniqueLists } = version;
  const kinds = [entry, ...blocks].flatMap(
    (frame) => frame?.locals.flatMap((kind, local) => (mayBeUnique(types, kind) ? [local] : [])) ?? [],
  );
  return new Set([...kinds, ...storedLists, ...(mayPush(fn) ? uniqueLists().pushes.values() : [])].sort((a, b) => a - b));
});

/** Joins the kinds at the end of one block into those at the start of block `to`. If these change, queues block `to`. */
type FlowInto = (to: number, locals: readonly ValueKind[], stack: readonly ValueKind[]) => void;

/** Infers the version's `blocks` and `result`. Kinds only rise in the lattice, so a fixed point is reached after few passes. */
export function inferKinds(version: FunctionVersion, unit: UnitKinds): void {
  const { graph, entry } = version;
  version.blocks = graph.map((_, i) => (i === 0 ? { locals: entry.locals.slice(), stack: entry.stack.slice() } : undefined));
  const queue = [0];
  const isQueued = new Uint8Array(graph.length);
  const flowInto: FlowInto = (to, locals, stack) => {
    const blockKinds = version.blocks[to];
    if (blockKinds === undefined) version.blocks[to] = { locals: locals.slice(), stack: stack.slice() };
    else {
      const localsRose = raise(blockKinds.locals, locals, version.live[to]);
      const stackRose = raise(blockKinds.stack, stack);
      if (!localsRose && !stackRose) return;
    }
    if (isQueued[to] === 1) return;
    isQueued[to] = 1;
    queue.push(to);
  };
  for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
    isQueued[i] = 0;
    inferBlock(version, i, unit, flowInto);
  }
}

/** Joins `newKinds` into `targetKinds`, except for dead locals. Returns whether a kind rose in the lattice. */
function raise(targetKinds: ValueKind[], newKinds: readonly ValueKind[], live?: Uint8Array): boolean {
  let hasChanged = false;
  for (let i = 0; i < targetKinds.length; i++) {
    if (live !== undefined && live[i] === 0) continue;
    const joinedKind = joinKinds(targetKinds[i] ?? "any", newKinds[i] ?? "any");
    if (joinedKind !== targetKinds[i]) {
      targetKinds[i] = joinedKind;
      hasChanged = true;
    }
  }
  return hasChanged;
}

function inferBlock(version: FunctionVersion, index: number, unit: UnitKinds, flowInto: FlowInto): void {
  const block = version.graph[index];
  const entry = version.blocks[index];
  if (block === undefined || entry === undefined) return;
  const locals = entry.locals.slice();
  const stack = entry.stack.slice();
  const { exit } = block;
  // The switch below reads the operands of a final `Ret`, `TailCall` or `Match`.
  const isLastRead = exit.kind === "tail" || exit.kind === "return" || exit.kind === "match" || exit.kind === "leave";
  const end = isLastRead ? Math.max(block.start, block.end - 1) : block.end;
  for (let pc = block.start; pc < end; pc++) inferInstruction(version, pc, { locals, stack }, unit);
  switch (exit.kind) {
    case "return":
      version.result = joinKinds(version.result, block.start === block.end ? "any" : (stack.at(-1) ?? "any"));
      return;
    case "leave":
      return;
    case "jump":
    case "effect":
      return flowInto(exit.to, locals, stack);
    case "branch":
      flowInto(exit.ifTrue, locals, stack);
      return flowInto(exit.ifFalse, locals, stack);
    case "match": {
      const value = stack.pop() ?? "any";
      for (const arm of exit.arms)
        flowInto(arm.to, locals, [...stack, guessedPart(version, block.end - 1, matchedKind(unit.types, value, arm.tag))]);
      return;
    }
    case "tail": {
      const count = version.fn.code[(block.end - 1) * CODE_STRIDE + 2] ?? 0;
      const args = stack.slice(stack.length - count);
      const { arity } = version.fn.def;
      flowInto(
        exit.to,
        locals.map((_, i) => (i < Math.min(count, arity) ? (args[i] ?? "any") : "any")),
        [],
      );
    }
  }
}

/** Returns the kind of the value that a match pushes in an arm with this tag. */
export function matchedKind(types: readonly TypeDef[], value: ValueKind, tag: number): ValueKind {
  switch (tag) {
    case MATCH_TAGS.Some:
      return wrappedKind(value, "Option", 0);
    case MATCH_TAGS.Ok:
      return wrappedKind(value, "Result", 0);
    case MATCH_TAGS.Err:
      return wrappedKind(value, "Result", 1);
    case MATCH_TAGS.None:
    case MATCH_TAGS.any:
      return "any";
    default:
      return payloadKind(types, value, tag);
  }
}

/** Applies the effect of one instruction, which is not control flow, to the kinds. */
function inferInstruction(version: FunctionVersion, pc: number, { locals, stack }: FrameKinds, unit: UnitKinds): void {
  const { code } = version.fn;
  // `CODE_STRIDE` is the number of words per instruction.
  const at = pc * CODE_STRIDE;
  const [tag, first, second] = [code[at] ?? 0, code[at + 1] ?? 0, code[at + 2] ?? 0];
  const pop = (): ValueKind => stack.pop() ?? "any";
  const popMany = (count: number): readonly ValueKind[] => stack.splice(stack.length - count, count);
  switch (tag) {
    case OPCODES.PushConst.tag:
      stack.push(kindOf(unit.constants[first], unit.types));
      return;
    case OPCODES.LoadLocal.tag:
      stack.push(locals[first] ?? "any");
      return;
    case OPCODES.StoreLocal.tag:
      locals[first] = pop();
      if (mayBeUnique(unit.types, locals[first])) version.storedLists.add(first);
      return;
    case OPCODES.Update.tag: {
      const value = popMany(code[at + 3] ?? 0).at(-1) ?? "any";
      locals[first] = updatedKind(locals[first] ?? "any", unit.updatePath(second), value);
      return;
    }
    case OPCODES.Add.tag:
    case OPCODES.Sub.tag:
    case OPCODES.Mul.tag:
    case OPCODES.Div.tag:
    case OPCODES.Mod.tag:
    case OPCODES.FDiv.tag: {
      const b = pop();
      stack.push(arithmeticKind(tag, pop(), b, wrongGuesses(version, pc, SITE.operands)));
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
      popMany(2);
      stack.push("bool");
      return;
    case OPCODES.Not.tag:
      pop();
      stack.push("bool");
      return;
    case OPCODES.JsonKind.tag:
      pop();
      stack.push("safeInt");
      return;
    case OPCODES.Dup.tag:
      stack.push(stack.at(-1) ?? "any");
      return;
    case OPCODES.Call.tag:
      return inferCall(version, pc, first, popMany(second), stack, unit);
    case OPCODES.CallIndirect.tag: {
      const callee = pop();
      stack.push(unit.callValue(pc, callee, popMany(first)));
      return;
    }
    case OPCODES.MakeRecord.tag:
      stack.push(recordKind(unit.types, first, popMany(second)));
      return;
    case OPCODES.MakeEnum.tag:
      stack.push(enumKind(unit.types, first, second, pop()));
      return;
    case OPCODES.MakeClosure.tag:
      stack.push(functionKind(first, popMany(second)));
      return;
    case OPCODES.MakeList.tag:
      stack.push(listKind(popMany(first)));
      return;
    case OPCODES.MakeMap.tag:
      stack.push(mapKind(popMany(first).filter((_, i) => i % 2 === 1)));
      return;
    case OPCODES.Wrap.tag:
      stack.push(wrapperKind(WRAPPERS[first] ?? "", pop()));
      return;
    case OPCODES.GetField.tag:
      return inferField(version, pc, first, stack, unit);
    case OPCODES.ListGet.tag: {
      pop();
      const list = pop();
      const isCodePoint = version.textLists.gets.get(pc);
      if (isCodePoint === undefined) stack.push(guessedPart(version, pc, elementKind(list)));
      else stack.push(isCodePoint ? "safeInt" : "string");
      return;
    }
    case OPCODES.Builtin.tag:
      stack.push(builtinKind(version, pc, first, popMany(second)));
      return;
    default:
      inferByTable(version, pc, first, second, stack);
  }
}

function inferCall(
  version: FunctionVersion,
  pc: number,
  index: number,
  args: readonly ValueKind[],
  stack: ValueKind[],
  unit: UnitKinds,
): void {
  const result = unit.call(pc, index, args);
  const [list = "any"] = args;
  if (version.enumerations.calls.get(pc)?.isZip === false) stack.push(isBoxed(list) || list === "never" ? list : "any");
  else stack.push(result);
}

function inferField(version: FunctionVersion, pc: number, field: number, stack: ValueKind[], unit: UnitKinds): void {
  const record = stack.pop() ?? "any";
  const ofTuple = version.enumerations.fields.get(pc);
  if (ofTuple === undefined || ofTuple.isZip) stack.push(guessedPart(version, pc, fieldKind(unit.types, record, field)));
  else stack.push(ofTuple.field === 0 ? "safeInt" : record);
}

/** Returns the kind of a local after an assignment to a part of it. Only an assignment to an element or entry of the local itself may change the kind. */
export function updatedKind(local: ValueKind, path: UpdatePath | undefined, value: ValueKind): ValueKind {
  if (!isBoxed(local)) return "any";
  return path?.operator === undefined && path?.steps.length === 1 && path.steps[0] === INDEX_STEP ? assignedKind(local, value) : local;
}

const BUILTIN_IDS: ReadonlyMap<string, number> = new Map(BUILTINS.map((b) => [b.name, b.id]));

/** Pops and pushes as many kinds as the opcode table says. A pushed kind is that of the opcode's builtin, otherwise `any`. */
function inferByTable(version: FunctionVersion, pc: number, first: number, second: number, stack: ValueKind[]): void {
  const row = OPCODE_BY_TAG.get(version.fn.code[pc * CODE_STRIDE] ?? 0);
  if (row === undefined) return;
  const count = row.popsCount !== true ? 0 : row.operands[0] === "count" ? first : second;
  const popped = row.pops + count;
  const args = stack.splice(stack.length - popped, popped);
  const id = row.builtin === undefined ? undefined : BUILTIN_IDS.get(row.builtin);
  for (let i = 0; i < row.pushes; i++) stack.push(id === undefined ? "any" : builtinKind(version, pc, id, args));
}
