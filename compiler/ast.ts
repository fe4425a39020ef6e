/** Defines the syntax tree, which the parser returns and the checker and the formatter read. It is plain data. */
import type { IntValue } from "../vm/value/value.ts";

/** A part of a source text: offsets in UTF-16 code units from 0. `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Name {
  readonly text: string;
  readonly span: Span;
}

/** An effect row as written: the names of capabilities, some perhaps old ones, and of row variables. */
export interface RowExpr {
  readonly names: readonly Name[];
  readonly span: Span;
}

export type TypeExpr =
  | { readonly kind: "name"; readonly name: Name; readonly args: readonly TypeExpr[]; readonly span: Span }
  | {
      readonly kind: "fn";
      readonly params: readonly TypeExpr[];
      readonly result: TypeExpr;
      readonly row: RowExpr | null;
      readonly span: Span;
    }
  | { readonly kind: "tuple"; readonly items: readonly TypeExpr[]; readonly span: Span };

/** What a `let`, a `for` or a parameter binds: a name, or the names in a pattern. */
export interface Binder {
  /** The name. If there is a pattern, "" with the span of the pattern. */
  readonly name: Name;
  readonly pattern: Pattern | null;
}

/** The condition of an `if` or `while`. With a pattern, as in `if let Some(x) = o`, `condition` is the value that is matched. */
export interface Condition {
  readonly pattern: Pattern | null;
  readonly condition: Expr;
}

export interface Param extends Binder {
  readonly type: TypeExpr;
}

/** A `requires` or `ensures` clause with its source text. */
export interface Clause {
  readonly condition: Expr;
  readonly text: string;
  readonly span: Span;
}

export interface FnItem {
  readonly kind: "fn";
  readonly isExported: boolean;
  readonly name: Name;
  readonly typeParams: readonly Name[];
  readonly params: readonly Param[];
  /** The result type as written; null if the signature omits it, which means Unit. */
  readonly result: TypeExpr | null;
  /** The type after `receives`; null if the function declares no message type. */
  readonly receives: TypeExpr | null;
  readonly row: RowExpr | null;
  /** The text of the `intent` clause; null if the function has no such clause. */
  readonly intent: string | null;
  readonly requires: readonly Clause[];
  readonly ensures: readonly Clause[];
  readonly body: Block;
  readonly span: Span;
}

export interface FieldDecl {
  readonly name: Name;
  readonly type: TypeExpr;
}

export interface RecordItem {
  readonly kind: "record";
  readonly isExported: boolean;
  readonly name: Name;
  readonly typeParams: readonly Name[];
  readonly fields: readonly FieldDecl[];
  readonly span: Span;
}

export interface VariantDecl {
  readonly name: Name;
  readonly payload:
    | null
    | { readonly kind: "positional"; readonly types: readonly TypeExpr[] }
    | { readonly kind: "struct"; readonly fields: readonly FieldDecl[] };
  readonly span: Span;
}

export interface EnumItem {
  readonly kind: "enum";
  readonly isExported: boolean;
  readonly name: Name;
  readonly typeParams: readonly Name[];
  readonly variants: readonly VariantDecl[];
  readonly span: Span;
}

export interface ImportItem {
  readonly kind: "import";
  /** The name of the imported library or file as written: `std-json`, `./util.ax`. */
  readonly specifier: Name;
  readonly span: Span;
}

/** The statement `answer net.fetch(url) { … }` at the start of a test. It answers the calls of a capability in that test. */
export interface Answer {
  readonly kind: "answer";
  /** The name of the capability as written: `net.fetch`, `random`. */
  readonly capability: Name;
  readonly params: readonly Name[];
  readonly body: Block;
  readonly span: Span;
}

export interface TestItem {
  readonly kind: "test";
  readonly name: Name;
  readonly body: Block;
  readonly span: Span;
}

export type Item = FnItem | RecordItem | EnumItem | ImportItem | TestItem;

/** Statements in braces. If the last statement is an expression, the value of that expression is the value of the block. */
export interface Block {
  readonly stmts: readonly Stmt[];
  readonly span: Span;
}

