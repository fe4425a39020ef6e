/**
 * A hash table with open addressing from keys to the numbers of a history's entries. A program may choose keys that collide,
 * so the number of probes is bounded: a key that would need more is not added.
 *
 * Each entry stores four 32-bit words for its key. The words of a short key spell it out, so that most lookups compare
 * integers in one array. Reading the String itself would be a cache miss in a large map.
 */

import { Pages } from "./paged-array.ts";

/** Slots probed for one key. */
const MAX_PROBES = 64;
/** Other keys with equal words compared for one key. */
const MAX_COLLISIONS = 8;
/** Words stored for each entry. */
const WORDS = 4;
/** A key of at most so many code units, each below 256, is short: its words hold its length and all its code units. */
const SHORT_UNITS = 15;
/** Lowest byte of the first word of a key that is not short. In a short key it is the length. */
const NOT_SHORT = 0xff;
/** Code units hashed of a key that is not short: all, or 24 at each end and a sample of the middle, so the cost is bounded. */
const HASHED_UNITS = 64;
const HASHED_ENDS = 24;
/** A slot holds an entry number in its low bits and eight bits of the hash above. 0 is a free slot. */
const NUMBER_BITS = 24;
const NUMBER_MASK = 2 ** NUMBER_BITS - 1;

/** Words of the key of the current operation. */
const wanted = new Int32Array(WORDS);

/** FNV-1a over every `stride`-th code unit. Collisions are easy to construct. */
function hashUnits(key: string, from: number, to: number, stride: number, start: number): number {
  let hash = start;
  for (let i = from; i < to; i += stride) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash;
}

function setLongWords(key: string): void {
  const { length } = key;
  let hash = hashUnits(key, 0, Math.min(length, HASHED_ENDS), 1, 0x811c9dc5);
  const end = Math.max(HASHED_ENDS, length - HASHED_ENDS);
  hash = hashUnits(key, HASHED_ENDS, end, Math.max(1, Math.floor((end - HASHED_ENDS) / (HASHED_UNITS - 2 * HASHED_ENDS))), hash);
  hash = hashUnits(key, end, length, 1, hash);
  wanted[0] = NOT_SHORT;
  wanted[1] = hash;
  wanted[2] = length;
  wanted[3] = 0;
}

/** Sets `wanted` to the words of the key. */
function setWords(key: string): void {
  const { length } = key;
  if (length > SHORT_UNITS) return setLongWords(key);
  let word = length;
  let bits = 8;
  let at = 0;
  let all = 0;
  for (let i = 0; i < length; i++) {
    const unit = key.charCodeAt(i);
    all |= unit;
    word |= unit << bits;
    bits = (bits + 8) & 31;
    if (bits === 0) {
      wanted[at] = word;
      at += 1;
      word = 0;
    }
  }
  if (all > 0xff) return setLongWords(key);
  for (; at < WORDS; at++) {
    wanted[at] = word;
    word = 0;
  }
}

