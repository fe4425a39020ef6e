/** Checks record literals, variants, and access to fields. */
import { isPositional } from "../../vm/bytecode/module.ts";
import { UNIT } from "../../vm/value/value.ts";
import type { Expr, FieldInit, Name, Span } from "../ast.ts";
import { JSON_CONSTRUCTORS } from "../exhaustive.ts";
import type { Ir, IrStmt, Local } from "../ir.ts";
import { indexByName } from "../index-by-name.ts";
import {
  type CheckedType,
  ERROR,
  type FieldInfo,
  freshVar,
  instantiation,
  isTuple,
  JSON_TYPE,
  prune,
  showType,
  substitute,
  tupleType,
  type TypeDecl,
} from "../check-types.ts";
import type { Referent } from "../name-recorder.ts";
import { errorExpression, type FunctionChecker, type TypedIr } from "./context.ts";
import { unprefixedVariantHelp, suggestNearest } from "./did-you-mean.ts";
import { libraryTypeHint } from "./library-hints.ts";
import { suggestFunctionForMethod, suggestPath } from "./suggest-names.ts";
import { reportUndecided } from "./undecided.ts";

/** Returns the type of a declaration with fresh type arguments. `substituteArgs` replaces the type parameters in a field's type. */
function instantiate(decl: TypeDecl): { type: CheckedType; substituteArgs: (t: CheckedType) => CheckedType } {
  const typeArgs = instantiation(decl.params);
  return {
    type: { kind: "declared", decl, args: decl.params.map((p) => typeArgs.get(p) ?? ERROR) },
    substituteArgs: (t) => substitute(t, typeArgs),
  };
}

/**
 * Binds undecided type arguments to those of the expected type. Call it before checking the fields, so that they are checked
 * against decided types.
 */
export function bindTypeArguments(type: CheckedType, expected: CheckedType): void {
  // `prune` follows bound type variables.
  const e = prune(expected);
  if (type.kind === "declared" && e.kind === "declared" && e.decl === type.decl) {
    type.args.forEach((arg, i) => {
      const a = prune(arg);
      const wanted = prune(e.args[i] ?? ERROR);
      if (a.kind === "var" && wanted !== a) a.bound = wanted;
    });
  }
}

/** The record or variant that has a field. `variant` is null for a record. */
interface FieldOwner {
  readonly decl: TypeDecl;
  readonly variant: string | null;
}

const recordedField = ({ decl, variant }: FieldOwner, { name, type }: FieldInfo): Referent => ({
  kind: "field",
  decl,
  variant,
  name,
  type,
});

interface FieldValues {
  /** The values of the fields in declaration order; null for a field that is copied from the base. */
  readonly fields: readonly (Ir | null)[];
  /** Statements that evaluate the values in source order; empty if that is also the declaration order. */
  readonly evaluation: readonly IrStmt[];
}

/** Checks the fields of a literal: each must be known and given once, and without a base none may be missing. */
function checkFields(
  checker: FunctionChecker,
  owner: FieldOwner & { readonly name: string },
  infos: readonly FieldInfo[],
  inits: readonly FieldInit[],
  substituteArgs: (t: CheckedType) => CheckedType,
  literal: { readonly span: Span; readonly hasBase: boolean },
): FieldValues {
  const { scope } = checker;
  const values = new Map<string, Ir>();
  const order: string[] = [];
  for (const init of inits) {
    const info = infos[indexByName(infos, init.name.text)];
    if (info === undefined) {
      const names = [...new Set(infos.map((f) => f.name))];
      checker.error(
        "E006",
        init.name.span,
        `\`${owner.name}\` has no field \`${init.name.text}\``,
        suggestNearest(scope.unit, init.name, () => names, `its fields are ${names.join(", ")}`),
      );
    }
    if (info !== undefined) checker.context.nameRecorder?.addName(init.name.span, recordedField(owner, info));
    if (values.has(init.name.text)) checker.error("E010", init.name.span, `the field \`${init.name.text}\` is given twice`);
    values.set(
      init.name.text,
      checker.check(init.value, info === undefined ? freshVar() : substituteArgs(info.type), `the field \`${init.name.text}\``),
    );
    order.push(init.name.text);
  }
  const missingNames = infos.filter((f) => !values.has(f.name)).map((f) => `\`${f.name}\``);
  if (missingNames.length > 0 && !literal.hasBase) {
    checker.error(
      "E006",
      literal.span,
      `\`${owner.name}\` needs ${missingNames.length === 1 ? "the field" : "the fields"} ${missingNames.join(", ")}`,
      { help: "every field has a value; a record can copy the others from another one: `P { ..base, x: 1 }`" },
    );
  }
  const isInOrder = infos.filter((f) => values.has(f.name)).every((f, i) => f.name === order[i]);
  if (isInOrder) return { fields: infos.map((f) => values.get(f.name) ?? null), evaluation: [] };
  const evaluation: IrStmt[] = [];
  const locals = new Map<string, Ir>();
  for (const name of order) {
    const value = values.get(name);
    if (value === undefined) continue;
    const local: Local = { name: "", type: ERROR, isMutable: false, span: value.span, isUsed: true };
    evaluation.push({ kind: "set", local, value, span: value.span });
    locals.set(name, { kind: "local", local, span: value.span });
  }
  return { fields: infos.map((f) => locals.get(f.name) ?? null), evaluation };
}

