/** Makes tasks, and handles the end of a slice, the end of a task, and its failure. */
import { BYTES, UNITS } from "../cost.ts";
import { calledFunction, insertCaptured, pushFrame } from "../interpreter/frames.ts";
import { type Actor, type BranchCall, dropStack, hasEnded, newActor, ownerOf, type UndeliveredMessage } from "../interpreter/actor.ts";
import { push, type Run } from "../interpreter/host-calls.ts";
import type { Signal } from "../interpreter/interpreter.ts";
import { expectDefined } from "../interpreter/operations.ts";
import { reserveSlots, setSlot, trimSlots } from "../interpreter/stack-slots.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { type Meter, MachineTrap } from "../meter.ts";
import { ListValue } from "../value/list.ts";
import { ClosureValue, ErrValue, UNIT, type Value } from "../value/value.ts";
import { locationsOfFrames, logAt, RunTrap } from "./run-trap.ts";
import { slotsOf, totalSlots } from "./slots.ts";

/** The tasks of a run, and the messages between them. */
export interface TaskState {
  readonly run: Run;
  /** All tasks by number, ascending. A branch is removed when it ends. */
  readonly tasks: Map<number, Actor>;
  /** How many tasks were made. The next one gets this number. */
  tasksMade: number;
  readonly undelivered: UndeliveredMessage[];
  /** The ids of all runnable tasks. Because of this set, a round takes no time for tasks that wait. */
  readonly runnable: Set<number>;
  /** The sum of `countedSlots` of all tasks. */
  countedSlots: number;
}

/** Makes the first task, which runs the entry function. */
export function startMain(state: TaskState, args: readonly Value[]): void {
  const { run } = state;
  const { module, functions } = run.program;
  const actor = newActor(0, /* no parent */ -1);
  initialize(
    run,
    actor,
    module.globals.map(() => UNIT),
  );
  reserveSlots(actor, args.length);
  for (const [i, arg] of args.entries()) setSlot(actor.stack, actor.numbers, i, arg);
  pushFrame(run, actor, expectDefined(functions[module.entry]), 0, args.length);
  addTask(state, actor);
}

function initialize(run: Run, task: Actor, globals: readonly Value[]): void {
  run.livingTasks += 1;
  task.globals.push(...globals);
}

function addTask(state: TaskState, task: Actor): void {
  state.tasks.set(task.id, task);
  state.runnable.add(task.id);
  state.tasksMade += 1;
}

/** Why a slice ended. */
type SliceEnd = Exclude<Signal, Promise<unknown>> | MachineTrap;

export function endSlice(state: TaskState, task: Actor, signal: SliceEnd): void {
  if (signal instanceof MachineTrap) {
    failActor(state, task, signal);
    return;
  }
  if (signal === "done") completeTask(state, task);
  else if (signal === "blocked" || signal === "waiting" || signal === "joining") task.status = signal;
  if (task.status !== "runnable") state.runnable.delete(task.id);
  // Without scheduling, spawned actors never run, and messages are dropped.
  if (!state.run.scheduled) return;
  recountSlots(state, task);
  collectEffects(state, task);
  if (signal === "joining") makeBranches(state, task);
  if (signal === "done" && task.branch !== undefined) joinBranch(state, task, task.branch);
}

function completeTask({ run }: TaskState, task: Actor): void {
  task.status = "completed";
  run.livingTasks -= 1;
}

/**
 * Counts the slots that a task needs, trims its stack to that size, and traps if all tasks together need too many slots.
 * Stacks are not charged as allocation, so this limit restricts their memory. It is checked between slices, because at that
 * point both engines need the same slots. Counting is charged, since a task may have many frames and use few steps.
 */
function recountSlots(state: TaskState, task: Actor): void {
  const { program, meter } = state.run;
  const slotsBefore = task.countedSlots;
  if (hasEnded(task)) dropStack(task);
  chargeFrameWalk(meter, task);
  const slots = slotsOf(program, task);
  // Keep one slot more, for the result of a call. In a dynamically stacked caller (stack height not known in advance), no slot is reserved for
  // it: only the instruction after the call reserves slots.
  trimSlots(task, slots + 1);
  task.countedSlots = totalSlots(task, slots);
  state.countedSlots += task.countedSlots - slotsBefore;
  if (state.countedSlots > MACHINE_LIMITS.totalSlots) {
    const message = `the actors hold more than ${MACHINE_LIMITS.totalSlots} slots of stacks and globals together`;
    throw new RunTrap(new MachineTrap("alloc_limit", message), task);
  }
}

function chargeFrameWalk(meter: Meter, task: Actor): void {
  try {
    meter.charge(task.depth * UNITS.value);
  } catch (error) {
    throw error instanceof MachineTrap ? new RunTrap(error, task) : error;
  }
}

