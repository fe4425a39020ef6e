/**
 * Host calls: capability calls and actor operations. `startEffect` makes the call that an instruction asks for, and `applyAnswer` completes
 * that call. If the host answers at once, `startEffect` itself applies the answer. Otherwise the scheduler does so when it has the answer.
 * Until then, `actor.awaitedCall` describes the call.
 *
 * If calls of the run may overlap and another task could run, a capability call only begins here. It joins `Run.openCalls`, and the scheduler
 * takes the answers of these calls in their order. If no other task could run before the answer, there is nothing to overlap with, and the
 * call does not join.
 *
 * A host can also answer "suspend". Then the scheduler writes the run to a snapshot, and `resumeMachine` calls `applyAnswer` later, perhaps
 * in another process.
 */
import { type Actor, callerOf, type Join, type AwaitedCall } from "./actor.ts";
import { CAPABILITY_IDS, type CapabilityDecl } from "../capabilities.ts";
import { BYTES, UNITS } from "../cost.ts";
import { chargeSerialization } from "../value/serialization-cost.ts";
import type { RunEvent } from "../events.ts";
import type { FlowTracker } from "./flow-tracker.ts";
import type { LatePauses } from "./late-pauses.ts";
import type { CallReply, CapabilityAnswer, CapabilityRequest, FlowSpan, HostStop, OpenCall, SuspendingHost } from "../host.ts";
import { type Limits, MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, type Meter, type Poller, typeTrap } from "../meter.ts";
import { type CallPlace, locationOf } from "../bytecode/module.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { ListValue } from "../value/list.ts";
import type { TrapKind } from "../outcome.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { setSlot } from "./stack-slots.ts";
import type { SavedStacks } from "./saved-stacks.ts";
import { ActorIdValue, ClosureValue, ErrValue, FnRefValue, OkValue, UNIT, type Value } from "../value/value.ts";

/** Receives the next instruction of a task, the call depth of its frame, and the steps of the run so far. The task's locals are up to date. */
export type Watch = (task: Actor, fn: VerifiedFunction, pc: number, depth: number, step: number) => void;

/** The state that all actors of a run share. */
export interface Run {
  readonly program: Program;
  readonly host: SuspendingHost;
  readonly limits: Limits;
  readonly meter: Meter;
  /** Whether actors are scheduled. If not, spawned actors never run, messages are dropped, and receive returns Unit. */
  readonly scheduled: boolean;
  readonly trace: ((line: string) => void) | undefined;
  /** Called before each instruction, for a debugger. It must not change anything. */
  watch: Watch | undefined;
  /** The saved call stacks of spawns and sends; undefined unless the host locates events. */
  readonly savedStacks: SavedStacks | undefined;
  /** Reports the control flow; undefined unless the host asks for it. */
  readonly flow: FlowTracker | undefined;
  /** Whether slices end after exactly `MACHINE_LIMITS.sliceSteps` steps, as in the Rust machine. True for older modules with actors. */
  readonly exactSlices: boolean;
  /** Whether the calls of different tasks may overlap. */
  readonly overlaps: boolean;
  /** The capability calls that have begun and whose answers the scheduler has not taken, oldest first. */
  readonly openCalls: TaskCall[];
  /**
   * Whether the task is the only runnable one and no message or answer is on its way. Then nothing else can happen before its next call is
   * answered.
   */
  isAlone: (task: Actor) => boolean;
  /** The slice ends at the first effect at or after this step. Infinity for `exactSlices`, and if no other task can ever run. */
  sliceEnd: number;
  /** The number of tasks that have not ended. */
  livingTasks: number;
  /** The id that the next spawned actor gets. */
  nextActor: number;
  /** The step at which the next poll is due. */
  nextPoll: number;
  /** The number of host calls since the slice began, or since the last point in it at which the host could pause the run. */
  callsSincePause: number;
  /** Undefined until compiled code has given up because a pause was late. */
  latePauses: LatePauses | undefined;
}

/** An open call of a task. */
export interface TaskCall {
  readonly task: number;
  readonly call: OpenCall;
  /** The step at which the call was made. */
  readonly step: number;
}

/** An open call to which the host has already replied. The machine holds the reply until it is the call's turn. */
export class RepliedCall implements OpenCall {
  readonly reply: CallReply | Promise<CallReply>;
  constructor(reply: CallReply | Promise<CallReply>) {
    this.reply = reply;
  }
  answer(): CallReply | Promise<CallReply> {
    return this.reply;
  }
}

