/**
 * Finds the parameters that a function leaves alone whenever it returns None or Err, such as the list of `list.pop`. After such a call, the
 * argument may still be unique:
 *
 *     let Some((top, rest)) = list.pop(stack) else { return stack }
 *     match apply(cart, change) { Ok(next) => { cart = next }, Err(_) => { failures += 1 } }
 *
 * On each path to a return, the function either only reads the parameter, or makes a Some as its last instruction; or the same with Ok. A local that only
 * ever holds the parameter, as after `let mut next = cart`, is treated like the parameter.
 */
import { keepsNoOperand } from "../bytecode/ownership.ts";
import { followOperands, type Origin } from "../bytecode/operand-origins.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { MATCH_TAGS, WRAPPERS } from "../bytecode/tags.ts";
import type { IsBorrowed } from "./borrowed-params.ts";
import { type ControlFlowGraph, controlFlowGraph, successorsOf } from "./control-flow-graph.ts";
import type { RecordParts } from "./record-parts.ts";

/** The wrappers of results for which a function may change its argument. */
export const SUCCESSES = ["Some", "Ok"] as const;
export type Success = (typeof SUCCESSES)[number];
/** The limit on the instructions between the load of an argument and the call. */
const MAX_DISTANCE = 64;
/** The limit on the tests of one value that `isDeadIfSuccess` follows. */
const MAX_TESTS = 8;

/** A local, or a part of it, that is loaded as an argument of a call. */
export interface Argument {
  readonly origin: Origin;
  readonly callPc: number;
  /** The indices of the function and of the parameter. */
  readonly callee: number;
  readonly param: number;
}

/** Returns whether a function leaves a parameter alone whenever it returns anything else than `success`. */
export function isIntactAtFailure(fn: VerifiedFunction, param: number, isBorrowed: IsBorrowed, success: Success): boolean {
  const graph = fn.staticallyStacked ? controlFlowGraph(fn, 0) : undefined;
  if (graph === undefined) return false;
  const { code } = fn;
  const tagAt = (pc: number): number | undefined => code[pc * CODE_STRIDE];
  const uses = usesOf(fn, new Set([param, ...copiesOf(fn, graph, param)]), isBorrowed);
  /** Whether each block comes after such a use, or has one. */
  const isUsed = graph.map(({ start, end }) => uses.slice(start, end).includes(1));
  const work = [...isUsed.keys()].filter((index) => isUsed[index]);
  for (let index = work.pop(); index !== undefined; index = work.pop())
    for (const to of successorsOf(graph[index]?.exit ?? { kind: "return" })) {
      if (isUsed[to] === true) continue;
      isUsed[to] = true;
      work.push(to);
    }
  /** Whether the block does nothing but return the top operand. */
  const isReturn = (index: number): boolean => {
    const block = graph[index];
    return block?.exit.kind === "return" && block.end - block.start === 1;
  };
  return graph.every(({ start, end, exit }, index) => {
    const makesSuccess = (pc: number): boolean =>
      pc >= start && tagAt(pc) === OPCODES.Wrap.tag && code[pc * CODE_STRIDE + 1] === WRAPPERS.indexOf(success);
    if (isUsed[index] === false || isReturn(index)) return true;
    if (exit.kind === "return") return makesSuccess(end - 2);
    if (exit.kind === "tail" || exit.kind === "leave") return false;
    if (exit.kind === "jump" && isReturn(exit.to)) return makesSuccess(tagAt(end - 1) === OPCODES.Jmp.tag ? end - 2 : end - 1);
    return !successorsOf(exit).some(isReturn);
  });
}

/**
 * Returns whether the result of a call is matched at once, and the local or part that was its argument is not read before the next store to
 * it if the result is a `success`.
 */
