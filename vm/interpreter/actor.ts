/** The state of one actor: plain data, so that a run can be written down and go on in another process. */
import { type CodePlace, libraryOf, placeOf } from "../bytecode/module.ts";
import type { Program, UnreceivedFailure } from "../bytecode/program.ts";
import type { Slot, Slots } from "./stack-slots.ts";
import { ErrValue, UNIT, type Value } from "../value/value.ts";

export interface Message {
  readonly from: number;
  readonly payload: Value;
}

/** One that is not delivered yet. */
export interface PendingMessage extends Message {
  readonly to: number | bigint;
  /** Where it was sent, for a host that asks for it (`Host.locatesEvents`). */
  readonly sentAt?: Frames | undefined;
}

/** A host call whose answer is still out, and what its answer will mean. */
export type Waiting =
  | { readonly kind: "capability"; readonly capability: number; readonly declared: boolean; readonly caught: boolean }
  | { readonly kind: "emit"; readonly capability: number; readonly tree: Value }
  | { readonly kind: "spawn"; readonly capability: number; readonly functionIndex: number }
  | { readonly kind: "send"; readonly capability: number; readonly target: number | bigint; readonly payload: Value };

/** Deeper than any frame. */
export const BEYOND_ANY_FRAME = 2 ** 30;

export interface Actor extends Slots {
  readonly id: number;
  /** -1 for the root. */
  readonly parent: number;
  readonly children: number[];
  status: "runnable" | "blocked" | "completed" | "failed";
  /** Locals, then operands, of all frames, outermost first. What lies at `sp` and above is of no meaning. */
  readonly stack: Slot[];
  numbers: Float64Array;
  /** Set whenever the interpreter has come back but for the end of the actor. */
  sp: number;
  /** Frames in progress. The three arrays have one number each for every frame; more is of no meaning. */
  depth: number;
  readonly frameFunction: number[];
  /** The instruction to execute next; in an outer frame the one after its call. */
  readonly framePc: number[];
  /** Where in `stack` the frame's locals begin. */
  readonly frameBase: number[];
  readonly globals: Value[];
  mailbox: Message[];
  /** Messages of `mailbox` already taken. */
  mailboxTaken: number;
  waiting: Waiting | undefined;
  result: Value;
  /** Frames from this one on are interpreted: the compiled engine gave up on it. `BEYOND_ANY_FRAME` as a rule. */
  interpretFromDepth: number;
  /** Slots it counted for when its last slice ended (see `MACHINE_LIMITS.actorSlots`). */
  held: number;
  /** Of this slice; dropped when the actor fails in it. */
  spawned: number[];
  sent: { readonly to: number | bigint; readonly payload: Value; readonly sentAt?: Frames | undefined }[];
  /** Beside `spawned`, for a host that asks for it. */
  spawnedAt: (Frames | undefined)[];
}

/** A call stack: what `placesOf` needs of an actor. */
export type Frames = Pick<Actor, "depth" | "frameFunction" | "framePc">;

/** One that has not begun: no frame, no globals. */
export function newActor(id: number, parent: number): Actor {
  return {
    id,
    parent,
    children: [],
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
    waiting: undefined,
    result: UNIT,
    interpretFromDepth: BEYOND_ANY_FRAME,
    held: 0,
    spawned: [],
    sent: [],
    spawnedAt: [],
  };
}

/** What it held is of no use any more, but for its result and its mail. */
export function dropStack(actor: Actor): void {
  actor.depth = 0;
  actor.sp = 0;
  for (const array of [actor.stack, actor.frameFunction, actor.framePc, actor.frameBase, actor.globals]) array.length = 0;
  actor.numbers = new Float64Array();
}

/** Frames of a trap's call stack. */
const STACK_PLACES = 64;
/** Frames that are looked at for one of the program's own. */
const CALLER_FRAMES = 1_000;

/**
 * Where an actor stands, innermost first. `atNext` for one that has not begun its next instruction (a blocked receive);
 * else the last one executed counts. The innermost frame of the program's own files takes the last place if it is further out.
 */
export function placesOf(program: Program, actor: Frames, atNext: boolean): readonly CodePlace[] {
  const places: CodePlace[] = [];
  for (let i = actor.depth - 1; i >= 0 && places.length < STACK_PLACES; i--) {
    const pc = actor.framePc[i] ?? 0;
    const innermost = i === actor.depth - 1;
    places.push(placeOf(program.module, actor.frameFunction[i] ?? 0, innermost && atNext ? pc : Math.max(0, pc - 1)));
  }
  const caller = callerFrame(program, actor);
  if (caller !== undefined && caller < actor.depth - STACK_PLACES) places[STACK_PLACES - 1] = framePlace(program, actor, caller);
  return places;
}

/** The place of the innermost frame in the program's own files, when the innermost frame of all is in a library. */
export function callerOf(program: Program, actor: Frames): CodePlace | undefined {
  const frame = callerFrame(program, actor);
  return frame === undefined ? undefined : framePlace(program, actor, frame);
}

/** A library that is run by itself is a program: its files are its own. */
function callerFrame({ module }: Program, actor: Frames): number | undefined {
  const { debug } = module;
  if (debug === undefined) return undefined;
  const ofFunction = (index: number | undefined): string | undefined => {
    const file = debug.files[debug.functions[index ?? -1]?.file ?? -1]?.name;
    return file === undefined ? undefined : (libraryOf(file) ?? "");
  };
  const entry = ofFunction(module.entry);
  const isOwn = (library: string | undefined): boolean => library !== undefined && (library === "" || library === entry);
  const top = actor.depth - 1;
  const inLibrary = ofFunction(actor.frameFunction[top]);
  if (inLibrary === undefined || isOwn(inLibrary)) return undefined;
  for (let i = top - 1; i >= Math.max(0, top - CALLER_FRAMES); i--) {
    if (isOwn(ofFunction(actor.frameFunction[i]))) return i;
  }
  return undefined;
}

/** The call that a frame has made last. */
function framePlace(program: Program, actor: Frames, frame: number): CodePlace {
  return placeOf(program.module, actor.frameFunction[frame] ?? 0, Math.max(0, (actor.framePc[frame] ?? 0) - 1));
}

export function takeMessage(actor: Actor): Message | undefined {
  const message = actor.mailbox[actor.mailboxTaken];
  if (message === undefined) return undefined;
  actor.mailboxTaken += 1;
  // Dropped in one go once half is taken, so that each message moves at most once.
  if (actor.mailboxTaken * 2 > actor.mailbox.length) {
    actor.mailbox = actor.mailbox.slice(actor.mailboxTaken);
    actor.mailboxTaken = 0;
  }
  return message;
}

export function hasMail(actor: Actor): boolean {
  return actor.mailbox.length > actor.mailboxTaken;
}

/** Of the messages that nobody took, those that tell a parent why a child failed. The last message of a failed actor is this one. */
export function unreceivedFailures(actors: readonly Actor[]): readonly UnreceivedFailure[] {
  return actors.flatMap((parent) => {
    if (parent.status === "failed") return [];
    const last = new Map<number, Value>();
    for (const { from, payload } of parent.mailbox.slice(parent.mailboxTaken)) {
      if (actors[from]?.status === "failed" && actors[from].parent === parent.id) last.set(from, payload);
    }
    return [...last].flatMap(([actorId, payload]) =>
      payload instanceof ErrValue && typeof payload.value === "string" ? [{ actorId, message: payload.value }] : [],
    );
  });
}
