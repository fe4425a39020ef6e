/**
 * What the checker of a whole program shares (`Context`), and the interface to the checker of one function
 * (`FunctionChecker`), through which the files of this folder check the parts of an expression.
 */
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { CapabilityDecl, CapabilityRegistry } from "../../vm/capabilities.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName, parseType, type Type } from "../../vm/value/type.ts";
import type { Block, Expr, Name, RowExpr, Span, TypeExpr } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras } from "../diagnostics.ts";
import { hintForType } from "../other-languages.ts";
import type { Callable, Ir, Local } from "../ir.ts";
import type { FunctionScope, Unit } from "../scope.ts";
import { didYouMean, hintExtras, suggestNearest } from "./did-you-mean.ts";
import { libraryTypeHint } from "./library-hints.ts";
import {
  builtinType,
  type CheckedType,
  ERROR,
  isBuiltinTypeName,
  type ParamType,
  STRING,
  type TypeDecl,
  unify,
  UNIT_TYPE,
} from "../check-types.ts";

/** Old names of capabilities, accepted in effect rows with a warning. */
const CAPABILITY_ALIASES: ReadonlyMap<string, string> = new Map([
  ["net", "net.fetch"],
  ["fs", "fs.read"],
  ["db", "db.query"],
  ["ui", "ui.render"],
  ["time", "time.now"],
  ["llm", "llm.call"],
]);

/** The types of a function or builtin, before its type parameters are replaced. */
export interface Signature {
  readonly typeParams: readonly ParamType[];
  readonly params: readonly CheckedType[];
  readonly result: CheckedType;
}

/** A checked expression and its type. */
export interface Typed {
  readonly ir: Ir;
  readonly type: CheckedType;
}

/** The result for an expression for which an error was reported. It is never lowered. */
export const failed = (span: Span): Typed => ({ ir: { kind: "block", stmts: [], value: null, span }, type: ERROR });

/** Checks the body of the function in `scope`. */
export interface FunctionChecker {
  readonly scope: FunctionScope;
  readonly context: Context;
  /**
   * Checks the expression and unifies its type with `expected`. A mismatch is reported as "expected T for WHY, found U";
   * without `why` the part from "for" is left out. `accepts` may take a type that does not match, which is then not
   * reported; it is not called for an `if`, a `match` or a block.
   */
  check(expr: Expr, expected: CheckedType, why?: string, accepts?: (found: CheckedType) => boolean): Ir;
  /** Checks a block in a scope of its own, like `check`. */
  block(block: Block, expected: CheckedType, why?: string): Ir;
  /** Declares a binding in the current block. */
  bind(name: Name, type: CheckedType, options: { readonly mutable: boolean }): Local;
  error(code: DiagnosticCode, span: Span, message: string, extras?: DiagnosticExtras): void;
  warning(code: DiagnosticCode, span: Span, message: string, extras?: DiagnosticExtras): void;
}

export class Context {
  readonly registry: CapabilityRegistry;
  /** The scope in which each function's body was checked, with the capabilities that it uses. */
  readonly scopes = new Map<Callable, FunctionScope>();
  /**
   * Patterns with variants of a type that was not decided when they were checked. They are checked again once the body of
   * their function has been checked, outer matches first, since a pattern may decide the type of an inner one.
   */
  readonly patternRechecks: (() => void)[] = [];
  /** Checks that need the types of the current function to be known. They run after `patternRechecks`. */
  readonly deferredChecks: (() => void)[] = [];
  /** Calls of builtins with the types of their results, for W007. */
  readonly builtinCalls = new WeakMap<Ir, { readonly name: string; readonly result: CheckedType }>();
  /** The function of a builtin that is written in the language. */
  readonly sourceBuiltin: (builtin: BuiltinDecl) => Callable;
  /** The records that builtins return: `Entry` and `Pair`. */
  readonly #records: ReadonlyMap<string, TypeDecl>;
  readonly #signatures = new Map<string, Signature>();

  constructor(registry: CapabilityRegistry, sourceBuiltin: (builtin: BuiltinDecl) => Callable, records: ReadonlyMap<string, TypeDecl>) {
    this.registry = registry;
    this.sourceBuiltin = sourceBuiltin;
    this.#records = records;
  }

  builtinSignature(builtin: BuiltinDecl): Signature {
    const known = this.#signatures.get(builtin.name);
    if (known !== undefined) return known;
    const typeParams = builtin.typeParams.map((name): ParamType => ({ kind: "param", name }));
    const type = parseType(builtin.type, new Set(builtin.typeParams));
    const byName = new Map(typeParams.map((p) => [p.name, p]));
    const signature: Signature =
      type.kind === "fn"
        ? { typeParams, params: type.params.map((p) => this.fromModuleType(p, byName)), result: this.fromModuleType(type.result, byName) }
        : { typeParams, params: [], result: this.fromModuleType(type, byName) };
    this.#signatures.set(builtin.name, signature);
    return signature;
  }

