/**
 * What work and values cost: the one place. Every engine charges by these formulas, so that steps and
 * allocation are the same everywhere. `docs/reference/limits.md` prints the numbers.
 *
 * Steps: an instruction is one step, and work on large operands adds ⌊units / 256⌋, charged before the work.
 * Allocation: a value charges its bytes before it is made, and a String that grows by appends its whole when it is read. Unit, Bool, Int, Float, None, ActorId and a function that is a constant are free.
 */

/** Units of work for one extra step. */
export const UNITS_PER_STEP = 256;

/** Units of work by kind. */
export const UNITS = {
  /** A UTF-16 code unit read or written. */
  codeUnit: 1,
  /** A list slot copied, a stack slot filled, a match arm passed over. */
  slot: 1,
  /** A value compared, tested or made on its own. */
  value: 8,
  /** A map entry visited or placed. */
  entry: 8,
  /** A code unit hashed, parsed as JSON or coded. */
  codedUnit: 4,
} as const;

/** Most UTF-16 code units of one String and most elements of one List, whatever `max_alloc_bytes` says: alloc_limit. */
export const MAX_STRING_UNITS = 2 ** 28;
export const MAX_LIST_LENGTH = 2 ** 26;

/**
 * Bytes charged for values made: what they take in a host with pointers of 8 bytes, object headers of 24 and boxed Floats,
 * so that `max_alloc_bytes` bounds its memory. A place that holds a value has room for a boxed number, which is free
 * by itself.
 */
export const BYTES = {
  /** Some, Ok, Err. */
  wrapper: 80,
  enumValue: 104,
  /** Header of a record, closure or list. */
  header: 128,
  /** One field, captured value or element. */
  slot: 56,
  /** A list version that shares its elements with another: push, tail, slice. */
  push: 320,
  mapHeader: 48,
  mapEntry: 144,
  /** Each level of a map's tree that set or remove copies. */
  mapLevel: 72,
  stringHeader: 32,
  codeUnit: 2,
  /** An actor, with its mailbox. */
  actor: 1_024,
  /** A message in a mailbox. */
  message: 64,
} as const;

export const stringCharge = (codeUnits: number): number => BYTES.stringHeader + BYTES.codeUnit * codeUnits;
/**
 * Of joining two Strings, given their code units, in an append to a local (see `accumulators.ts`): the longer one is not
 * laid out anew before somebody reads the whole, which then charges `firstReadCharge`. Any other join charges `stringCharge`.
 */
export const appendCharge = (a: number, b: number): number => BYTES.stringHeader + BYTES.codeUnit * Math.min(a, b);
/** Of the first reading of a String that appends have made. */
export const firstReadCharge = (codeUnits: number): number => BYTES.codeUnit * codeUnits;
/** Of a record, a closure or a list made at once. */
export const slotsCharge = (count: number): number => BYTES.header + BYTES.slot * count;
export const mapCharge = (entries: number): number => BYTES.mapHeader + BYTES.mapEntry * entries;
/** Levels of a balanced tree of `size` entries: ⌊log2(size)⌋ + 1, and 1 for an empty one. */
export const treeLevels = (size: number): number => (size < 1 ? 1 : 32 - Math.clz32(size));
/** Of the new version that set or remove makes of a map of `size` entries. */
export const mapChangeCharge = (size: number): number => BYTES.mapHeader + BYTES.mapLevel * treeLevels(size) + BYTES.slot;

/** The formulas in words, for the builtin table. `n` elements or entries, `u` UTF-16 code units read and written, `k` of the key. */
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
