/**
 * Derives the control flow of a run from the instructions that it executes, and reports it to the host as spans.
 *
 * Only functions that declare a capability are reported. In these, the interpreter calls `step` before each instruction at which the
 * control flow may change. Those instructions are marked in the interpreter's register code (`flowChanges`). Everything else follows from
 * the position of the instruction: its call depth tells which call it belongs to, and its pc tells which constructs and parts it is in
 * (`bytecode/flow.ts`). So spans never change what the machine does. A construct ends when an instruction outside of it is executed, or
 * when its frame ends. A `for` begins an iteration each time control enters its body from outside.
 *
 * A tail call replaces the caller's frame, but the caller's spans stay open as parents of the new call, matching the source. All of
 * them end when the last of these calls returns.
 *
 * A `par` has a span with one child for each branch. The spans of what a branch does are inside the branch's span.
 *
 * The host may drop a span. Its children then belong to the nearest span around it that was kept.
 */
import { EMPTY_FLOW, flowChanges, type FlowNode, flowTree, type FlowTree, isBreak } from "../bytecode/flow.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import type { FlowConstructName, FlowHost, FlowSpan, FlowSpanEnd } from "../host.ts";
import { outcomeOfTrap, type TrapKind } from "../outcome.ts";
import { locationOf } from "../bytecode/module.ts";
import { memoizePerObject } from "../lazy.ts";
import type { Actor } from "./actor.ts";
import { RegisterCode } from "./register-code.ts";

/** A span that the host kept and that has not ended. */
interface OpenSpan {
  readonly span: FlowSpan;
  readonly node: FlowNode;
  /** The part entered last; undefined if none was entered. */
  part: number | undefined;
  /** How many times a part was entered. */
  entries: number;
}

/** A call in progress of a function whose control flow is reported. */
interface FlowFrame {
  readonly depth: number;
  readonly fn: VerifiedFunction;
  readonly tree: FlowTree;
  /** The last instruction that was reported; -1 before the first. */
  lastPc: number;
  /** The index, in the tree, of the innermost node around the instruction reported last. */
  node: number;
  /** The number of open spans that do not belong to this frame or to frames inside it. */
  readonly outerSpans: number;
}

/** The tracked state of an actor. */
interface ActorFlow {
  readonly id: number;
  readonly frames: FlowFrame[];
  readonly openSpans: OpenSpan[];
  /** The number of arguments of the call that the last instruction made; undefined if it made none. */
  argumentCount: number | undefined;
  /** Whether the last instruction was a tail call, so that the next one begins a call in the same frame. */
  isTailCall: boolean;
}

export class FlowTracker {
  readonly #program: Program;
  readonly #host: FlowHost;
  /** The code that the interpreter must execute. It calls `step` where the control flow may change. */
  readonly registerCode: RegisterCode;
  readonly #actors = new Map<number, ActorFlow>();
  /** The innermost span around everything that an actor or a branch does, by its id: where the actor was spawned, or the branch's own span. */
  readonly #spawnSpans = new Map<number, FlowSpan>();
  /** The span of the `par` that each task waits for, by the task's id. */
  readonly #parSpans = new Map<number, FlowSpan>();
  /** The span of each branch, by the branch's id. */
  readonly #branchSpans = new Map<number, FlowSpan>();
  /** The actor that ran last. */
  #lastActor: ActorFlow | undefined;

  constructor(program: Program, host: FlowHost) {
    this.#program = program;
    this.#host = host;
    this.registerCode = (host.constructs ? codeOfFlow : codeOfCalls)(program);
  }

  /** Whether the control flow of the function is reported. */
  follows(fn: VerifiedFunction): boolean {
    return fn.capabilities.size > 0;
  }

  /** Returns the innermost open span of the actor, or else the span in which the actor was spawned. */
  currentSpan(actorId: number): FlowSpan | undefined {
    return this.#actors.get(actorId)?.openSpans.at(-1)?.span ?? this.#spawnSpans.get(actorId);
  }