export function isDeadIfSuccess(
  { code }: VerifiedFunction,
  graph: ControlFlowGraph,
  live: readonly Uint8Array[],
  { readAt, live: liveParts }: RecordParts,
  { origin: { local, loadPc }, callPc }: Argument,
  success: Success,
): boolean {
  const tagAt = (pc: number): number | undefined => code[pc * CODE_STRIDE];
  const part = readAt.get(loadPc);
  const record = part === undefined ? local : code[(loadPc - 1) * CODE_STRIDE + 1];
  if (callPc - loadPc > MAX_DISTANCE) return false;
  for (let pc = loadPc + 1; pc < callPc; pc++)
    if (tagAt(pc) === OPCODES.LoadLocal.tag && code[pc * CODE_STRIDE + 1] === record) return false;
  const isStored = tagAt(callPc + 1) === OPCODES.StoreLocal.tag;
  const result = isStored ? code[(callPc + 1) * CODE_STRIDE + 1] : undefined;
  const isLoadOfResult = (pc: number): boolean => tagAt(pc) === OPCODES.LoadLocal.tag && code[pc * CODE_STRIDE + 1] === result;
  if (result === record || (isStored && !isLoadOfResult(callPc + 2))) return false;
  let block = graph.find(({ start, end }) => start <= loadPc && end === callPc + (isStored ? 4 : 2));
  for (let tests = 0; tests < MAX_TESTS && block?.exit.kind === "match"; tests++) {
    const arm = block.exit.arms.find(({ tag }) => tag === MATCH_TAGS[success] || tag === MATCH_TAGS.any);
    if (arm === undefined) return true;
    if (part === undefined ? live[arm.to]?.[local] === 0 : liveParts[arm.to]?.[part] === 0) return true;
    if (arm.tag === MATCH_TAGS[success] || !isStored) return false;
    // The value is none of these. If the code does nothing but test it again, only that test counts.
    const next = graph[arm.to];
    if (next === undefined || tagAt(next.start) !== OPCODES.Pop.tag) return false;
    const test: number = next.exit.kind === "jump" && next.end - next.start === 2 ? (graph[next.exit.to]?.start ?? 0) : next.start + 1;
    if (!isLoadOfResult(test) || tagAt(test + 1) !== OPCODES.Match.tag) return false;
    block = graph.find(({ end }) => end === test + 2);
  }
  return false;
}

/** Returns the locals that are set only once, to the parameter. */
function copiesOf({ code, def }: VerifiedFunction, graph: ControlFlowGraph, param: number): readonly number[] {
  const stores = new Map<number, number>();
  const copies: number[] = [];
  for (const { start, end } of graph)
    for (let pc = start; pc < end; pc++) {
      const [tag, local = 0] = [code[pc * CODE_STRIDE], code[pc * CODE_STRIDE + 1]];
      if (tag !== OPCODES.StoreLocal.tag) continue;
      stores.set(local, (stores.get(local) ?? 0) + 1);
      const isCopy = pc > start && code[(pc - 1) * CODE_STRIDE] === OPCODES.LoadLocal.tag && code[(pc - 1) * CODE_STRIDE + 1] === param;
      if (isCopy && local >= def.arity) copies.push(local);
    }
  return copies.filter((local) => stores.get(local) === 1);
}

/** Returns 1 for each instruction after which something else may refer to the value in one of the locals, or that may change it, otherwise 0. */
function usesOf(fn: VerifiedFunction, locals: ReadonlySet<number>, isBorrowed: IsBorrowed): Uint8Array {
  const { code } = fn;
  const uses = new Uint8Array(code.length / CODE_STRIDE);
  /** The loads of the parameter, and the reads of its fields, whose values are only read. */
  const reads = new Set<number>();
  const fields: Origin[] = [];
  followOperands(fn, ({ pc, opcode, operand, popped, originOf }) => {
    for (let above = 0; above < popped; above++) {
      const origin = originOf(above);
      if (origin === undefined || !locals.has(origin.local)) continue;
      const isRead =
        keepsNoOperand(opcode, operand) ||
        (opcode.tag === OPCODES.StoreLocal.tag && locals.has(operand)) ||
        opcode.tag === OPCODES.GetField.tag ||
        (opcode.tag === OPCODES.ListGet.tag && above === 1) ||
        (opcode.tag === OPCODES.Call.tag && isBorrowed(operand, popped - 1 - above));
      if (isRead) reads.add(origin.loadPc);
      if (opcode.tag !== OPCODES.GetField.tag) continue;
      const field = { ...origin, loadPc: pc };
      fields.push(field);
      return field;
    }
    return undefined;
  });
  for (const { loadPc } of fields) if (!reads.has(loadPc)) uses[loadPc] = 1;
  for (let pc = 0; pc < uses.length; pc++) {
    const [tag, local = 0] = [code[pc * CODE_STRIDE], code[pc * CODE_STRIDE + 1]];
    if (!locals.has(local)) continue;
    const isLoad = tag === OPCODES.LoadLocal.tag && !reads.has(pc);
    const isStore = tag === OPCODES.StoreLocal.tag && local < fn.def.arity;
    if (isLoad || isStore || tag === OPCODES.Update.tag) uses[pc] = 1;
  }
  return uses;
}
