/** Patterns, resolved against the type of what they are matched with. */
import { FloatValue, intFromBigInt, type Value } from "../../vm/value.ts";
import type { FieldPattern, Name, Pattern, Span } from "../ast.ts";
import { constructorNamed, constructorsOf } from "../exhaustive.ts";
import type { CheckedPattern, Constructor, Local } from "../ir.ts";
import { nearest } from "../../vm/nearest.ts";
import { BOOL, builtinType, ERROR, FLOAT, fits, fresh, INT, prune, show, STRING, type T, toldApart, UNIT_TYPE } from "../types.ts";
import { type Expressions, suggestion, withoutPrefix } from "./context.ts";
import { mixHelp } from "./mismatch.ts";

const WILDCARD: CheckedPattern = { kind: "wildcard" };

/** Bindings of one arm, by name; alternatives of an or-pattern share theirs. */
export type Bindings = Map<string, Local>;

/** Checks a pattern and declares its bindings in the scope's current block. */
export function checkPattern(x: Expressions, pattern: Pattern, type: T): CheckedPattern {
  return resolve(x, pattern, type, new Map(), undefined);
}

/** `shared` are the bindings that the first alternative of an or-pattern made. */
function resolve(x: Expressions, pattern: Pattern, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  const inner = (p: Pattern, t: T): CheckedPattern => resolve(x, p, t, made, shared);
  switch (pattern.kind) {
    case "wildcard":
      return WILDCARD;
    case "name": {
      const constructor_ = variantOf(type, pattern.name.text);
      if (constructor_ === undefined) return bindLikeVariant(x, pattern.name, type, made, shared);
      return construct(x, constructor_, [], pattern.span, made, shared);
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
        for (const arg of pattern.args ?? []) inner(arg, ERROR);
        return WILDCARD;
      }
      return construct(x, constructor_, pattern.args ?? [], pattern.span, made, shared);
    }
    case "struct": {
      const constructor_ = resolveStruct(x, pattern.enum, pattern.name, type);
      if (constructor_ === undefined || constructor_.fields === null) {
        if (constructor_ !== undefined) report(x, "E009", pattern.span, `\`${constructor_.name}\` has no fields`);
        for (const f of pattern.fields) fieldPattern(x, f, ERROR, made, shared);
        return WILDCARD;
      }
      return { kind: "constructor", constructor_, args: structArgs(x, constructor_, constructor_.fields, pattern, made, shared) };
    }
    case "or":
      return resolveOr(x, pattern, type, made, shared);
  }
}

function report(x: Expressions, code: "E005" | "E006" | "E009" | "E010" | "E013", span: Span, message: string, help?: string): void {
  x.context.error(x.scope.unit, code, span, message, help === undefined ? {} : { help });
}

function expectType(x: Expressions, type: T, wanted: T, span: Span): boolean {
  if (prune(type).kind === "error") return false;
  if (fits(type, wanted)) return true;
  report(x, "E009", span, `this pattern is for ${show(wanted)}, but the value is ${show(type)}`, mixHelp(type, wanted));
  return false;
}

function named(type: T, name: string): CheckedPattern {
  const constructor_ = constructorNamed(type, name);
  return constructor_ === undefined ? WILDCARD : { kind: "constructor", constructor_, args: [] };
}

function literal(x: Expressions, value: Value, of: T, type: T, span: Span): CheckedPattern {
  return expectType(x, type, of, span) ? { kind: "literal", value } : WILDCARD;
}

function bind(x: Expressions, name: Name, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  if (made.has(name.text)) report(x, "E010", name.span, `\`${name.text}\` is bound twice in this pattern`);
  const before = shared?.get(name.text);
  if (before !== undefined && !fits(type, before.type)) {
    report(x, "E009", name.span, `\`${name.text}\` is ${show(type)} here and ${show(before.type)} in the first alternative`);
  }
  const local = before ?? x.bind(name, type, false);
  made.set(name.text, local);
  return { kind: "bind", local };
}

