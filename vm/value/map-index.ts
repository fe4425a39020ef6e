/**
 * Where a key stands: a hash table of our own from keys to the numbers of entries, with open addressing. Keys come from
 * the program, which may choose them so that they collide; a key that would need too many looks finds no place.
 *
 * A short key is kept in full as numbers, so that finding it reads no String: in a large map each is a cache miss.
 */

import { Pages } from "./paged-array.ts";

/** Slots looked at for one key, and other keys with the same words met there. */
const MAX_PROBES = 64;
const MAX_ALIKE = 8;
/** Numbers for a key, one after the other. */
const WORDS = 4;
/** Most code units of a key whose words say it in full; each is below 256. */
const SHORT_UNITS = 15;
/** First byte of the words of other keys; of a short one it is the length. */
const NOT_SHORT = 0xff;
/** Code units hashed of a key that is not short: all, or some of the beginning, the middle and the end. So a long key costs no more. */
const HASHED_UNITS = 64;
const HASHED_ENDS = 24;
/** A slot holds the number of a key, and eight bits of the hash above. 0: free. */
const NUMBER_BITS = 24;
const NUMBER_MASK = 2 ** NUMBER_BITS - 1;

/** Words of the key that was asked for last. */
const wanted = new Int32Array(WORDS);

/** FNV-1a. Keys that are alike in it can be made at will. */
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

/** Sets `wanted`. */
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

/** Of the four numbers from `at` on; mixed as murmur3 ends. */
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

/** A quarter to half full of so many keys, so that it takes as many more. */
const slotsFor = (keys: number): Int32Array => new Int32Array(1 << (32 - Math.clz32(2 * keys)));

function longer(numbers: Int32Array, length: number): Int32Array {
  const result = new Int32Array(length);
  result.set(numbers);
  return result;
}

/** Keys are numbered from 1 as they are added; a key added again is found under its newest number. */
export class MapIndex {
  readonly #keys: Pages<string> = new Pages();
  /** Of the key with each number. */
  #words: Int32Array;
  /** The number that the key of each number had before, or 0. Shorter than there are numbers where no later one had one. */
  #before: Int32Array = new Int32Array(0);
  /** As many as a power of two. */
  #slots: Int32Array;
  #used = 0;

  /** With room for so many keys and more. */
  constructor(keys: number) {
    this.#words = new Int32Array(WORDS * (keys + (keys >> 1) + 1));
    this.#slots = slotsFor(keys);
  }

  /** Numbers given. */
  get count(): number {
    return this.#keys.length;
  }

  keyOf(number: number): string {
    return this.#keys.get(number - 1) ?? "";
  }

  /** The number that the key of this number had before, 0 if none. */
  before(number: number): number {
    return number < this.#before.length ? (this.#before[number] ?? 0) : 0;
  }

  /** Which of the numbers up to `count` are not the newest, among these, of their key. */
  replaced(count: number): Uint8Array {
    const replaced = new Uint8Array(count + 1);
    const end = Math.min(count + 1, this.#before.length);
    for (let number = 1; number < end; number++) replaced[this.#before[number] ?? 0] = 1;
    return replaced;
  }

  /** The newest number of the key, 0 if it is not there. */
  find(key: string): number {
    setWords(key);
    const slot = this.#slotOf(key, hashOf(wanted, 0));
    return slot < 0 ? 0 : (this.#slots[slot] ?? 0) & NUMBER_MASK;
  }

  /** Gives the number it had before, 0 if none; -1 if it finds no place, and then it is not added. */
  add(key: string): number {
    setWords(key);
    const hash = hashOf(wanted, 0);
    let slot = this.#slotOf(key, hash);
    const number = this.count + 1;
    if (slot < 0 || number > NUMBER_MASK) return -1;
    const before = (this.#slots[slot] ?? 0) & NUMBER_MASK;
    if (before > 0) this.#link(number, before);
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
    return before;
  }

  #link(number: number, before: number): void {
    if (number >= this.#before.length) this.#before = longer(this.#before, 2 * number);
    this.#before[number] = before;
  }

  /**
   * The slot of the key in `wanted`, or the free one where it belongs, or -1 for neither. No key that is there is missed:
   * slots before its own were as full when it was added, and keys with the same words look at the same slots.
   */
  #slotOf(key: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    let alike = 0;
    for (let step = 1; step <= MAX_PROBES; step++) {
      const held = slots[slot] ?? 0;
      if (held === 0) return slot;
      if ((held ^ hash) >>> NUMBER_BITS === 0 && this.#hasWanted(held & NUMBER_MASK)) {
        if (((wanted[0] ?? 0) & 0xff) !== NOT_SHORT || this.keyOf(held & NUMBER_MASK) === key) return slot;
        alike += 1;
        if (alike === MAX_ALIKE) return -1;
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

  /** Twice the slots. False, with the table as it was, where a key would find no place. */
  #widen(): boolean {
    const wider = new Int32Array(2 * this.#slots.length);
    const mask = wider.length - 1;
    const { count } = this;
    const replaced = this.replaced(count);
    // In the order of the numbers, since their words stand in it.
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