/** When a task continues after an effect. Undefined: at once. A promise: with this answer. A word: after it has waited with this `Actor.status`. */
export type EffectSignal = Promise<CapabilityAnswer> | "waiting" | "joining" | undefined;

/**
 * The host's reply "suspend" in the form of a `CapabilityAnswer`. The scheduler recognizes this object by its identity and
 * suspends the run, so no actor ever gets it.
 */
export const SUSPEND_ANSWER: CapabilityAnswer = Object.freeze({ ok: false, trap: "internal", message: "the run is suspended" });
export const SUSPEND_PROMISE: Promise<CapabilityAnswer> = Promise.resolve(SUSPEND_ANSWER);

/** A trap that the host requested. Unlike a trap of an actor, it always ends the run. */
export class HostTrap extends MachineTrap {}

/** Throws `HostTrap` if the host has asked to stop the run. */
export function throwIfStopped(stop: HostStop | undefined): void {
  if (stop === undefined) return;
  throw new HostTrap(stop.trap, stop.message, stop.capability === undefined ? {} : { capability: stop.capability });
}

/** Charges for the texts of an event, passes the event to the host, and polls. */
export function logEvent(run: Run, event: RunEvent): void {
  run.meter.charge(run.meter.loggedUnit * textUnits(event));
  throwIfStopped(run.host.event(event));
  poll(run);
}

/**
 * Returns the length of the event's names and labels in UTF-16 code units. The event's values were already charged when
 * they left the machine (`chargeSerialization`).
 */
function textUnits(event: RunEvent): number {
  switch (event.type) {
    case "GuardCheck":
      return event.function.length + event.label.length;
    case "ContractCheck":
    case "ActorSpawn":
      return event.function.length;
    default:
      return 0;
  }
}

const INTERRUPTIONS = { timeout: "wall-clock execution limit exceeded", canceled: "the run was canceled" } as const;

/** Asks the host whether the run must stop. Throws `HostTrap` if so. */
export function poll(run: Run): void {
  const reason = run.host.interrupted();
  if (reason !== undefined) throw new HostTrap(reason, INTERRUPTIONS[reason]);
}

/** Lets the meter of a run poll the run's host. */
export class HostPoller implements Poller {
  readonly #run: Run;
  constructor(run: Run) {
    this.#run = run;
  }
  poll(): void {
    poll(this.#run);
  }
  pauseIsDue(): boolean {
    return this.#run.host.pauseIsDue?.() === true;
  }
  pauseIsLate(): boolean {
    return this.#run.host.pauseIsLate?.() === true;
  }
}

/**
 * Makes a host call. The caller must first have written the frame's state back to the actor. Returns one of these:
 * - undefined if the host answered at once; the answer is applied;
 * - "waiting" if the call has joined `Run.openCalls`;
 * - otherwise a promise of the answer, which the caller must pass to `applyAnswer`, unless it is `SUSPEND_ANSWER`.
 */
function startCall(run: Run, actor: Actor, waiting: AwaitedCall, args: readonly Value[]): EffectSignal {
  for (const arg of args) chargeSerialization(arg, run.meter);
  poll(run);
  const capability = run.program.registry.byId.get(waiting.capability);
  if (capability === undefined) throw new MachineTrap("unknown_capability", `unknown capability id: ${waiting.capability}`);
  actor.awaitedCall = waiting;
  run.callsSincePause += 1;
  const request = new Request(run, actor, waiting, capability, args);
  if (run.overlaps && capability.internal !== true && !run.isAlone(actor)) return openCall(run, actor, request);
  const answer = run.host.call(request);
  if (answer === "suspend") return SUSPEND_PROMISE;
  if ("then" in answer) return answer.then((reply) => (reply === "suspend" ? SUSPEND_ANSWER : reply));
  applyAnswer(run, actor, answer);
  return undefined;
}

/**
 * A class, not an object literal, because V8 may put objects of a literal directly into its old generation. Everything that such a request
 * refers to would stay in memory until a full collection, and a traced run would take twice as long.
 */
class Request implements CapabilityRequest {
  readonly capability: CapabilityDecl;
  readonly args: readonly Value[];
  readonly declared: boolean;
  readonly caught: boolean;
  readonly actorId: number;
  readonly step: number;
  readonly span: FlowSpan | undefined;
  readonly #program: Program;
  readonly #actor: Actor;
  readonly #waiting: AwaitedCall;
  // The host may ask for the location later, when the actor has continued.
  readonly #functionIndex: number;
  readonly #pc: number;

