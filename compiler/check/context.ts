/**
 * Defines `CheckContext`, the state that is shared while a program is checked, and `FunctionChecker`, the interface to the checker of
 * one function. The files for single kinds of expressions check subexpressions through this interface. They cannot import
 * `expressions.ts`, because it imports them.
 */
import { BUILTIN_BY_NAME, BUILTIN_RECORDS } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { CapabilityDecl, CapabilityRegistry } from "../../vm/capabilities.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName, isTupleName, parseType, type Type } from "../../vm/value/type.ts";
import type { Block, Expr, Name, RowExpr, Span, TypeExpr } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras } from "../diagnostics.ts";
import { hintForType } from "../other-languages.ts";
import type { Callable, Ir, Local } from "../ir.ts";
import type { FunctionScope, SourceUnit } from "../scope.ts";
import { didYouMean, hintExtras, suggestNearest } from "./did-you-mean.ts";
import { libraryTypeHint } from "./library-hints.ts";
import type { NameRecorder } from "../name-recorder.ts";
import {
  ACTOR_ID,
  actorIdOf,
  BOOL,
  builtinType,
  type CheckedType,
  ERROR,
  FLOAT,
  instantiation,
  INT,
  isBuiltinTypeName,
  JSON_TYPE,
  rowInstantiation,
  STRING,
  tupleType,
  substitute,
  type TypeDecl,
  unify,
  UNIT_TYPE,
} from "../check-types.ts";
import { paramsByName, type ParamType, type Row, type RowItem, sortedRow, substituteRow } from "../rows.ts";

/** Maps old names of capabilities to today's names. Old names are accepted in effect rows, with a warning. */
const CAPABILITY_ALIASES: ReadonlyMap<string, string> = new Map([
  ["net", "net.fetch"],
  ["fs", "fs.read"],
  ["db", "db.query"],
  ["ui", "ui.render"],
  ["time", "time.now"],
  ["llm", "llm.call"],
]);

/** The types and the row of a function or builtin, before its type parameters are replaced with arguments. */
export interface Signature {
  readonly typeParams: readonly ParamType[];
  readonly params: readonly CheckedType[];
  readonly result: CheckedType;
  readonly row: Row;
}

/** A signature whose type parameters are replaced with type variables, and its row variables with open rows. */
export interface SignatureInstance extends Omit<Signature, "typeParams"> {
  readonly typeArgs: ReadonlyMap<ParamType, CheckedType>;
}

const NO_TYPE_ARGS: ReadonlyMap<ParamType, CheckedType> = new Map();

/** Returns the signature for one call: fresh variables replace its type parameters. */
export function instanceOf(signature: Signature): SignatureInstance {
  if (signature.typeParams.length === 0)
    return { typeArgs: NO_TYPE_ARGS, params: signature.params, result: signature.result, row: signature.row };
  const typeArgs = instantiation(signature.typeParams);
  const rowArgs = rowInstantiation(signature.typeParams);
  return {
    typeArgs,
    params: signature.params.map((p) => substitute(p, typeArgs, rowArgs)),
    result: substitute(signature.result, typeArgs, rowArgs),
    row: substituteRow(signature.row, rowArgs),
  };
}

/** A checked expression and its type. */
export interface TypedIr {
  readonly ir: Ir;
  readonly type: CheckedType;
}

/** Returns a placeholder for an expression for which an error was reported. The placeholder is never lowered. */
export const errorExpression = (span: Span): TypedIr => ({ ir: { kind: "block", stmts: [], value: null, span }, type: ERROR });

/** Checks the body of the function in `scope`. */
export interface FunctionChecker {
  readonly scope: FunctionScope;
  readonly context: CheckContext;
  /**
   * Checks the expression and unifies its type with `expected`. A mismatch is reported as "expected T for WHY, found U", or
   * as "expected T, found U" if `why` is empty. If `accepts` returns true for the type of the expression, a mismatch is not
   * reported. `accepts` is not called for an `if`, a `match` or a block.
   */
  check(expr: Expr, expected: CheckedType, why?: string, accepts?: (found: CheckedType) => boolean): Ir;
  /** Returns a checker for a function inside this one. */
  inner(scope: FunctionScope): FunctionChecker;
  /** Does for a block what `check` does for an expression. The block has its own scope. */
  block(block: Block, expected: CheckedType, why?: string): Ir;
  /** Declares a binding in the current block. */
  bind(name: Name, type: CheckedType, options: { readonly isMutable: boolean }): Local;
  /** Ends the current block, which is at `span`, and warns of its unused bindings. */
  leave(span: Span): void;
  /** Unifies the types, and reports a mismatch or a type that is too large. `why` has the same meaning as in `check`. */
  expect(type: CheckedType, expected: CheckedType, span: Span, why: string): void;
  error(code: DiagnosticCode, span: Span, message: string, extras?: DiagnosticExtras): void;
  warning(code: DiagnosticCode, span: Span, message: string, extras?: DiagnosticExtras): void;
}

