/**
 * The register ops that the interpreter's loop executes. `translation.ts` makes them from bytecode.
 *
 * An op consists of eight numbers:
 *
 * | offset | name | meaning |
 * |---|---|---|
 * | 0 | tag | one of `REGISTER_OPS` |
 * | 1 | x | the first operand |
 * | 2 | y | the second operand |
 * | 3 | d | the destination: the slot of the result; for a jump, the target |
 * | 4 | count | the instructions that the op covers |
 * | 5 | countToTrap | how many covered instructions there are up to and including the one that may trap; for a fused comparison, the second target |
 * | 6 | op | which operation, builtin, opcode, …; see each op |
 * | 7 | slots | the frame's slots in use before the op |
 *
 * x, y and d are slots, counted from the frame's first local. Some ops also allow a constant as x or y; it is written as the bitwise
 * complement (`~`) of the constant's index, which is negative. The comments below give the fields of an op that have another meaning than in
 * this table.
 */

export const OP_STRIDE = 8;
/** An op covers at most this many instructions. */
export const MAX_OP_INSTRUCTIONS = 10;

export const REGISTER_OPS = {
  /** Translates the function, which has not run before. */
  untranslated: 0,
  /** d = x. */
  move: 1,
  /** d = constant y, an Int that is a JavaScript number. */
  int: 2,
  /** d = constant y, a Float. */
  float: 3,
  /** d = constant y. */
  constant: 4,
  add: 5,
  /** Like `add`, but y is a constant, an Int that is a JavaScript number. The same holds for the other `…Int` ops. */
  addInt: 6,
  /** Like `add`, but y is a constant, a Float. The same holds for the other `…Float` ops. */
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
  /** d = the element y of the List x. */
  element: 17,
  /** d = the result of any other operation on x and y. op: one of `BINARY`. */
  binary: 18,
  divide: 19,
  divideInt: 75,
  /** Jumps to the target d if x < y, otherwise to the second target. The other comparisons do the same. */
  less: 20,
  lessInt: 21,
  lessOrEqual: 22,
  lessOrEqualInt: 23,
  equal: 24,
  equalInt: 25,
  /** Any other comparison with a conditional jump. op: one of `COMPARISON`. */
  compareJump: 30,
  /** d = the Bool result of the comparison in op. */
  compare: 31,
  jump: 32,
  /** A backward jump. op: the target. */
  loop: 33,
  jumpIf: 34,
  jumpIfNot: 35,
  /** y: function; d: slot of the first argument; op: number of arguments. */
  call: 36,
  /** Like `call`, except that the function value in x replaces the function in y. */
  callIndirect: 37,
  tailCall: 38,
  /** Returns x. */
  return: 39,
  returnUnit: 40,
  /** Ends the actor. x: the slot above the last operand. */
  halt: 41,
  /** x: value; y: match table; d: slot of the payload; op: the index in the code of the target for tag 0 (see `match-tables.ts`). */
  match: 42,
  /** y: field index. */
  field: 43,
  /** x: slot of the first field; y: number of fields; op: type. */
  record: 44,
  /** x: payload; y: type; op: variant. */
  enumValue: 45,
  /** x: slot of the first captured value; y: number of values; op: function. */
  closure: 46,
  /** y: 0 for Some, 1 for Ok, 2 for Err. */
  wrap: 47,
  /** x: slot of the first element; y: number of elements. */
  list: 48,
  /** A native builtin with one or two arguments, x and y. op: its index in `NATIVE_BUILTINS`. */
  builtin: 49,
  /** A native builtin with up to three arguments. x: slot of the first argument; y: number of arguments; op: its index in `NATIVE_BUILTINS`. */
  builtinUpToThree: 50,
  /** A builtin that the interpreter implements. x: slot of the first argument; y: number of arguments; op: builtin id. */
  interpreterBuiltin: 51,
  loadGlobal: 52,
  storeGlobal: 53,
  not: 54,
  negate: 55,
  /** x: condition; y: message, a constant; d: contract kind; op: clause. */
  assert: 56,
  /** x: slot of the guard's result. The label is in the slot above. */
  guardSeal: 57,
  /**
   * A capability call, actor operation or `par`. x: first operand of the instruction; y: number of arguments; d: slot of the first argument;
   * op: opcode.
   */
  effect: 58,
  /** x: 1 if the message must have the type whose text is the constant y. */
  receive: 59,
  /** Any other instruction; see `slow-path.ts`. x: the slot above the operands; y: first operand of the instruction; op: opcode. */
  slowInstruction: 60,
  nothing: 61,
  /**
   * d = x. x is a local that may hold a pending String, which has `PENDING_MARK` in `numbers`. Its first read is charged here. Or x holds a
   * list that grows by appends; after this read, the next append makes a new list.
   */
  readLocal: 62,
  /** d = x. d is an append target or grows by appends. y: the mark of a String in d after the store, `PENDING_MARK` or 0. */
  storeLocal: 63,
  /** d = x joined with y, as part of an append. Charges the shorter String. */
  append: 64,
  /** `loop` fused with the `less` or `lessInt` at its target. Executed like `loop` if the compiled engine counts the iterations. */
  loopLess: 65,
  loopLessInt: 66,
  /** Like `builtin`, for `list.push`. d is the local that had the list x and that gets the result (see `analyzeListAppends`). */
  appendList: 76,
  /** d = x, then the slot in op = y. */
  moveTwo: 77,
  /** Adds 1 to x, then does the same as `loopLess` or `loopLessInt`. Does nothing if the engine counts the iterations. */
  countLess: 78,
  countLessInt: 79,
  /** Like `builtin`, for `list.len`: d = the length of the List x. */
  length: 67,
  /** Assigns to a part of the local d. x: slot of the first operand; y: the path, a constant; op: number of operands. */
  update: 69,
  /**
   * Assigns y to a part of the local d. The path has one index or key, x. op: the constant with the path for `xs[i] = v`, or `~` of the
   * constant for any other path.
   */
  updateElement: 70,
  /** Like `element`, for the role `OWNERSHIP.take`. */
  takeElement: 71,
  /** Like `field`, for the role `OWNERSHIP.take`. */
  takeField: 72,
  /** d = x, for the role `OWNERSHIP.release`. y: 1 if x may hold a pending String, as in `readLocal`. */
  releaseLocal: 73,
  /** d = x, for the role `OWNERSHIP.begin`. */
  ownLocal: 74,
  /** Reports control flow, then executes another op. op: the index of that op. */
  flow: 68,
} as const;

/** The values of the field op for operations on two values. `COMPARISON` has those for comparisons. */
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
/** A flag in the field op: x and y are swapped. */
export const SWAPPED = 16;
/** A flag in the field op: the jump goes to the first target if the comparison does not hold. */
export const NEGATED = 32;
/** A flag in the field op: a `Jmp` is between the comparison and the conditional jump. */
export const DISTANT = 64;
/** The bits of the field op without the flags. */
export const OPERATION = 15;
