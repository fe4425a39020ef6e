/**
 * The saved call stacks of spawns and sends. The events of spawns and sends are logged after the actor has continued, so
 * the actor's frames no longer show where they happened. A replay needs the stacks to report the source location of a
 * divergence. Only the host of a replay asks for them.
 */
import type { Frames } from "./actor.ts";

/** The maximum number of frames in a saved stack. The innermost ones are saved. */
const MAX_FRAMES = 64;
/** The maximum number of different stacks that are saved. Only hostile programs reach it. */
const MAX_STACKS = 4_096;

export class SavedStacks {
  readonly #stackByKey = new Map<string, Frames>();

  /** Saves the actor's current call stack and returns it. Equal stacks are saved once. Returns undefined for a new stack beyond `MAX_STACKS`. */
  save(actor: Frames): Frames | undefined {
    const from = Math.max(0, actor.depth - MAX_FRAMES);
    const frameFunction = actor.frameFunction.slice(from, actor.depth);
    const framePc = actor.framePc.slice(from, actor.depth);
    const key = `${frameFunction.join(" ")},${framePc.join(" ")}`;
    const savedStack = this.#stackByKey.get(key);
    if (savedStack !== undefined || this.#stackByKey.size >= MAX_STACKS) return savedStack;
    const frames = { depth: frameFunction.length, frameFunction, framePc };
    this.#stackByKey.set(key, frames);
    return frames;
  }
}