const NO_ROW: readonly RowItem[] = [];

const PRIMITIVES: ReadonlyMap<string, CheckedType> = new Map(
  [INT, FLOAT, STRING, BOOL, UNIT_TYPE, ACTOR_ID, JSON_TYPE].map((type) => [type.name, type]),
);

/** The signatures of builtins that all programs share. */
const SIGNATURES = new Map<BuiltinDecl, Signature>();

export class CheckContext {
  readonly registry: CapabilityRegistry;
  /** The scope in which the body of each function was checked, including the capabilities that the body uses. */
  readonly scopes = new Map<Callable, FunctionScope>();
  /**
   * The second checks of patterns that named a variant of a type that was not decided. They run in this order after the body of the
   * current function. An outer match comes before an inner one, because its patterns may decide the type of the inner one.
   */
  readonly patternRechecks: (() => void)[] = [];
  /** Checks that need the types of the whole body of the current function. They run after `patternRechecks`. */
  readonly deferredChecks: (() => void)[] = [];
  /** The builtin calls that W007 reports if their result is not used, each with the name of the builtin and the type of the result. */
  readonly builtinCalls = new Map<Ir, { readonly name: string; readonly result: CheckedType }>();
  /** The local functions. Each has two keys: the binding of its name in the enclosing function, and the one in its own body. */
  #localFunctions: WeakMap<Local, Callable> | undefined = undefined;
  /** Records names and types for an editor; undefined in every other check. */
  nameRecorder: NameRecorder | undefined = undefined;
  /** Returns the function that implements a source builtin, which is a builtin written in `.ax`. */
  readonly sourceBuiltin: (builtin: BuiltinDecl) => Callable;
  /** Returns a record that builtins return: `Entry` or `Pair`. */
  readonly #recordNamed: (name: string) => TypeDecl | undefined;
  readonly #signatures = new Map<BuiltinDecl, Signature>();
  /** The type parameters that were reported for a wrong use in a row or as a type. Each is reported once. */
  #reported: WeakSet<ParamType> | undefined = undefined;

  constructor(
    registry: CapabilityRegistry,
    sourceBuiltin: (builtin: BuiltinDecl) => Callable,
    recordNamed: (name: string) => TypeDecl | undefined,
  ) {
    this.registry = registry;
    this.sourceBuiltin = sourceBuiltin;
    this.#recordNamed = recordNamed;
  }

  /** Returns the signature of a builtin. All programs share it, unless it names a record, because each program has its own records. */
  builtinSignature(builtin: BuiltinDecl): Signature {
    const cached = SIGNATURES.get(builtin) ?? this.#signatures.get(builtin);
    if (cached !== undefined) return cached;
    const typeParams = builtin.typeParams.map((name): ParamType => ({ kind: "param", name, use: undefined }));
    const type = parseType(builtin.type, new Set(builtin.typeParams));
    const byName = paramsByName(typeParams);
    const checked = this.fromModuleType(type, byName);
    const signature: Signature = checked.kind === "fn" ? { typeParams, ...checked } : { typeParams, params: [], result: checked, row: [] };
    const mayNameRecord = BUILTIN_RECORDS.some((record) => builtin.type.includes(record.name));
    if (mayNameRecord) this.#signatures.set(builtin, signature);
    else SIGNATURES.set(builtin, signature);
    return signature;
  }

