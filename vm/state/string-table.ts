import { BorunaError } from "../error.ts";

/** Hosts hash Strings much longer than this by their length alone; a table keyed by content would try all of one length. */
const HASHED_UNITS = 8_192;
/** Places that the fingerprint of a longer String takes in. */
const SAMPLES = 16_384;
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
  #last: Known = { text: "", index: -1 };
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
    // One String in many places is mostly one in memory too: hosts compare these at once.
    if (text === this.#last.text) return this.#last.index;
    this.#spend(text.length === this.#last.text.length ? text.length : Math.min(text.length, SAMPLES));
    const key = fingerprint(text);
    const alike = this.#long.get(key) ?? [];
    for (const known of alike) {
      if (known.text === text) {
        this.#last = known;
        return known.index;
      }
      this.#spend(text.length);
    }
    this.#last = { text, index: this.#size++ };
    alike.push(this.#last);
    this.#long.set(key, alike);
    return this.#last.index;
  }

  #spend(units: number): void {
    this.#work += units;
    if (this.#work > MAX_WORK) throw new BorunaError("state.too_large", "a state with too many long Strings that look alike");
  }
}

function fingerprint(text: string): number {
  const samples = Math.min(text.length, SAMPLES);
  const stride = text.length / samples;
  let hash = FNV_OFFSET ^ text.length;
  for (let i = 0; i < samples; i++) hash = Math.imul(hash ^ text.charCodeAt(Math.floor(i * stride)), FNV_PRIME);
  return hash;
}
