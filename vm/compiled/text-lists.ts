/**
 * Finds the results of `string.chars` and `string.codepoints` of which only the length and elements are read, as in
 * `for c in string.chars(text)`. Compiled code reads these from the text itself. It makes no list, but charges for it:
 *
 *     LoadLocal 0     text
 *     StringChars     the result is the text
 *     StoreLocal 1
 *     …
 *     LoadLocal 1
 *     LoadLocal 2
 *     ListGet         the character
 *
 * The locals to which the result is copied are found too, and those for which `list.enumerate` returns its argument (`enumerations.ts`). Compiled code
 * guesses that each character of the text is one code unit.
 */
import { opcodeOf, OPCODES } from "../bytecode/opcodes.ts";
import { followOperands } from "../bytecode/operand-origins.ts";
import { builtinName } from "../bytecode/ownership.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { memoizeInObject } from "../lazy.ts";
import { type Enumerations, enumerationsOf } from "./enumerations.ts";

/** A result of `string.chars` or `string.codepoints`. */
interface TextList {
  readonly callPc: number;
  readonly isCodePoints: boolean;
  /** The locals that hold the result, and the calls of `list.enumerate` that return it. */
  readonly locals: ReadonlySet<number>;
  readonly enumerateCalls: readonly number[];
  /** The pcs of the instructions that read the length or an element. */
  readonly lengths: readonly number[];
  readonly gets: readonly number[];
}

/** The instructions of a function version that make or read a text in place of a list. */
export interface TextLists {
  readonly calls: ReadonlySet<number>;
  readonly enumerateCalls: ReadonlySet<number>;
  readonly lengths: ReadonlySet<number>;
  /** The `ListGet` instructions, and whether they read a code point. */
  readonly gets: ReadonlyMap<number, boolean>;
}

/** The builtins, and whether they return code points. */
const MAKERS: ReadonlyMap<string, boolean> = new Map([
  ["string.chars", false],
  ["string.codepoints", true],
]);
/** The limit on the calls that are looked at in a function. Each takes time in proportion to the code. */
const MAX_TEXT_LISTS = 32;

const textListsOfFunctions = memoizeInObject((_program: Program) => new Map<VerifiedFunction, readonly TextList[]>());

/** Returns the lists of characters and code points of a function for which compiled code may use the text. */
export function textListsOf(program: Program, fn: VerifiedFunction): readonly TextList[] {
  const known = textListsOfFunctions(program);
  const lists = known.get(fn) ?? (fn.staticallyStacked ? findTextLists(program, fn) : []);
  known.set(fn, lists);
  return lists;
}

function findTextLists(program: Program, fn: VerifiedFunction): readonly TextList[] {
  const { code, def } = fn;
  const makers: number[] = [];
  /** The loads of each local that have another use, and the stores to it. */
  const otherLoads = new Int32Array(def.locals);
  const stores = new Int32Array(def.locals);
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const [tag, operand] = [code[at] ?? -1, code[at + 1] ?? 0];
    const opcode = opcodeOf(tag);
    if (opcode !== undefined && MAKERS.has(builtinName(opcode, operand) ?? "")) makers.push(at / CODE_STRIDE);
    if (tag === OPCODES.LoadLocal.tag) otherLoads[operand] = (otherLoads[operand] ?? 0) + 1;
    if (tag === OPCODES.StoreLocal.tag) stores[operand] = (stores[operand] ?? 0) + 1;
    // An `Update` both reads and sets the local.
    if (tag === OPCODES.Update.tag) otherLoads[operand] = stores[operand] = code.length;
  }
  if (makers.length === 0 || makers.length > MAX_TEXT_LISTS) return [];
  const enumerated = new Map(enumerationsOf(program, fn).flatMap((one) => (one.isZip ? [] : [[one.callPc, one.list] as const])));
  const lengths = new Map<number, number>();
  const gets = new Map<number, number>();
  /** Where each call, local and call of `list.enumerate` stores the list. A call has the number -1 - pc. */
  const targets = new Map<number, { readonly to: number; readonly enumerateCall: number | undefined }[]>();
  const store = (from: number, to: number, enumerateCall?: number): void => {
    targets.set(from, [...(targets.get(from) ?? []), { to, enumerateCall }]);
  };
  followOperands(fn, ({ pc, opcode, operand, popped, originOf, storesBefore }) => {
    if (MAKERS.has(builtinName(opcode, operand) ?? "")) return { local: -1 - pc, storesBefore: 0, loadPc: pc, laterPcs: [] };
    const origin = originOf(popped - 1);
    if (origin === undefined || (origin.local >= 0 && origin.storesBefore !== storesBefore(origin.local))) return undefined;
    const to = opcode.tag === OPCODES.StoreLocal.tag ? operand : enumerated.get(pc);
    if (to !== undefined) store(origin.local, to, opcode.tag === OPCODES.StoreLocal.tag ? undefined : pc);
    else if (origin.local < 0) return undefined;
    else if (opcode.tag === OPCODES.ListLen.tag) lengths.set(pc, origin.local);
    else if (opcode.tag === OPCODES.ListGet.tag) gets.set(pc, origin.local);
    else return undefined;
    if (origin.local >= 0) otherLoads[origin.local] = (otherLoads[origin.local] ?? 0) - 1;
    return undefined;
  });
  return makers.flatMap((callPc): TextList[] => {
    const locals = new Set<number>();
    const enumerateCalls: number[] = [];
    const work = [-1 - callPc];
    for (let from = work.pop(); from !== undefined; from = work.pop())
      for (const { to, enumerateCall } of targets.get(from) ?? []) {
        locals.add(to);
        work.push(to);
        if (enumerateCall !== undefined) enumerateCalls.push(enumerateCall);
        if (to < def.arity || otherLoads[to] !== 0 || stores[to] !== 1) return [];
      }
    const isOwn = ([, local]: readonly [number, number]): boolean => locals.has(local);
    const pcs = (reads: ReadonlyMap<number, number>): readonly number[] => [...reads].filter(isOwn).map(([pc]) => pc);
    if ((targets.get(-1 - callPc) ?? []).length !== 1) return [];
    const opcode = opcodeOf(code[callPc * CODE_STRIDE] ?? -1);
    const name = opcode === undefined ? undefined : builtinName(opcode, code[callPc * CODE_STRIDE + 1] ?? 0);
    return [{ callPc, isCodePoints: MAKERS.get(name ?? "") === true, locals, enumerateCalls, lengths: pcs(lengths), gets: pcs(gets) }];
  });
}

/**
 * Returns the text lists of a function version, given the locals that are live at its entry. If such a local holds the list, it is a list there,
 * so this one is left out. `isWrong` says whether the guess about the text of a call was wrong.
 */
export function textListsFrom(
  all: readonly TextList[],
  live: Uint8Array | undefined,
  enumerations: Enumerations,
  isWrong: (callPc: number) => boolean,
): TextLists {
  const used = all.filter(
    ({ callPc, locals, enumerateCalls }) =>
      !isWrong(callPc) && enumerateCalls.every((pc) => enumerations.calls.has(pc)) && ![...locals].some((local) => live?.[local] === 1),
  );
  return {
    calls: new Set(used.map(({ callPc }) => callPc)),
    enumerateCalls: new Set(used.flatMap((one) => one.enumerateCalls)),
    lengths: new Set(used.flatMap((one) => one.lengths)),
    gets: new Map(used.flatMap((one) => one.gets.map((pc) => [pc, one.isCodePoints] as const))),
  };
}