/** Returns IR that executes the statements and then evaluates the value. */
function evaluateAfter(stmts: readonly IrStmt[], value: Ir): Ir {
  return stmts.length === 0 ? value : { kind: "block", stmts, value, span: value.span };
}

/** Checks the record literals `P { x: 1 }` and `P { ..base, x: 1 }`. */
export function checkRecord(checker: FunctionChecker, expr: Expr & { kind: "record" }, expected: CheckedType): TypedIr {
  const { scope, context } = checker;
  const decl = context.typeNamed(scope.unit, expr.name.text);
  if (decl === undefined || decl.kind !== "record") {
    if (decl !== undefined || !scope.mayBeInDamagedText(expr.name.text)) {
      checker.error(
        "E013",
        expr.name.span,
        decl === undefined ? `unknown record type \`${expr.name.text}\`` : `\`${expr.name.text}\` is an enum: name one of its variants`,
        (decl === undefined ? libraryTypeHint(scope.unit, expr.name.text) : undefined) ??
          suggestNearest(scope.unit, expr.name, () => scope.unit.types.keys()),
      );
    }
    if (expr.base !== null) checker.check(expr.base, freshVar());
    for (const init of expr.fields) checker.check(init.value, freshVar());
    return errorExpression(expr.span);
  }
  context.nameRecorder?.addName(expr.name.span, { kind: "type", decl });
  const { type, substituteArgs } = instantiate(decl);
  bindTypeArguments(type, expected);
  if (expr.base === null) {
    const { fields, evaluation } = checkFields(
      checker,
      { name: decl.name, decl, variant: null },
      decl.fields,
      expr.fields,
      substituteArgs,
      {
        span: expr.span,
        hasBase: false,
      },
    );
    return {
      ir: evaluateAfter(evaluation, {
        kind: "record",
        decl,
        fields: fields.map((f) => f ?? errorExpression(expr.span).ir),
        span: expr.span,
      }),
      type,
    };
  }
  const base: Local = { name: "", type, isMutable: false, span: expr.base.span, isUsed: true };
  const baseValue = checker.check(expr.base, type, "the base of the record");
  const { fields, evaluation } = checkFields(checker, { name: decl.name, decl, variant: null }, decl.fields, expr.fields, substituteArgs, {
    span: expr.span,
    hasBase: true,
  });
  const all = fields.map(
    (f, index): Ir => f ?? { kind: "get_field", target: { kind: "local", local: base, span: expr.span }, index, span: expr.span },
  );
  const stmts: IrStmt[] = [{ kind: "set", local: base, value: baseValue, span: expr.base.span }, ...evaluation];
  return { ir: { kind: "block", stmts, value: { kind: "record", decl, fields: all, span: expr.span }, span: expr.span }, type };
}

/** Checks a tuple, `(1, "a")`. */
export function checkTuple(checker: FunctionChecker, expr: Expr & { kind: "tuple" }, expected: CheckedType): TypedIr {
  const type = tupleType(expr.items.map(() => freshVar()));
  bindTypeArguments(type, expected);
  const args = type.kind === "declared" ? type.args : [];
  const fields = expr.items.map((item, i) => checker.check(item, args[i] ?? ERROR, "this element of the tuple"));
  if (type.kind !== "declared") return errorExpression(expr.span);
  return { ir: { kind: "record", decl: type.decl, fields, span: expr.span }, type };
}

