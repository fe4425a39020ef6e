/**
 * A hash table with open addressing that maps keys to the numbers of a history's entries. A program may choose keys that collide,
 * so the number of probes is limited, and a key that would need more probes is not added.
 *
 * Each entry stores four 32-bit words for its key. The words of a short key contain all its code units, so most lookups
 * compare integers in one array. Reading the String itself would be a cache miss in a large map.
 */

import { Pages } from "./paged-array.ts";

/** Limit on the slots that are probed for one key. */
const MAX_PROBES = 64;
/** Limit on the other keys with equal words that are compared with one key. */
const MAX_COLLISIONS = 8;
/** Number of 32-bit words that are stored for each entry. */
const ENTRY_WORDS = 4;
/** A key is short if it has at most this many code units and all are below 256. Its words hold its length and all its code units. */
const MAX_SHORT_UNITS = 15;
/** The lowest byte of the first word of a key that is not short. In a short key, this byte is the length. */
const NOT_SHORT = 0xff;
/** About how many code units of a long key are hashed, so that the cost is bounded. */
const HASHED_UNITS = 64;
/** How many of these code units are at each end of the key. The others are samples from its middle. */
const END_UNITS = 24;
/** A slot holds an entry number in its lowest `NUMBER_BITS` bits and eight bits of the hash above them. A free slot holds 0. */
const NUMBER_BITS = 24;
const NUMBER_MASK = 2 ** NUMBER_BITS - 1;

/** The words of the key that the current operation finds or adds. */
const keyWords = new Int32Array(ENTRY_WORDS);
/** The key whose words are in `keyWords`; undefined if that key is too long to be remembered. The next operation often has the same key. */
let hashedKey: string | undefined;
/** The hash of `keyWords`. */
let keyHash = 0;
/**
 * The maximum length of a remembered key. V8 copies such a String when it is cut from a text, so the remembered key does not keep the text in
 * memory.
 */
const MAX_REMEMBERED_UNITS = 12;

/** Sets `keyWords` to the words of the key and returns their hash. */
function hashKey(key: string): number {
  if (key === hashedKey) return keyHash;
  setWords(key);
  keyHash = hashOf(keyWords, 0);
  hashedKey = key.length <= MAX_REMEMBERED_UNITS ? key : undefined;
  return keyHash;
}

/** Returns the FNV-1a hash of every `stride`-th code unit. `start` is the hash of the code units before these. Collisions are easy to construct. */
function hashUnits(key: string, from: number, to: number, stride: number, start: number): number {
  let hash = start;
  for (let i = from; i < to; i += stride) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash;
}

function setLongWords(key: string): void {
  const { length } = key;
  let hash = hashUnits(key, 0, Math.min(length, END_UNITS), 1, 0x811c9dc5);
  const end = Math.max(END_UNITS, length - END_UNITS);
  hash = hashUnits(key, END_UNITS, end, Math.max(1, Math.floor((end - END_UNITS) / (HASHED_UNITS - 2 * END_UNITS))), hash);
  hash = hashUnits(key, end, length, 1, hash);
  keyWords[0] = NOT_SHORT;
  keyWords[1] = hash;
  keyWords[2] = length;
  keyWords[3] = 0;
}

/** Sets `keyWords` to the words of the key. */
function setWords(key: string): void {
  const { length } = key;
  if (length > MAX_SHORT_UNITS) return setLongWords(key);
  let word = length;
  let shift = 8;
  let index = 0;
  let combinedUnits = 0;
  for (let i = 0; i < length; i++) {
    const unit = key.charCodeAt(i);
    combinedUnits |= unit;
    word |= unit << shift;
    shift = (shift + 8) & 31;
    if (shift === 0) {
      keyWords[index] = word;
      index += 1;
      word = 0;
    }
  }
  if (combinedUnits > 0xff) return setLongWords(key);
  for (; index < ENTRY_WORDS; index++) {
    keyWords[index] = word;
    word = 0;
  }
}

