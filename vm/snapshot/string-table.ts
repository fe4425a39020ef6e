import { BorunaError } from "../error.ts";

/**
 * The maximum length, in code units, of Strings that a Map holds. Of a very long String, V8 hashes only the length, so in a Map all long
 * Strings of one length would collide.
 */
const MAX_HASHED_UNITS = 8_192;
/** Number of code units sampled by the full fingerprint. */
const SAMPLES = 16_384;
/** Number of code units sampled by the quick fingerprint. */
const QUICK_SAMPLES = 64;
/** How many recent Strings are remembered for each quick fingerprint. */
const MAX_RECENT = 4;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x0100_0193;
/** Limit on the code units of long Strings that one table hashes and compares. Reaching it takes a few seconds. */
const MAX_WORK = 2 ** 32;

interface IndexedString {
  readonly text: string;
  readonly index: number;
}

/** Assigns each distinct String an index, starting at 0, in the order in which they are added. */
export class StringTable {
  readonly #short = new Map<string, number>();
  /** Long Strings, grouped by full fingerprint. */
  readonly #long = new Map<number, IndexedString[]>();
  /** The most recent long Strings for each quick fingerprint. */
  readonly #recent = new Map<number, IndexedString[]>();
  #size = 0;
  /** Units of work so far for Strings that look alike. */
  #work = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Returns the index of the String. Adds it if it is new; its index is then the previous `size`. Throws `state.too_large` if comparing
   * long Strings takes too long.
   */
  intern(text: string): number {
    if (text.length > MAX_HASHED_UNITS) return this.#internLong(text);
    const index = this.#short.get(text);
    if (index !== undefined) return index;
    this.#short.set(text, this.#size);
    return this.#size++;
  }

  #internLong(text: string): number {
    this.#spend(QUICK_SAMPLES);
    const quickKey = fingerprint(text, QUICK_SAMPLES);
    const recent = this.#recent.get(quickKey) ?? [];
    // Equal Strings are usually the same object, and V8 compares an object with itself in constant time.
    const entry = this.#findEqual(text, recent);
    if (entry !== undefined) return entry.index;
    const match = this.#findOrAdd(text);
    recent.push(match);
    if (recent.length > MAX_RECENT) recent.shift();
    this.#recent.set(quickKey, recent);
    return match.index;
  }

  /** Returns the entry of the String. Finds the entry by the full fingerprint, or adds it. */
  #findOrAdd(text: string): IndexedString {
    this.#spend(Math.min(text.length, SAMPLES));
    const key = fingerprint(text, SAMPLES);
    const candidates = this.#long.get(key) ?? [];
    const entry = this.#findEqual(text, candidates);
    if (entry !== undefined) return entry;
    const added = { text, index: this.#size++ };
    candidates.push(added);
    this.#long.set(key, candidates);
    return added;
  }

  #findEqual(text: string, candidates: readonly IndexedString[]): IndexedString | undefined {
    for (const entry of candidates) {
      if (entry.text === text) return entry;
      // V8 compares the contents only if the lengths are equal.
      if (entry.text.length === text.length) this.#spend(text.length);
    }
    return undefined;
  }

  #spend(units: number): void {
    this.#work += units;
    if (this.#work > MAX_WORK) throw new BorunaError("state.too_large", "a state with too many long Strings that look alike");
  }
}

/** Returns the FNV-1a hash of the length and of evenly spaced code units. */
function fingerprint(text: string, maxSamples: number): number {
  const samples = Math.min(text.length, maxSamples);
  const stride = text.length / samples;
  let hash = FNV_OFFSET ^ text.length;
  for (let i = 0; i < samples; i++) hash = Math.imul(hash ^ text.charCodeAt(Math.floor(i * stride)), FNV_PRIME);
  return hash;
}