  /** A type of the builtin table or the capability table. */
  fromModuleType(type: Type, params: ReadonlyMap<string, ParamType> = new Map()): CheckedType {
    switch (type.kind) {
      case "primitive":
        return type;
      case "param":
        return params.get(type.name) ?? ERROR;
      case "fn":
        return {
          kind: "fn",
          params: type.params.map((p) => this.fromModuleType(p, params)),
          result: this.fromModuleType(type.result, params),
          row: type.row,
        };
      case "named": {
        const args = type.args.map((a) => this.fromModuleType(a, params));
        if (isBuiltinTypeName(type.name)) return builtinType(type.name, ...args);
        const decl = this.#records.get(type.name);
        return decl === undefined ? ERROR : { kind: "declared", decl, args };
      }
    }
  }

  /** A type as it is written in a file. `params` are the type parameters in scope. Reports unknown names. */
  resolveType(unit: Unit, expr: TypeExpr, params: ReadonlyMap<string, ParamType>): CheckedType {
    if (expr.kind === "fn") {
      return {
        kind: "fn",
        params: expr.params.map((p) => this.resolveType(unit, p, params)),
        result: this.resolveType(unit, expr.result, params),
        row: this.resolveRow(unit, expr.row),
      };
    }
    const name = expr.name.text;
    const args = expr.args.map((a) => this.resolveType(unit, a, params));
    const param = params.get(name);
    const decl = param === undefined ? this.typeNamed(unit, name) : undefined;
    const wanted = decl?.params.length ?? GENERIC_TYPE_ARITY.get(name) ?? 0;
    const known = param !== undefined || decl !== undefined || isPrimitiveName(name) || isBuiltinTypeName(name);
    if (!known) {
      const all = (): string[] => [
        ...unit.types.keys(),
        ...params.keys(),
        ...GENERIC_TYPE_ARITY.keys(),
        "Int",
        "Float",
        "String",
        "Bool",
        "Unit",
        "Json",
        "ActorId",
      ];
      unit.diagnostics.error(
        "E013",
        expr.span,
        `unknown type \`${name}\``,
        libraryTypeHint(unit, name) ?? hintExtras(expr.name, hintForType(name)) ?? suggestNearest(unit, expr.name, all),
      );
      return ERROR;
    }
    if (args.length !== wanted) {
      unit.diagnostics.error(
        "E013",
        expr.span,
        `\`${name}\` takes ${wanted} type ${wanted === 1 ? "argument" : "arguments"}, found ${args.length}`,
        { help: `write \`${typeExample(name, wanted)}\`` },
      );
      return ERROR;
    }
    if (param !== undefined) return param;
    if (decl !== undefined) return { kind: "declared", decl, args };
    if (isBuiltinTypeName(name)) {
      const key = args[0];
      if (name === "Map" && key !== undefined && !unify(key, STRING)) {
        unit.diagnostics.error("E009", expr.span, "the keys of a Map are Strings", { help: "write Map<String, V>" });
      }
      return builtinType(name, ...args);
    }
    return isPrimitiveName(name) ? { kind: "primitive", name } : ERROR;
  }

  /** The record or enum that a name refers to in a file. */
  typeNamed(unit: Unit, name: string): TypeDecl | undefined {
    return unit.types.get(name) ?? this.#records.get(name);
  }

  /** The sorted capability names of an effect row. Warns of old names and reports unknown ones. */
  resolveRow(unit: Unit, row: RowExpr | null): readonly string[] {
    const names = new Set<string>();
    for (const written of row?.names ?? []) {
      const name = CAPABILITY_ALIASES.get(written.text) ?? written.text;
      if (name !== written.text) {
        unit.diagnostics.warning(
          "W005",
          written.span,
          `\`${written.text}\` is an old name of the capability \`${name}\``,
          didYouMean(written, name),
        );
      }
      if (this.registry.byName.has(name)) names.add(name);
      else {
        const all = [...this.registry.byName.keys()];
        unit.diagnostics.error(
          "E007",
          written.span,
          `unknown capability \`${name}\``,
          suggestNearest(unit, written, () => all, `the capabilities are ${all.join(", ")}`),
        );
      }
    }
    return [...names].sort();
  }

  /** The builtin of that name, unless a function of the file hides it. */
  builtin(unit: Unit, name: string): BuiltinDecl | undefined {
    return unit.functions.has(name) ? undefined : BUILTIN_BY_NAME.get(name);
  }

  capability(name: string): CapabilityDecl | undefined {
    return this.registry.byName.get(name === "step_input" ? "step.input" : name);
  }
}

/** An example of the type with the given number of arguments. */
function typeExample(name: string, args: number): string {
  if (args === 0) return name;
  const last = args === 1 ? ["Int"] : ["String", ...Array.from({ length: args - 1 }, () => "Int")];
  return `${name}<${last.join(", ")}>`;
}

/** The result type of a signature; Unit if none is written. */
export const resultOf = (context: Context, unit: Unit, expr: TypeExpr | null, params: ReadonlyMap<string, ParamType>): CheckedType =>
  expr === null ? UNIT_TYPE : context.resolveType(unit, expr, params);
