/**
 * The state of one task: `main`, an actor, or a branch of a `par`. The type is called `Actor` for all three, but a branch has no mailbox.
 * The state is plain data, so that a snapshot can hold it and another process can resume the task. Tasks are numbered in the order in
 * which they were made.
 */
import { libraryOf, locationOf, type SourceLocation } from "../bytecode/module.ts";
import type { Program, UnreceivedFailure } from "../bytecode/program.ts";
import type { Slot, Slots } from "./stack-slots.ts";
import { ErrValue, UNIT, type Value } from "../value/value.ts";

interface Message {
  readonly from: number;
  readonly payload: Value;
}

/** A message that was sent but not yet delivered. */
export interface UndeliveredMessage extends Message {
  readonly to: number | bigint;
  /** The sender's call stack. Undefined unless the host wants the source locations of events (`Host.locatesEvents`). */
  readonly sentAt?: Frames | undefined;
}

/**
 * A host call that has no answer yet. `kind` decides what `applyAnswer` does with the answer. `caught` says whether the call is inside a
 * `try`, `declared` whether the function declares the capability.
 */
export type AwaitedCall =
  | { readonly kind: "capability"; readonly capability: number; readonly declared: boolean; readonly caught: boolean }
  | { readonly kind: "emit"; readonly capability: number; readonly tree: Value }
  | { readonly kind: "spawn"; readonly capability: number; readonly functionIndex: number }
  | { readonly kind: "send"; readonly capability: number; readonly target: number | bigint; readonly payload: Value };

/** The branches that a task waits for. */
export interface Join {
  /** What the branches call, and their arguments. Empty once the scheduler has made the branches. */
  readonly calls: readonly BranchCall[];
  /** The results, by the index of the branch. */
  readonly results: (Value | undefined)[];
  /** The number of branches that have not ended. */
  remaining: number;
}

/** What one branch calls. */
export interface BranchCall {
  readonly target: Value;
  readonly args: readonly Value[];
}

/** A value of `interpretFromDepth` that no call depth reaches. */
export const BEYOND_ANY_FRAME = 2 ** 30;

export interface Actor extends Slots {
  readonly id: number;
  /** For an actor: the actor that spawned it; -1 for `main`. For a branch: the task whose `par` it belongs to. */
  readonly parent: number;
  /** The index of a branch in its `par`. Undefined for an actor. */
  readonly branch: number | undefined;
  /** The id of the actor that the task belongs to: its own, or that of the actor whose `par` the branch is in. */
  readonly owner: number;
  /** The ids of the actors that it spawned, and of the branches of its `par` that have not ended. */
  readonly children: Set<number>;
  /** What the task waits for: a message (`blocked`), the answer of a call (`waiting`) or its branches (`joining`). */
  status: "runnable" | "blocked" | "waiting" | "joining" | "completed" | "failed";
  /** The slots of all frames, outermost first. Each frame has its locals, then its operands. Slots from `sp` on are garbage. */
  readonly stack: Slot[];
  /** The unboxed Ints and Floats of `stack`; see `stack-slots.ts`. */
  numbers: Float64Array;
  /** The index of the first free slot. It is up to date whenever the interpreter is not running the actor. */
  sp: number;
  /** The number of frames. The next three arrays have one entry per frame; entries from `depth` on are garbage. */
  depth: number;
  /** The index of each frame's function. */
  readonly frameFunction: number[];
  /** The pc of the next instruction of each frame. In an outer frame, this is the instruction after the call in progress. */
  readonly framePc: number[];
  /** The index in `stack` of each frame's first local. */
  readonly frameBase: number[];
  readonly globals: Value[];
  mailbox: Message[];
  /** How many messages at the start of `mailbox` the actor has already taken. */
  mailboxTaken: number;
  /** The host call whose answer the task waits for. `applyAnswer` clears it. */
  awaitedCall: AwaitedCall | undefined;
  /** The branches of the `par` that the task executes. Undefined again when the last branch has ended. */
  join: Join | undefined;
  /** What the task's function has returned. */
  result: Value;
  /**
   * From this call depth on, only the interpreter runs calls, because compiled code gave up at this depth. `BEYOND_ANY_FRAME` if
   * compiled code may run at every depth.
   */
  interpretFromDepth: number;
  /** The slots that count towards `MACHINE_LIMITS.totalSlots`, as counted at the end of the actor's last slice. */
  countedSlots: number;
  /** The functions of the actors spawned in this slice. Dropped, like `sent`, if the actor fails in the slice. */
  spawned: number[];
  readonly sent: UndeliveredMessage[];
  /** The call stacks at the spawns, in the order of `spawned`. Empty unless the host wants the source locations of events. */
  readonly spawnedAt: (Frames | undefined)[];
}

/** The tasks of a run by number, in ascending order, without the branches that have ended. */
export type Tasks = ReadonlyMap<number, Actor>;

export const hasEnded = ({ status }: Actor): boolean => status === "completed" || status === "failed";

/** Returns the actor that the task belongs to. */
export const ownerOf = (tasks: Tasks, task: Actor): Actor => tasks.get(task.owner) ?? task;

/** A call stack. It is the part of an actor that `locationsOf` reads. */
export type Frames = Pick<Actor, "depth" | "frameFunction" | "framePc">;

