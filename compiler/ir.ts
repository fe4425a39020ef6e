/**
 * The intermediate representation (IR): checked function bodies. Names are resolved, types are known, and shorthand is
 * written out. The checker (`check/`) builds it; lowering (`lower/`) turns it into instructions.
 *
 * An `Ir` is an expression and leaves one value; an `IrStmt` leaves none. `list.len(xs) + 1` is
 *
 *     { kind: "chain", first: { kind: "builtin", builtin: list.len, args: [{ kind: "local", local: xs }] },
 *       rest: [{ op: "+", type: Int, operand: { kind: "const", value: 1 } }] }
 */
import type { BuiltinDecl } from "../vm/builtins/decl.ts";
import type { OpName } from "../vm/bytecode/opcodes.ts";
import type { Value } from "../vm/value/value.ts";
import type { BinaryOp, FnItem, Span, WrapKind } from "./ast.ts";
import type { CheckedType, ParamType, TypeDecl } from "./check-types.ts";
import type { SourceFile } from "./source.ts";

/**
 * A binding of one function: a parameter, a `let`, a name in a pattern, or a value that the compiler itself needs, whose
 * name is "". Its identity is the object. Lowering assigns its stack slot.
 */
export interface Local {
  readonly name: string;
  readonly type: CheckedType;
  readonly mutable: boolean;
  readonly span: Span;
  /** Whether anything reads it; if not, W004 warns of it. */
  used: boolean;
}

/**
 * A function that lowering turns into a function of the module: one declared with `fn`, a lambda, a `test` block, an
 * `answer` of a test, or a builtin that is written in the language. Other builtins are not callables: they are `BuiltinDecl`.
 */
export interface Callable {
  readonly name: string;
  readonly file: SourceFile;
  /** Its declaration; null unless it was declared with `fn`. */
  readonly item: FnItem | null;
  readonly typeParams: readonly ParamType[];
  readonly params: readonly CheckedType[];
  readonly result: CheckedType;
  /** Its effect row, as sorted capability names. A lambda without a row gets the capabilities that its body uses. */
  row: readonly string[];
  /** Set once the body has been checked. */
  body: CheckedBody | null;
}

export interface CheckedBody {
  /** The captured values of a lambda, then the parameters. */
  readonly params: readonly Local[];
  readonly requires: readonly CheckedClause[];
  readonly ensures: readonly CheckedClause[];
  /** The binding `result` of the `ensures` clauses; null if there are none. */
  readonly result: Local | null;
  readonly value: Ir;
  readonly intent: string | null;
}
/** A `requires` or `ensures` clause. */
export interface CheckedClause {
  readonly condition: Ir;
  /** Its source text, for the message of the trap. */
  readonly text: string;
  readonly span: Span;
}

