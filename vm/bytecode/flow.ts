/**
 * Finds the constructs of control flow that each instruction of a function lies in.
 *
 * The constructs of a function and their parts form a tree. Its root is the whole function. For example, the function
 *
 *     for x in xs {            construct `for`, part 0 is its body
 *         if ready(x) {        construct `if` inside that body, part 0 is its branch
 *             save(x)
 *         }
 *     }
 *
 * has the nodes root > for > body > if > branch. The instruction that calls `save` is in the branch. The instruction that calls `ready`
 * is in the `if`, but not in any part of the `if`.
 */
import { memoizePerObject } from "../lazy.ts";
import { MODULE_LIMITS } from "../limits.ts";
import type { FlowConstruct, FlowDebug } from "./module.ts";
import { OPCODES } from "./opcodes.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE } from "./stack-heights.ts";

/** Instructions that begin or end a frame. */
const FRAME_CHANGES: ReadonlySet<number> = new Set(
  [OPCODES.Call, OPCODES.CallIndirect, OPCODES.TailCall, OPCODES.Ret, OPCODES.Halt].map(({ tag }) => tag),
);
const JUMPS: ReadonlySet<number> = new Set([OPCODES.Jmp, OPCODES.JmpIf, OPCODES.JmpIfNot].map(({ tag }) => tag));

/** A node of the tree: the function, a construct, or a part of a construct. */
export interface FlowNode {
  /** Undefined for the root only. */
  readonly parent: FlowNode | undefined;
  /** The number of nodes around this node; 0 for the root. */
  readonly depth: number;
  /** The construct that the node is, or is a part of. Undefined for the root only. */
  readonly construct: FlowConstruct | undefined;
  /** The index of the part; -1 if the node is not a part. */
  readonly part: number;
}

export interface FlowTree {
  readonly root: FlowNode;
  readonly nodes: readonly FlowNode[];
  /** For each instruction, the index in `nodes` of its innermost node. The array ends at the last construct; later instructions are in the root. */
  readonly innermost: Int32Array;
}

/** What is wrong with the construct at `index`. */
export interface FlowProblem {
  /** The index of the construct that is wrong. */
  readonly index: number;
  readonly kind: "bad_debug" | "too_large";
}

/**
 * Returns the first construct that is out of order, that overlaps another construct or one of its parts, or that is nested deeper than
 * `MODULE_LIMITS.flowDepth`. Returns undefined if all constructs are valid.
 */
export function flowProblem(constructs: readonly FlowConstruct[]): FlowProblem | undefined {
  const enclosing: { readonly construct: FlowConstruct; nextPart: number }[] = [];
  let previousStart = 0;
  for (const [index, construct] of constructs.entries()) {
    const { start, end } = construct;
    if (start < previousStart) return { index, kind: "bad_debug" };
    previousStart = start;
    let outer = enclosing.at(-1);
    while (outer !== undefined && outer.construct.end <= start) {
      enclosing.pop();
      outer = enclosing.at(-1);
    }
    if (outer !== undefined) {
      const { parts } = outer.construct;
      while ((parts[outer.nextPart]?.[1] ?? Number.POSITIVE_INFINITY) <= start) outer.nextPart += 1;
      const part = parts[outer.nextPart];
      const isInside = part !== undefined && part[0] <= start;
      if (end > (isInside ? part[1] : Math.min(outer.construct.end, part?.[0] ?? outer.construct.end))) return { index, kind: "bad_debug" };
    }
    if (enclosing.length >= MODULE_LIMITS.flowDepth) return { index, kind: "too_large" };
    enclosing.push({ construct, nextPart: 0 });
  }
  return undefined;
}

/** The instructions of a construct, or of the part with the index `part`; -1 means the construct. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly construct: FlowConstruct;
  /** The index of the part; -1 for the whole construct. */
  readonly part: number;
}

/** Returns the tree of a function. Takes O(n log n) time for n constructs and parts, even if the debug info is forged. */
export const flowTree: (flow: FlowDebug) => FlowTree = memoizePerObject(({ constructs }: FlowDebug): FlowTree => {
  const ranges = constructs.flatMap((construct): Range[] => [
    { start: construct.start, end: construct.end, construct, part: -1 },
    ...construct.parts.map(([start, end], part) => ({ start, end, construct, part })),
  ]);
  // The sort is stable, so of two equal ranges the outer one stays first.
  ranges.sort((a, b) => a.start - b.start || b.end - a.end);
  const root: FlowNode = { parent: undefined, depth: 0, construct: undefined, part: -1 };
  const nodes = [root];
  const innermost = new Int32Array(ranges.reduce((length, { end }) => Math.max(length, end), 0));
  const openNodes = [{ node: root, index: 0, end: innermost.length }];
  let filled = 0;
  const fillTo = (end: number): void => {
    innermost.fill(openNodes.at(-1)?.index ?? 0, filled, end);
    filled = Math.max(filled, end);
  };
  const closeUpTo = (pc: number): void => {
    for (let top = openNodes.at(-1); top !== undefined && openNodes.length > 1 && top.end <= pc; top = openNodes.at(-1)) {
      fillTo(top.end);
      openNodes.pop();
    }
  };
  for (const { start, end, construct, part } of ranges) {
    closeUpTo(start);
    fillTo(start);
    const parent = openNodes.at(-1)?.node ?? root;
    const node = { parent, depth: parent.depth + 1, construct, part };
    openNodes.push({ node, index: nodes.length, end });
    nodes.push(node);
  }
  closeUpTo(innermost.length);
  return { root, nodes, innermost };
});

/** Returns whether the instruction at `pc` is a `break` in the header of a loop, as in `while { break true } {}`. `node` is its innermost node. */
export function isBreak({ code }: VerifiedFunction, node: FlowNode | undefined, pc: number): boolean {
  const construct = node === undefined || node.part >= 0 ? undefined : node.construct;
  if (construct?.kind !== "while" && construct?.kind !== "for") return false;
  // `CODE_STRIDE` is the number of words per instruction.
  const target = code[pc * CODE_STRIDE + 1] ?? 0;
  return code[pc * CODE_STRIDE] === OPCODES.Jmp.tag && (target < construct.start || target >= construct.end);
}

/** Returns 1 for each instruction at which the innermost node may change, a frame begins or ends, or `isBreak` is true; 0 for the others. */
export function flowChanges(fn: VerifiedFunction, { nodes, innermost }: FlowTree): Uint8Array {
  const { code, def } = fn;
  const changes = new Uint8Array(def.code.length);
  const nodeAt = (pc: number): number => innermost[pc] ?? 0;
  const markIfNodeChanges = (from: number, to: number): void => {
    if (to < changes.length && nodeAt(from) !== nodeAt(to)) changes[to] = 1;
  };
  changes[0] = 1;
  for (let pc = 0; pc < changes.length; pc++) {
    markIfNodeChanges(pc - 1, pc);
    const at = pc * CODE_STRIDE;
    const tag = code[at] ?? 0;
    const operand = code[at + 1] ?? 0;
    if (FRAME_CHANGES.has(tag) || isBreak(fn, nodes[nodeAt(pc)], pc)) changes[pc] = 1;
    if (tag === OPCODES.Match.tag) for (const { target } of def.matchTables[operand] ?? []) markIfNodeChanges(pc, target);
    else if (JUMPS.has(tag)) markIfNodeChanges(pc, operand);
  }
  return changes;
}

/** The debug info of a function without constructs. */
export const EMPTY_FLOW: FlowDebug = { line: 1, constructs: [] };
