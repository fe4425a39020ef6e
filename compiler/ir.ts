/**
 * Defines the intermediate representation (IR) of checked function bodies. In it names are resolved, types are known, and
 * shorthand is expanded. The checker (`check/`) builds it; lowering (`lower/`) turns it into instructions.
 *
 * An `Ir` is an expression, which leaves one value on the operand stack. An `IrStmt` is a statement, which leaves no
 * value. For example, `list.len(xs) + 1` is
 *
 *     { kind: "chain", first: { kind: "builtin", builtin: list.len, args: [{ kind: "local", local: xs }] },
 *       rest: [{ op: "+", type: Int, operand: { kind: "const", value: 1 } }] }
 */
import type { BuiltinDecl } from "../vm/builtins/decl.ts";
import type { OpName } from "../vm/bytecode/opcodes.ts";
import type { Value } from "../vm/value/value.ts";
import type { AssignOperator, BinaryOp, FnItem, RangeOp, Span, WrapKind } from "./ast.ts";
import type { CheckedType, TypeDecl } from "./check-types.ts";
import type { ParamType, RowItem } from "./rows.ts";
import type { SourceFile } from "./source.ts";

/**
 * A binding of one function: a parameter, a `let`, a name in a pattern, or a value that only the compiler needs. A binding that only the
 * compiler needs is named "", or by the text of the pattern of a `for`. Bindings are compared by object identity. Lowering assigns a
 * stack slot to each.
 */
export interface Local {
  readonly name: string;
  readonly type: CheckedType;
  readonly isMutable: boolean;
  readonly span: Span;
  /** Whether any code reads the binding. If not, W004 warns of the binding. */
  isUsed: boolean;
}

/**
 * A function that lowering turns into a function of the module: one declared with `fn`, a lambda, a `test` block, an `answer` of a test,
 * or a source builtin (one written in `.ax`). Other builtins are not callables: they are `BuiltinDecl`.
 */
export interface Callable {
  readonly name: string;
  readonly file: SourceFile;
  /** The syntax tree of the `fn`; null for other callables. After an edit of the body, `incremental/file.ts` sets the new tree. */
  item: FnItem | null;
  readonly typeParams: readonly ParamType[];
  readonly params: readonly CheckedType[];
  readonly result: CheckedType;
  /** The type after `receives`: that of the messages to an actor that runs the function. Null if none is declared. A lambda has that of the function around it. */
  readonly message: CheckedType | null;
  /** The effect row. The row of a lambda without a written row lists what its body uses. */
  row: readonly RowItem[];
  /** The checked body; null until the body has been checked. */
  body: CheckedBody | null;
}

export interface CheckedBody {
  /** The bindings of the captured values of a lambda, then those of the parameters. */
  readonly params: readonly Local[];
  /** Statements that take apart the parameters that are patterns. They run first. */
  readonly destructureParams: readonly IrStmt[];
  readonly requires: readonly CheckedClause[];
  readonly ensures: readonly CheckedClause[];
  /** The binding `result` of the `ensures` clauses; null if the function has no such clauses. */
  readonly result: Local | null;
  readonly value: Ir;
  /** The text of the `intent` clause; null if the function has none. */
  readonly intent: string | null;
}
/** A `requires` or `ensures` clause. */
export interface CheckedClause {
  readonly condition: Ir;
  /** The source text of the clause, for the message of the trap. */
  readonly text: string;
  readonly span: Span;
}