  /** Converts a type of the builtin table or the capability table to a type of the checker. */
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
          row: type.row.map((name): RowItem => useInRow(params.get(name)) ?? name),
        };
      case "named": {
        const args = type.args.map((a) => this.fromModuleType(a, params));
        if (isBuiltinTypeName(type.name)) return builtinType(type.name, ...args);
        if (isTupleName(type.name)) return tupleType(args);
        const decl = this.#recordNamed(type.name);
        return decl === undefined ? ERROR : { kind: "declared", decl, args };
      }
    }
  }

  /** Resolves a type that is written in a file. `params` are the type parameters in scope. Reports unknown names. */
  resolveType(unit: SourceUnit, expr: TypeExpr, params: ReadonlyMap<string, ParamType>): CheckedType {
    if (expr.kind === "fn") {
      return {
        kind: "fn",
        params: expr.params.map((p) => this.resolveType(unit, p, params)),
        result: this.resolveType(unit, expr.result, params),
        row: this.resolveRow(unit, expr.row, params),
      };
    }
    if (expr.kind === "tuple") return tupleType(expr.items.map((item) => this.resolveType(unit, item, params)));
    const name = expr.name.text;
    const primitive = expr.args.length === 0 && !params.has(name) ? PRIMITIVES.get(name) : undefined;
    if (primitive !== undefined) return primitive;
    const args = expr.args.map((a) => this.resolveType(unit, a, params));
    const param = params.get(name);
    const decl = param === undefined ? this.typeNamed(unit, name) : undefined;
    if (param !== undefined) this.nameRecorder?.addName(expr.name.span, { kind: "param", param });
    else if (decl !== undefined) this.nameRecorder?.addName(expr.name.span, { kind: "type", decl });
    const [message] = args;
    if (name === "ActorId" && param === undefined && decl === undefined && message !== undefined && args.length === 1)
      return actorIdOf(message);
    const arity = decl?.params.length ?? GENERIC_TYPE_ARITY.get(name) ?? 0;
    const isKnown = param !== undefined || decl !== undefined || isPrimitiveName(name) || isBuiltinTypeName(name);
    if (!isKnown && (unit.hidden.all || unit.hidden.names.has(name))) return ERROR;
    if (!isKnown) {
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
    if (args.length !== arity) {
      unit.diagnostics.error(
        "E013",
        expr.span,
        `\`${name}\` takes ${arity} type ${arity === 1 ? "argument" : "arguments"}, found ${args.length}`,
        { help: `write \`${typeExample(name, arity)}\`` },
      );
      return ERROR;
    }
    if (param !== undefined) return this.#useAs("type", unit, expr.name, param) ? param : ERROR;
    if (decl !== undefined) return { kind: "declared", decl, args };
    if (isBuiltinTypeName(name)) {
      const key = args[0];
      if (name === "Map" && key !== undefined && !unify(key, STRING)) {
        unit.diagnostics.error("E009", expr.span, "the keys of a Map are Strings", { help: "write Map<String, V>" });
      }
      return builtinType(name, ...args);
    }
    return ERROR;
  }

  /** Returns the record or enum that a name refers to in a file. */
  typeNamed(unit: SourceUnit, name: string): TypeDecl | undefined {
    return unit.types.get(name) ?? this.#recordNamed(name);
  }

  /**
   * Returns the items of an effect row. A name of one of `params`, the parameters in scope, is a row variable. Warns of old names and
   * reports unknown ones.
   */
  resolveRow(unit: SourceUnit, row: RowExpr | null, params: ReadonlyMap<string, ParamType>): readonly RowItem[] {
    if (row === null) return NO_ROW;
    return sortedRow(row.names.flatMap((name) => this.#rowItem(unit, name, params.get(name.text)) ?? []));
  }

  /** Returns what a name in a row refers to; undefined if it is reported. */
  #rowItem(unit: SourceUnit, rowName: Name, param: ParamType | undefined): RowItem | undefined {
    const name = CAPABILITY_ALIASES.get(rowName.text) ?? rowName.text;
    const capability = param === undefined ? this.registry.byName.get(name) : undefined;
    if (param !== undefined) this.nameRecorder?.addName(rowName.span, { kind: "param", param });
    else if (capability !== undefined) this.nameRecorder?.addName(rowName.span, { kind: "capability", capability });
    if (param !== undefined) {
      return this.#isRowVariable(unit, rowName, name, param) && this.#useAs("row", unit, rowName, param) ? param : undefined;
    }
    if (name !== rowName.text) {
      unit.diagnostics.warning(
        "W005",
        rowName.span,
        `\`${rowName.text}\` is an old name of the capability \`${name}\``,
        didYouMean(rowName, name),
      );
    }
    if (this.registry.byName.has(name)) return name;
    const all = [...this.registry.byName.keys()];
    const variableHelp = name.includes(".") ? "" : `a row variable is declared as in \`fn f<${name}>(g: Fn() -> Int !{${name}})\`; `;
    unit.diagnostics.error(
      "E007",
      rowName.span,
      `unknown capability \`${name}\``,
      suggestNearest(unit, rowName, () => all, `${variableHelp}the capabilities are ${all.join(", ")}`),
    );
    return undefined;
  }

  /**
   * Whether the parameter may be a row variable. Reports one whose name is that of a capability, or begins like a type. `capability` is the
   * name of the parameter or, if that is an old name of a capability, today's name.
   */
  #isRowVariable(unit: SourceUnit, name: Name, capability: string, param: ParamType): boolean {
    const isCapability = this.registry.byName.has(capability);
    if (!isCapability && !/^[A-Z]/.test(name.text)) return true;
    if (!this.#isFirstReport(param)) return false;
    if (isCapability) {
      unit.diagnostics.error("E010", name.span, `\`${name.text}\` in a row means the capability \`${capability}\``, {
        help: "give the row variable another name",
      });
      return false;
    }
    unit.diagnostics.error("E007", name.span, `the row variable \`${name.text}\` must begin with a small letter`, {
      help: `write \`${name.text.toLowerCase()}\` here and between \`<\` and \`>\`, so that nobody takes it for a type`,
    });
    return false;
  }

  /** Records that the parameter is used as a type or as a row variable. Reports a parameter that is used as both, and returns false for it. */
  #useAs(use: "type" | "row", unit: SourceUnit, name: Name, param: ParamType): boolean {
    if (param.use === undefined || param.use === use) {
      param.use = use;
      return true;
    }
    if (!this.#isFirstReport(param)) return false;
    unit.diagnostics.error("E013", name.span, `\`${name.text}\` is used both as a type and in a row`, {
      help: "declare two parameters, one for the type and one for the row: `fn f<A, e>(x: A, g: Fn(A) -> A !{e})`",
    });
    return false;
  }

  /** Returns the local function that the binding names. */
  localFunction(local: Local): Callable | undefined {
    return this.#localFunctions?.get(local);
  }

  addLocalFunction(local: Local, callable: Callable): void {
    this.#localFunctions ??= new WeakMap();
    this.#localFunctions.set(local, callable);
  }

  /** Returns whether this is the first report of the type parameter. */
  #isFirstReport(param: ParamType): boolean {
    this.#reported ??= new WeakSet();
    const isFirst = !this.#reported.has(param);
    this.#reported.add(param);
    return isFirst;
  }

  /** Returns the builtin of that name, unless a function of the file hides the builtin. */
  builtin(unit: SourceUnit, name: string): BuiltinDecl | undefined {
    return unit.functions.has(name) ? undefined : BUILTIN_BY_NAME.get(name);
  }

  /** Returns the capability of that name. It also accepts `step_input`, the name of `step.input` in calls. */
  capability(name: string): CapabilityDecl | undefined {
    return this.registry.byName.get(name === "step_input" ? "step.input" : name);
  }
}

/** Records that a parameter of a builtin is a row variable. */
function useInRow(param: ParamType | undefined): ParamType | undefined {
  if (param !== undefined) param.use = "row";
  return param;
}

/** Returns an example of the type with the given number of type arguments. */
function typeExample(name: string, arity: number): string {
  if (arity === 0) return name;
  const args =
    arity === 1 ? ["Int"] : name === "Result" ? ["Int", "String"] : ["String", ...Array.from({ length: arity - 1 }, () => "Int")];
  return `${name}<${args.join(", ")}>`;
}

/** Returns the result type of a signature; Unit if the signature omits it. */
export const resultOf = (
  context: CheckContext,
  unit: SourceUnit,
  expr: TypeExpr | null,
  params: ReadonlyMap<string, ParamType>,
): CheckedType => (expr === null ? UNIT_TYPE : context.resolveType(unit, expr, params));
