/** The checked program: names resolved, types known, sugar gone. The checker makes it, lowering reads it. */
import type { BuiltinDecl } from "../vm/builtins/decl.ts";
import type { OpName } from "../vm/bytecode/opcodes.ts";
import type { Value } from "../vm/value/value.ts";
import type { BinaryOp, FnItem, Span, WrapKind } from "./ast.ts";
import type { ParamType, T, TypeDecl } from "./check-types.ts";

/** A binding in one function. Its slot is given when the function is lowered. */
export interface Local {
  readonly name: string;
  readonly type: T;
  readonly mutable: boolean;
  readonly span: Span;
  used: boolean;
}

/** A function of the program: an item, a lambda, a builtin written in the language, or a builtin taken as a value. */
export interface Callable {
  readonly name: string;
  readonly file: SourceUnit;
  readonly item: FnItem | null;
  readonly typeParams: readonly ParamType[];
  readonly params: readonly T[];
  readonly result: T;
  /** Capability names, sorted; a lambda's own is inferred. */
  row: readonly string[];
  /** Set once the body has been checked. */
  body: CheckedBody | null;
}

export interface CheckedBody {
  /** Captured values first (lambdas), then the parameters. */
  readonly params: readonly Local[];
  readonly requires: readonly CheckedClause[];
  readonly ensures: readonly CheckedClause[];
  /** The binding `result` of the `ensures` clauses. */
  readonly result: Local | null;
  readonly value: Ir;
  readonly intent: string | null;
}
export interface CheckedClause {
  readonly condition: Ir;
  readonly text: string;
  readonly span: Span;
}

/** A file as the compiler sees it. */
export interface SourceUnit {
  readonly name: string;
  readonly text: string;
}

export type Ir = { readonly span: Span } & (
  | { readonly kind: "const"; readonly value: Value }
  | { readonly kind: "local"; readonly local: Local }
  | { readonly kind: "fn"; readonly target: Callable }
  | { readonly kind: "builtin_value"; readonly builtin: BuiltinDecl; readonly arity: number }
  | { readonly kind: "closure"; readonly target: Callable; readonly captured: readonly Local[] }
  | { readonly kind: "call"; readonly target: Callable; readonly args: readonly Ir[] }
  | { readonly kind: "call_value"; readonly callee: Ir; readonly args: readonly Ir[] }
  | { readonly kind: "builtin"; readonly builtin: BuiltinDecl; readonly args: readonly Ir[] }
  | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Ir[] }
  /** Left to right; `type` is the type of the operands of that operator. */
  | {
      readonly kind: "chain";
      readonly first: Ir;
      readonly rest: readonly { readonly op: BinaryOp; readonly type: T; readonly operand: Ir; readonly span: Span }[];
    }
  | { readonly kind: "logic"; readonly op: "&&" | "||"; readonly operands: readonly Ir[] }
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
  /** `value` is null when the block ends in a statement: it gives Unit, or never ends. */
  | { readonly kind: "block"; readonly stmts: readonly IrStmt[]; readonly value: Ir | null }
  | { readonly kind: "spawn"; readonly target: Callable }
  | { readonly kind: "send"; readonly actor: Ir; readonly message: Ir }
  | { readonly kind: "receive"; readonly type: T }
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
  /** Final once the function's types are known. */
  pattern: CheckedPattern;
  readonly guard: Ir | null;
  readonly body: Ir;
}

/** A pattern with everything resolved against the type of what it is matched with. */
export type CheckedPattern =
  | { readonly kind: "wildcard" }
  | { readonly kind: "bind"; readonly local: Local }
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "constructor"; readonly constructor_: Constructor; readonly args: readonly CheckedPattern[] }
  | { readonly kind: "or"; readonly alternatives: readonly CheckedPattern[] };

/** One way to make a value of a type, with the types of its parts. */
export interface Constructor {
  readonly form:
    | { readonly kind: "tag"; readonly tag: number }
    /** A record, or a struct variant once its tag fits. */
    | { readonly kind: "record" }
    | { readonly kind: "struct"; readonly tag: number }
    | { readonly kind: "json"; readonly json: number }
    | { readonly kind: "unit" };
  readonly name: string;
  readonly args: readonly T[];
  /** How a witness prints: `Some(_)`, `Named { x: _ }`. */
  readonly fields: readonly string[] | null;
  /** How many constructors the type has. */
  readonly siblings: number;
}