/** Checks a variant of Json, such as `Json::Int(1)`. */
function checkJsonVariant(checker: FunctionChecker, expr: Expr & { kind: "variant" }, expected: CheckedType): TypedIr {
  const constructor_ = JSON_CONSTRUCTORS.find((c) => c.name === `Json::${expr.variant.text}`);
  const args = expr.payload?.kind === "args" ? expr.payload.args : [];
  const arg = args[0];
  const payload = constructor_?.args[0];
  if (constructor_ !== undefined && reportVariantAsFunction(checker, constructor_.name, payload === undefined ? [] : null, expr, expected))
    return errorExpression(expr.span);
  if (constructor_ === undefined || expr.payload?.kind === "struct") {
    checker.error("E006", expr.variant.span, `Json has no such variant: \`${expr.variant.text}\``, {
      help: `its variants are ${JSON_CONSTRUCTORS.map((c) => c.name).join(", ")}`,
    });
  } else if (args.length !== constructor_.args.length) {
    checker.error(
      "E011",
      expr.span,
      `\`${constructor_.name}\` takes ${constructor_.args.length === 0 ? "no value" : "one value"}, found ${args.length}`,
    );
  } else if (arg !== undefined && payload !== undefined)
    return { ir: checker.check(arg, payload, `\`${constructor_.name}\``), type: JSON_TYPE };
  else return { ir: { kind: "const", value: UNIT, span: expr.span }, type: JSON_TYPE };
  for (const a of args) checker.check(a, freshVar());
  return errorExpression(expr.span);
}

/** The names of the values of a variant in a suggested lambda. */
const VALUE_NAMES: readonly string[] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/**
 * Reports a variant if a function is expected, as in `list.map(xs, E::V)`. Returns whether it did. `fields` is null if the
 * payload is a single value.
 */
function reportVariantAsFunction(
  checker: FunctionChecker,
  fullName: string,
  fields: readonly FieldInfo[] | null,
  expr: Expr & { kind: "variant" },
  expected: CheckedType,
): boolean {
  const wanted = prune(expected);
  if (expr.payload !== null || wanted.kind !== "fn") return false;
  const byPosition = fields === null || isPositional(fields);
  const names = fields === null ? ["x"] : isPositional(fields) ? VALUE_NAMES.slice(0, fields.length) : fields.map((f) => f.name);
  const variantText = byPosition
    ? `${fullName}(${names.join(", ")})`
    : names.length === 0
      ? fullName
      : `${fullName} { ${names.join(", ")} }`;
  const params = names.length === 0 ? wanted.params.map(() => "_") : names;
  const lambdaText = `fn(${params.join(", ")}) { ${variantText} }`;
  checker.error("E009", expr.span, `\`${fullName}\` is a variant, not a function`, {
    help: `write \`${lambdaText}\``,
    fixes: [{ title: `write \`${lambdaText}\``, edits: [{ span: expr.span, text: lambdaText }] }],
  });
  return true;
}

