/**
 * The instruction set of the stack machine: bytecode 1.1, the format of the earlier Rust toolchain, and Boruna's extensions, whose tags
 * bytecode 1.1 does not use. The codec, the verifier, the disassembler, both engines and `docs/reference/bytecode.md` all read the table in
 * this file.
 *
 * An instruction has a tag (its number), operands in the code, and an effect on the operand stack. For example, `1 + x` in a function
 * whose local 0 is `x`:
 *
 *     PushConst 0    → 1          stack: 1
 *     LoadLocal 0    → x          stack: 1, x
 *     Add            1, x → sum   stack: sum
 *
 * To add an opcode:
 *
 * 1. Add a row with a free tag.
 * 2. Execute it in `vm/interpreter/slow-path.ts`, or give it a register op of its own (`vm/interpreter/register-ops.ts`).
 * 3. If it has a side effect, list it in `vm/compiled/eligible.ts`. Otherwise compile it in `vm/compiled/instructions.ts`.
 * 4. Emit it in `compiler/lower/`, list it in `test/vm/bytecode-tables.ts`, and run `npm run docs`.
 */

/** The meaning of an operand, which decides how the verifier checks it. */
export type OperandKind =
  | "constant"
  /** The index of a constant that is the text of a type, in which `_` means any type. */
  | "type_text"
  /** The index of a constant that is the text of an update path (see `update-path.ts`). */
  | "update_path"
  | "local"
  | "global"
  | "function"
  | "jump"
  | "match_table"
  | "type"
  | "variant"
  | "field"
  | "capability"
  | "builtin"
  /** The number of values that the instruction pops in addition to `pops`. */
  | "count"
  /** 0 is Requires, 1 is Ensures. */
  | "contract_kind"
  /** The index of a contract clause in its function. */
  | "clause"
  /** 0 is Some, 1 is Ok, 2 is Err. */
  | "wrap_kind";

interface OpcodeRow {
  readonly tag: number;
  readonly operands: readonly OperandKind[];
  /** The number of values popped. If `popsCount` is true, the operand `count` is added (see `popCount`). */
  readonly pops: number;
  readonly popsCount?: true | undefined;
  readonly pushes: 0 | 1 | 2;
  /**
   * Where execution continues. `jump`: at the target; `branch`: at the target or the next instruction; `match`: at an arm;
   * `end`: in the caller; absent: at the next instruction.
   */
  readonly flow?: "jump" | "branch" | "match" | "end" | undefined;
  /** Whether the instruction may trap. */
  readonly traps: boolean;
  /** The name of the builtin that this opcode calls (see `vm/builtins/builtin-table.ts`). Bytecode 1.1 has such opcodes for some builtins. */
  readonly builtin?: string | undefined;
  /** Whether the opcode is missing in bytecode 1.1. */
  readonly extension?: true | undefined;
  /** The top of the operand stack before and after the instruction, as text for people. */
  readonly stack: string;
  readonly doc: string;
}

const builtin = (tag: number, pops: number, name: string): OpcodeRow & { builtin: string } => ({
  tag,
  operands: [],
  pops,
  pushes: 1,
  traps: true,
  builtin: name,
  stack: `${["a", "b", "c"].slice(0, pops).join(", ")} → v`,
  doc: `calls the builtin ${name}`,
});
const arithmetic = (tag: number, stack: string, doc: string): OpcodeRow => ({
  tag,
  operands: [],
  pops: 2,
  pushes: 1,
  traps: true,
  stack,
  doc,
});