/** A checked expression. */
export type Ir = { readonly span: Span } & (
  | { readonly kind: "const"; readonly value: Value }
  | { readonly kind: "local"; readonly local: Local }
  | { readonly kind: "fn"; readonly target: Callable }
  /** A builtin as a value, `list.map(xs, int.abs)`. */
  | { readonly kind: "builtin_value"; readonly builtin: BuiltinDecl; readonly arity: number; readonly typeArg: CheckedType | null }
  | { readonly kind: "closure"; readonly target: Callable; readonly captured: readonly Local[] }
  | { readonly kind: "call"; readonly target: Callable; readonly args: readonly Ir[] }
  /** A call of a local function to itself. It passes on the values that the function captured. */
  | { readonly kind: "call_self"; readonly args: readonly Ir[] }
  | { readonly kind: "call_value"; readonly callee: Ir; readonly args: readonly Ir[] }
  /** `typeArg` is the type whose text the compiler adds as the last argument; null for most builtins. */
  | { readonly kind: "builtin"; readonly builtin: BuiltinDecl; readonly args: readonly Ir[]; readonly typeArg: CheckedType | null }
  /** The parts, joined to a String. A part that is not a String is converted to text. `type` is the type of the part. */
  | { readonly kind: "text"; readonly parts: readonly { readonly value: Ir; readonly type: CheckedType }[] }
  /** One instruction that takes the arguments as its operands. */
  | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Ir[] }
  /** Binary operators of one precedence, from left to right. Each `type` is the type of the operands of its operator. */
  | {
      readonly kind: "chain";
      readonly first: Ir;
      readonly rest: readonly {
        readonly op: Exclude<BinaryOp, RangeOp>;
        readonly type: CheckedType;
        readonly operand: Ir;
        readonly span: Span;
      }[];
    }
  | { readonly kind: "logic"; readonly op: "&&" | "||"; readonly operands: readonly Ir[] }
  /** `caught` is true if the call is under `try`, so that a failure becomes `Err`. */
  | { readonly kind: "capability"; readonly id: number; readonly args: readonly Ir[]; readonly caught: boolean }
  | { readonly kind: "record"; readonly decl: TypeDecl; readonly fields: readonly Ir[] }
  | { readonly kind: "enum"; readonly decl: TypeDecl; readonly variant: number; readonly payload: Ir | null }
  /** The payload of a struct variant. */
  | { readonly kind: "variant_record"; readonly decl: TypeDecl; readonly variant: number; readonly fields: readonly Ir[] }
  | { readonly kind: "someOkErr"; readonly wrap: WrapKind; readonly value: Ir }
  /** `value?`, the value inside a Some or Ok (`wrapper`). Otherwise the function returns `value`. `subject` is a binding that holds `value`. */
  | { readonly kind: "propagate"; readonly value: Ir; readonly wrapper: "Some" | "Ok"; readonly subject: Local }
  | { readonly kind: "get_field"; readonly target: Ir; readonly index: number }
  /** Runs the functions, which have no parameters, as branches. The value is the list of their results. */
  | { readonly kind: "par"; readonly branches: readonly Ir[] }
  | { readonly kind: "list"; readonly items: readonly Ir[] }
  | { readonly kind: "map"; readonly entries: readonly { readonly key: Ir; readonly value: Ir }[] }
  | { readonly kind: "if"; readonly branches: readonly (CheckedCondition & { readonly body: Ir })[]; readonly otherwise: Ir | null }
  /** `subject` is the binding that holds the value of the scrutinee. */
  | { readonly kind: "match"; readonly scrutinee: Ir; readonly subject: Local; readonly arms: readonly CheckedArm[] }
  /** `value` is null if the block ends in a statement. The value of such a block is Unit, unless its end is never reached. */
  | { readonly kind: "block"; readonly stmts: readonly IrStmt[]; readonly value: Ir | null }
  | { readonly kind: "spawn"; readonly target: Callable }
  | { readonly kind: "send"; readonly actor: Ir; readonly message: Ir }
  | { readonly kind: "receive"; readonly type: CheckedType }
  /** `emit tree`, which adds a value to the user interface output of the run. */
  | { readonly kind: "emit"; readonly tree: Ir }
);

