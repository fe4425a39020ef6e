/** What reaches the host: capability calls and the actor operations, and what their answers do to an actor. */
import { type Actor, callerOf, type Waiting } from "./actor.ts";
import { CAPABILITY_IDS } from "../capabilities.ts";
import { BYTES } from "../cost.ts";
import { chargeSerialization } from "../value/serialization-cost.ts";
import type { RunEvent } from "../events.ts";
import type { CapabilityAnswer, HostStop, SuspendingHost } from "../host.ts";
import { type Limits, MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, type Meter, typeTrap } from "../meter.ts";
import { type CallPlace, placeOf } from "../bytecode/module.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { TrapKind } from "../outcome.ts";
import type { Program } from "../bytecode/program.ts";
import { setSlot } from "./stack-slots.ts";
import type { Stacks } from "./saved-stacks.ts";
import { ActorIdValue, ErrValue, FnRefValue, OkValue, UNIT, type Value } from "../value/value.ts";

/** What all actors of a run share. */
export interface Run {
  readonly program: Program;
  readonly host: SuspendingHost;
  readonly limits: Limits;
  readonly meter: Meter;
  /** Under the scheduler; else spawned actors never run, messages go nowhere and receive gives Unit. */
  readonly scheduled: boolean;
  readonly trace: ((line: string) => void) | undefined;
  /** For a host that locates events. */
  readonly stacks: Stacks | undefined;
  /** The id of the next actor. */
  nextActor: number;
  /** The step at which the host is asked again whether to stop. */
  nextPoll: number;
}

/** Stands for the answer of a call at which the host suspends the run; never an actor's. */
export const SUSPENDED: CapabilityAnswer = Object.freeze({ ok: false, trap: "internal", message: "the run is suspended" });
/** What `startCall` gives where the host suspends at once. */
export const SUSPENSION: Promise<CapabilityAnswer> = Promise.resolve(SUSPENDED);

/** A trap that the host asked for. Unlike an actor's own it always ends the run. */
export class HostTrap extends MachineTrap {}

export function obey(stop: HostStop | undefined): void {
  if (stop !== undefined) throw new HostTrap(stop.trap, stop.message);
}

/** Charges the texts of the event, hands it to the host, and asks the host whether to stop. */
export function log(run: Run, event: RunEvent): void {
  run.meter.charge(run.meter.loggedUnit * textUnits(event));
  obey(run.host.event(event));
  poll(run);
}

/** UTF-16 units of names and labels. Values were charged when they crossed (see `chargeSerialization`). */
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

export function poll(run: Run): void {
  const reason = run.host.interrupted();
  if (reason !== undefined) throw new HostTrap(reason, INTERRUPTIONS[reason]);
}

/**
 * Makes the call that `waiting` says. Undefined once the answer has taken effect; a promise when it is still out: then
 * `settle` must be called with the answer, unless it is `SUSPENDED`. The actor's state must be saved before.
 */
function startCall(run: Run, actor: Actor, waiting: Waiting, args: readonly Value[]): Promise<CapabilityAnswer> | undefined {
  for (const arg of args) chargeSerialization(arg, run.meter);
  poll(run);
  const capability = run.program.registry.byId.get(waiting.capability);
  if (capability === undefined) throw new MachineTrap("unknown_capability", `unknown capability id: ${waiting.capability}`);
  actor.waiting = waiting;
  // Kept for a reader that asks later, when the actor has gone on.
  const functionIndex = actor.frameFunction[actor.depth - 1] ?? 0;
  const pc = (actor.framePc[actor.depth - 1] ?? 1) - 1;
  const answer = run.host.call({
    capability,
    args,
    declared: waiting.kind !== "capability" || waiting.declared,
    caught: waiting.kind === "capability" && waiting.caught,
    actorId: actor.id,
    step: run.meter.steps,
    place: () => callPlace(run.program, actor, waiting, functionIndex, pc),
  });
  if (answer === "suspend") return SUSPENSION;
  if ("then" in answer) return answer.then((reply) => (reply === "suspend" ? SUSPENDED : reply));
  settle(run, actor, answer);
  return undefined;
}

/** The frames around the call are the actor's own, and there until the call has its answer. */
function callPlace(program: Program, actor: Actor, waiting: Waiting, functionIndex: number, pc: number): CallPlace {
  const place = placeOf(program.module, functionIndex, pc);
  const caller = actor.waiting === waiting ? callerOf(program, actor) : undefined;
  return caller === undefined ? place : { ...place, caller };
}

