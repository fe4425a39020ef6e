/** What the checks of all functions share, and the one interface through which they call each other. */
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { CapabilityDecl, CapabilityRegistry } from "../../vm/capabilities.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName, parseType, type Type } from "../../vm/value/type.ts";
import type { Block, Expr, Name, RowExpr, Span, TypeExpr } from "../ast.ts";
import type { DiagnosticCode, Fix } from "../diagnostics.ts";
import { type Foreign, foreignType } from "../other-languages.ts";
import type { Callable, Ir, Local } from "../ir.ts";
import type { FunctionScope, Unit } from "../scope.ts";
import { exportedType } from "./library-hints.ts";
import { nearest } from "../../vm/nearest.ts";
import { builtinType, ERROR, fits, isBuiltinTypeName, type ParamType, STRING, type T, type TypeDecl, UNIT_TYPE } from "../check-types.ts";

/** Old names of capabilities in rows. */
const CAPABILITY_ALIASES: ReadonlyMap<string, string> = new Map([
  ["net", "net.fetch"],
  ["fs", "fs.read"],
  ["db", "db.query"],
  ["ui", "ui.render"],
  ["time", "time.now"],
  ["llm", "llm.call"],
]);

export interface BuiltinSignature {
  readonly typeParams: readonly ParamType[];
  readonly params: readonly T[];
  readonly result: T;
}

/** A checked expression with its type. */
export interface Typed {
  readonly ir: Ir;
  readonly type: T;
}

/** Checks one expression or block of the function in `scope`. */
export interface Expressions {
  readonly scope: FunctionScope;
  readonly context: Context;
  /**
   * `why` completes "expected T for …", "" where nothing is to be added. Mismatches are reported, unless `accepts`
   * takes the type that was found; it is not asked of an `if`, a `match` or a block.
   */
  check(expr: Expr, expected: T, why?: string, accepts?: (found: T) => boolean): Ir;
  block(block: Block, expected: T, why?: string): Ir;
  bind(name: Name, type: T, mutable: boolean): Local;
}

export interface Report {
  readonly help?: string;
  readonly fixes?: readonly Fix[];
}

export class Context {
  readonly registry: CapabilityRegistry;
  /** The scope in which each function's body was checked: its uses tell E007's path. */
  readonly scopes = new Map<Callable, FunctionScope>();
  /** Run once the function at hand is checked, when its types are known. */
  readonly deferred: (() => void)[] = [];
  /** Run before `deferred`, outer matches first: patterns that had to wait for a type may decide others. */
  readonly waiting: (() => void)[] = [];
  /** Calls of builtins, and what they give. */
  readonly builtinCalls = new WeakMap<Ir, { readonly name: string; readonly result: T }>();
  readonly #written: (builtin: BuiltinDecl) => Callable;
  /** `Entry` and `Pair`, which builtins make. */
  readonly #records: ReadonlyMap<string, TypeDecl>;
  readonly #signatures = new Map<string, BuiltinSignature>();

  constructor(registry: CapabilityRegistry, written: (builtin: BuiltinDecl) => Callable, records: ReadonlyMap<string, TypeDecl>) {
    this.registry = registry;
    this.#written = written;
    this.#records = records;
  }

  /** The function of a builtin that is written in the language. */
  written(builtin: BuiltinDecl): Callable {
    return this.#written(builtin);
  }

  error(unit: Unit, code: DiagnosticCode, span: Span, message: string, more: Report = {}): void {
    unit.diagnostics.error(code, span, message, more);
  }

  warning(unit: Unit, code: DiagnosticCode, span: Span, message: string, more: Report = {}): void {
    unit.diagnostics.warning(code, span, message, more);
  }

  /** What a misspelt name may have meant; nothing once no further error is kept. */
  near(unit: Unit, name: string, candidates: () => Iterable<string>): string | undefined {
    return unit.diagnostics.full ? undefined : nearest(name, candidates());
  }

  builtinSignature(builtin: BuiltinDecl): BuiltinSignature {
    const known = this.#signatures.get(builtin.name);
    if (known !== undefined) return known;
    const typeParams = builtin.typeParams.map((name): ParamType => ({ kind: "param", name }));
    const type = parseType(builtin.type, new Set(builtin.typeParams));
    const byName = new Map(typeParams.map((p) => [p.name, p]));
    const signature: BuiltinSignature =
      type.kind === "fn"
        ? { typeParams, params: type.params.map((p) => this.fromModuleType(p, byName)), result: this.fromModuleType(type.result, byName) }
        : { typeParams, params: [], result: this.fromModuleType(type, byName) };
    this.#signatures.set(builtin.name, signature);
    return signature;
  }

