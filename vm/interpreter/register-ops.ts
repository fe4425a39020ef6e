/** The rows that the interpreter's loop executes: what the numbers of a row mean. `rows.ts` makes them. */

/**
 * Numbers of a row: tag, x, y, d, instructions it stands for, those before the store, operation, and the frame's slots in
 * use before it. x and y are slots from the frame's first local on, ~ of a constant where the row allows one; d is where
 * the result goes. A jump has its target in place of d and the other way, for a comparison, after the instructions.
 */
export const ROW_STRIDE = 8;
/** Instructions of the longest row. */
export const LONGEST_ROW = 8;

export const ROWS = {
  /** The function has not run yet. */
  untranslated: 0,
  /** d = x. */
  move: 1,
  /** d = constant y, which is an Int that is a number. */
  int: 2,
  /** d = constant y, a Float. */
  float: 3,
  /** d = constant y. */
  constant: 4,
  add: 5,
  /** y is a constant that is a number. */
  addInt: 6,
  /** y is a constant that is a Float. */
  addFloat: 7,
  subtract: 8,
  subtractInt: 9,
  subtractFloat: 10,
  multiply: 11,
  multiplyInt: 12,
  multiplyFloat: 13,
  remainder: 14,
  remainderInt: 15,
  divideFloats: 16,
  element: 17,
  /** Any other operation of two values. */
  binary: 18,
  /** Jump to the first target where x < y, else to the second. */
  less: 20,
  lessInt: 21,
  lessOrEqual: 22,
  lessOrEqualInt: 23,
  equal: 24,
  equalInt: 25,
  /** Any other comparison that is jumped on. */
  compareJump: 30,
  /** d = whether the comparison holds. */
  compare: 31,
  jump: 32,
  /** Back; operation: the target. */
  loop: 33,
  jumpIf: 34,
  jumpIfNot: 35,
  /** y: function, d: first argument, operation: count. */
  call: 36,
  callIndirect: 37,
  tailCall: 38,
  /** x. */
  return: 39,
  returnUnit: 40,
  /** x is the slot above the last operand. */
  halt: 41,
  /** x: value, y: match table, d: where its payload goes. */
  match: 42,
  /** y: field. */
  field: 43,
  /** x: first field, y: count, operation: type. */
  record: 44,
  /** y: type, operation: variant. */
  enumValue: 45,
  /** x: first captured value, y: count, operation: function. */
  closure: 46,
  /** y: kind. */
  wrap: 47,
  /** x: first element, y: count. */
  list: 48,
  /** operation: builtin, of one or two values x and y. */
  builtin: 49,
  /** operation: builtin, of up to three values from x on. */
  builtinOfThree: 50,
  /** x: first value, y: count, operation: id of a builtin that the machine runs itself. */
  ownBuiltin: 51,
  loadGlobal: 52,
  storeGlobal: 53,
  not: 54,
  negate: 55,
  /** x: value, y: message. */
  assert: 56,
  guardSeal: 57,
  /** x: first operand in the module, y: count, d: first value, operation: opcode. */
  effect: 58,
  /** x: whether the message must be of the type whose text is the constant y. */
  receive: 59,
  /** x: slot above the operands, y: first operand in the module, operation: opcode. */
  rare: 60,
  nothing: 61,
  /** d = x, a local that may be pending: see `accumulators.ts`. A 1 beside a String in such a local says that it is. */
  readLocal: 62,
  /** d = x, where d is such a local; y: whether a String is pending then. */
  storeLocal: 63,
  /** Joins a local, or what came of it, with y; d is the local or an operand. */
  append: 64,
  /** `loop` to a row that is `less` or `lessInt`, and that row, where no engine counts turns. */
  loopLess: 65,
  loopLessInt: 66,
  /** d = the length of the List x. */
  length: 67,
} as const;

/** Operations of two values and comparisons, by number. */
export const BINARY = {
  add: 0,
  subtract: 1,
  multiply: 2,
  divide: 3,
  remainder: 4,
  divideFloats: 5,
  element: 6,
  concat: 7,
} as const;
export const COMPARISON = { less: 0, lessOrEqual: 1, greater: 2, greaterOrEqual: 3, equal: 4, unequal: 5 } as const;
/** Beside an operation: x and y stand the other way round. */
export const SWAPPED = 16;
/** Beside a comparison: to the first target where it does not hold. */
export const NEGATED = 32;
/** The bits of an operation itself. */
export const OPERATION = 15;
