/** Builds the control-flow graph of a function, beginning at its entry point: basic blocks, dominator tree, loops, live locals. */
import type { MatchArm } from "../bytecode/module.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

/** How a block ends. The targets are indices of blocks. */
export type Exit =
  | { readonly kind: "return" }
  /** The last instruction of the block is left to the interpreter. `live` has 1 for each local that is live before it. */
  | { readonly kind: "leave"; readonly pc: number; readonly live: Uint8Array }
  /** The last instruction is an effect, which `Meter.effects` executes. `live` is the same as above. */
  | { readonly kind: "effect"; readonly pc: number; readonly live: Uint8Array; readonly to: number }
  /** A tail call of the function to itself. */
  | { readonly kind: "tail"; readonly to: number }
  | { readonly kind: "jump"; readonly to: number }
  | { readonly kind: "branch"; readonly ifTrue: number; readonly ifFalse: number }
  | { readonly kind: "match"; readonly arms: readonly { readonly tag: number; readonly to: number }[] };

interface Block {
  /** The pc of the first instruction. `end` is the pc after the last one. The end of the code is an empty block. */
  readonly start: number;
  readonly end: number;
  readonly exit: Exit;
  /** Whether this block dominates a block that jumps back to it. */
  readonly isLoopHeader: boolean;
  /** Whether several earlier blocks lead to this block, so that its code cannot be nested inside the code of a single block. */
  readonly isMerge: boolean;
  /** The children in the dominator tree, in ascending order. */
  readonly children: readonly number[];
}

/** The blocks in reverse postorder. The first block is the entry. */
export type ControlFlowGraph = readonly Block[];

/** A block before blocks have indices. Its targets are pcs. */
interface RawBlock {
  readonly start: number;
  readonly end: number;
  readonly targets: readonly number[];
}

const TAIL_CALL = OPCODES.TailCall.tag;
const RETURNS: ReadonlySet<number> = new Set([OPCODES.Ret.tag, TAIL_CALL]);
const BRANCHES: ReadonlySet<number> = new Set([OPCODES.JmpIf.tag, OPCODES.JmpIfNot.tag]);

/** The instructions that compiled code leaves to the interpreter, by pc, with the locals that are live before each of them (see `eligible.ts`). */
export type Leaves = ReadonlyMap<number, Uint8Array>;

/** The effects that compiled code can execute without leaving its frame. */
const EFFECTS: ReadonlySet<number> = new Set(
  (["CapCall", "TryCapCall", "EmitUi", "SpawnActor", "SendMsg", "ReceiveMsg", "ReceiveAs"] as const).map((name) => OPCODES[name].tag),
);

export const isEffect = ({ code }: VerifiedFunction, pc: number): boolean => EFFECTS.has(code[pc * CODE_STRIDE] ?? 0);

/**
 * Builds the graph from the instruction `entry` on. It ends at the instructions in `leaves`; with `runsEffects`, not at those that are effects.
 * Returns undefined if a loop has several entries, because it has no structured form.
 */
export function controlFlowGraph(fn: VerifiedFunction, entry: number, leaves?: Leaves, runsEffects = false): ControlFlowGraph | undefined {
  const leafTargets = (pc: number): readonly number[] | undefined => {
    if (leaves?.has(pc) !== true) return undefined;
    return runsEffects && isEffect(fn, pc) ? [pc + 1] : [];
  };
  const blocksByStart = findBlocks(fn, entry, leafTargets);
  const startsInOrder = reversePostorder(blocksByStart, entry);
  const indexByStart = new Map(startsInOrder.map((start, i) => [start, i]));
  const blockAt = (pc: number): number => indexByStart.get(pc) ?? 0;
  const successors = startsInOrder.map((start) => (blocksByStart.get(start)?.targets ?? []).map(blockAt));
  const predecessors: number[][] = startsInOrder.map(() => []);
  successors.forEach((targets, source) => {
    for (const target of targets) predecessors[target]?.push(source);
  });
  const dominators = immediateDominators(predecessors);
  const loopHeaders = new Set<number>();
  for (const [target, sources] of predecessors.entries()) {
    for (const source of sources) {
      if (source < target) continue;
      if (!dominates(dominators, target, source)) return undefined;
      loopHeaders.add(target);
    }
  }
  const children: number[][] = startsInOrder.map(() => []);
  dominators.forEach((parent, block) => {
    if (block > 0) children[parent]?.push(block);
  });
  return startsInOrder.map((start, i): Block => {
    const end = blocksByStart.get(start)?.end ?? start;
    return {
      start,
      end,
      exit: exitOf(fn, start, end, blockAt, leaves, runsEffects),
      isLoopHeader: loopHeaders.has(i),
      isMerge: (predecessors[i] ?? []).filter((from) => from < i).length > 1,
      children: children[i] ?? [],
    };
  });
}

function armsOf(fn: VerifiedFunction, pc: number): readonly MatchArm[] {
  // `CODE_STRIDE` is the number of words per instruction.
  return fn.def.matchTables[fn.code[pc * CODE_STRIDE + 1] ?? 0] ?? [];
}