/**
 * Creates the actors that a task spawned in its slice, and queues the messages that it sent. If the task is a branch, the actor that the
 * branch belongs to is the parent and the sender.
 */
function collectEffects(state: TaskState, task: Actor): void {
  if (task.spawned.length > 0) makeActors(state, task);
  const { sent } = task;
  if (sent.length === 0) return;
  for (const message of sent) state.undelivered.push(message);
  empty(sent);
}

function makeActors(state: TaskState, task: Actor): void {
  const { run, tasks } = state;
  const spawned = task.spawned.splice(0);
  const spawnedAt = task.spawnedAt.splice(0);
  const owner = ownerOf(tasks, task);
  for (let i = 0; i < spawned.length; i++) {
    const functionIndex = expectDefined(spawned[i]);
    const id = state.tasksMade;
    const spawn = { type: "ActorSpawn", actor_id: id, function: run.program.module.functions[functionIndex]?.name ?? "?" } as const;
    logAt(run, spawn, task, () => locationsOfFrames(run, spawnedAt[i]));
    const child = newActor(id, owner.id);
    initialize(
      run,
      child,
      run.program.module.globals.map(() => UNIT),
    );
    pushFrame(run, child, expectDefined(run.program.functions[functionIndex]), 0, 0);
    addTask(state, child);
    owner.children.add(id);
    recountSlots(state, child);
  }
}

function dropEffects(task: Actor): void {
  for (const array of [task.spawned, task.sent, task.spawnedAt]) empty(array);
}

/** Removes all elements. A short array keeps its memory, which `length = 0` would free. */
export function empty(array: unknown[]): void {
  while (array.length > 0) array.pop();
}

/** Makes the branches of a `par`, which begin in the next round. */
function makeBranches(state: TaskState, task: Actor): void {
  const { join } = task;
  if (join === undefined) return;
  const { run } = state;
  const first = state.tasksMade;
  run.flow?.beginPar(task, first, join.remaining);
  for (const [index, call] of join.calls.entries()) {
    const branch = newActor(state.tasksMade, task.id, index, task.owner);
    initialize(run, branch, task.globals);
    try {
      enterBranch(run, branch, call);
    } catch (error) {
      throw error instanceof MachineTrap ? new RunTrap(error, task) : error;
    }
    addTask(state, branch);
    task.children.add(branch.id);
    recountSlots(state, branch);
  }
  task.join = { ...join, calls: [] };
}

function enterBranch(run: Run, branch: Actor, { target, args }: BranchCall): void {
  const index = calledFunction(run.program, target);
  reserveSlots(branch, args.length);
  for (const [i, arg] of args.entries()) setSlot(branch.stack, branch.numbers, i, arg);
  const captured = target instanceof ClosureValue ? insertCaptured(branch, target.captured, 0, args.length) : 0;
  pushFrame(run, branch, expectDefined(run.program.functions[index]), 0, args.length + captured);
}

/** Passes the result of a branch to its `par`. After the last result, the `par` continues. */
function joinBranch(state: TaskState, branch: Actor, index: number): void {
  const { run, tasks } = state;
  tasks.delete(branch.id);
  run.flow?.endBranch(branch.id, undefined);
  const parent = tasks.get(branch.parent);
  const join = parent?.join;
  if (parent === undefined || join === undefined) return;
  parent.children.delete(branch.id);
  join.results[index] = branch.result;
  join.remaining -= 1;
  if (join.remaining > 0) return;
  run.flow?.endPar(parent.id, undefined);
  push(parent, ListValue.of(join.results.map((result) => result ?? UNIT)));
  parent.join = undefined;
  parent.status = "runnable";
  state.runnable.add(parent.id);
}

/** Fails the actor that the task belongs to, with its branches and descendants. Sends the actor's parent an Err with the trap's message. */
export function failActor(state: TaskState, task: Actor, trap: MachineTrap): void {
  const { run, tasks } = state;
  const actor = ownerOf(tasks, task);
  const sentAt = run.savedStacks?.save(task);
  const failing = [actor];
  for (let next = failing.pop(); next !== undefined; next = failing.pop()) {
    if (!hasEnded(next)) run.livingTasks -= 1;
    next.status = "failed";
    dropEffects(next);
    run.flow?.endActor(next.id, trap.kind);
    if (next.branch !== undefined) run.flow?.endBranch(next.id, trap.kind);
    state.runnable.delete(next.id);
    recountSlots(state, next);
    for (const child of next.children) failing.push(expectDefined(tasks.get(child)));
    if (next.branch !== undefined) tasks.delete(next.id);
    if (next.join !== undefined) run.flow?.endPar(next.id, trap.kind);
    next.join = undefined;
  }
  run.meter.allocate(BYTES.message + BYTES.wrapper);
  run.meter.allocateString(trap.message.length);
  state.undelivered.push({ from: actor.id, to: actor.parent, payload: new ErrValue(trap.message), sentAt });
}
