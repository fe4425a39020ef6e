/** Patterns, resolved against the type of what they are matched with. */
import { FloatValue, intFromBigInt, type Value } from "../../vm/value/value.ts";
import type { FieldPattern, Name, Pattern, Span } from "../ast.ts";
import { constructorNamed, constructorsOf } from "../exhaustive.ts";
import type { CheckedPattern, Constructor, Local } from "../ir.ts";
import { nearest } from "../../vm/nearest.ts";
import {
  BOOL,
  builtinType,
  ERROR,
  FLOAT,
  fits,
  fresh,
  INT,
  JSON_TYPE,
  prune,
  show,
  STRING,
  type T,
  type TypeDecl,
  toldApart,
  UNIT_TYPE,
} from "../check-types.ts";
import { type Expressions, type Report, suggestion, withoutPrefix } from "./context.ts";
import { mixHelp } from "./mismatch.ts";

const WILDCARD: CheckedPattern = { kind: "wildcard" };

/** What checking a pattern needs of the function it is in. */
interface Patterns extends Pick<Expressions, "scope" | "context" | "bind"> {
  /** Whether the function's types are known by now. */
  readonly late: boolean;
  /** Set where the pattern names a variant of a type that is not decided yet. */
  waits: boolean;
}

/** Bindings of one arm, by name; alternatives of an or-pattern share theirs. */
export type Bindings = Map<string, Local>;

/**
 * Checks a pattern and declares its bindings in the scope's current block. `late` is null, or checks the pattern again
 * once the function's types are known: it names a variant of a type that is not decided yet.
 */
export function checkPattern(
  x: Expressions,
  pattern: Pattern,
  type: T,
): { readonly checked: CheckedPattern; readonly late: (() => CheckedPattern) | null } {
  const { scope, context } = x;
  const bind: Expressions["bind"] = (name, of, mutable) => x.bind(name, of, mutable);
  const made: Bindings = new Map();
  const first: Patterns = { scope, context, bind, late: false, waits: false };
  const checked = resolve(first, pattern, type, made, undefined);
  const again = (): CheckedPattern => resolve({ ...first, late: true }, pattern, type, new Map(), made);
  return { checked, late: first.waits ? again : null };
}

/** `shared` are the bindings that the first alternative of an or-pattern made, or the first check of the whole pattern. */
function resolve(x: Patterns, pattern: Pattern, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  const inner = (p: Pattern, t: T): CheckedPattern => resolve(x, p, t, made, shared);
  switch (pattern.kind) {
    case "wildcard":
      return WILDCARD;
    case "name": {
      const { name } = pattern;
      const known = variantOf(type, name.text);
      if (known === undefined && !/^[A-Z]/.test(name.text)) return bindUnlessVariant(x, name, type, made, shared);
      const constructor_ = known ?? resolveVariant(x, null, name, type);
      if (constructor_ !== undefined) return construct(x, constructor_, [], pattern.span, made, shared);
      // What reads the name that was to bind is no second mistake.
      if (!x.late && prune(type).kind !== "var") x.bind(name, ERROR, false).used = true;
      return WILDCARD;
    }
    case "int":
      return literal(x, intFromBigInt(pattern.value), INT, type, pattern.span);
    case "float":
      return literal(x, new FloatValue(pattern.value), FLOAT, type, pattern.span);
    case "string":
      return literal(x, pattern.value, STRING, type, pattern.span);
    case "bool":
      return expectType(x, type, BOOL, pattern.span) ? named(type, String(pattern.value)) : WILDCARD;
    case "unit":
      return expectType(x, type, UNIT_TYPE, pattern.span) ? named(type, "()") : WILDCARD;
    case "none":
      return expectType(x, type, builtinType("Option", fresh()), pattern.span) ? named(type, "None") : WILDCARD;
    case "wrap": {
      const shape = pattern.wrap === "Some" ? builtinType("Option", fresh()) : builtinType("Result", fresh(), fresh());
      const constructor_ = expectType(x, type, shape, pattern.span) ? constructorNamed(type, pattern.wrap) : undefined;
      if (constructor_ === undefined) return inner(pattern.inner, ERROR);
      return { kind: "constructor", constructor_, args: [inner(pattern.inner, constructor_.args[0] ?? ERROR)] };
    }
    case "variant": {
      const constructor_ = resolveVariant(x, pattern.enum, pattern.variant, type);
      if (constructor_ === undefined) {
        for (const arg of pattern.args ?? []) inner(arg, unresolved(type));
        return WILDCARD;
      }
      return construct(x, constructor_, pattern.args ?? [], pattern.span, made, shared);
    }
    case "struct": {
      const constructor_ = resolveStruct(x, pattern.enum, pattern.name, type);
      if (constructor_ === undefined || constructor_.fields === null) {
        if (constructor_ !== undefined) report(x, "E009", pattern.span, `\`${constructor_.name}\` has no fields`);
        for (const f of pattern.fields) fieldPattern(x, f, unresolved(type), made, shared);
        return WILDCARD;
      }
      return { kind: "constructor", constructor_, args: structArgs(x, constructor_, constructor_.fields, pattern, made, shared) };
    }
    case "or":
      return resolveOr(x, pattern, type, made, shared);
  }
}

