/** The state of one actor: plain data, so that a snapshot can hold it and another process can resume it. */
import { type CodePlace, libraryOf, placeOf } from "../bytecode/module.ts";
import type { Program, UnreceivedFailure } from "../bytecode/program.ts";
import type { Slot, Slots } from "./stack-slots.ts";
import { ErrValue, UNIT, type Value } from "../value/value.ts";

export interface Message {
  readonly from: number;
  readonly payload: Value;
}

/** A message that is not delivered yet. */
export interface PendingMessage extends Message {
  readonly to: number | bigint;
  /** The sender's call stack, for a host that locates events (`Host.locatesEvents`). */
  readonly sentAt?: Frames | undefined;
}

/** An open host call: which kind it is decides what its answer does. */
export type Waiting =
  | { readonly kind: "capability"; readonly capability: number; readonly declared: boolean; readonly caught: boolean }
  | { readonly kind: "emit"; readonly capability: number; readonly tree: Value }
  | { readonly kind: "spawn"; readonly capability: number; readonly functionIndex: number }
  | { readonly kind: "send"; readonly capability: number; readonly target: number | bigint; readonly payload: Value };

/** In `interpretFromDepth`: no frame is that deep. */
export const BEYOND_ANY_FRAME = 2 ** 30;

export interface Actor extends Slots {
  readonly id: number;
  /** -1 for the root. */
  readonly parent: number;
  readonly children: number[];
  status: "runnable" | "blocked" | "completed" | "failed";
  /** The slots of all frames, outermost first; in each frame the locals, then the operands. Slots from `sp` on are garbage. */
  readonly stack: Slot[];
  numbers: Float64Array;
  /** The first free slot. Up to date whenever the interpreter is not running the actor. */
  sp: number;
  /** The number of frames. The three arrays have one entry per frame; entries beyond are garbage. */
  depth: number;
  readonly frameFunction: number[];
  /** The pc of the next instruction; in an outer frame, the one after its call. */
  readonly framePc: number[];
  /** The index in `stack` of the frame's first local. */
  readonly frameBase: number[];
  readonly globals: Value[];
  mailbox: Message[];
  /** How many messages of `mailbox` are already taken. */
  mailboxTaken: number;
  waiting: Waiting | undefined;
  result: Value;
  /** From this call depth on, frames are interpreted, because compiled code deoptimized there. Usually `BEYOND_ANY_FRAME`. */
  interpretFromDepth: number;
  /** Its share of `MACHINE_LIMITS.actorSlots`, counted at the end of its last slice. */
  countedSlots: number;
  /** The functions of actors spawned in this slice, and the messages sent; both dropped if the actor fails in the slice. */
  spawned: number[];
  sent: { readonly to: number | bigint; readonly payload: Value; readonly sentAt?: Frames | undefined }[];
  /** The call stacks of the spawns, in the order of `spawned`; empty unless the host locates events. */
  spawnedAt: (Frames | undefined)[];
}

/** A call stack: the part of an actor that `placesOf` reads. */
export type Frames = Pick<Actor, "depth" | "frameFunction" | "framePc">;

/** An actor that has not begun: no frames, no globals. */
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

/** The most entries in the call stack of a trap. */
const MAX_PLACES = 64;
/** How many frames are searched for one in the program's own files. */
const MAX_CALLER_FRAMES = 1_000;

/**
 * The source locations of an actor's frames, innermost first. The innermost one is that of the last instruction executed,
 * or with `atNext` that of the next one, as for a blocked receive. If the list is too short to reach a frame in the
 * program's own files, the innermost such frame replaces the last entry.
 */
export function placesOf(program: Program, actor: Frames, atNext: boolean): readonly CodePlace[] {
  const places: CodePlace[] = [];
  for (let i = actor.depth - 1; i >= 0 && places.length < MAX_PLACES; i--) {
    const pc = actor.framePc[i] ?? 0;
    const innermost = i === actor.depth - 1;
    places.push(placeOf(program.module, actor.frameFunction[i] ?? 0, innermost && atNext ? pc : Math.max(0, pc - 1)));
  }
  const caller = callerFrame(program, actor);
  if (caller !== undefined && caller < actor.depth - MAX_PLACES) places[MAX_PLACES - 1] = framePlace(program, actor, caller);
  return places;
}

/** If the innermost frame is in a library: the location of the innermost frame in the program's own files. */
export function callerOf(program: Program, actor: Frames): CodePlace | undefined {
  const frame = callerFrame(program, actor);
  return frame === undefined ? undefined : framePlace(program, actor, frame);
}

/** The frame that `callerOf` describes. If the entry is in a library, that library's files are the program's own. */
function callerFrame({ module }: Program, actor: Frames): number | undefined {
  const { debug } = module;
  if (debug === undefined) return undefined;
  const libraryOfFunction = (index: number | undefined): string | undefined => {
    const file = debug.files[debug.functions[index ?? -1]?.file ?? -1]?.name;
    return file === undefined ? undefined : (libraryOf(file) ?? "");
  };
  const entry = libraryOfFunction(module.entry);
  const isOwn = (library: string | undefined): boolean => library !== undefined && (library === "" || library === entry);
  const top = actor.depth - 1;
  const inLibrary = libraryOfFunction(actor.frameFunction[top]);
  if (inLibrary === undefined || isOwn(inLibrary)) return undefined;
  for (let i = top - 1; i >= Math.max(0, top - MAX_CALLER_FRAMES); i--) {
    if (isOwn(libraryOfFunction(actor.frameFunction[i]))) return i;
  }
  return undefined;
}

/** The location of the frame's last call. */
function framePlace(program: Program, actor: Frames, frame: number): CodePlace {
  return placeOf(program.module, actor.frameFunction[frame] ?? 0, Math.max(0, (actor.framePc[frame] ?? 0) - 1));
}

export function takeMessage(actor: Actor): Message | undefined {
  const message = actor.mailbox[actor.mailboxTaken];
  if (message === undefined) return undefined;
  actor.mailboxTaken += 1;
  // Taken messages are dropped when they are half of the mailbox, so each message is copied at most once.
  if (actor.mailboxTaken * 2 > actor.mailbox.length) {
    actor.mailbox = actor.mailbox.slice(actor.mailboxTaken);
    actor.mailboxTaken = 0;
  }
  return message;
}

export function hasMail(actor: Actor): boolean {
  return actor.mailbox.length > actor.mailboxTaken;
}

/** The failure messages that the parents of failed actors never took. A failure message is always the last one from its actor. */
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