/** A checked expression. */
export type Ir = { readonly span: Span } & (
  | { readonly kind: "const"; readonly value: Value }
  | { readonly kind: "local"; readonly local: Local }
  | { readonly kind: "fn"; readonly target: Callable }
  /** A builtin as a value, `list.map(xs, int.abs)`. */
  | { readonly kind: "builtin_value"; readonly builtin: BuiltinDecl; readonly arity: number }
  | { readonly kind: "closure"; readonly target: Callable; readonly captured: readonly Local[] }
  | { readonly kind: "call"; readonly target: Callable; readonly args: readonly Ir[] }
  | { readonly kind: "call_value"; readonly callee: Ir; readonly args: readonly Ir[] }
  | { readonly kind: "builtin"; readonly builtin: BuiltinDecl; readonly args: readonly Ir[] }
  | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Ir[] }
  /** Binary operators of one precedence, from left to right. `type` is the type of the operands of that operator. */
  | {
      readonly kind: "chain";
      readonly first: Ir;
      readonly rest: readonly { readonly op: BinaryOp; readonly type: CheckedType; readonly operand: Ir; readonly span: Span }[];
    }
  | { readonly kind: "logic"; readonly op: "&&" | "||"; readonly operands: readonly Ir[] }
  /** `caught`: under `try`, so that a failure becomes `Err`. */
  | { readonly kind: "capability"; readonly id: number; readonly args: readonly Ir[]; readonly caught: boolean }
  | { readonly kind: "record"; readonly decl: TypeDecl; readonly fields: readonly Ir[] }
  | { readonly kind: "enum"; readonly decl: TypeDecl; readonly variant: number; readonly payload: Ir | null }
  /** The payload of a struct variant. */
  | { readonly kind: "variant_record"; readonly decl: TypeDecl; readonly variant: number; readonly fields: readonly Ir[] }
  | { readonly kind: "wrap"; readonly wrap: WrapKind; readonly value: Ir }
  | { readonly kind: "get_field"; readonly target: Ir; readonly index: number }
  | { readonly kind: "list"; readonly items: readonly Ir[] }
  | { readonly kind: "map"; readonly entries: readonly { readonly key: Ir; readonly value: Ir }[] }
  | { readonly kind: "if"; readonly branches: readonly { readonly condition: Ir; readonly body: Ir }[]; readonly otherwise: Ir | null }
  | { readonly kind: "match"; readonly scrutinee: Ir; readonly subject: Local; readonly arms: readonly CheckedArm[] }
  /** `value` is null if the block ends in a statement: its value is Unit, unless it never gets to its end. */
  | { readonly kind: "block"; readonly stmts: readonly IrStmt[]; readonly value: Ir | null }
  | { readonly kind: "spawn"; readonly target: Callable }
  | { readonly kind: "send"; readonly actor: Ir; readonly message: Ir }
  | { readonly kind: "receive"; readonly type: CheckedType }
  | { readonly kind: "emit"; readonly tree: Ir }
);

export type IrStmt = { readonly span: Span } & (
  | { readonly kind: "set"; readonly local: Local; readonly value: Ir }
  | { readonly kind: "while"; readonly condition: Ir; readonly body: Ir }
  | { readonly kind: "for"; readonly local: Local; readonly list: Ir; readonly body: Ir }
  | { readonly kind: "break" }
  | { readonly kind: "continue" }
  | { readonly kind: "return"; readonly value: Ir | null }
  | { readonly kind: "expr"; readonly value: Ir }
);

export interface CheckedArm {
  /** Replaced if it names a variant of a type that is decided only later in the function. */
  pattern: CheckedPattern;
  readonly guard: Ir | null;
  readonly body: Ir;
}

/** A pattern whose names are resolved by the type of the value it is matched against. */
export type CheckedPattern =
  | { readonly kind: "wildcard" }
  | { readonly kind: "bind"; readonly local: Local }
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "constructor"; readonly constructor_: Constructor; readonly args: readonly CheckedPattern[] }
  | { readonly kind: "or"; readonly alternatives: readonly CheckedPattern[] };

/** One way to construct a value of a type, with the types of its parts: `Some`, `Shape::Circle`, `Point`, `true`. */
export interface Constructor {
  /** How lowering tests for it. */
  readonly form: /** By the tag of the `Match` instruction. */
    | { readonly kind: "tag"; readonly tag: number }
    /** A record has one constructor, so there is nothing to test. */
    | { readonly kind: "record" }
    /** A variant with fields: by its tag; its payload is a record. */
    | { readonly kind: "struct"; readonly tag: number }
    /** By the result of the `JsonKind` instruction. */
    | { readonly kind: "json"; readonly json: number }
    | { readonly kind: "unit" };
  readonly name: string;
  readonly args: readonly CheckedType[];
  /** The names of its fields, for messages: `Named { x: _ }`. Null if it has none: `Some(_)`. */
  readonly fields: readonly string[] | null;
  /** The number of constructors of the type. */
  readonly constructorCount: number;
}