function report(x: Patterns, code: "E005" | "E006" | "E009" | "E010" | "E013", span: Span, message: string, help?: string): void {
  x.context.error(x.scope.unit, code, span, message, help === undefined ? {} : { help });
}

function expectType(x: Patterns, type: T, wanted: T, span: Span): boolean {
  if (prune(type).kind === "error") return false;
  if (fits(type, wanted)) return true;
  report(x, "E009", span, `this pattern is for ${show(wanted)}, but the value is ${show(type)}`, mixHelp(type, wanted));
  return false;
}

function named(type: T, name: string): CheckedPattern {
  const constructor_ = constructorNamed(type, name);
  return constructor_ === undefined ? WILDCARD : { kind: "constructor", constructor_, args: [] };
}

function literal(x: Patterns, value: Value, of: T, type: T, span: Span): CheckedPattern {
  return expectType(x, type, of, span) ? { kind: "literal", value } : WILDCARD;
}

function bind(x: Patterns, name: Name, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  if (made.has(name.text)) report(x, "E010", name.span, `\`${name.text}\` is bound twice in this pattern`);
  const before = shared?.get(name.text);
  if (before !== undefined && !fits(type, before.type)) {
    const other =
      before.span === name.span ? `, but it is used as ${show(before.type)}` : ` here and ${show(before.type)} in the first alternative`;
    report(x, "E009", name.span, `\`${name.text}\` is ${show(type)}${other}`);
  }
  const local = before ?? x.bind(name, type, false);
  made.set(name.text, local);
  return { kind: "bind", local };
}

/** The type of what a pattern holds whose variant is not known: open as long as the value's own type is. */
const unresolved = (type: T): T => (prune(type).kind === "var" ? fresh() : ERROR);

/** A variant may have a name in lower case too: whether this one is a binding shows once the type is decided. */
function bindUnlessVariant(x: Patterns, name: Name, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  if (!x.late && prune(type).kind === "var") {
    x.context.deferred.push(() => {
      const t = prune(type);
      if (t.kind === "var" ? enumsWith(x, name.text).length > 0 : variantOf(t, name.text) !== undefined) reportUndecided(x, name, t);
    });
  }
  return bind(x, name, type, made, shared);
}

const ENUMS_BY_VARIANT = new WeakMap<ReadonlyMap<string, TypeDecl>, ReadonlyMap<string, readonly TypeDecl[]>>();

/** The enums that the file can name and that have a variant of that name. */
function enumsWith({ scope }: Patterns, variant: string): readonly TypeDecl[] {
  const { types } = scope.unit;
  const known = ENUMS_BY_VARIANT.get(types);
  if (known !== undefined) return known.get(variant) ?? [];
  const made = new Map<string, TypeDecl[]>();
  for (const decl of types.values()) {
    for (const { name } of decl.variants) {
      const enums = made.get(name) ?? [];
      enums.push(decl);
      made.set(name, enums);
    }
  }
  ENUMS_BY_VARIANT.set(types, made);
  return made.get(variant) ?? [];
}

