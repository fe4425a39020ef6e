/**
 * Saved call stacks of spawns and sends. Their events are logged at the end of the slice, when the actor is elsewhere. A
 * replay needs the stacks to report the source location of a divergence; other hosts do not ask for them.
 */
import type { Frames } from "./actor.ts";

/** The innermost frames that are saved. */
const MAX_FRAMES = 64;
/** Most programs send from few places; the bound is for hostile ones. */
const MAX_STACKS = 4_096;

export class SavedStacks {
  readonly #known = new Map<string, Frames>();

  /** Saves the actor's current call stack. Equal stacks are shared; undefined for a new stack beyond `MAX_STACKS`. */
  save(actor: Frames): Frames | undefined {
    const from = Math.max(0, actor.depth - MAX_FRAMES);
    const frameFunction = actor.frameFunction.slice(from, actor.depth);
    const framePc = actor.framePc.slice(from, actor.depth);
    const key = `${frameFunction.join(" ")},${framePc.join(" ")}`;
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.size >= MAX_STACKS) return known;
    const frames = { depth: frameFunction.length, frameFunction, framePc };
    this.#known.set(key, frames);
    return frames;
  }
}