/** Checks `E::V`, `E::V(x)` and `E::V { … }`. */
export function checkVariant(checker: FunctionChecker, expr: Expr & { kind: "variant" }, expected: CheckedType): TypedIr {
  const { scope, context } = checker;
  if (expr.enum.text === "Json" && !scope.unit.types.has("Json")) return checkJsonVariant(checker, expr, expected);
  const decl = context.typeNamed(scope.unit, expr.enum.text);
  const index = decl === undefined ? -1 : indexByName(decl.variants, expr.variant.text);
  const variant = decl?.variants[index];
  if (decl === undefined || variant === undefined) {
    if (decl === undefined && scope.mayBeInDamagedText(expr.enum.text)) {
      // The enum may be declared in damaged text, whose syntax error is reported.
    } else if (decl === undefined) {
      checker.error(
        "E013",
        expr.enum.span,
        `unknown type \`${expr.enum.text}\``,
        unprefixedVariantHelp(expr.enum, expr.variant) ??
          suggestPath(checker, expr) ??
          libraryTypeHint(scope.unit, expr.enum.text) ??
          suggestNearest(scope.unit, expr.enum, () => scope.unit.types.keys()),
      );
    } else {
      const names = decl.variants.map((v) => v.name);
      const all = names.length === 0 ? undefined : `its variants are ${names.join(", ")}`;
      checker.error(
        "E006",
        expr.variant.span,
        `\`${decl.name}\` has no variant \`${expr.variant.text}\``,
        suggestNearest(scope.unit, expr.variant, () => names, all),
      );
    }
    if (expr.payload?.kind === "args") for (const arg of expr.payload.args) checker.check(arg, freshVar());
    if (expr.payload?.kind === "struct") for (const f of expr.payload.fields) checker.check(f.value, freshVar());
    return errorExpression(expr.span);
  }
  context.nameRecorder?.addName(expr.enum.span, { kind: "type", decl });
  context.nameRecorder?.addName(expr.variant.span, { kind: "variant", decl, name: variant.name });
  const { type, substituteArgs } = instantiate(decl);
  bindTypeArguments(type, expected);
  const fullName = `${decl.name}::${variant.name}`;
  const { payload } = variant;
  if (reportVariantAsFunction(checker, fullName, payload === null ? [] : payload.kind === "single" ? null : payload.fields, expr, expected))
    return errorExpression(expr.span);
  const hasNames = payload?.kind === "struct" && !isPositional(payload.fields);
  if (hasNames) {
    if (expr.payload?.kind !== "struct") {
      checker.error("E006", expr.span, `\`${fullName}\` has fields`, {
        help: `write \`${fullName} { ${payload.fields.map((f) => `${f.name}: …`).join(", ")} }\``,
      });
      if (expr.payload?.kind === "args") for (const arg of expr.payload.args) checker.check(arg, freshVar());
      return { ...errorExpression(expr.span), type };
    }
    const { fields, evaluation } = checkFields(
      checker,
      { name: fullName, decl, variant: variant.name },
      payload.fields,
      expr.payload.fields,
      substituteArgs,
      {
        span: expr.span,
        hasBase: false,
      },
    );
    const record: Ir = {
      kind: "variant_record",
      decl,
      variant: index,
      fields: fields.map((f) => f ?? errorExpression(expr.span).ir),
      span: expr.span,
    };
    return { ir: { kind: "enum", decl, variant: index, payload: evaluateAfter(evaluation, record), span: expr.span }, type };
  }
  if (expr.payload?.kind === "struct") {
    checker.error("E006", expr.span, `\`${fullName}\` has no fields`);
    for (const f of expr.payload.fields) checker.check(f.value, freshVar());
    return { ...errorExpression(expr.span), type };
  }
  const args = expr.payload?.args ?? [];
  const types = payload === null ? [] : payload.kind === "single" ? [payload.type] : payload.fields.map((f) => f.type);
  if (args.length !== types.length) {
    const [count, help] = valueCount(fullName, types.length);
    checker.error("E011", expr.span, `\`${fullName}\` takes ${count}, found ${args.length}`, { help });
  }
  const checked = args.map((arg, i) => {
    const wanted = types[i];
    return checker.check(arg, wanted === undefined ? freshVar() : substituteArgs(wanted), `\`${fullName}\``);
  });
  const single = checked[0] ?? null;
  const values: Ir | null = types.length > 1 ? { kind: "variant_record", decl, variant: index, fields: checked, span: expr.span } : single;
  return { ir: { kind: "enum", decl, variant: index, payload: values, span: expr.span }, type };
}

/** Says how many values a variant takes, and how it is written. */
function valueCount(fullName: string, count: number): readonly [count: string, help: string] {
  if (count === 0) return ["no value", `write \`${fullName}\` alone`];
  const names = count === 1 ? "x" : VALUE_NAMES.slice(0, count).join(", ");
  const text = `${fullName}(${names})`;
  return [count === 1 ? "one value" : `${count} values`, `write \`${text}\`; as a function it is \`fn(${names}) { ${text} }\``];
}

/** Returns help for the access to a field of a value that has no fields. */
function fieldHelp(type: CheckedType, name: Name): string {
  const t = prune(type);
  const typeName = t.kind === "builtin" || t.kind === "primitive" ? t.name : "";
  if (typeName === "Json") return `write \`json.get(j, "${name.text}")\`, which returns an Option`;
  if (typeName === "Map") return `write \`map.get(m, "${name.text}")\`, which returns an Option`;
  if (typeName === "Option" || typeName === "Result") return "take it apart with `match`";
  if (isTuple(t)) return "take a tuple apart with a pattern: `let (a, b) = t`";
  return "only records have fields; take other values apart with `match` or a builtin";
}