function reportUndecided(x: Patterns, variant: Name, type: T): void {
  const [decl, other] = enumsWith(x, variant.text);
  const only = other === undefined ? decl?.name : undefined;
  const typed = `the type where the value gets its name: \`let m: ${only ?? "TYPE"} = receive\`, \`fn(m: ${only ?? "TYPE"}) { … }\``;
  const { start } = variant.span;
  const more: Report =
    only === undefined
      ? { help: `write ${typed}` }
      : {
          help: `write \`${only}::${variant.text}\`, or ${typed}`,
          fixes: [{ title: `write \`${only}::${variant.text}\``, edits: [{ span: { start, end: start }, text: `${only}::` }] }],
        };
  const message = `the type of this value is not known here, so \`${variant.text}\` may be a variant of any enum`;
  x.context.error(x.scope.unit, "E014", variant.span, message, more);
  // One message for the value is enough.
  if (type.kind === "var") type.bound = ERROR;
}

/** The variant that a bare name means for this type, if it means one. */
function variantOf(type: T, name: string): Constructor | undefined {
  const t = prune(type);
  return t.kind === "declared" && t.decl.kind === "enum" ? constructorNamed(t, `${t.decl.name}::${name}`) : undefined;
}

function resolveVariant(x: Patterns, enumName: Name | null, variant: Name, type: T): Constructor | undefined {
  const t = prune(type);
  if (t.kind === "error") return undefined;
  if (enumName?.text === "Json") {
    if (!fits(t, JSON_TYPE)) {
      report(x, "E009", variant.span, `this pattern is for Json, but the value is ${show(t)}`);
      return undefined;
    }
    return constructorNamed(t, `Json::${variant.text}`) ?? unknownVariant(x, variant, t);
  }
  const decl = enumName === null ? undefined : x.context.typeNamed(x.scope.unit, enumName.text);
  if (enumName !== null && decl === undefined) {
    x.context.error(x.scope.unit, "E013", enumName.span, `unknown type \`${enumName.text}\``, withoutPrefix(enumName, variant) ?? {});
    fits(t, ERROR);
    return undefined;
  }
  if (t.kind === "var" && decl === undefined) {
    if (x.late) reportUndecided(x, variant, t);
    else x.waits = true;
    return undefined;
  }
  if (decl?.kind === "enum") decidedBy(t, decl);
  const named = prune(t);
  if (named.kind !== "declared" || named.decl.kind !== "enum" || (decl !== undefined && decl !== named.decl)) {
    if (enumName === null && isListed(named)) return unknownVariant(x, variant, named, show(named) === "Json" ? "Json::" : "");
    const written = enumName === null ? variant.text : `${enumName.text}::${variant.text}`;
    report(x, "E009", variant.span, `the value is ${show(t)}, which has no variant \`${written}\``, enumName === null ? BINDER : undefined);
    return undefined;
  }
  return variantOf(named, variant.text) ?? unknownVariant(x, variant, named);
}

/** A pattern that names a declaration decides the type of a value that is still open. */
function decidedBy(type: T, decl: TypeDecl): void {
  if (prune(type).kind === "var") fits(type, { kind: "declared", decl, args: decl.params.map(() => fresh()) });
}

const BINDER = "a name that binds any value begins with a small letter";

/** Whether the values of a built-in type have names. */
const isListed = (type: T): boolean => type.kind !== "declared" && show(type) !== "Unit" && constructorsOf(type) !== null;

/** Says which variant may be meant; `prefix` is what has to stand before it. */
function unknownVariant(x: Patterns, variant: Name, type: T, prefix = ""): undefined {
  const message = `${show(type)} has no variant \`${variant.text}\``;
  const { unit } = x.scope;
  if (unit.diagnostics.full) {
    x.context.error(unit, "E006", variant.span, message);
    return;
  }
  const names = (constructorsOf(type) ?? []).map((c) => c.name.replace(/^.*::/, ""));
  const near = names.includes(variant.text) ? variant.text : nearest(variant.text, names);
  const more = near === undefined ? { help: `its variants are ${names.join(", ")}; ${BINDER}` } : suggestion(variant, `${prefix}${near}`);
  x.context.error(unit, "E006", variant.span, message, more);
}