/** A name that begins like a variant and is none of the enum: told where it turns out that nobody reads it. */
function bindLikeVariant(x: Expressions, name: Name, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  const pattern = bind(x, name, type, made, shared);
  const t = prune(type);
  if (pattern.kind === "bind" && t.kind === "declared" && t.decl.kind === "enum" && /^[A-Z]/.test(name.text)) {
    x.context.unusedHelp.set(pattern.local, `\`${t.decl.name}\` has no variant of this name, so it binds every value`);
  }
  return pattern;
}

/** The variant that a bare name means for this type, if it means one. */
function variantOf(type: T, name: string): Constructor | undefined {
  const t = prune(type);
  return t.kind === "declared" && t.decl.kind === "enum" ? constructorNamed(t, `${t.decl.name}::${name}`) : undefined;
}

function resolveVariant(x: Expressions, enumName: Name | null, variant: Name, type: T): Constructor | undefined {
  const t = prune(type);
  if (t.kind === "error") return undefined;
  if (enumName?.text === "Json") {
    if (t.kind !== "primitive" || t.name !== "Json") {
      report(x, "E009", variant.span, `this pattern is for Json, but the value is ${show(t)}`);
      return undefined;
    }
    return unknownVariant(x, variant, t, constructorNamed(t, `Json::${variant.text}`));
  }
  const decl = enumName === null ? undefined : x.context.typeNamed(x.scope.unit, enumName.text);
  if (enumName !== null && decl === undefined) {
    x.context.error(x.scope.unit, "E013", enumName.span, `unknown type \`${enumName.text}\``, withoutPrefix(enumName, variant) ?? {});
    return undefined;
  }
  if (t.kind !== "declared" || t.decl.kind !== "enum" || (decl !== undefined && decl !== t.decl)) {
    report(
      x,
      "E009",
      variant.span,
      `the value is ${show(t)}, which has no variant \`${enumName === null ? "" : `${enumName.text}::`}${variant.text}\``,
    );
    return undefined;
  }
  return unknownVariant(x, variant, t, variantOf(t, variant.text));
}

function unknownVariant(x: Expressions, variant: Name, type: T, found: Constructor | undefined): Constructor | undefined {
  if (found === undefined) {
    const names = (constructorsOf(type) ?? []).map((c) => c.name.replace(/^.*::/, ""));
    const more = suggestion(variant, nearest(variant.text, names));
    x.context.error(
      x.scope.unit,
      "E006",
      variant.span,
      `${show(type)} has no variant \`${variant.text}\``,
      more.help === undefined ? { help: `its variants are ${names.join(", ")}` } : more,
    );
  }
  return found;
}

/** `R { … }` is a record where the value is one, else a struct variant. */
function resolveStruct(x: Expressions, enumName: Name | null, name: Name, type: T): Constructor | undefined {
  const t = prune(type);
  if (enumName === null && t.kind === "declared" && t.decl.kind === "record") {
    const written = x.context.typeNamed(x.scope.unit, name.text);
    if (written === t.decl) return constructorNamed(t, t.decl.name);
    const apart = written === undefined ? "" : toldApart({ kind: "declared", decl: written, args: [] }, t);
    report(x, "E009", name.span, `this pattern is for \`${name.text}\`, but the value is ${show(t)}${apart}`);
    return undefined;
  }
  return resolveVariant(x, enumName, name, type);
}

function construct(
  x: Expressions,
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

function fieldPattern(x: Expressions, field: FieldPattern, type: T, made: Bindings, shared: Bindings | undefined): CheckedPattern {
  return field.pattern === null ? bind(x, field.name, type, made, shared) : resolve(x, field.pattern, type, made, shared);
}

function structArgs(
  x: Expressions,
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

function resolveOr(
  x: Expressions,
  pattern: Pattern & { kind: "or" },
  type: T,
  made: Bindings,
  shared: Bindings | undefined,
): CheckedPattern {
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