  /** Must be called when an actor spawns another one. */
  spawn(actorId: number, childId: number): void {
    const span = this.currentSpan(actorId);
    if (span === undefined) this.#spawnSpans.delete(childId);
    else this.#spawnSpans.set(childId, span);
  }

  /** Must be called when a task waits for `count` new branches. The first one has the id `first`, the others follow. */
  beginPar(task: Actor, first: number, count: number): void {
    const around = this.currentSpan(task.id);
    const index = task.frameFunction[task.depth - 1] ?? 0;
    const { file, line } = locationOf(this.#program.module, index, Math.max(0, (task.framePc[task.depth - 1] ?? 0) - 1));
    const start = (construct: "par" | "par.branch", actorId: number, parent: FlowSpan | undefined, number: number): FlowSpan | undefined =>
      this.#host.constructs
        ? this.#host.start({
            construct,
            actorId,
            parent,
            function: this.#program.module.functions[index]?.name ?? "?",
            file,
            line,
            branchCount: construct === "par" ? number : undefined,
            index: construct === "par" ? undefined : number,
          })
        : undefined;
    const par = start("par", task.id, around, count);
    if (par !== undefined) this.#parSpans.set(task.id, par);
    for (let i = 0; i < count; i++) {
      const branch = start("par.branch", first + i, par ?? around, i);
      if (branch !== undefined) this.#branchSpans.set(first + i, branch);
      const inner = branch ?? par ?? around;
      if (inner !== undefined) this.#spawnSpans.set(first + i, inner);
    }
  }

  /** Must be called when a branch has ended. `trap` is what made it fail. */
  endBranch(branchId: number, trap: TrapKind | undefined): void {
    this.endActor(branchId, trap);
    this.#branchSpans.get(branchId)?.end(endOf(trap));
    for (const map of [this.#branchSpans, this.#spawnSpans, this.#actors]) map.delete(branchId);
    if (this.#lastActor?.id === branchId) this.#lastActor = undefined;
  }

  /** Must be called when the last branch of a task's `par` has ended. */
  endPar(taskId: number, trap: TrapKind | undefined): void {
    this.#parSpans.get(taskId)?.end(endOf(trap));
    this.#parSpans.delete(taskId);
  }

  /** Must be called before the instruction at `pc` is executed in the actor's frame number `depth`, counted from 1. */
  step(actor: Actor, fn: VerifiedFunction, pc: number, depth: number): void {
    const flow = this.#lastActor?.id === actor.id ? this.#lastActor : this.#flowOf(actor, depth);
    const frame = this.#frameAt(flow, fn, depth);
    const node = frame.tree.innermost[pc] ?? 0;
    if (node !== frame.node) this.#move(flow, frame, node);
    frame.lastPc = pc;
    flow.argumentCount = undefined;
    const at = pc * CODE_STRIDE;
    switch (fn.code[at]) {
      case OPCODES.Call.tag:
        flow.argumentCount = fn.code[at + 2];
        return;
      case OPCODES.CallIndirect.tag:
        flow.argumentCount = fn.code[at + 1];
        return;
      case OPCODES.TailCall.tag:
        flow.argumentCount = fn.code[at + 2];
        flow.isTailCall = true;
        return;
      // Past the last instruction, the function returns.
      case undefined:
      case OPCODES.Ret.tag:
        this.#leave(flow, depth, undefined);
        return;
      case OPCODES.Halt.tag:
        this.#leave(flow, 0, undefined);
    }
  }

  /** Ends all spans of an actor. `trap` is what made it fail. */
  endActor(actorId: number, trap: TrapKind | undefined): void {
    const flow = this.#actors.get(actorId);
    if (flow !== undefined) this.#leave(flow, 0, trap);
  }

  /** Ends all spans. `trap` is what ended the run. */
  endRun(trap: TrapKind | undefined): void {
    for (const flow of this.#actors.values()) this.#leave(flow, 0, trap);
    for (const span of [...this.#branchSpans.values(), ...this.#parSpans.values()]) span.end(endOf(trap));
    this.#branchSpans.clear();
    this.#parSpans.clear();
  }

  /** Returns the tracked state of an actor. In a resumed run, a new state begins with the actor's frames below `depth`. */
  #flowOf(actor: Actor, depth: number): ActorFlow {
    const known = this.#actors.get(actor.id);
    const flow = known ?? { id: actor.id, frames: [], openSpans: [], argumentCount: undefined, isTailCall: false };
    this.#lastActor = flow;
    if (known !== undefined) return flow;
    this.#actors.set(actor.id, flow);
    for (let i = 0; i < depth - 1; i++) {
      const fn = this.#program.functions[actor.frameFunction[i] ?? -1];
      if (fn === undefined || !this.follows(fn)) continue;
      const frame = this.#enter(flow, fn, i + 1);
      const callPc = Math.max(0, (actor.framePc[i] ?? 0) - 1);
      this.#move(flow, frame, frame.tree.innermost[callPc] ?? 0);
      frame.lastPc = callPc;
    }
    return flow;
  }

  #frameAt(flow: ActorFlow, fn: VerifiedFunction, depth: number): FlowFrame {
    const top = flow.frames.at(-1);
    if (top !== undefined && top.depth > depth) this.#leave(flow, depth + 1, undefined);
    const frame = flow.frames.at(-1);
    return frame?.depth !== depth || flow.isTailCall ? this.#enter(flow, fn, depth) : frame;
  }

  #enter(flow: ActorFlow, fn: VerifiedFunction, depth: number): FlowFrame {
    const { frames, openSpans, argumentCount } = flow;
    const caller = frames.at(-1);
    // A frame without an open span has nothing to end, so a chain of tail calls needs no more memory than its spans.
    if (flow.isTailCall && caller?.depth === depth && openSpans.length === caller.outerSpans) frames.pop();
    flow.isTailCall = false;
    const tree = treeOf(this.#program, fn, this.#host.constructs);
    const frame: FlowFrame = { depth, fn, tree, node: 0, lastPc: -1, outerSpans: openSpans.length };
    frames.push(frame);
    const line = this.#program.module.debug?.functions[fn.index]?.flow?.line;
    this.#start(flow, frame, tree.root, "call", line, argumentCount ?? fn.def.arity);
    return frame;
  }

  /** Ends the frames from `depth` on. */
  #leave(flow: ActorFlow, depth: number, trap: TrapKind | undefined): void {
    const { frames, openSpans } = flow;
    for (let frame = frames.at(-1); frame !== undefined && frame.depth >= depth; frame = frames.at(-1)) {
      while (openSpans.length > frame.outerSpans) this.#endLast(flow, frame, false, trap);
      frames.pop();
    }
    flow.isTailCall = false;
  }

  /** Leaves the nodes that only the last instruction is in, and enters the nodes that only the next instruction is in. */
  #move(flow: ActorFlow, frame: FlowFrame, index: number): void {
    const { nodes, root } = frame.tree;
    const to = nodes[index] ?? root;
    let common = nodes[frame.node] ?? root;
    let inner = to;
    while (inner !== common) {
      if (common.depth >= inner.depth && common.parent !== undefined) common = common.parent;
      else inner = inner.parent ?? root;
    }
    while (flow.openSpans.length > frame.outerSpans && (flow.openSpans.at(-1)?.node.depth ?? 0) > common.depth)
      this.#endLast(flow, frame, true);
    if (to.parent === common) this.#enterNode(flow, frame, to);
    else for (const node of pathBetween(common, to)) this.#enterNode(flow, frame, node);
    frame.node = index;
  }

  #enterNode(flow: ActorFlow, frame: FlowFrame, node: FlowNode): void {
    const { construct, part } = node;
    if (construct === undefined) return;
    const { kind, line } = construct;
    // The node is a construct, not a part of one.
    if (part < 0) {
      this.#start(flow, frame, node, kind === "if_else" ? "if" : kind, line, undefined);
      return;
    }
    const last = flow.openSpans.length > frame.outerSpans ? flow.openSpans.at(-1) : undefined;
    const around = last?.node === node.parent ? last : undefined;
    if (kind === "for") this.#start(flow, frame, node, "for.iteration", line, around?.entries ?? 0);
    if (around === undefined) return;
    around.part = part;
    around.entries += 1;
  }

  /** `count` is the number of arguments of a call, or the index of an iteration. */
  #start(
    flow: ActorFlow,
    frame: FlowFrame,
    node: FlowNode,
    construct: FlowConstructName,
    line: number | undefined,
    count: number | undefined,
  ): void {
    const { debug } = this.#program.module;
    const functionDebug = debug?.functions[frame.fn.index];
    const { parts, local = -1 } = node.construct ?? {};
    // Every span has the same fields in the same order, because V8 makes such objects much faster.
    const span = this.#host.start({
      construct,
      actorId: flow.id,
      parent: flow.openSpans.at(-1)?.span ?? this.#spawnSpans.get(flow.id),
      function: frame.fn.def.name,
      file: debug?.files[functionDebug?.file ?? -1]?.name,
      line,
      argumentCount: construct === "call" ? count : undefined,
      branchCount: construct === "if" ? (parts?.length ?? 0) - (node.construct?.kind === "if_else" ? 1 : 0) : undefined,
      armCount: construct === "match" ? parts?.length : undefined,
      variableName: construct === "for" ? functionDebug?.locals[local] : undefined,
      index: construct === "for.iteration" ? count : undefined,
    });
    if (span !== undefined) flow.openSpans.push({ span, node, part: undefined, entries: 0 });
  }

  /** Ends the innermost open span, which belongs to the frame. `frameContinues` is false if the frame ends too. */
  #endLast(flow: ActorFlow, frame: FlowFrame, frameContinues: boolean, trap?: TrapKind): void {
    const last = flow.openSpans.pop();
    if (last === undefined) return;
    const { node, part, entries } = last;
    if (trap === undefined && (node.construct === undefined || node.part >= 0)) {
      last.span.end(ENDED);
      return;
    }
    const outcome = trap === undefined ? undefined : outcomeOfTrap(trap).outcome;
    const { kind, parts } = (node.part < 0 ? node.construct : undefined) ?? NO_CONSTRUCT;
    const isLoop = kind === "while" || kind === "for";
    last.span.end({
      outcome,
      branchTaken: kind === "if" ? (part ?? -2) : kind === "if_else" ? (part === parts.length - 1 ? -1 : (part ?? -2)) : undefined,
      armTaken: kind === "match" ? part : undefined,
      iterationCount: isLoop ? entries : undefined,
      // A loop that is not left early is left from its header, because its condition is false.
      brokeEarly: isLoop ? !frameContinues || frame.tree.nodes[frame.node] !== node || isBreak(frame.fn, node, frame.lastPc) : undefined,
    });
  }
}