/** Returns the hash of the four words from index `start`, computed with the finalizer of MurmurHash3. */
function hashOf(words: Int32Array, start: number): number {
  let hash =
    Math.imul(words[start] ?? 0, 0x9e3779b1) ^
    Math.imul(words[start + 1] ?? 0, 0x85ebca77) ^
    Math.imul(words[start + 2] ?? 0, 0xc2b2ae3d) ^
    Math.imul(words[start + 3] ?? 0, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Returns a table that is a quarter to half full after `keyCount` keys are added. */
const newSlots = (keyCount: number): Int32Array => new Int32Array(1 << (32 - Math.clz32(2 * keyCount)));

function copyWithLength(numbers: Int32Array, length: number): Int32Array {
  const result = new Int32Array(length);
  result.set(numbers);
  return result;
}

/** An index of entries, which are numbered from 1 in the order in which `add` adds them. `find` returns the newest entry of a key. */
export class MapIndex {
  readonly #keys: Pages<string> = new Pages();
  /** The words of entry n start at `ENTRY_WORDS * n`. */
  #words: Int32Array;
  /** For each entry, the previous entry of the same key, or 0 if it is the first. An entry past the end of the array is also the first. */
  #previous: Int32Array = new Int32Array(0);
  /** The hash table. Its length is a power of two. */
  #slots: Int32Array;
  /** Number of slots that are not free. */
  #used = 0;

  /** `keyCount` is the expected number of keys. The table grows if more are added. */
  constructor(keyCount: number) {
    this.#words = new Int32Array(ENTRY_WORDS * (keyCount + (keyCount >> 1) + 1));
    this.#slots = newSlots(keyCount);
  }

  /** The number of entries. */
  get count(): number {
    return this.#keys.length;
  }

  keyOf(number: number): string {
    return this.#keys.get(number - 1) ?? "";
  }

  /** Returns the previous entry of the same key, or 0 if the given entry is the first. */
  previous(number: number): number {
    return number < this.#previous.length ? (this.#previous[number] ?? 0) : 0;
  }

  /** Returns an array that has a 1 for each entry up to `count` whose key has a later entry up to `count`. */
  flagReplaced(count: number): Uint8Array {
    const replaced = new Uint8Array(count + 1);
    const end = Math.min(count + 1, this.#previous.length);
    for (let number = 1; number < end; number++) replaced[this.#previous[number] ?? 0] = 1;
    return replaced;
  }

  /** Returns the newest entry of the key, or 0 if the key has no entry. */
  find(key: string): number {
    const slot = this.#slotOf(key, hashKey(key));
    return slot < 0 ? 0 : (this.#slots[slot] ?? 0) & NUMBER_MASK;
  }

  /**
   * Adds an entry. Returns the previous entry of the key, or 0 if the key had no entry. If the table has no slot for the key, adds
   * nothing and returns -1.
   */
  add(key: string): number {
    const hash = hashKey(key);
    let slot = this.#slotOf(key, hash);
    const number = this.count + 1;
    if (slot < 0 || number > NUMBER_MASK) return -1;
    const previous = (this.#slots[slot] ?? 0) & NUMBER_MASK;
    if (previous > 0) this.#link(number, previous);
    else {
      if (2 * (this.#used + 1) > this.#slots.length) {
        if (!this.#doubleSlots()) return -1;
        slot = this.#slotOf(key, hash);
        if (slot < 0) return -1;
      }
      this.#used += 1;
    }
    this.#slots[slot] = (hash & ~NUMBER_MASK) | number;
    this.#keys.push(key);
    if (ENTRY_WORDS * number >= this.#words.length) this.#words = copyWithLength(this.#words, 2 * this.#words.length);
    for (let i = 0; i < ENTRY_WORDS; i++) this.#words[ENTRY_WORDS * number + i] = keyWords[i] ?? 0;
    return previous;
  }

  #link(number: number, previous: number): void {
    if (number >= this.#previous.length) this.#previous = copyWithLength(this.#previous, 2 * number);
    this.#previous[number] = previous;
  }

  /**
   * Returns the slot of the key, whose words are in `keyWords`. Returns the free slot for the key if it is not in the table, or -1 if a limit
   * is reached first. A key in the table is always found: the slots probed before its own were already full when it was added, and keys with
   * equal words probe the same slots.
   */
  #slotOf(key: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    let collisions = 0;
    for (let step = 1; step <= MAX_PROBES; step++) {
      const slotContent = slots[slot] ?? 0;
      if (slotContent === 0) return slot;
      if ((slotContent ^ hash) >>> NUMBER_BITS === 0 && this.#hasKeyWords(slotContent & NUMBER_MASK)) {
        if (((keyWords[0] ?? 0) & 0xff) !== NOT_SHORT || this.keyOf(slotContent & NUMBER_MASK) === key) return slot;
        collisions += 1;
        if (collisions === MAX_COLLISIONS) return -1;
      }
      slot = (slot + step) & mask;
    }
    return -1;
  }

  #hasKeyWords(number: number): boolean {
    const words = this.#words;
    const i = ENTRY_WORDS * number;
    return words[i] === keyWords[0] && words[i + 1] === keyWords[1] && words[i + 2] === keyWords[2] && words[i + 3] === keyWords[3];
  }

  /** Doubles the slots. If a key would need too many probes, changes nothing and returns false. */
  #doubleSlots(): boolean {
    const doubledSlots = new Int32Array(2 * this.#slots.length);
    const mask = doubledSlots.length - 1;
    const { count } = this;
    const replaced = this.flagReplaced(count);
    // The loop reads `#words` in order, for cache locality.
    for (let number = 1; number <= count; number++) {
      if (replaced[number] === 1) continue;
      const hash = hashOf(this.#words, ENTRY_WORDS * number);
      let slot = hash & mask;
      let step = 1;
      while (doubledSlots[slot] !== 0) {
        if (step === MAX_PROBES) return false;
        slot = (slot + step) & mask;
        step += 1;
      }
      doubledSlots[slot] = (hash & ~NUMBER_MASK) | number;
    }
    this.#slots = doubledSlots;
    return true;
  }
}