export const OPCODES = {
  PushConst: { tag: 0x01, operands: ["constant"], pops: 0, pushes: 1, traps: false, stack: "→ v", doc: "pushes a constant" },
  LoadLocal: { tag: 0x02, operands: ["local"], pops: 0, pushes: 1, traps: false, stack: "→ v", doc: "pushes a local" },
  StoreLocal: { tag: 0x03, operands: ["local"], pops: 1, pushes: 0, traps: false, stack: "v →", doc: "sets a local" },
  LoadGlobal: { tag: 0x04, operands: ["global"], pops: 0, pushes: 1, traps: false, stack: "→ v", doc: "pushes a global (Unit until set)" },
  StoreGlobal: { tag: 0x05, operands: ["global"], pops: 1, pushes: 0, traps: false, stack: "v →", doc: "sets a global" },
  Call: {
    tag: 0x06,
    operands: ["function", "count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    stack: "a₁…aₙ → r",
    doc: "calls a function; missing arguments are Unit, extra ones are dropped",
  },
  Ret: {
    tag: 0x07,
    operands: [],
    pops: 1,
    pushes: 0,
    flow: "end",
    traps: false,
    stack: "v →",
    doc: "returns v; an empty stack returns Unit",
  },
  Jmp: { tag: 0x08, operands: ["jump"], pops: 0, pushes: 0, flow: "jump", traps: false, stack: "→", doc: "jumps" },
  JmpIf: { tag: 0x09, operands: ["jump"], pops: 1, pushes: 0, flow: "branch", traps: false, stack: "c →", doc: "jumps if c is truthy" },
  JmpIfNot: {
    tag: 0x0a,
    operands: ["jump"],
    pops: 1,
    pushes: 0,
    flow: "branch",
    traps: false,
    stack: "c →",
    doc: "jumps if c is not truthy",
  },
  Match: {
    tag: 0x0b,
    operands: ["match_table"],
    pops: 1,
    pushes: 1,
    flow: "match",
    traps: true,
    stack: "v → inner",
    doc: "jumps to the first arm whose tag is −1 or the tag of v, and pushes the payload of v, or v itself if it has none",
  },
  MakeRecord: {
    tag: 0x0c,
    operands: ["type", "count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    stack: "f₁…fₙ → r",
    doc: "makes a record",
  },
  MakeEnum: { tag: 0x0d, operands: ["type", "variant"], pops: 1, pushes: 1, traps: true, stack: "payload → e", doc: "makes an enum value" },
  GetField: { tag: 0x0e, operands: ["field"], pops: 1, pushes: 1, traps: true, stack: "r → v", doc: "reads a field of a record" },
  SpawnActor: {
    tag: 0x0f,
    operands: ["function"],
    pops: 0,
    pushes: 1,
    traps: true,
    stack: "→ id",
    doc: "queues a child actor; asks the policy for actor.spawn",
  },
  ParMap: {
    tag: 0xc0,
    operands: [],
    pops: 2,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "xs, f → ys",
    doc: "calls f with each element in a branch of its own, and waits for all of them; only in a module with `tasks`",
  },
  Par: {
    tag: 0xc1,
    operands: ["count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "f₁…fₙ → ys",
    doc: "calls each function, without arguments, in a branch of its own, and waits for all of them; only in a module with `tasks`",
  },
  SendMsg: { tag: 0x10, operands: [], pops: 2, pushes: 0, traps: true, stack: "id, m →", doc: "sends m; asks the policy for actor.send" },
  ReceiveMsg: {
    tag: 0x11,
    operands: [],
    pops: 0,
    pushes: 1,
    traps: true,
    stack: "→ m",
    doc: "takes the next message; blocks while the mailbox is empty; Unit outside an actor system",
  },
  Assert: {
    tag: 0x12,
    operands: ["constant", "contract_kind", "clause"],
    pops: 1,
    pushes: 0,
    traps: true,
    stack: "v →",
    doc: "checks a contract clause; operands: message, kind, clause",
  },
  CapCall: {
    tag: 0x13,
    operands: ["capability", "count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    stack: "a₁…aₙ → r",
    doc: "calls a capability through the gateway",
  },
  CallIndirect: {
    tag: 0x14,
    operands: ["count"],
    pops: 1,
    popsCount: true,
    pushes: 1,
    traps: true,
    stack: "a₁…aₙ, fn → r",
    doc: "calls a function value",
  },
  GuardSeal: {
    tag: 0x15,
    operands: [],
    pops: 3,
    pushes: 1,
    traps: true,
    stack: "value, passed, label → value",
    doc: "logs the result of a guard; traps if the guard failed",
  },

  TryCapCall: {
    tag: 0x16,
    operands: ["capability", "count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "a₁…aₙ → Ok(r) | Err(text)",
    doc: "calls a capability; if the handler fails, the result is Err(text)",
  },
  TailCall: {
    tag: 0x17,
    operands: ["function", "count"],
    pops: 0,
    popsCount: true,
    pushes: 0,
    flow: "end",
    traps: true,
    extension: true,
    stack: "a₁…aₙ →",
    doc: "calls a function and replaces this frame",
  },
  MakeClosure: {
    tag: 0x18,
    operands: ["function", "count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "c₁…cₙ → f",
    doc: "makes a function value that captures the first n arguments",
  },
  MakeMap: {
    tag: 0x19,
    operands: ["count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "k₁, v₁ … → m",
    doc: "makes a map of count/2 entries; count is even",
  },
  Wrap: {
    tag: 0x1a,
    operands: ["wrap_kind"],
    pops: 1,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "v → w",
    doc: "makes Some(v), Ok(v) or Err(v)",
  },
  FDiv: {
    tag: 0x1b,
    operands: [],
    pops: 2,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "a, b → a / b",
    doc: "divides Floats; division by zero returns inf or NaN",
  },
  Builtin: {
    tag: 0x1c,
    operands: ["builtin", "count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "a₁…aₙ → v",
    doc: "calls a builtin by its id",
  },
  Update: {
    tag: 0x1d,
    operands: ["local", "update_path", "count"],
    pops: 0,
    popsCount: true,
    pushes: 0,
    traps: true,
    extension: true,
    stack: "i₁…iₙ, v →",
    doc: "assigns to the part of a local at the end of a path; the indices and keys of the path are on the stack below the value",
  },
  JsonKind: {
    tag: 0x1e,
    operands: [],
    pops: 1,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "j → Int",
    doc: "0 null, 1 Bool, 2 Int, 3 Float, 4 String, 5 List, 6 Object",
  },

  ReceiveAs: {
    tag: 0x1f,
    operands: ["type_text"],
    pops: 0,
    pushes: 1,
    traps: true,
    extension: true,
    stack: "→ m",
    doc: "like ReceiveMsg, but traps if the message is not of the type that the constant names",
  },

  Add: arithmetic(0x20, "a, b → a + b", "adds numbers, joins Strings"),
  Sub: arithmetic(0x21, "a, b → a - b", "subtracts"),
  Mul: arithmetic(0x22, "a, b → a * b", "multiplies"),
  Div: arithmetic(0x23, "a, b → a / b", "divides, truncating; a zero divisor traps, for Floats too"),
  Mod: arithmetic(0x24, "a, b → a % b", "the remainder of two Ints; it has the sign of a"),
  Neg: { tag: 0x25, operands: [], pops: 1, pushes: 1, traps: true, stack: "a → -a", doc: "negates a number" },
  Eq: arithmetic(0x30, "a, b → Bool", "structural equality"),
  Neq: arithmetic(0x31, "a, b → Bool", "structural inequality"),
  Lt: arithmetic(0x32, "a, b → Bool", "less than; Int, Float or String"),
  Lte: arithmetic(0x33, "a, b → Bool", "less than or equal"),
  Gt: arithmetic(0x34, "a, b → Bool", "greater than"),
  Gte: arithmetic(0x35, "a, b → Bool", "greater than or equal"),
  Not: { tag: 0x40, operands: [], pops: 1, pushes: 1, traps: false, stack: "a → Bool", doc: "true if a is not truthy" },
  And: {
    tag: 0x41,
    operands: [],
    pops: 2,
    pushes: 1,
    traps: false,
    stack: "a, b → Bool",
    doc: "true if both are truthy; both are evaluated",
  },
  Or: {
    tag: 0x42,
    operands: [],
    pops: 2,
    pushes: 1,
    traps: false,
    stack: "a, b → Bool",
    doc: "true if either is truthy; both are evaluated",
  },
  Concat: arithmetic(0x50, "a, b → ab", "joins two Strings or two Lists"),
  Pop: { tag: 0x60, operands: [], pops: 1, pushes: 0, traps: false, stack: "v →", doc: "drops v" },
  Dup: { tag: 0x61, operands: [], pops: 1, pushes: 2, traps: false, stack: "v → v, v", doc: "duplicates v" },
  EmitUi: { tag: 0x70, operands: [], pops: 1, pushes: 0, traps: true, stack: "tree →", doc: "emits a tree; asks the policy for ui.render" },

  MakeList: {
    tag: 0x80,
    operands: ["count"],
    pops: 0,
    popsCount: true,
    pushes: 1,
    traps: true,
    stack: "a₁…aₙ → l",
    doc: "makes a list of at most 255 elements",
  },
  ListLen: builtin(0x81, 1, "list.len"),
  ListGet: {
    tag: 0x82,
    operands: [],
    pops: 2,
    pushes: 1,
    traps: true,
    stack: "l, i → v",
    doc: "reads an element of a list; traps if the index is out of range",
  },
  ListPush: builtin(0x83, 2, "list.push"),
  ParseInt: builtin(0x84, 1, "parse_int"),
  StrContains: builtin(0x85, 2, "string.contains"),
  StrStartsWith: builtin(0x86, 2, "string.starts_with"),
  TryParseInt: builtin(0x87, 1, "try_parse_int"),
  IntToString: builtin(0x88, 1, "int.to_string"),
  FloatToString: builtin(0x89, 1, "float.to_string"),
  StringLen: builtin(0x8a, 1, "string.len"),
  StringChars: builtin(0x8b, 1, "string.chars"),
  StringContains: builtin(0x8c, 2, "string.contains"),
  StringStartsWith: builtin(0x8d, 2, "string.starts_with"),
  StringEndsWith: builtin(0x8e, 2, "string.ends_with"),
  StringToUpper: builtin(0x8f, 1, "string.to_upper"),
  StringToLower: builtin(0x90, 1, "string.to_lower"),
  StringTrim: builtin(0x91, 1, "string.trim"),
  StringJoin: builtin(0x92, 2, "string.join"),
  ListLenBuiltin: builtin(0x93, 1, "list.len"),
  ListIsEmpty: builtin(0x94, 1, "list.is_empty"),
  ListHead: builtin(0x95, 1, "list.first"),
  ListTail: builtin(0x96, 1, "list.tail"),
  ListAppend: builtin(0x97, 2, "list.push"),
  ListConcat: builtin(0x98, 2, "list.concat"),
  ListReverse: builtin(0x99, 1, "list.reverse"),
  StringSplit: builtin(0x9a, 2, "string.split"),
  StringReplace: builtin(0x9b, 3, "string.replace"),
  StringSlice: builtin(0x9c, 3, "string.slice"),
  IntParse: builtin(0x9d, 1, "int.parse"),
  FloatParse: builtin(0x9e, 1, "float.parse"),
  BoolToString: builtin(0x9f, 1, "bool.to_string"),
  MapGet: builtin(0xa0, 2, "map.get"),
  MapSet: builtin(0xa1, 3, "map.set"),
  MapRemove: builtin(0xa2, 2, "map.remove"),
  MapContainsKey: builtin(0xa3, 2, "map.contains_key"),
  MapKeys: builtin(0xa4, 1, "map.keys"),
  MapValues: builtin(0xa5, 1, "map.values"),
  MapLen: builtin(0xa6, 1, "map.len"),
  Debug: builtin(0xa7, 1, "debug"),
  DebugMsg: builtin(0xa8, 2, "debug_msg"),
  Nop: { tag: 0xfe, operands: [], pops: 0, pushes: 0, traps: false, stack: "→", doc: "does nothing" },
  Halt: {
    tag: 0xff,
    operands: [],
    pops: 0,
    pushes: 0,
    flow: "end",
    traps: false,
    stack: "→",
    doc: "ends the run; its value is the top of the stack",
  },
} as const satisfies Record<string, OpcodeRow>;

export type OpName = keyof typeof OPCODES;
export type { OpcodeRow };
export interface NamedOpcode extends OpcodeRow {
  readonly name: OpName;
  /** The index of the operand that says how many more values the instruction pops; -1 if it always pops `pops` values. */
  readonly countIndex: number;
}

const OP_NAMES: readonly OpName[] = Object.keys(OPCODES).filter(isOpName);

/** Returns a row with all fields, in the same order as in every other row. V8 reads such objects several times as fast. */
function namedOpcode(name: OpName): NamedOpcode {
  const { tag, operands, pops, popsCount, pushes, flow, traps, builtin: builtinName, extension, stack, doc }: OpcodeRow = OPCODES[name];
  const countIndex = popsCount === true ? operands.indexOf("count") : -1;
  return { tag, operands, pops, popsCount, pushes, flow, traps, builtin: builtinName, extension, stack, doc, name, countIndex };
}

const ROWS: ReadonlyMap<OpName, NamedOpcode> = new Map(OP_NAMES.map((name) => [name, namedOpcode(name)]));

/** The opcodes by tag, for code that reads `VerifiedFunction.code`. */
export const OPCODE_BY_TAG: ReadonlyMap<number, NamedOpcode> = new Map([...ROWS.values()].map((row) => [row.tag, row]));

const ROW_OF_TAG: readonly (NamedOpcode | undefined)[] = Array.from({ length: 256 }, (_, tag) => OPCODE_BY_TAG.get(tag));

/** Returns the opcode with a tag; undefined if there is none. */
export const opcodeOf = (tag: number): NamedOpcode | undefined => ROW_OF_TAG[tag];

export function opcode(name: OpName): OpcodeRow {
  return ROWS.get(name) ?? OPCODES[name];
}

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPCODES, name);
}