/** Reports a variant that is written with a dot, `Color.Red`. Returns whether it did. */
function reportDottedVariant(checker: FunctionChecker, target: Expr, name: Name): boolean {
  const { scope, context } = checker;
  if (target.kind !== "name" || scope.lookup(target.name.text) !== undefined || scope.unit.functions.has(target.name.text)) return false;
  const decl = context.typeNamed(scope.unit, target.name.text);
  if (decl === undefined || indexByName(decl.variants, name.text) < 0) return false;
  const fullName = `${decl.name}::${name.text}`;
  checker.error("E003", target.span, `\`${decl.name}\` is a type, not a value`, {
    help: `write \`${fullName}\``,
    fixes: [{ title: `write \`${fullName}\``, edits: [{ span: { start: target.span.end, end: name.span.start }, text: "::" }] }],
  });
  return true;
}

/** Returns whether the type is a record with a field of that name. */
export function hasField(type: CheckedType, name: string): boolean {
  const t = prune(type);
  return t.kind === "declared" && t.decl.kind === "record" && t.decl.fields.some((field) => field.name === name);
}

/** Checks the field access `p.x`. If it is the callee of a call, `call` is that call. */
export function checkField(
  checker: FunctionChecker,
  target: Expr,
  name: Name,
  span: Span,
  call: (Expr & { kind: "call" }) | null = null,
): TypedIr {
  if (reportDottedVariant(checker, target, name)) {
    for (const arg of call?.args ?? []) checker.check(arg, freshVar());
    return errorExpression(span);
  }
  const targetType = freshVar();
  const ir = checker.check(target, targetType);
  const field = findField(checker, targetType, target.span, name, span, call);
  return field === undefined ? { ir, type: ERROR } : { ir: { kind: "get_field", target: ir, index: field.index, span }, type: field.type };
}

/** Returns the index and the type of a field of a value. Reports a field that the value does not have, and returns undefined. */
export function findField(
  checker: FunctionChecker,
  targetType: CheckedType,
  targetSpan: Span,
  name: Name,
  span: Span,
  call: (Expr & { kind: "call" }) | null,
): { readonly index: number; readonly type: CheckedType } | undefined {
  const { scope } = checker;
  const type = prune(targetType);
  // An empty name is an access that is not finished. The parser has reported it.
  if (type.kind === "error" || name.text === "") return undefined;
  if (type.kind === "var") {
    const message = "the type of this value is not known here, so neither are its fields";
    reportUndecided(checker, type, targetSpan, message, "write the type of the binding or parameter");
    return undefined;
  }
  if (!isRecord(type)) {
    const method = suggestFunctionForMethod(checker, type, name, call?.span ?? span, call?.args ?? null);
    checker.error("E006", name.span, `${showType(type)} has no fields`, method ?? { help: fieldHelp(type, name) });
    return undefined;
  }
  const { decl } = type;
  const field = fieldNamed(type, name.text);
  if (field === undefined) {
    const names = decl.fields.map((f) => f.name);
    checker.error(
      "E006",
      name.span,
      `\`${decl.name}\` has no field \`${name.text}\``,
      (call === null ? undefined : suggestFunctionForMethod(checker, type, name, call.span, call.args)) ??
        suggestNearest(scope.unit, name, () => names, `its fields are ${names.join(", ")}`),
    );
    return undefined;
  }
  checker.context.nameRecorder?.addName(name.span, recordedField({ decl, variant: null }, field.info));
  return field;
}

type RecordType = CheckedType & { readonly kind: "declared"; readonly decl: { readonly kind: "record" } };

const isRecord = (type: CheckedType): type is RecordType => type.kind === "declared" && type.decl.kind === "record" && !isTuple(type);

/** Returns a field of a type: its index, its declaration, and its type in this type. Undefined if the type has no such field. */
export function fieldNamed(type: CheckedType, name: string) {
  if (!isRecord(type)) return undefined;
  const { decl, args } = type;
  const index = indexByName(decl.fields, name);
  const info = decl.fields[index];
  if (info === undefined) return undefined;
  const typeArgs = new Map(decl.params.map((p, i) => [p, args[i] ?? ERROR] as const));
  return { index, info, type: substitute(info.type, typeArgs) };
}