/** Returns the reachable blocks, by the pc of their first instruction. */
function findBlocks(
  fn: VerifiedFunction,
  entry: number,
  leafTargets: (pc: number) => readonly number[] | undefined,
): ReadonlyMap<number, RawBlock> {
  const { code } = fn;
  const length = code.length / CODE_STRIDE;
  /** The pcs at which a block begins. */
  const leaders = new Set<number>([entry]);
  const isReached = new Uint8Array(length + 1);
  const work = [entry];
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    if (isReached[pc] === 1) continue;
    isReached[pc] = 1;
    if (pc >= length) continue;
    const targets = leafTargets(pc) ?? targetsOf(fn, pc);
    if (targets === undefined) work.push(pc + 1);
    else {
      for (const target of targets) {
        leaders.add(target);
        work.push(target);
      }
    }
  }
  const blocks = new Map<number, RawBlock>();
  for (const start of leaders) {
    let pc = start;
    let targets: readonly number[] | undefined = pc >= length ? [] : undefined;
    while (targets === undefined) {
      targets = leafTargets(pc) ?? targetsOf(fn, pc);
      pc += 1;
      if (targets === undefined && (leaders.has(pc) || pc >= length)) targets = [pc];
    }
    blocks.set(start, { start, end: pc, targets });
  }
  // If control reaches the end of the code, the function returns Unit.
  for (const { targets } of blocks.values()) {
    if (targets.includes(length) && !blocks.has(length)) blocks.set(length, { start: length, end: length, targets: [] });
  }
  return blocks;
}

/** Returns the targets of an instruction that ends a block; undefined if the instruction does not end one. */
function targetsOf(fn: VerifiedFunction, pc: number): readonly number[] | undefined {
  const at = pc * CODE_STRIDE;
  const tag = fn.code[at] ?? 0;
  if (tag === TAIL_CALL) return [0];
  if (RETURNS.has(tag)) return [];
  if (tag === OPCODES.Jmp.tag) return [fn.code[at + 1] ?? 0];
  if (BRANCHES.has(tag)) return [fn.code[at + 1] ?? 0, pc + 1];
  return tag === OPCODES.Match.tag ? armsOf(fn, pc).map((arm) => arm.target) : undefined;
}

function exitOf(
  fn: VerifiedFunction,
  start: number,
  end: number,
  blockAt: (pc: number) => number,
  leaves: Leaves | undefined,
  runsEffects: boolean,
): Exit {
  const last = end - 1;
  if (start === end) return { kind: "return" };
  const live = leaves?.get(last);
  if (live !== undefined && runsEffects && isEffect(fn, last)) return { kind: "effect", pc: last, live, to: blockAt(end) };
  if (live !== undefined) return { kind: "leave", pc: last, live };
  const tag = fn.code[last * CODE_STRIDE] ?? 0;
  const target = fn.code[last * CODE_STRIDE + 1] ?? 0;
  switch (tag) {
    case OPCODES.Ret.tag:
      return { kind: "return" };
    case TAIL_CALL:
      return { kind: "tail", to: blockAt(0) };
    case OPCODES.Jmp.tag:
      return { kind: "jump", to: blockAt(target) };
    case OPCODES.JmpIf.tag:
      return { kind: "branch", ifTrue: blockAt(target), ifFalse: blockAt(end) };
    case OPCODES.JmpIfNot.tag:
      return { kind: "branch", ifTrue: blockAt(end), ifFalse: blockAt(target) };
    case OPCODES.Match.tag:
      return { kind: "match", arms: armsOf(fn, last).map((arm) => ({ tag: arm.tag, to: blockAt(arm.target) })) };
    default:
      return { kind: "jump", to: blockAt(end) };
  }
}

function reversePostorder(blocks: ReadonlyMap<number, RawBlock>, entry: number): readonly number[] {
  const order: number[] = [];
  const seen = new Set<number>([entry]);
  const open: { readonly start: number; next: number }[] = [{ start: entry, next: 0 }];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const target = blocks.get(top.start)?.targets[top.next];
    top.next += 1;
    if (target === undefined) {
      order.push(top.start);
      open.pop();
    } else if (!seen.has(target)) {
      seen.add(target);
      open.push({ start: target, next: 0 });
    }
  }
  return order.reverse();
}

/**
 * Returns the immediate dominator of each block. The algorithm is from Cooper, Harvey and Kennedy, "A Simple, Fast Dominance
 * Algorithm".
 */
function immediateDominators(predecessors: readonly (readonly number[])[]): readonly number[] {
  const dominators: number[] = predecessors.map((_, i) => (i === 0 ? 0 : -1));
  const dominatorOf = (block: number): number => dominators[block] ?? 0;
  const commonDominator = (a: number, b: number): number => {
    let [x, y] = [a, b];
    while (x !== y) {
      while (x > y) x = dominatorOf(x);
      while (y > x) y = dominatorOf(y);
    }
    return x;
  };
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (let block = 1; block < predecessors.length; block++) {
      let dominator = -1;
      for (const from of predecessors[block] ?? []) {
        if (dominatorOf(from) === -1) continue;
        dominator = dominator === -1 ? from : commonDominator(dominator, from);
      }
      if (dominator !== dominatorOf(block)) {
        dominators[block] = dominator;
        hasChanged = true;
      }
    }
  }
  return dominators;
}

function dominates(dominators: readonly number[], ancestor: number, block: number): boolean {
  let current = block;
  while (current > ancestor) current = dominators[current] ?? 0;
  return current === ancestor;
}

/** Returns the blocks that the values of locals flow into. A tail call has no such blocks, because it sets all locals. */
export function successorsOf(exit: Exit): readonly number[] {
  switch (exit.kind) {
    case "jump":
    case "effect":
      return [exit.to];
    case "branch":
      return [exit.ifTrue, exit.ifFalse];
    case "match":
      return exit.arms.map((arm) => arm.to);
    case "return":
    case "leave":
    case "tail":
      return [];
  }
}
