/**
 * Defines the cost of work and of values. Every engine charges by these formulas, so a run has the same steps and the same
 * allocation on each engine. `docs/reference/limits.md` lists the numbers.
 *
 * Steps: An instruction is one step. Work on large operands adds ⌊units / 256⌋ steps, which are charged before the work is done.
 *
 * Allocation: A value is charged before it is made. Unit, Bool, Int, Float, None, ActorId and function constants are free. A
 * String that grows by appends is charged partly by each append. The rest is charged by its first read.
 */

/** How many units of work make one extra step. */
export const UNITS_PER_STEP = 256;

export const UNITS = {
  /** A UTF-16 code unit read or written. */
  codeUnit: 1,
  /** A list slot copied, a stack slot filled or a match arm skipped. */
  slot: 1,
  /** One value compared, tested or made. */
  value: 8,
  /** A map entry visited or added. */
  entry: 8,
  /** A code unit hashed, parsed as JSON, encoded or decoded. */
  convertedCodeUnit: 4,
} as const;

/**
 * Limits on the UTF-16 code units of a String and on the elements of a List. Making a larger one traps with alloc_limit, whatever
 * `max_alloc_bytes` is.
 */
export const MAX_STRING_UNITS = 2 ** 28;
export const MAX_LIST_LENGTH = 2 ** 26;

/**
 * Bytes charged for values. A JavaScript engine with 8-byte pointers, 24-byte object headers and boxed numbers needs this many, so
 * `max_alloc_bytes` limits real memory. A slot includes a boxed number, so numbers by themselves are free.
 */
export const BYTES = {
  /** A Some, Ok or Err. */
  wrapper: 80,
  enumValue: 104,
  /** The header of a record, closure or list. */
  header: 128,
  /** One field, captured value or element. */
  slot: 56,
  /** A list version that shares its elements with another version, made by push, tail or slice. */
  push: 320,
  /** One level of a long list's tree. Setting an element copies a node on each level. */
  listLevel: 208,
  mapHeader: 48,
  mapEntry: 144,
  /** One level of a map's tree. Setting or removing a key copies it. */
  mapLevel: 72,
  stringHeader: 32,
  codeUnit: 2,
  /** An actor, with its mailbox. */
  actor: 1_024,
  /** A message in a mailbox. */
  message: 64,
} as const;

/** Returns the bytes charged for a String. */
export const stringCharge = (codeUnits: number): number => BYTES.stringHeader + BYTES.codeUnit * codeUnits;
/**
 * Returns the bytes charged for appending to a local (see `bytecode/string-append.ts`), given the code units of both Strings. V8 joins the
 * Strings as a rope and copies the longer String only when the result is read. That read is charged `firstReadCharge`.
 */
export const appendCharge = (a: number, b: number): number => BYTES.stringHeader + BYTES.codeUnit * Math.min(a, b);
/** Returns the bytes charged for the first read of a String that was made by appends. */
export const firstReadCharge = (codeUnits: number): number => BYTES.codeUnit * codeUnits;
/** Returns the bytes charged for a record, a closure or a list with `count` slots. */
export const slotsCharge = (count: number): number => BYTES.header + BYTES.slot * count;
export const mapCharge = (entries: number): number => BYTES.mapHeader + BYTES.mapEntry * entries;
/** Setting an element is charged as a copy of a list of up to this length, and in a longer list as a copy of a path of a tree. */
export const MAX_COPIED_LIST = 32;
/** Returns the bytes charged for setting an element of a list that other variables or values may refer to. */
export const listChangeCharge = (length: number): number =>
  length <= MAX_COPIED_LIST ? slotsCharge(length) : BYTES.push + BYTES.listLevel * Math.ceil((32 - Math.clz32(length - 1)) / 4);
/**
 * Returns how many changes of a new version of a list are charged before further changes in place are free. Each charged change of a long
 * list pays for a leaf of 16 elements, so together these changes pay for a copy of the elements.
 */
export const unpaidListChanges = (length: number): number => (length <= MAX_COPIED_LIST ? 1 : Math.ceil(length / 16));
/** Returns how many changes of a new version of a map are charged before further changes in place are free. */
export const unpaidMapChanges = (size: number): number => Math.max(1, size);
/** Returns the levels of a balanced tree of `size` entries, which are ⌊log2(size)⌋ + 1, or 1 for an empty tree. */
export const treeLevels = (size: number): number => (size < 1 ? 1 : 32 - Math.clz32(size));
/** Returns the bytes charged for setting or removing a key in a map of `size` entries. */
export const mapChangeCharge = (size: number): number => BYTES.mapHeader + BYTES.mapLevel * treeLevels(size) + BYTES.slot;

/**
 * The formulas for steps as text, for the builtin table. `n` is the number of elements or entries, `u` of UTF-16 code units read and
 * written, `k` of code units of the key.
 */
export const COSTS = {
  constant: "1",
  text: "1 + ⌊u / 256⌋",
  pieces: "1 + ⌊(u + 8n) / 256⌋, n pieces",
  coded: "1 + ⌊4u / 256⌋",
  copy: "1 + ⌊n / 256⌋, n elements copied",
  compare: "1 + ⌊(8v + u) / 256⌋, v values compared",
  sort: "1 + ⌊(8v + u) / 256⌋, v values compared by a merge sort",
  key: "1 + ⌊k × levels / 256⌋, levels of the map's tree",
  entries: "1 + ⌊8n / 256⌋",
  regex: "1 + ⌊(4k + (u + 8)(p + 8) + 8n) / 256⌋, k of the pattern, p instructions of its program, n matches or groups",
  regexReplace: "1 + ⌊(4k + (u + 8)(p + 8) + 8n + r) / 256⌋, as `regex.find_all`, r code units of the result",
  source: "the instructions of its source",
} as const;