const endOf = (trap: TrapKind | undefined): FlowSpanEnd => (trap === undefined ? ENDED : { outcome: outcomeOfTrap(trap).outcome });

/** The end of a call or an iteration that did not fail. */
const ENDED: FlowSpanEnd = { outcome: undefined };
/** The node of a call or an iteration, which has no construct. */
const NO_CONSTRUCT = { kind: undefined, parts: [] } as const;

/** Returns the nodes inside of `outer` on the way to `inner`, which is the last one. */
function pathBetween(outer: FlowNode, inner: FlowNode): readonly FlowNode[] {
  const path: FlowNode[] = [];
  for (let node = inner; node !== outer && node.parent !== undefined; node = node.parent) path.push(node);
  return path.reverse();
}

function treeOf({ module }: Program, fn: VerifiedFunction, constructs: boolean): FlowTree {
  const flow = constructs ? module.debug?.functions[fn.index]?.flow : undefined;
  return flowTree(flow ?? EMPTY_FLOW);
}

const codeFor =
  (constructs: boolean) =>
  (program: Program): RegisterCode =>
    new RegisterCode(program, (fn) => (fn.capabilities.size === 0 ? undefined : flowChanges(fn, treeOf(program, fn, constructs))));
const codeOfCalls = memoizePerObject(codeFor(false));
const codeOfFlow = memoizePerObject(codeFor(true));
