/** After this many entries that were not made, compiled code may be entered again at a place where it was late. */
const MAX_SKIPPED = 1_000;

/**
 * Where compiled code of a run gave up because a pause was late. Until the run has paused, no compiled code is entered. After that, it is for a
 * while not entered at the same entry point and the same call depth or a lower one, because it would probably be late again, and its work
 * would be discarded again.
 */
export class LatePauses {
  readonly #entries = new Map<object, { readonly depth: number; skipped: number }>();
  #mustPause = false;

  record(entry: object, depth: number): void {
    this.#mustPause = true;
    this.#entries.set(entry, { depth: Math.max(depth, this.#entries.get(entry)?.depth ?? 0), skipped: 0 });
  }

  hasPaused(): void {
    this.#mustPause = false;
  }

  mayEnter(entry: object, depth: number): boolean {
    if (this.#mustPause) return false;
    const late = this.#entries.get(entry);
    if (late === undefined || depth > late.depth) return true;
    late.skipped += 1;
    if (late.skipped >= MAX_SKIPPED) this.#entries.delete(entry);
    return false;
  }
}