export type Stmt =
  | (Binder & {
      readonly kind: "let";
      readonly isMutable: boolean;
      readonly type: TypeExpr | null;
      readonly value: Expr;
      /** The block after `else`, which runs if the pattern does not match; null if there is none. */
      readonly otherwise: Block | null;
      readonly span: Span;
    })
  | {
      readonly kind: "assign";
      readonly name: Name;
      /** The part of the variable that is assigned, from the outside in: `[i]` and `.x` in `name[i].x = v`. Empty for `name = v`. */
      readonly steps: readonly AssignStep[];
      /** The operator of a compound assignment, such as `+` in `x += 1`; null for `=`. */
      readonly operator: AssignOperator | null;
      readonly value: Expr;
      readonly span: Span;
    }
  | (Condition & { readonly kind: "while"; readonly body: Block; readonly span: Span })
  | (Binder & { readonly kind: "for"; readonly list: Expr; readonly body: Block; readonly span: Span })
  | { readonly kind: "break"; readonly span: Span }
  | { readonly kind: "continue"; readonly span: Span }
  | Answer
  /** A function that is declared inside another. It has no type parameters and no contract. */
  | { readonly kind: "fn"; readonly item: FnItem; readonly span: Span }
  | { readonly kind: "return"; readonly value: Expr | null; readonly span: Span }
  | { readonly kind: "expr"; readonly value: Expr; readonly span: Span };

/** A step from a value to one of its parts, in the target of an assignment. */
export type AssignStep = { readonly span: Span } & (
  | { readonly kind: "index"; readonly index: Expr }
  | { readonly kind: "field"; readonly name: Name }
);
export type AssignOperator = "+" | "-" | "*" | "++";

export type RangeOp = ".." | "..=";
export type BinaryOp = "||" | "&&" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "++" | RangeOp | "+" | "-" | "*" | "/" | "%";
/** The constructors of Option and Result that hold a value. */
export type WrapKind = "Some" | "Ok" | "Err";

export interface FieldInit {
  readonly name: Name;
  /** The value of the field. In `P { x }`, which is short for `P { x: x }`, it is the name `x`. */
  readonly value: Expr;
}

export interface LambdaParam extends Binder {
  readonly type: TypeExpr | null;
}

export interface IfBranch extends Condition {
  readonly body: Block;
}

export interface MatchArm {
  readonly pattern: Pattern;
  readonly guard: Expr | null;
  /** The block of the arm. An arm without braces becomes a block with one statement. */
  readonly body: Block;
  /** Whether the arm is `=> {}`, which means an empty map if a map is expected, and otherwise an empty block. */
  readonly hasEmptyBraces: boolean;
  readonly span: Span;
}

export type Expr =
  | { readonly kind: "int"; readonly value: IntValue; readonly span: Span }
  | { readonly kind: "float"; readonly value: number; readonly span: Span }
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  /** `f"a{x}b"`: its pieces of text as `string` nodes, and the values of its holes, in source order. */
  | { readonly kind: "text"; readonly parts: readonly Expr[]; readonly span: Span }
  | { readonly kind: "bool"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "unit"; readonly span: Span }
  | { readonly kind: "none"; readonly span: Span }
  | { readonly kind: "someOkErr"; readonly wrap: WrapKind; readonly value: Expr; readonly span: Span }
  | { readonly kind: "name"; readonly name: Name; readonly span: Span }
  /** `E::V`, `E::V(x)` or `E::V { … }`. `args` may have any number of elements; the checker counts them. */
  | {
      readonly kind: "variant";
      readonly enum: Name;
      readonly variant: Name;
      readonly payload:
        | null
        | { readonly kind: "args"; readonly args: readonly Expr[] }
        | { readonly kind: "struct"; readonly fields: readonly FieldInit[] };
      readonly span: Span;
    }
  | { readonly kind: "call"; readonly callee: Expr; readonly args: readonly Expr[]; readonly span: Span }
  /** `value |> callee(args)`, the call `callee(value, args)`. `args` is null if the callee has no parentheses: `value |> callee`. */
  | { readonly kind: "pipe"; readonly value: Expr; readonly callee: Expr; readonly args: readonly Expr[] | null; readonly span: Span }
  /** Field access, or the qualified name of a builtin or capability: `string.len`, `net.fetch`. */
  | { readonly kind: "field"; readonly target: Expr; readonly name: Name; readonly span: Span }
  | { readonly kind: "index"; readonly target: Expr; readonly index: Expr; readonly span: Span }
  | { readonly kind: "record"; readonly name: Name; readonly base: Expr | null; readonly fields: readonly FieldInit[]; readonly span: Span }
  | { readonly kind: "list"; readonly items: readonly Expr[]; readonly span: Span }
  | { readonly kind: "tuple"; readonly items: readonly Expr[]; readonly span: Span }
  | { readonly kind: "map"; readonly entries: readonly { readonly key: Expr; readonly value: Expr }[]; readonly span: Span }
  | {
      readonly kind: "lambda";
      readonly params: readonly LambdaParam[];
      readonly result: TypeExpr | null;
      readonly row: RowExpr | null;
      readonly body: Block;
      /** Whether the checker made the lambda from a branch of a `par`. */
      readonly isBranch?: true;
      readonly span: Span;
    }
  /** `par { a, b }`, whose branches may overlap. */
  | { readonly kind: "par"; readonly branches: readonly Expr[]; readonly span: Span }
  | { readonly kind: "if"; readonly branches: readonly IfBranch[]; readonly otherwise: Block | null; readonly span: Span }
  | { readonly kind: "match"; readonly scrutinee: Expr; readonly arms: readonly MatchArm[]; readonly span: Span }
  | { readonly kind: "block"; readonly block: Block; readonly span: Span }
  | { readonly kind: "unary"; readonly op: "-" | "!"; readonly operand: Expr; readonly span: Span }
  /** A chain of operators of the same precedence: `first op operand op operand …`. The flat form keeps the tree of a long sum shallow. */
  | {
      readonly kind: "binary";
      readonly first: Expr;
      readonly rest: readonly { readonly op: BinaryOp; readonly opSpan: Span; readonly operand: Expr }[];
      readonly span: Span;
    }
  | { readonly kind: "try"; readonly call: Expr; readonly span: Span }
  /** `value?`. If the value is None or Err, the function returns it. */
  | { readonly kind: "propagate"; readonly value: Expr; readonly span: Span }
  | { readonly kind: "spawn"; readonly target: Expr; readonly span: Span }
  | { readonly kind: "send"; readonly actor: Expr; readonly message: Expr; readonly span: Span }
  | { readonly kind: "receive"; readonly span: Span }
  /** `emit tree`, which adds a value to the user interface output of the run. */
  | { readonly kind: "emit"; readonly tree: Expr; readonly span: Span }
  /** Source text with a syntax error that the parser has reported. */
  | { readonly kind: "error"; readonly span: Span };