  constructor(run: Run, actor: Actor, waiting: AwaitedCall, capability: CapabilityDecl, args: readonly Value[]) {
    this.capability = capability;
    this.args = args;
    this.declared = waiting.kind !== "capability" || waiting.declared;
    this.caught = waiting.kind === "capability" && waiting.caught;
    this.actorId = actor.id;
    this.step = run.meter.steps;
    this.span = run.flow?.currentSpan(actor.id);
    this.#program = run.program;
    this.#actor = actor;
    this.#waiting = waiting;
    this.#functionIndex = actor.frameFunction[actor.depth - 1] ?? 0;
    this.#pc = (actor.framePc[actor.depth - 1] ?? 1) - 1;
  }

  /** After the call is answered, the place has no `caller`, because the actor's frames no longer show it. */
  place(): CallPlace {
    const location = locationOf(this.#program.module, this.#functionIndex, this.#pc);
    const caller = this.#actor.awaitedCall === this.#waiting ? callerOf(this.#program, this.#actor) : undefined;
    return caller === undefined ? location : { ...location, caller };
  }
}

/** Begins a call, which joins `Run.openCalls` unless the host refuses it at once. */
function openCall(run: Run, actor: Actor, request: CapabilityRequest): "waiting" | undefined {
  const opened = run.host.open === undefined ? new RepliedCall(run.host.call(request)) : run.host.open(request);
  if ("ok" in opened) {
    applyAnswer(run, actor, opened);
    return undefined;
  }
  run.openCalls.push({ task: actor.id, call: opened, step: request.step });
  return "waiting";
}

/** Completes the actor's host call with its answer. Throws the answer's trap, unless the program catches the failure with `try`. */
export function applyAnswer(run: Run, actor: Actor, answer: CapabilityAnswer): void {
  const { awaitedCall: waiting } = actor;
  actor.awaitedCall = undefined;
  // A task that waits continues with a new slice in a later round. A task whose answer came at once gets a new slice here, so both run alike.
  if (run.overlaps && waiting?.kind === "capability") run.sliceEnd = run.meter.steps + MACHINE_LIMITS.taskSliceSteps;
  poll(run);
  if (waiting === undefined) throw new MachineTrap("internal", "an answer that no actor waits for");
  if (!answer.ok) {
    if (waiting.kind !== "capability" || !waiting.caught || answer.trap !== "capability_failed") {
      const { capability = nameOf(run, waiting), rule, cause } = answer;
      throw new MachineTrap(answer.trap, answer.message, {
        capability,
        ...(rule === undefined ? {} : { rule }),
        ...(cause === undefined ? {} : { cause }),
      });
    }
    run.meter.allocate(BYTES.wrapper);
    run.meter.allocateString(answer.message.length);
    push(actor, new ErrValue(answer.message));
    return;
  }
  switch (waiting.kind) {
    case "capability":
      // The gateway refuses an undeclared call too; the machine does not rely on that.
      if (!waiting.declared) {
        const capability = nameOf(run, waiting);
        throw new MachineTrap("capability_denied", `capability denied: ${capability}`, { capability });
      }
      chargeSerialization(answer.value, run.meter);
      if (waiting.caught) run.meter.allocate(BYTES.wrapper);
      push(actor, waiting.caught ? new OkValue(answer.value) : answer.value);
      return;
    case "emit":
      logEvent(run, { type: "UiEmit", tree: waiting.tree });
      return;
    case "spawn":
      push(actor, new ActorIdValue(run.nextActor));
      run.flow?.spawn(actor.id, run.nextActor);
      run.nextActor += 1;
      actor.spawned.push(waiting.functionIndex);
      if (run.savedStacks !== undefined) actor.spawnedAt.push(run.savedStacks.save(actor));
      return;
    case "send":
      actor.sent.push({ from: actor.owner, to: waiting.target, payload: waiting.payload, sentAt: run.savedStacks?.save(actor) });
  }
}

function nameOf(run: Run, { capability }: AwaitedCall): string {
  return run.program.registry.byId.get(capability)?.name ?? "?";
}

/** Pushes a value on the operand stack. The stack has room for it. */
export function push(actor: Actor, value: Value): void {
  setSlot(actor.stack, actor.numbers, actor.sp, value);
  actor.sp += 1;
}

function startSpawn(run: Run, actor: Actor, functionIndex: number): EffectSignal {
  if (run.overlaps) checkTaskLimit(run, actor, 1);
  else if (run.nextActor >= MACHINE_LIMITS.actors) throw new MachineTrap("alloc_limit", `more than ${MACHINE_LIMITS.actors} actors`);
  run.meter.allocate(BYTES.actor);
  const waiting: AwaitedCall = { kind: "spawn", capability: CAPABILITY_IDS.actorSpawn, functionIndex };
  return startCall(run, actor, waiting, [new FnRefValue(functionIndex)]);
}

/** Traps with task_limit if `count` more tasks would exceed the limit. */
function checkTaskLimit(run: Run, actor: Actor, count: number): void {
  const { max_tasks } = run.limits;
  if (run.livingTasks + actor.spawned.length + count > max_tasks)
    throw new MachineTrap("task_limit", `more than ${max_tasks} tasks live at once`);
}

/**
 * Checks and charges the branches of a `par`, and makes the task wait for them; the scheduler makes them (`makeBranches`). `ParMap` has a
 * list and a function on the stack, `Par` has one function for each branch. Without branches, pushes the empty list at once.
 */
function startPar(run: Run, actor: Actor, tag: number, args: readonly Value[]): "joining" | undefined {
  const calls = tag === OPCODES.ParMap.tag ? mapCalls(args) : args.map((target) => ({ target, args: [] }));
  const count = calls.length;
  for (const { target } of calls) checkFunction(run, target);
  checkTaskLimit(run, actor, count);
  run.meter.charge(count * UNITS.value);
  run.meter.allocate(count * BYTES.actor);
  run.meter.allocateList(count);
  if (count === 0) {
    push(actor, ListValue.of([]));
    return undefined;
  }
  const join: Join = { calls, results: Array.from({ length: count }), remaining: count };
  actor.join = join;
  return "joining";
}

function checkFunction({ program }: Run, target: Value): void {
  if (!(target instanceof FnRefValue || target instanceof ClosureValue)) throw typeTrap("FnRef", target);
  if (program.functions[target.index] === undefined) throw new MachineTrap("invalid_function", "invalid function index");
}

function mapCalls([list, target = UNIT]: readonly Value[]): Join["calls"] {
  if (!(list instanceof ListValue)) throw typeTrap("List", list);
  return list.toArray().map((item) => ({ target, args: [item] }));
}

function startSend(run: Run, actor: Actor, target: Value, payload: Value): EffectSignal {
  if (!(target instanceof ActorIdValue)) throw typeTrap("ActorId", target);
  if (run.scheduled && target.id >= run.nextActor) throw new MachineTrap("invalid_actor", `actor not found: ${target.id}`);
  run.meter.allocate(BYTES.message);
  const waiting: AwaitedCall = { kind: "send", capability: CAPABILITY_IDS.actorSend, target: target.id, payload };
  return startCall(run, actor, waiting, [target, payload]);
}

/**
 * Starts the effect of an instruction: a host call or a `par`. `operand` is the first operand of the instruction in the code; `args` are
 * the values that the instruction popped. Returns the same as `startCall`, or "joining" for a `par`.
 */
export function startEffect(run: Run, actor: Actor, tag: number, operand: number, args: readonly Value[]): EffectSignal {
  const [first = UNIT, second = UNIT] = args;
  switch (tag) {
    case OPCODES.EmitUi.tag:
      return startCall(run, actor, { kind: "emit", capability: CAPABILITY_IDS.uiRender, tree: first }, args);
    case OPCODES.SpawnActor.tag:
      return startSpawn(run, actor, operand);
    case OPCODES.SendMsg.tag:
      return startSend(run, actor, first, second);
    case OPCODES.ParMap.tag:
    case OPCODES.Par.tag:
      return startPar(run, actor, tag, args);
    default: {
      const declared = run.program.functions[actor.frameFunction[actor.depth - 1] ?? -1]?.capabilities.has(operand) === true;
      return startCall(run, actor, { kind: "capability", capability: operand, declared, caught: tag === OPCODES.TryCapCall.tag }, args);
    }
  }
}

/** Traps that end the run, whichever actor they occur in. Any other trap only fails the actor and its descendants. */
export const RUN_ENDING: ReadonlySet<TrapKind> = new Set<TrapKind>([
  "step_limit",
  "alloc_limit",
  "output_limit",
  "log_limit",
  "task_limit",
  "timeout",
  "canceled",
  // If a parent could survive the trap, a program could probe its policy.
  "capability_denied",
  "capability_budget_exceeded",
  // The program must not handle a mistake of the host.
  "host_fault",
  "divergence",
  "log_end",
  "suspended",
  "in_doubt",
  "internal",
]);