/** Lets the answer of a host call take effect. Throws what the actor traps with. */
export function settle(run: Run, actor: Actor, answer: CapabilityAnswer): void {
  const { waiting } = actor;
  actor.waiting = undefined;
  poll(run);
  if (waiting === undefined) throw new MachineTrap("internal", "an answer that no actor waits for");
  if (!answer.ok) {
    if (waiting.kind !== "capability" || !waiting.caught || answer.trap !== "capability_failed") {
      const capability = nameOf(run, waiting);
      const { rule, cause } = answer;
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
      // The gateway refuses these too; the machine does not rely on it.
      if (!waiting.declared) {
        const capability = nameOf(run, waiting);
        throw new MachineTrap("capability_denied", `capability denied: ${capability}`, { capability });
      }
      chargeSerialization(answer.value, run.meter);
      if (waiting.caught) run.meter.allocate(BYTES.wrapper);
      push(actor, waiting.caught ? new OkValue(answer.value) : answer.value);
      return;
    case "emit":
      log(run, { type: "UiEmit", tree: waiting.tree });
      return;
    case "spawn":
      push(actor, new ActorIdValue(run.nextActor));
      run.nextActor += 1;
      actor.spawned.push(waiting.functionIndex);
      if (run.stacks !== undefined) actor.spawnedAt.push(run.stacks.keep(actor));
      return;
    case "send":
      actor.sent.push({ to: waiting.target, payload: waiting.payload, sentAt: run.stacks?.keep(actor) });
  }
}

function nameOf(run: Run, { capability }: Waiting): string {
  return run.program.registry.byId.get(capability)?.name ?? "?";
}

function push(actor: Actor, value: Value): void {
  setSlot(actor.stack, actor.numbers, actor.sp, value);
  actor.sp += 1;
}

function startSpawn(run: Run, actor: Actor, functionIndex: number): Promise<CapabilityAnswer> | undefined {
  if (run.nextActor >= MACHINE_LIMITS.actors) throw new MachineTrap("alloc_limit", `more than ${MACHINE_LIMITS.actors} actors`);
  run.meter.allocate(BYTES.actor);
  const waiting: Waiting = { kind: "spawn", capability: CAPABILITY_IDS.actorSpawn, functionIndex };
  return startCall(run, actor, waiting, [new FnRefValue(functionIndex)]);
}

function startSend(run: Run, actor: Actor, target: Value, payload: Value): Promise<CapabilityAnswer> | undefined {
  if (!(target instanceof ActorIdValue)) throw typeTrap("ActorId", target);
  if (run.scheduled && target.id >= run.nextActor) throw new MachineTrap("invalid_actor", `actor not found: ${target.id}`);
  run.meter.allocate(BYTES.message);
  const waiting: Waiting = { kind: "send", capability: CAPABILITY_IDS.actorSend, target: target.id, payload };
  return startCall(run, actor, waiting, [target, payload]);
}

/** The effect of an instruction whose arguments have been taken from the stack; `operand` is its first. As `startCall`. */
export function startEffect(
  run: Run,
  actor: Actor,
  tag: number,
  operand: number,
  args: readonly Value[],
): Promise<CapabilityAnswer> | undefined {
  const [first = UNIT, second = UNIT] = args;
  switch (tag) {
    case OPCODES.EmitUi.tag:
      return startCall(run, actor, { kind: "emit", capability: CAPABILITY_IDS.uiRender, tree: first }, args);
    case OPCODES.SpawnActor.tag:
      return startSpawn(run, actor, operand);
    case OPCODES.SendMsg.tag:
      return startSend(run, actor, first, second);
    default: {
      const declared = run.program.functions[actor.frameFunction[actor.depth - 1] ?? -1]?.capabilities.has(operand) === true;
      return startCall(run, actor, { kind: "capability", capability: operand, declared, caught: tag === OPCODES.TryCapCall.tag }, args);
    }
  }
}

/** Traps that end the whole run, whichever actor they befall; any other fails that actor and its descendants. */
export const RUN_ENDING: ReadonlySet<TrapKind> = new Set<TrapKind>([
  "step_limit",
  "alloc_limit",
  "output_limit",
  "log_limit",
  "timeout",
  "canceled",
  // A program cannot probe its policy.
  "capability_denied",
  "capability_budget_exceeded",
  "divergence",
  "log_end",
  "internal",
]);
