import { BorunaError } from "../error.ts";

/** V8 hashes Strings that are much longer by their length alone, so a Map of them would compare all Strings of one length. */
const MAX_HASHED_UNITS = 8_192;
/** Code units sampled for the full fingerprint of a long String, and for the quick one. */
const SAMPLES = 16_384;
const QUICK_SAMPLES = 64;
/** How many Strings are remembered for each quick fingerprint. */
const REMEMBERED = 4;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x0100_0193;
/** The most code units of long Strings hashed or compared: some seconds of work. */
const MAX_WORK = 2 ** 32;

interface Known {
  readonly text: string;
  readonly index: number;
}

/** Gives distinct Strings indices from 0, in the order they are added. */
export class StringTable {
  readonly #short = new Map<string, number>();
  /** Long Strings by full fingerprint. */
  readonly #long = new Map<number, Known[]>();
  /** The most recent long Strings with each quick fingerprint. */
  readonly #recent = new Map<number, Known[]>();
  #size = 0;
  #work = 0;

  get size(): number {
    return this.#size;
  }

  /** Returns the index of the String. A new String gets the size before the call. Throws `state.too_large` when comparing long Strings takes too long. */
  add(text: string): number {
    if (text.length > MAX_HASHED_UNITS) return this.#addLong(text);
    const known = this.#short.get(text);
    if (known !== undefined) return known;
    this.#short.set(text, this.#size);
    return this.#size++;
  }

  #addLong(text: string): number {
    this.#spend(QUICK_SAMPLES);
    const first = fingerprint(text, QUICK_SAMPLES);
    const recent = this.#recent.get(first) ?? [];
    // Equal Strings are usually one object in memory, which V8 compares in constant time.
    const known = this.#among(text, recent);
    if (known !== undefined) return known.index;
    const found = this.#findOrAdd(text);
    recent.push(found);
    if (recent.length > REMEMBERED) recent.shift();
    this.#recent.set(first, recent);
    return found.index;
  }

  /** Finds the String by its full fingerprint, or adds it. */
  #findOrAdd(text: string): Known {
    this.#spend(Math.min(text.length, SAMPLES));
    const key = fingerprint(text, SAMPLES);
    const candidates = this.#long.get(key) ?? [];
    const known = this.#among(text, candidates);
    if (known !== undefined) return known;
    const fresh = { text, index: this.#size++ };
    candidates.push(fresh);
    this.#long.set(key, candidates);
    return fresh;
  }

  #among(text: string, candidates: readonly Known[]): Known | undefined {
    for (const known of candidates) {
      if (known.text === text) return known;
      // V8 compares the contents only when the lengths are equal.
      if (known.text.length === text.length) this.#spend(text.length);
    }
    return undefined;
  }

  #spend(units: number): void {
    this.#work += units;
    if (this.#work > MAX_WORK) throw new BorunaError("state.too_large", "a state with too many long Strings that look alike");
  }
}

/** FNV-1a of the length and of evenly spaced code units. */
function fingerprint(text: string, maxSamples: number): number {
  const samples = Math.min(text.length, maxSamples);
  const stride = text.length / samples;
  let hash = FNV_OFFSET ^ text.length;
  for (let i = 0; i < samples; i++) hash = Math.imul(hash ^ text.charCodeAt(Math.floor(i * stride)), FNV_PRIME);
  return hash;
}