  /** A type of the builtin or capability table. */
  fromModuleType(type: Type, params: ReadonlyMap<string, ParamType> = new Map()): T {
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

  /** A type as written in a file. Unknown names are reported. */
  resolveType(unit: Unit, expr: TypeExpr, params: ReadonlyMap<string, ParamType>): T {
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
      this.error(
        unit,
        "E013",
        expr.span,
        `unknown type \`${name}\``,
        exportedType(unit, name) ?? foreignReport(expr.name, foreignType(name)) ?? suggestion(expr.name, this.near(unit, name, all)),
      );
      return ERROR;
    }
    if (args.length !== wanted) {
      this.error(
        unit,
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
      if (name === "Map" && key !== undefined && !fits(key, STRING)) {
        this.error(unit, "E009", expr.span, "the keys of a Map are Strings", { help: "write Map<String, V>" });
      }
      return builtinType(name, ...args);
    }
    return isPrimitiveName(name) ? { kind: "primitive", name } : ERROR;
  }

  /** A record or enum by the name a file uses for it. */
  typeNamed(unit: Unit, name: string): TypeDecl | undefined {
    return unit.types.get(name) ?? this.#records.get(name);
  }

  /** Capability names of a row, sorted. Aliases are warned of, unknown names reported. */
  resolveRow(unit: Unit, row: RowExpr | null): readonly string[] {
    const names = new Set<string>();
    for (const written of row?.names ?? []) {
      const name = CAPABILITY_ALIASES.get(written.text) ?? written.text;
      if (name !== written.text) {
        this.warning(
          unit,
          "W005",
          written.span,
          `\`${written.text}\` is an old name of the capability \`${name}\``,
          suggestion(written, name),
        );
      }
      if (this.registry.byName.has(name)) names.add(name);
      else {
        const all = [...this.registry.byName.keys()];
        const fix = suggestion(written, nearest(name, all));
        this.error(
          unit,
          "E007",
          written.span,
          `unknown capability \`${name}\``,
          fix.help === undefined ? { help: `the capabilities are ${all.join(", ")}` } : fix,
        );
      }
    }
    return [...names].sort();
  }

  /** The builtin of that name, unless the file has an item that hides it. */
  builtin(unit: Unit, name: string): BuiltinDecl | undefined {
    return unit.functions.has(name) ? undefined : BUILTIN_BY_NAME.get(name);
  }

  capability(name: string): CapabilityDecl | undefined {
    return this.registry.byName.get(name === "step_input" ? "step.input" : name);
  }
}

/** How a type with that many arguments is written. */
function typeExample(name: string, args: number): string {
  if (args === 0) return name;
  const last = args === 1 ? ["Int"] : ["String", ...Array.from({ length: args - 1 }, () => "Int")];
  return `${name}<${last.join(", ")}>`;
}

/** What another language calls so, with the fix where one word stands for it. */
export function foreignReport(name: Name, foreign: Foreign | undefined): Report | undefined {
  if (foreign?.instead === undefined) return foreign;
  const title = `replace with \`${foreign.instead}\``;
  return { help: foreign.help, fixes: [{ title, edits: [{ span: name.span, text: foreign.instead }] }] };
}

/** "did you mean" with the fix that does it. */
export function suggestion(name: Name, instead: string | undefined): Report {
  if (instead === undefined) return {};
  return {
    help: `did you mean \`${instead}\`?`,
    fixes: [{ title: `replace with \`${instead}\``, edits: [{ span: name.span, text: instead }] }],
  };
}

const WORDS_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ["Option", ["Some", "None"]],
  ["Result", ["Ok", "Err"]],
]);

/** `Option::Some` where the language has a word for it. */
export function withoutPrefix(enumName: Name, variant: Name): Report | undefined {
  if (WORDS_OF.get(enumName.text)?.includes(variant.text) !== true) return undefined;
  return {
    help: `write \`${variant.text}\`, without \`${enumName.text}::\``,
    fixes: [{ title: `write \`${variant.text}\``, edits: [{ span: { start: enumName.span.start, end: variant.span.start }, text: "" }] }],
  };
}

/** The result type where none is written. */
export const resultOf = (context: Context, unit: Unit, expr: TypeExpr | null, params: ReadonlyMap<string, ParamType>): T =>
  expr === null ? UNIT_TYPE : context.resolveType(unit, expr, params);