/** `R { … }` is a record where the value is one, else a struct variant. */
function resolveStruct(x: Patterns, enumName: Name | null, name: Name, type: T): Constructor | undefined {
  const written = enumName === null ? x.context.typeNamed(x.scope.unit, name.text) : undefined;
  if (written?.kind === "record" && enumsWith(x, name.text).length === 0) decidedBy(type, written);
  const t = prune(type);
  if (enumName === null && t.kind === "declared" && t.decl.kind === "record") {
    if (written === t.decl) return constructorNamed(t, t.decl.name);
    const apart = written === undefined ? "" : toldApart({ kind: "declared", decl: written, args: [] }, t);
    report(x, "E009", name.span, `this pattern is for \`${name.text}\`, but the value is ${show(t)}${apart}`);
    return undefined;
  }
  return resolveVariant(x, enumName, name, type);
}

function construct(
  x: Patterns,
  constructor_: Constructor,
  args: readonly Pattern[],
  span: Span,
  made: Bindings,
  shared: Bindings | undefined,
): CheckedPattern {
  if (constructor_.fields !== null) {
    report(
      x,
      "E009",
      span,
      `\`${constructor_.name}\` has fields`,
      `write \`${constructor_.name.replace(/^.*::/, "")} { ${constructor_.fields.join(", ")} }\``,
    );
  } else if (args.length !== constructor_.args.length) {
    const has = constructor_.args.length === 0 ? "no payload" : "one payload";
    const short = constructor_.name.replace(/^.*::/, "");
    const help = constructor_.args.length === 0 ? `write \`${short}\` alone` : `write \`${short}(x)\`, or \`${short}(_)\` for any value`;
    const found = `${args.length} ${args.length === 1 ? "pattern" : "patterns"}`;
    report(x, "E009", span, `\`${constructor_.name}\` has ${has}, found ${found}`, help);
  } else return { kind: "constructor", constructor_, args: args.map((p, i) => resolve(x, p, constructor_.args[i] ?? ERROR, made, shared)) };
  for (const arg of args) resolve(x, arg, ERROR, made, shared);
  return WILDCARD;
}

function fieldPattern(x: Patterns, field: FieldPattern, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  return field.pattern === null ? bind(x, field.name, type, made, shared) : resolve(x, field.pattern, type, made, shared);
}

function structArgs(
  x: Patterns,
  constructor_: Constructor,
  names: readonly string[],
  pattern: Pattern & { kind: "struct" },
  made: Bindings,
  shared: Bindings | undefined,
): readonly CheckedPattern[] {
  const args: CheckedPattern[] = names.map(() => WILDCARD);
  const seen = new Set<string>();
  const indexes = new Map(pattern.fields.length > 8 ? names.map((n, i) => [n, i]) : []);
  for (const field of pattern.fields) {
    const index = indexes.size > 0 ? (indexes.get(field.name.text) ?? -1) : names.indexOf(field.name.text);
    if (index < 0) {
      x.context.error(
        x.scope.unit,
        "E006",
        field.name.span,
        `\`${constructor_.name}\` has no field \`${field.name.text}\``,
        suggestion(field.name, nearest(field.name.text, names)),
      );
    } else if (seen.has(field.name.text)) report(x, "E010", field.name.span, `the field \`${field.name.text}\` stands here twice`);
    const checked = fieldPattern(x, field, constructor_.args[index] ?? ERROR, made, shared);
    if (index >= 0) args[index] = checked;
    seen.add(field.name.text);
  }
  const absent = names.filter((n) => !seen.has(n));
  if (absent.length > 0 && !pattern.rest) {
    report(
      x,
      "E006",
      pattern.span,
      `the pattern leaves out ${absent.map((n) => `\`${n}\``).join(", ")}`,
      "name them, or end the pattern with `..`",
    );
  }
  return args;
}

function resolveOr(x: Patterns, pattern: Pattern & { kind: "or" }, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  let first = shared;
  let names: string | undefined;
  const alternatives = pattern.alternatives.map((alternative) => {
    const own: Bindings = new Map();
    const checked = resolve(x, alternative, type, own, first);
    const found = [...own.keys()].sort().join(", ");
    if (names !== undefined && found !== names) {
      report(
        x,
        "E009",
        alternative.span,
        "the alternatives of a pattern must bind the same names",
        `the first binds ${names || "nothing"}, this one ${found || "nothing"}`,
      );
    }
    names ??= found;
    first = new Map([...(first ?? []), ...own]);
    return checked;
  });
  for (const [name, local] of first ?? []) if (shared?.has(name) !== true) made.set(name, local);
  return { kind: "or", alternatives };
}
