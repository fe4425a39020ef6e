/**
 * Finds loops over `list.enumerate`, such as `for (i, x) in list.enumerate(xs)`, and over `list.zip`. Compiled code runs such a loop on `xs`
 * itself, or on both lists. It makes no tuples, but charges for them:
 *
 *     LoadLocal 0     xs
 *     Call …          list_enumerate. The result is `xs`
 *     StoreLocal 2
 *     …
 *     LoadLocal 2
 *     LoadLocal 4
 *     ListGet         the element. Compiled code also stores the index
 *     StoreLocal 5    in place of the tuple
 *     LoadLocal 5
 *     GetField 0      the index that was stored
 *     StoreLocal 6    i
 *     LoadLocal 5
 *     GetField 1      the element
 *     StoreLocal 7    x
 *
 * For `list.zip`, local 2 holds the first list, and a variable holds the second one. `ListGet` stores both elements in variables.
 *
 * This is possible if the program reads only the list's length and tuples, and of each tuple only its fields.
 */
import { BUILTIN_BY_NAME } from "../builtins/builtin-table.ts";
import { BYTES, slotsCharge } from "../cost.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { followOperands } from "../bytecode/operand-origins.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { memoizeInObject } from "../lazy.ts";
import { ListValue } from "../value/list.ts";
import type { Value } from "../value/value.ts";
import { controlFlowGraph } from "./control-flow-graph.ts";
import { liveLocals } from "./live-locals.ts";

/** A loop over `list.enumerate` or `list.zip`, with the local of its result (`list`) and the local of its tuples (`tuple`). */
export interface Enumeration {
  readonly list: number;
  readonly tuple: number;
  readonly callPc: number;
  readonly isZip: boolean;
  /** The pcs of the instructions that read the length of the list. */
  readonly lengths: ReadonlySet<number>;
  /** The pcs of the `ListGet` instructions that read a tuple. */
  readonly gets: ReadonlySet<number>;
  /** The pcs of the `GetField` instructions that read a tuple. Maps the pc to the field. */
  readonly fields: ReadonlyMap<number, number>;
}

/** What `list.enumerate` charges: steps for each call and for each element, and bytes for each element. */
export const ENUMERATE_STEPS = 17;
export const ELEMENT_STEPS = 23;
/** The same steps for `list.zip`, which charges the same bytes. */
export const ZIP_STEPS = 16;
export const PAIR_STEPS = 19;
export const ELEMENT_BYTES: number = slotsCharge(2) + BYTES.push;

const isEmptyList = (value: Value | undefined): boolean => value instanceof ListValue && value.length === 0;
const isZero = (value: Value | undefined): boolean => value === 0;
const isOne = (value: Value | undefined): boolean => value === 1;

/** The code of a function: the name of each instruction, and its first operand or a test of its constant. */
type Pattern = readonly (readonly [keyof typeof OPCODES, (number | ((constant: Value | undefined) => boolean))?])[];

const ENUMERATE: Pattern = [
  ["PushConst", isEmptyList],
  ["StoreLocal", 1],
  ["PushConst", isZero],
  ["StoreLocal", 2],
  ["LoadLocal", 0],
  ["StoreLocal", 3],
  ["LoadLocal", 3],
  ["ListLen"],
  ["StoreLocal", 4],
  ["PushConst", isZero],
  ["StoreLocal", 5],
  ["LoadLocal", 5],
  ["LoadLocal", 4],
  ["Lt"],
  ["JmpIfNot", 34],
  ["LoadLocal", 3],
  ["LoadLocal", 5],
  ["ListGet"],
  ["StoreLocal", 6],
  ["LoadLocal", 1],
  ["LoadLocal", 2],
  ["LoadLocal", 6],
  ["MakeRecord"],
  ["ListPush"],
  ["StoreLocal", 1],
  ["LoadLocal", 2],
  ["PushConst", isOne],
  ["Add"],
  ["StoreLocal", 2],
  ["LoadLocal", 5],
  ["PushConst", isOne],
  ["Add"],
  ["StoreLocal", 5],
  ["Jmp", 11],
  ["LoadLocal", 1],
  ["Ret"],
];
const ZIP: Pattern = [
  ["LoadLocal", 0],
  ["ListLen"],
  ["LoadLocal", 1],
  ["ListLen"],
  ["Builtin", BUILTIN_BY_NAME.get("int.min")?.id ?? -1],
  ["StoreLocal", 2],
  ["PushConst", isEmptyList],
  ["StoreLocal", 3],
  ["PushConst", isZero],
  ["StoreLocal", 4],
  ["LoadLocal", 4],
  ["LoadLocal", 2],
  ["Lt"],
  ["JmpIfNot", 29],
  ["LoadLocal", 3],
  ["LoadLocal", 0],
  ["LoadLocal", 4],
  ["ListGet"],
  ["LoadLocal", 1],
  ["LoadLocal", 4],
  ["ListGet"],
  ["MakeRecord"],
  ["ListPush"],
  ["StoreLocal", 3],
  ["LoadLocal", 4],
  ["PushConst", isOne],
  ["Add"],
  ["StoreLocal", 4],
  ["Jmp", 10],
  ["LoadLocal", 3],
  ["Ret"],
];
/** The limit on the calls of these functions that are looked at in a function. Each takes time in proportion to the code. */
const MAX_ENUMERATIONS = 64;
/** The number of fields of the tuples. */
const RECORD_FIELDS = 2;