/** Returns a task that has not begun. It has no frames and no globals. */
export function newActor(id: number, parent: number, branch?: number, owner: number = id): Actor {
  return {
    id,
    parent,
    branch,
    owner,
    children: new Set(),
    status: "runnable",
    stack: [],
    numbers: new Float64Array(),
    sp: 0,
    depth: 0,
    frameFunction: [],
    framePc: [],
    frameBase: [],
    globals: [],
    mailbox: [],
    mailboxTaken: 0,
    awaitedCall: undefined,
    join: undefined,
    result: UNIT,
    interpretFromDepth: BEYOND_ANY_FRAME,
    countedSlots: 0,
    spawned: [],
    sent: [],
    spawnedAt: [],
  };
}

/** Frees the stack and globals of an actor that has ended. Its result and its mailbox stay. */
export function dropStack(actor: Actor): void {
  actor.depth = 0;
  actor.sp = 0;
  for (const array of [actor.stack, actor.frameFunction, actor.framePc, actor.frameBase, actor.globals]) array.length = 0;
  actor.numbers = new Float64Array();
}

/** The maximum number of entries in the call stack of a trap. */
const MAX_STACK_ENTRIES = 64;
/** The maximum number of frames that are searched for a frame in the program's own files. */
const MAX_CALLER_FRAMES = 1_000;

/**
 * Returns the source locations of an actor's frames, innermost first. The innermost location is that of the last
 * instruction executed; with `atNext`, it is that of the next instruction, such as a blocked receive. Lists at most
 * `MAX_STACK_ENTRIES` frames. If all of these are in libraries, the innermost frame in the program's own files replaces the last one.
 */
export function locationsOf(program: Program, actor: Frames, atNext: boolean): readonly SourceLocation[] {
  const locations: SourceLocation[] = [];
  for (let i = actor.depth - 1; i >= 0 && locations.length < MAX_STACK_ENTRIES; i--) {
    const pc = actor.framePc[i] ?? 0;
    const innermost = i === actor.depth - 1;
    locations.push(locationOf(program.module, actor.frameFunction[i] ?? 0, innermost && atNext ? pc : Math.max(0, pc - 1)));
  }
  const caller = callerFrame(program, actor);
  if (caller !== undefined && caller < actor.depth - MAX_STACK_ENTRIES)
    locations[MAX_STACK_ENTRIES - 1] = frameLocation(program, actor, caller);
  return locations;
}

/** If the innermost frame is in a library, returns the location of the innermost frame in the program's own files. */
export function callerOf(program: Program, actor: Frames): SourceLocation | undefined {
  const frame = callerFrame(program, actor);
  return frame === undefined ? undefined : frameLocation(program, actor, frame);
}

/**
 * Returns the index of the frame that `callerOf` describes. If the entry function is in a library, the files of that library count as the
 * program's own.
 */
function callerFrame({ module }: Program, actor: Frames): number | undefined {
  const { debug } = module;
  if (debug === undefined) return undefined;
  const libraryOfFunction = (index: number | undefined): string | undefined => {
    const file = debug.files[debug.functions[index ?? -1]?.file ?? -1]?.name;
    return file === undefined ? undefined : (libraryOf(file) ?? "");
  };
  const entryLibrary = libraryOfFunction(module.entry);
  const isProgramLibrary = (library: string | undefined): boolean => library !== undefined && (library === "" || library === entryLibrary);
  const top = actor.depth - 1;
  const innermostLibrary = libraryOfFunction(actor.frameFunction[top]);
  if (innermostLibrary === undefined || isProgramLibrary(innermostLibrary)) return undefined;
  for (let i = top - 1; i >= Math.max(0, top - MAX_CALLER_FRAMES); i--) {
    if (isProgramLibrary(libraryOfFunction(actor.frameFunction[i]))) return i;
  }
  return undefined;
}

/** Returns the source location of the frame's current call. */
function frameLocation(program: Program, actor: Frames, frame: number): SourceLocation {
  return locationOf(program.module, actor.frameFunction[frame] ?? 0, Math.max(0, (actor.framePc[frame] ?? 0) - 1));
}

export function takeMessage(actor: Actor): Message | undefined {
  // Like this because V8 frees the memory of an array when its length is set to 0.
  if (actor.mailbox.length === 1 && actor.mailboxTaken === 0) return actor.mailbox.pop();
  const message = actor.mailbox[actor.mailboxTaken];
  if (message === undefined) return undefined;
  actor.mailboxTaken += 1;
  // Taken messages are dropped when they are more than half of the mailbox, so the copying is linear in the messages taken.
  if (actor.mailboxTaken === actor.mailbox.length) {
    actor.mailbox.length = 0;
    actor.mailboxTaken = 0;
  } else if (actor.mailboxTaken * 2 > actor.mailbox.length) {
    actor.mailbox = actor.mailbox.slice(actor.mailboxTaken);
    actor.mailboxTaken = 0;
  }
  return message;
}

export function hasMail(actor: Actor): boolean {
  return actor.mailbox.length > actor.mailboxTaken;
}

/**
 * Returns the failure messages that were never taken from a mailbox, except from the mailbox of a parent that failed itself. The last
 * message of a failed actor is its failure message.
 */
export function unreceivedFailures(tasks: Tasks): readonly UnreceivedFailure[] {
  return [...tasks.values()].flatMap((parent) => {
    if (parent.status === "failed") return [];
    const lastPayloads = new Map<number, Value>();
    for (const { from, payload } of parent.mailbox.slice(parent.mailboxTaken)) {
      const child = tasks.get(from);
      if (child?.status === "failed" && child.parent === parent.id) lastPayloads.set(from, payload);
    }
    return [...lastPayloads].flatMap(([actorId, payload]) =>
      payload instanceof ErrValue && typeof payload.value === "string" ? [{ actorId, message: payload.value }] : [],
    );
  });
}
