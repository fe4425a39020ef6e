import { BorunaError } from "../error.ts";

/** Hosts hash Strings much longer than this by their length alone; a table keyed by content would try all of one length. */
const HASHED_UNITS = 8_192;
/** Places that the fingerprint of a longer String takes in, and a first one that most Strings are known by. */
const SAMPLES = 16_384;
const FEW_SAMPLES = 64;
/** Strings remembered for each first fingerprint. */
const REMEMBERED = 4;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x0100_0193;
/** Code units of long Strings hashed, and compared in vain: some seconds of work. */
const MAX_WORK = 2 ** 32;

interface Known {
  readonly text: string;
  readonly index: number;
}

/** Numbers distinct Strings from 0, in the order they come. */
export class StringTable {
  readonly #short = new Map<string, number>();
  readonly #long = new Map<number, Known[]>();
  /** The last ones of each first fingerprint. */
  readonly #recent = new Map<number, Known[]>();
  #size = 0;
  #work = 0;

  get size(): number {
    return this.#size;
  }

  /** The String's number; it is new where that is the size before. Throws `state.too_large` when telling long ones apart takes too long. */
  add(text: string): number {
    if (text.length > HASHED_UNITS) return this.#addLong(text);
    const known = this.#short.get(text);
    if (known !== undefined) return known;
    this.#short.set(text, this.#size);
    return this.#size++;
  }

  #addLong(text: string): number {
    this.#spend(FEW_SAMPLES);
    const first = fingerprint(text, FEW_SAMPLES);
    const recent = this.#recent.get(first) ?? [];
    // One String in many places is mostly one in memory too: hosts compare these at once.
    const known = this.#among(text, recent);
    if (known !== undefined) return known.index;
    const found = this.#identified(text);
    recent.push(found);
    if (recent.length > REMEMBERED) recent.shift();
    this.#recent.set(first, recent);
    return found.index;
  }

  /** Known, or new by now. */
  #identified(text: string): Known {
    this.#spend(Math.min(text.length, SAMPLES));
    const key = fingerprint(text, SAMPLES);
    const alike = this.#long.get(key) ?? [];
    const known = this.#among(text, alike);
    if (known !== undefined) return known;
    const fresh = { text, index: this.#size++ };
    alike.push(fresh);
    this.#long.set(key, alike);
    return fresh;
  }

  #among(text: string, some: readonly Known[]): Known | undefined {
    for (const known of some) {
      if (known.text === text) return known;
      // Hosts look at the content where the length is the same.
      if (known.text.length === text.length) this.#spend(text.length);
    }
    return undefined;
  }

  #spend(units: number): void {
    this.#work += units;
    if (this.#work > MAX_WORK) throw new BorunaError("state.too_large", "a state with too many long Strings that look alike");
  }
}

function fingerprint(text: string, places: number): number {
  const samples = Math.min(text.length, places);
  const stride = text.length / samples;
  let hash = FNV_OFFSET ^ text.length;
  for (let i = 0; i < samples; i++) hash = Math.imul(hash ^ text.charCodeAt(Math.floor(i * stride)), FNV_PRIME);
  return hash;
}