export interface FieldPattern {
  readonly name: Name;
  /** The pattern for the field; null for `V { x }`, which binds the field to its own name. */
  readonly pattern: Pattern | null;
}

export type Pattern =
  | { readonly kind: "wildcard"; readonly span: Span }
  /** A binding, or a variant without a payload. The type of the matched value decides which. */
  | { readonly kind: "name"; readonly name: Name; readonly span: Span }
  | { readonly kind: "int"; readonly value: IntValue; readonly span: Span }
  | { readonly kind: "float"; readonly value: number; readonly span: Span }
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  | { readonly kind: "bool"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "unit"; readonly span: Span }
  | { readonly kind: "none"; readonly span: Span }
  | { readonly kind: "someOkErr"; readonly wrap: WrapKind; readonly inner: Pattern; readonly span: Span }
  /** `V(p)`, `E::V` or `E::V(p)`. `args` may have any number of elements; the checker counts them. */
  | {
      readonly kind: "variant";
      readonly enum: Name | null;
      readonly variant: Name;
      readonly args: readonly Pattern[] | null;
      readonly span: Span;
    }
  /** `V { x, y: p, .. }`, `E::V { … }` or, for a record, `R { … }`. `hasRest` says whether the pattern ends with `..`. */
  | {
      readonly kind: "struct";
      readonly enum: Name | null;
      readonly name: Name;
      readonly fields: readonly FieldPattern[];
      readonly hasRest: boolean;
      readonly span: Span;
    }
  | { readonly kind: "tuple"; readonly items: readonly Pattern[]; readonly span: Span }
  /** `[a, b]`, or `[a, ..rest, b]` if there is a `rest`. The elements after it are the `suffix`. */
  | {
      readonly kind: "list";
      readonly prefix: readonly Pattern[];
      readonly rest: RestPattern | null;
      readonly suffix: readonly Pattern[];
      readonly span: Span;
    }
  | { readonly kind: "or"; readonly alternatives: readonly Pattern[]; readonly span: Span };

/** `..` or `..name` in a list pattern. It matches the elements that no other pattern of the list matches, and binds them to the name. */
export interface RestPattern {
  readonly name: Name | null;
  readonly span: Span;
}

export interface Comment {
  /** The text of the comment, including the `//`. */
  readonly text: string;
  readonly span: Span;
}

export interface ParsedFile {
  readonly name: string;
  readonly text: string;
  /** The name from `module name` at the start of the file; null if there is no such line. */
  readonly moduleName: Name | null;
  readonly items: readonly Item[];
  readonly comments: readonly Comment[];
  /** The sections with a lexical or syntax error, which may lack items. `parser/sections.ts` says what a section is. */
  readonly damaged: readonly Span[];
}