/** Returns the functions of the program that have the code of `list.enumerate` or `list.zip`: for each index, whether it is `list.zip`. */
export const tupleFunctions: (program: Program) => ReadonlyMap<number, boolean> = memoizeInObject(
  ({ functions, module }: Program) =>
    new Map(
      functions.flatMap((fn): [number, boolean][] => {
        const isZip = hasCode(fn, 2, ZIP, module.constants);
        return isZip || hasCode(fn, 1, ENUMERATE, module.constants) ? [[fn.index, isZip]] : [];
      }),
    ),
);

function hasCode(
  { code, def, staticallyStacked }: VerifiedFunction,
  arity: number,
  pattern: Pattern,
  constants: readonly Value[],
): boolean {
  if (def.arity !== arity || code.length !== pattern.length * CODE_STRIDE || !staticallyStacked) return false;
  return pattern.every(([name, operand], pc) => {
    const at = pc * CODE_STRIDE;
    const first = code[at + 1] ?? -1;
    return (
      code[at] === OPCODES[name].tag &&
      (name !== "MakeRecord" || code[at + 2] === RECORD_FIELDS) &&
      (operand === undefined || (typeof operand === "number" ? operand === first : operand(constants[first])))
    );
  });
}

const enumerationsOfFunctions = memoizeInObject((_program: Program) => new Map<VerifiedFunction, readonly Enumeration[]>());

/** Returns the loops over `list.enumerate` and `list.zip` in a function. */
export function enumerationsOf(program: Program, fn: VerifiedFunction): readonly Enumeration[] {
  if (tupleFunctions(program).size === 0 || !fn.staticallyStacked) return [];
  const known = enumerationsOfFunctions(program);
  const enumerations = known.get(fn) ?? findEnumerations(fn, tupleFunctions(program));
  known.set(fn, enumerations);
  return enumerations;
}

/** How often instructions of a kind occur for each local. */
class Counts {
  readonly #counts: Uint32Array;
  constructor(locals: number) {
    this.#counts = new Uint32Array(locals);
  }
  add(local: number): void {
    this.#counts[local] = this.of(local) + 1;
  }
  of(local: number): number {
    return this.#counts[local] ?? 0;
  }
}

