/**
 * Options that compiled code need not make. The result of `map.get` is often only matched, or only the first argument of `option.unwrap_or`. Then
 * the operand is a *bare option*: the value inside the Some, or undefined for None. The charge is the same.
 */
import { builtinName, OWNERSHIP } from "../bytecode/ownership.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { MATCH_TAGS } from "../bytecode/tags.ts";
import type { FunctionBody } from "./body.ts";
import { consumerOf } from "./consumers.ts";

/** The builtins whose result can be a bare option, and the function of `runtime.ts` that returns it. */
export const BARE_RESULTS: ReadonlyMap<string, string> = new Map([
  ["map.get", "findEntry"],
  ["list.get", "findElement"],
]);

/** The builtins that accept a bare option as their first argument. Returns the expression for the result. */
export const BARE_READERS: ReadonlyMap<string, (option: string, other: string) => string> = new Map([
  ["option.unwrap_or", (option, other) => `${option} === undefined ? ${other} : ${option}`],
  ["option.is_some", (option) => `${option} !== undefined`],
  ["option.is_none", (option) => `${option} === undefined`],
]);

const OPTION_TAGS: ReadonlySet<number> = new Set([MATCH_TAGS.None, MATCH_TAGS.Some, MATCH_TAGS.any]);

/**
 * Returns whether the result of the instruction at `pc` may be a bare option: the instruction that pops it is in the same block, and accepts it. A
 * match may load the result from a local in which it was just stored, and which is not read after that. Then `body` skips that store and load.
 */
export function mayBeBare(body: FunctionBody, pc: number): boolean {
  const { fn, graph, live } = body.version;
  const block = graph.find(({ start, end }) => pc >= start && pc < end);
  if (block === undefined) return false;
  const { code } = fn;
  const { exit, end } = block;
  const tagAt = (at: number): number => code[at * CODE_STRIDE] ?? -1;
  const operandAt = (at: number): number => code[at * CODE_STRIDE + 1] ?? 0;
  const isMatch = exit.kind === "match" && exit.arms[0]?.tag !== MATCH_TAGS.any && exit.arms.every(({ tag }) => OPTION_TAGS.has(tag));
  const local = operandAt(pc + 1);
  if (isMatch && end === pc + 4 && tagAt(pc + 1) === OPCODES.StoreLocal.tag && tagAt(pc + 2) === OPCODES.LoadLocal.tag) {
    const hasRole = [pc + 1, pc + 2].some((at) => (body.roles[at] ?? OWNERSHIP.none) !== OWNERSHIP.none);
    if (hasRole || body.appends.isAppendTarget[local] === 1) return false;
    if (operandAt(pc + 2) !== local || exit.arms.some(({ to }) => live[to]?.[local] !== 0)) return false;
    body.skipped.add(pc + 1).add(pc + 2);
    return true;
  }
  const consumer = consumerOf(fn, pc, end);
  if (consumer === undefined) return false;
  if (consumer.pc === end - 1 && exit.kind !== "jump") return isMatch;
  return consumer.isFirst && BARE_READERS.has(builtinName(consumer.opcode, operandAt(consumer.pc)) ?? "");
}