/** Hash of the four words from index `at`, with the finalizer of MurmurHash3. */
function hashOf(words: Int32Array, at: number): number {
  let hash =
    Math.imul(words[at] ?? 0, 0x9e3779b1) ^
    Math.imul(words[at + 1] ?? 0, 0x85ebca77) ^
    Math.imul(words[at + 2] ?? 0, 0xc2b2ae3d) ^
    Math.imul(words[at + 3] ?? 0, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A table that is a quarter to half full with `keys` keys. */
const slotsFor = (keys: number): Int32Array => new Int32Array(1 << (32 - Math.clz32(2 * keys)));

function longer(numbers: Int32Array, length: number): Int32Array {
  const result = new Int32Array(length);
  result.set(numbers);
  return result;
}

/** Entries are numbered from 1 in the order of `add`. `find` returns the newest entry of a key. */
export class MapIndex {
  readonly #keys: Pages<string> = new Pages();
  /** The words of entry n start at `WORDS * n`. */
  #words: Int32Array;
  /** For each entry, the previous entry of the same key, or 0. Entries past the end of the array have none. */
  #previous: Int32Array = new Int32Array(0);
  /** Its length is a power of two. */
  #slots: Int32Array;
  /** Slots that are not free. */
  #used = 0;

  /** `keys` is the expected number of keys; the table grows beyond it. */
  constructor(keys: number) {
    this.#words = new Int32Array(WORDS * (keys + (keys >> 1) + 1));
    this.#slots = slotsFor(keys);
  }

  /** Number of entries. */
  get count(): number {
    return this.#keys.length;
  }

  keyOf(number: number): string {
    return this.#keys.get(number - 1) ?? "";
  }

  /** The previous entry of the same key, or 0. */
  previous(number: number): number {
    return number < this.#previous.length ? (this.#previous[number] ?? 0) : 0;
  }

  /** For each entry up to `count`: 1 when one of them is a later entry of the same key. */
  replaced(count: number): Uint8Array {
    const replaced = new Uint8Array(count + 1);
    const end = Math.min(count + 1, this.#previous.length);
    for (let number = 1; number < end; number++) replaced[this.#previous[number] ?? 0] = 1;
    return replaced;
  }

  /** The newest entry of the key, or 0. */
  find(key: string): number {
    setWords(key);
    const slot = this.#slotOf(key, hashOf(wanted, 0));
    return slot < 0 ? 0 : (this.#slots[slot] ?? 0) & NUMBER_MASK;
  }

  /** Adds an entry. Returns the previous entry of the key, or 0; or -1 when there is no slot for the key and nothing was added. */
  add(key: string): number {
    setWords(key);
    const hash = hashOf(wanted, 0);
    let slot = this.#slotOf(key, hash);
    const number = this.count + 1;
    if (slot < 0 || number > NUMBER_MASK) return -1;
    const previous = (this.#slots[slot] ?? 0) & NUMBER_MASK;
    if (previous > 0) this.#link(number, previous);
    else {
      if (2 * (this.#used + 1) > this.#slots.length) {
        if (!this.#widen()) return -1;
        slot = this.#slotOf(key, hash);
        if (slot < 0) return -1;
      }
      this.#used += 1;
    }
    this.#slots[slot] = (hash & ~NUMBER_MASK) | number;
    this.#keys.push(key);
    if (WORDS * number >= this.#words.length) this.#words = longer(this.#words, 2 * this.#words.length);
    for (let i = 0; i < WORDS; i++) this.#words[WORDS * number + i] = wanted[i] ?? 0;
    return previous;
  }

  #link(number: number, previous: number): void {
    if (number >= this.#previous.length) this.#previous = longer(this.#previous, 2 * number);
    this.#previous[number] = previous;
  }

  /**
   * The slot of the key, whose words are in `wanted`; or the free slot where it belongs; or -1 when the limits are reached first.
   * A key in the table is always found: the slots probed before its own were full when it was added too, and keys with equal
   * words probe the same slots.
   */
  #slotOf(key: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    let collisions = 0;
    for (let step = 1; step <= MAX_PROBES; step++) {
      const held = slots[slot] ?? 0;
      if (held === 0) return slot;
      if ((held ^ hash) >>> NUMBER_BITS === 0 && this.#hasWanted(held & NUMBER_MASK)) {
        if (((wanted[0] ?? 0) & 0xff) !== NOT_SHORT || this.keyOf(held & NUMBER_MASK) === key) return slot;
        collisions += 1;
        if (collisions === MAX_COLLISIONS) return -1;
      }
      slot = (slot + step) & mask;
    }
    return -1;
  }

  #hasWanted(number: number): boolean {
    const words = this.#words;
    const at = WORDS * number;
    return words[at] === wanted[0] && words[at + 1] === wanted[1] && words[at + 2] === wanted[2] && words[at + 3] === wanted[3];
  }

  /** Doubles the slots. Returns false and changes nothing when a key would need too many probes. */
  #widen(): boolean {
    const wider = new Int32Array(2 * this.#slots.length);
    const mask = wider.length - 1;
    const { count } = this;
    const replaced = this.replaced(count);
    // In the order of `#words`, for locality.
    for (let number = 1; number <= count; number++) {
      if (replaced[number] === 1) continue;
      const hash = hashOf(this.#words, WORDS * number);
      let slot = hash & mask;
      let step = 1;
      while (wider[slot] !== 0) {
        if (step === MAX_PROBES) return false;
        slot = (slot + step) & mask;
        step += 1;
      }
      wider[slot] = (hash & ~NUMBER_MASK) | number;
    }
    this.#slots = wider;
    return true;
  }
}
