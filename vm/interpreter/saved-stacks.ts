/**
 * Call stacks of spawns and sends, whose events come later, when the actor has gone on. Kept only for a host that asks for
 * them: a replay, which must say where an event arose that is not the recorded one.
 */
import type { Frames } from "./actor.ts";

/** Frames of a stack that are kept, the innermost ones. */
const KEPT_FRAMES = 64;
/** A program sends from few places as a rule; a hostile one must not fill the host with stacks. */
const KEPT_STACKS = 4_096;

export class Stacks {
  readonly #known = new Map<string, Frames>();

  /** Where the actor is now; equal stacks are kept once, and beyond `KEPT_STACKS` different ones none is. */
  keep(actor: Frames): Frames | undefined {
    const from = Math.max(0, actor.depth - KEPT_FRAMES);
    const frameFunction = actor.frameFunction.slice(from, actor.depth);
    const framePc = actor.framePc.slice(from, actor.depth);
    const key = `${frameFunction.join(" ")},${framePc.join(" ")}`;
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.size >= KEPT_STACKS) return known;
    const frames = { depth: frameFunction.length, frameFunction, framePc };
    this.#known.set(key, frames);
    return frames;
  }
}