function findEnumerations(fn: VerifiedFunction, callees: ReadonlyMap<number, boolean>): readonly Enumeration[] {
  const { code, def } = fn;
  const graph = controlFlowGraph(fn, 0);
  if (graph === undefined) return [];
  const [loads, stores, updates, knownLoads] = [0, 1, 2, 3].map(() => new Counts(def.locals));
  if (loads === undefined || stores === undefined || updates === undefined || knownLoads === undefined) return [];
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    if (code[at] === OPCODES.LoadLocal.tag) loads.add(code[at + 1] ?? 0);
    if (code[at] === OPCODES.StoreLocal.tag) stores.add(code[at + 1] ?? 0);
    if (code[at] === OPCODES.Update.tag) updates.add(code[at + 1] ?? 0);
  }
  /** The calls and `ListGet` instructions, and the local in which each result is stored. */
  const storedIn = new Map<number, number>();
  /** The `ListGet` instructions, and the local of each list. The same for the `GetField` instructions and the record. */
  const gets = new Map<number, number>();
  const fields = new Map<number, { readonly tuple: number; readonly field: number }>();
  const lengths = new Map<number, number>();
  const result = (pc: number) => ({ local: -1, storesBefore: 0, loadPc: pc, laterPcs: [] });
  followOperands(fn, ({ pc, opcode, operand, popped, originOf, storesBefore }) => {
    const origin = originOf(popped - 1);
    if (opcode.tag === OPCODES.StoreLocal.tag && origin?.local === -1) storedIn.set(origin.loadPc, operand);
    if (opcode.tag === OPCODES.Call.tag && callees.has(operand)) return result(pc);
    if (origin === undefined || origin.local < 0 || origin.storesBefore !== storesBefore(origin.local)) return undefined;
    if (opcode.tag === OPCODES.ListLen.tag) {
      knownLoads.add(origin.local);
      lengths.set(pc, origin.local);
    }
    if (opcode.tag === OPCODES.GetField.tag && operand < RECORD_FIELDS) {
      knownLoads.add(origin.local);
      fields.set(pc, { tuple: origin.local, field: operand });
    }
    if (opcode.tag !== OPCODES.ListGet.tag) return undefined;
    knownLoads.add(origin.local);
    gets.set(pc, origin.local);
    return result(pc);
  });
  const [live] = liveLocals(fn, graph);
  /** Whether all uses of a local are known, and it is set before it is read. */
  const isKnown = (local: number): boolean =>
    loads.of(local) === knownLoads.of(local) && updates.of(local) === 0 && live?.[local] === 0 && local >= def.arity;
  const calls = [...storedIn].filter(([pc]) => code[pc * CODE_STRIDE] === OPCODES.Call.tag);
  return calls.slice(0, MAX_ENUMERATIONS).flatMap(([callPc, list]): Enumeration[] => {
    if (stores.of(list) !== 1 || !isKnown(list)) return [];
    const ownGets = [...gets].filter(([, from]) => from === list).map(([pc]) => pc);
    const tuple = storedIn.get(ownGets[0] ?? -1);
    if (tuple === undefined || tuple === list || stores.of(tuple) !== ownGets.length || !isKnown(tuple)) return [];
    if (ownGets.some((pc) => storedIn.get(pc) !== tuple)) return [];
    const ownFields = [...fields].filter((entry) => entry[1].tuple === tuple).map(([pc, { field }]) => [pc, field] as const);
    // The list is used as a list only, and the tuple as a tuple only.
    if ([...fields.values()].some((field) => field.tuple === list) || ownFields.length !== loads.of(tuple)) return [];
    const ownLengths = [...lengths].filter(([, from]) => from === list).map(([pc]) => pc);
    const isZip = callees.get(code[callPc * CODE_STRIDE + 1] ?? -1) === true;
    return [{ list, tuple, callPc, isZip, lengths: new Set(ownLengths), gets: new Set(ownGets), fields: new Map(ownFields) }];
  });
}

/** The instructions of a function version that read an enumerated list or its tuples. */
export interface Enumerations {
  readonly calls: ReadonlyMap<number, Enumeration>;
  /** The instructions that read the length of a zipped list. */
  readonly lengths: ReadonlyMap<number, Enumeration>;
  readonly gets: ReadonlyMap<number, Enumeration>;
  /** For each `GetField`, the local of the tuple and the field. */
  readonly fields: ReadonlyMap<number, { readonly tuple: number; readonly field: number; readonly isZip: boolean }>;
}

/**
 * Returns the enumerations of a function version, given the locals that are live at its entry. If such a local is the list or the tuple of a
 * loop, it already holds tuples, so that loop is left out.
 */
export function enumerationsFrom(all: readonly Enumeration[], live: Uint8Array | undefined): Enumerations {
  const used = all.filter(({ list, tuple }) => live?.[list] !== 1 && live?.[tuple] !== 1);
  return {
    calls: new Map(used.map((one) => [one.callPc, one])),
    lengths: new Map(used.flatMap((one) => (one.isZip ? [...one.lengths].map((pc) => [pc, one] as const) : []))),
    gets: new Map(used.flatMap((one) => [...one.gets].map((pc) => [pc, one] as const))),
    fields: new Map(used.flatMap(({ fields, tuple, isZip }) => [...fields].map(([pc, field]) => [pc, { tuple, field, isZip }] as const))),
  };
}