/** A checked statement. `set` is a `let` or an assignment to a variable, `update` an assignment to a part of a variable. */
export type IrStmt = { readonly span: Span } & (
  | { readonly kind: "set"; readonly local: Local; readonly value: Ir }
  | Destructuring
  | {
      readonly kind: "update";
      readonly local: Local;
      readonly steps: readonly UpdateStep[];
      /** The operator that combines the old part with the value; null if the value replaces the part. */
      readonly operator: AssignOperator | null;
      /** The type of the part. */
      readonly type: CheckedType;
      readonly value: Ir;
    }
  /** `isEndless` is true for `while true` without a `break`: control never reaches the statement after it. */
  | (CheckedCondition & { readonly kind: "while"; readonly body: Ir; readonly isEndless: boolean })
  /** `assigned` has every binding that the function assigns to. Lowering uses it: if `local` is one of them, the loop counts in another slot. */
  | { readonly kind: "for"; readonly local: Local; readonly list: Ir; readonly body: Ir; readonly assigned: ReadonlySet<Local> }
  | { readonly kind: "break" }
  | { readonly kind: "continue" }
  | { readonly kind: "return"; readonly value: Ir | null }
  | { readonly kind: "expr"; readonly value: Ir }
);

/** A step from a value to one of its parts: an index into a list, a key of a map, or the number of a field. */
export type UpdateStep = { readonly kind: "index"; readonly index: Ir } | { readonly kind: "field"; readonly field: number };

/** A pattern with which a value is tested. */
export interface PatternTest {
  /** The checked pattern. It is replaced later if it names a variant of a type that was not decided yet. */
  pattern: CheckedPattern;
}

/** A pattern with the binding that holds the matched value. */
export interface PatternMatch {
  readonly subject: Local;
  readonly test: PatternTest;
}

/** The condition of an `if` or `while`. With a `match`, as in `if let Some(x) = o`, `condition` is the value that is matched. */
export interface CheckedCondition {
  readonly condition: Ir;
  readonly match: PatternMatch | null;
}

/**
 * Matches a value with a pattern and sets the bindings of the pattern. If it does not match, `otherwise` runs, whose end is never
 * reached. If `otherwise` is null, the pattern matches every value of its type.
 */
export interface Destructuring extends PatternMatch {
  readonly kind: "destructure";
  readonly otherwise: Ir | null;
  readonly span: Span;
}

export interface CheckedArm extends PatternTest {
  readonly guard: Ir | null;
  readonly body: Ir;
}

/** A pattern whose names are resolved by the type of the matched value. */
export type CheckedPattern =
  | { readonly kind: "wildcard" }
  | { readonly kind: "bind"; readonly local: Local }
  | { readonly kind: "literal"; readonly value: Value }
  /** `rest` is the binding of `..name`. Null: the pattern has no `..`. "unused": `..` has no name. */
  | {
      readonly kind: "list";
      readonly prefix: readonly CheckedPattern[];
      readonly rest: Local | "unused" | null;
      readonly suffix: readonly CheckedPattern[];
    }
  | { readonly kind: "constructor"; readonly constructor_: Constructor; readonly args: readonly CheckedPattern[] }
  | { readonly kind: "or"; readonly alternatives: readonly CheckedPattern[] };

/** One way to construct a value of a type, with the types of its parts: `Some`, `Shape::Circle`, `Point`, `true`. */
export interface Constructor {
  /** How lowering tests whether a value has this constructor. */
  readonly form: /** The test compares the tag in the `Match` instruction. */
    | { readonly kind: "tag"; readonly tag: number }
    /** No test is needed, because a record has only one constructor. */
    | { readonly kind: "record" }
    /** A variant with fields. The test compares its tag; its payload is a record. */
    | { readonly kind: "struct"; readonly tag: number }
    /** The test compares the result of the `JsonKind` instruction. */
    | { readonly kind: "json"; readonly jsonKind: number }
    /** The only value of the type Unit. No test is needed. */
    | { readonly kind: "unit" };
  readonly name: string;
  readonly args: readonly CheckedType[];
  /** The names of the fields, for messages such as `Named { x: _ }`; null if there are no fields, as in `Some(_)`. */
  readonly fields: readonly string[] | null;
  /** The number of constructors that the type has. */
  readonly constructorCount: number;
}
