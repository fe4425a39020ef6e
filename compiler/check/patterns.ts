/**
 * Checks patterns against the type of the value they are matched with. Whether `Ping` is a variant or a binding depends on
 * that type. If it is not decided yet, the pattern is checked in two passes: the first declares its bindings, the second
 * resolves its variants once the types of the function are known.
 */
import { FloatValue, intFromBigInt, type Value } from "../../vm/value/value.ts";
import type { FieldPattern, Name, Pattern, Span } from "../ast.ts";
import { constructorNamed, constructorsOf } from "../exhaustive.ts";
import type { DiagnosticExtras } from "../diagnostics.ts";
import type { CheckedPattern, Constructor, Local } from "../ir.ts";
import { nearest } from "../../vm/nearest.ts";
import {
  BOOL,
  builtinType,
  type CheckedType,
  ERROR,
  FLOAT,
  freshVar,
  INT,
  JSON_TYPE,
  prune,
  sameNameNote,
  show,
  STRING,
  type TypeDecl,
  unify,
  UNIT_TYPE,
} from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";
import { didYouMean, suggestNearest, withoutPrefix } from "./did-you-mean.ts";
import { conversionHelpEitherWay } from "./mismatch.ts";

const WILDCARD: CheckedPattern = { kind: "wildcard" };

/** One check of a pattern or of one alternative of it. */
interface Pass {
  /** The names bound so far. */
  readonly own: Map<string, Local>;
  /** The names of the first alternative, or of the first pass: a name found here keeps its `Local`. */
  readonly shared: ReadonlyMap<string, Local> | undefined;
  /** Called for a variant of a type that is not decided yet. Undefined in the second pass, when all types are known. */
  readonly onUndecided: (() => void) | undefined;
}

/**
 * Checks a pattern and declares its bindings in the scope's current block. `recheck` is null unless the pattern names a
 * variant of a type that is not decided yet; it checks the pattern again once the function's types are known.
 */
export function checkPattern(
  checker: FunctionChecker,
  pattern: Pattern,
  type: CheckedType,
): { readonly checked: CheckedPattern; readonly recheck: (() => CheckedPattern) | null } {
  const own = new Map<string, Local>();
  let undecided = false;
  const onUndecided = (): void => {
    undecided = true;
  };
  const checked = resolve(checker, pattern, type, { own, shared: undefined, onUndecided });
  const recheck = (): CheckedPattern => resolve(checker, pattern, type, { own: new Map(), shared: own, onUndecided: undefined });
  return { checked, recheck: undecided ? recheck : null };
}

function resolve(checker: FunctionChecker, pattern: Pattern, type: CheckedType, pass: Pass): CheckedPattern {
  const inner = (p: Pattern, t: CheckedType): CheckedPattern => resolve(checker, p, t, pass);
  switch (pattern.kind) {
    case "wildcard":
      return WILDCARD;
    case "name": {
      const { name } = pattern;
      const known = variantOf(type, name.text);
      if (known === undefined && !/^[A-Z]/.test(name.text)) return bindUnlessVariant(checker, name, type, pass);
      const constructor_ = known ?? resolveVariant(checker, null, name, type, pass);
      if (constructor_ !== undefined) return construct(checker, constructor_, [], pattern.span, pass);
      // The name was probably meant to bind: reading it is not a second mistake.
      if (pass.onUndecided !== undefined && prune(type).kind !== "var") checker.bind(name, ERROR, false).used = true;
      return WILDCARD;
    }
    case "int":
      return literal(checker, intFromBigInt(pattern.value), INT, type, pattern.span);
    case "float":
      return literal(checker, new FloatValue(pattern.value), FLOAT, type, pattern.span);
    case "string":
      return literal(checker, pattern.value, STRING, type, pattern.span);
    case "bool":
      return expectType(checker, type, BOOL, pattern.span) ? constantPattern(type, String(pattern.value)) : WILDCARD;
    case "unit":
      return expectType(checker, type, UNIT_TYPE, pattern.span) ? constantPattern(type, "()") : WILDCARD;
    case "none":
      return expectType(checker, type, builtinType("Option", freshVar()), pattern.span) ? constantPattern(type, "None") : WILDCARD;
    case "wrap": {
      const shape = pattern.wrap === "Some" ? builtinType("Option", freshVar()) : builtinType("Result", freshVar(), freshVar());
      const constructor_ = expectType(checker, type, shape, pattern.span) ? constructorNamed(type, pattern.wrap) : undefined;
      if (constructor_ === undefined) return inner(pattern.inner, ERROR);
      return { kind: "constructor", constructor_, args: [inner(pattern.inner, constructor_.args[0] ?? ERROR)] };
    }
    case "variant": {
      const constructor_ = resolveVariant(checker, pattern.enum, pattern.variant, type, pass);
      if (constructor_ === undefined) {
        for (const arg of pattern.args ?? []) inner(arg, unresolved(type));
        return WILDCARD;
      }
      return construct(checker, constructor_, pattern.args ?? [], pattern.span, pass);
    }
    case "struct": {
      const constructor_ = resolveStruct(checker, pattern.enum, pattern.name, type, pass);
      if (constructor_ === undefined || constructor_.fields === null) {
        if (constructor_ !== undefined) checker.error("E009", pattern.span, `\`${constructor_.name}\` has no fields`);
        for (const f of pattern.fields) fieldPattern(checker, f, unresolved(type), pass);
        return WILDCARD;
      }
      return { kind: "constructor", constructor_, args: structArgs(checker, constructor_, constructor_.fields, pattern, pass) };
    }
    case "or":
      return resolveOr(checker, pattern, type, pass);
  }
}

function expectType(checker: FunctionChecker, type: CheckedType, wanted: CheckedType, span: Span): boolean {
  if (prune(type).kind === "error") return false;
  if (unify(type, wanted)) return true;
  checker.error("E009", span, `this pattern is for ${show(wanted)}, but the value is ${show(type)}`, {
    help: conversionHelpEitherWay(type, wanted),
  });
  return false;
}

function constantPattern(type: CheckedType, name: string): CheckedPattern {
  const constructor_ = constructorNamed(type, name);
  return constructor_ === undefined ? WILDCARD : { kind: "constructor", constructor_, args: [] };
}

function literal(checker: FunctionChecker, value: Value, of: CheckedType, type: CheckedType, span: Span): CheckedPattern {
  return expectType(checker, type, of, span) ? { kind: "literal", value } : WILDCARD;
}

function bind(checker: FunctionChecker, name: Name, type: CheckedType, pass: Pass): CheckedPattern {
  if (pass.own.has(name.text)) checker.error("E010", name.span, `\`${name.text}\` is bound twice in this pattern`);
  const before = pass.shared?.get(name.text);
  if (before !== undefined && !unify(type, before.type)) {
    const other =
      before.span === name.span ? `, but it is used as ${show(before.type)}` : ` here and ${show(before.type)} in the first alternative`;
    checker.error("E009", name.span, `\`${name.text}\` is ${show(type)}${other}`);
  }
  const local = before ?? checker.bind(name, type, false);
  pass.own.set(name.text, local);
  return { kind: "bind", local };
}

/** The type of the parts of a pattern whose variant is unknown: not decided as long as the value's type is not. */
const unresolved = (type: CheckedType): CheckedType => (prune(type).kind === "var" ? freshVar() : ERROR);

/** Binds a name in lower case. If the type is not decided yet, a deferred check reports it if it turns out to be a variant. */
function bindUnlessVariant(checker: FunctionChecker, name: Name, type: CheckedType, pass: Pass): CheckedPattern {
  if (pass.onUndecided !== undefined && prune(type).kind === "var") {
    checker.context.deferredChecks.push(() => {
      const t = prune(type);
      if (t.kind === "var" ? enumsWith(checker, name.text).length > 0 : variantOf(t, name.text) !== undefined)
        reportUndecided(checker, name, t);
    });
  }
  return bind(checker, name, type, pass);
}

const ENUMS_BY_VARIANT = new WeakMap<ReadonlyMap<string, TypeDecl>, ReadonlyMap<string, readonly TypeDecl[]>>();

/** The enums that the file can name and that have a variant of the given name. */
function enumsWith({ scope }: FunctionChecker, variant: string): readonly TypeDecl[] {
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

function reportUndecided(checker: FunctionChecker, variant: Name, type: CheckedType): void {
  const [decl, other] = enumsWith(checker, variant.text);
  const only = other === undefined ? decl?.name : undefined;
  const typed = `the type where the value gets its name: \`let m: ${only ?? "TYPE"} = receive\`, \`fn(m: ${only ?? "TYPE"}) { … }\``;
  const { start } = variant.span;
  const more: DiagnosticExtras =
    only === undefined
      ? { help: `write ${typed}` }
      : {
          help: `write \`${only}::${variant.text}\`, or ${typed}`,
          fixes: [{ title: `write \`${only}::${variant.text}\``, edits: [{ span: { start, end: start }, text: `${only}::` }] }],
        };
  const message = `the type of this value is not known here, so \`${variant.text}\` may be a variant of any enum`;
  checker.error("E014", variant.span, message, more);
  // One report for the value is enough.
  if (type.kind === "var") type.bound = ERROR;
}

/** The variant of the type that has the name, if any. */
function variantOf(type: CheckedType, name: string): Constructor | undefined {
  const t = prune(type);
  return t.kind === "declared" && t.decl.kind === "enum" ? constructorNamed(t, `${t.decl.name}::${name}`) : undefined;
}

function resolveVariant(
  checker: FunctionChecker,
  enumName: Name | null,
  variant: Name,
  type: CheckedType,
  pass: Pass,
): Constructor | undefined {
  const t = prune(type);
  if (t.kind === "error") return undefined;
  if (enumName?.text === "Json") {
    if (!unify(t, JSON_TYPE)) {
      checker.error("E009", variant.span, `this pattern is for Json, but the value is ${show(t)}`);
      return undefined;
    }
    return constructorNamed(t, `Json::${variant.text}`) ?? reportUnknownVariant(checker, variant, t);
  }
  const decl = enumName === null ? undefined : checker.context.typeNamed(checker.scope.unit, enumName.text);
  if (enumName !== null && decl === undefined) {
    checker.error("E013", enumName.span, `unknown type \`${enumName.text}\``, withoutPrefix(enumName, variant) ?? {});
    unify(t, ERROR);
    return undefined;
  }
  if (t.kind === "var" && decl === undefined) {
    if (pass.onUndecided === undefined) reportUndecided(checker, variant, t);
    else pass.onUndecided();
    return undefined;
  }
  if (decl?.kind === "enum") decideBy(t, decl);
  const decided = prune(t);
  if (decided.kind !== "declared" || decided.decl.kind !== "enum" || (decl !== undefined && decl !== decided.decl)) {
    if (enumName === null && hasNamedValues(decided))
      return reportUnknownVariant(checker, variant, decided, show(decided) === "Json" ? "Json::" : "");
    const written = enumName === null ? variant.text : `${enumName.text}::${variant.text}`;
    checker.error("E009", variant.span, `the value is ${show(t)}, which has no variant \`${written}\``, {
      help: enumName === null ? BINDING_HELP : undefined,
    });
    return undefined;
  }
  return variantOf(decided, variant.text) ?? reportUnknownVariant(checker, variant, decided);
}

/** Decides the type of the value by the declaration that the pattern names, unless it is decided already. */
function decideBy(type: CheckedType, decl: TypeDecl): void {
  if (prune(type).kind === "var") unify(type, { kind: "declared", decl, args: decl.params.map(() => freshVar()) });
}

const BINDING_HELP = "a name that binds any value begins with a lower-case letter";

/** Whether the type is built in and its values have names, such as `true`, `None`, `Json::Null`. */
const hasNamedValues = (type: CheckedType): boolean => type.kind !== "declared" && show(type) !== "Unit" && constructorsOf(type) !== null;

/** Reports an unknown variant and suggests one. `prefix` is written before the suggested name. */
function reportUnknownVariant(checker: FunctionChecker, variant: Name, type: CheckedType, prefix = ""): undefined {
  const message = `${show(type)} has no variant \`${variant.text}\``;
  const { unit } = checker.scope;
  if (unit.diagnostics.full) {
    checker.error("E006", variant.span, message);
    return;
  }
  const names = (constructorsOf(type) ?? []).map((c) => c.name.replace(/^.*::/, ""));
  const near = names.includes(variant.text) ? variant.text : nearest(variant.text, names);
  const more =
    near === undefined ? { help: `its variants are ${names.join(", ")}; ${BINDING_HELP}` } : didYouMean(variant, `${prefix}${near}`);
  checker.error("E006", variant.span, message, more);
}

/** `R { … }` is a record pattern if the value is a record, otherwise a variant with fields. */
function resolveStruct(
  checker: FunctionChecker,
  enumName: Name | null,
  name: Name,
  type: CheckedType,
  pass: Pass,
): Constructor | undefined {
  const written = enumName === null ? checker.context.typeNamed(checker.scope.unit, name.text) : undefined;
  if (written?.kind === "record" && enumsWith(checker, name.text).length === 0) decideBy(type, written);
  const t = prune(type);
  if (enumName === null && t.kind === "declared" && t.decl.kind === "record") {
    if (written === t.decl) return constructorNamed(t, t.decl.name);
    const apart = written === undefined ? "" : sameNameNote({ kind: "declared", decl: written, args: [] }, t);
    checker.error("E009", name.span, `this pattern is for \`${name.text}\`, but the value is ${show(t)}${apart}`);
    return undefined;
  }
  return resolveVariant(checker, enumName, name, type, pass);
}

function construct(checker: FunctionChecker, constructor_: Constructor, args: readonly Pattern[], span: Span, pass: Pass): CheckedPattern {
  if (constructor_.fields !== null) {
    checker.error("E009", span, `\`${constructor_.name}\` has fields`, {
      help: `write \`${constructor_.name.replace(/^.*::/, "")} { ${constructor_.fields.join(", ")} }\``,
    });
  } else if (args.length !== constructor_.args.length) {
    const has = constructor_.args.length === 0 ? "no payload" : "one payload";
    const short = constructor_.name.replace(/^.*::/, "");
    const help = constructor_.args.length === 0 ? `write \`${short}\` alone` : `write \`${short}(x)\`, or \`${short}(_)\` for any value`;
    const found = `${args.length} ${args.length === 1 ? "pattern" : "patterns"}`;
    checker.error("E009", span, `\`${constructor_.name}\` has ${has}, found ${found}`, { help });
  } else return { kind: "constructor", constructor_, args: args.map((p, i) => resolve(checker, p, constructor_.args[i] ?? ERROR, pass)) };
  for (const arg of args) resolve(checker, arg, ERROR, pass);
  return WILDCARD;
}

function fieldPattern(checker: FunctionChecker, field: FieldPattern, type: CheckedType, pass: Pass): CheckedPattern {
  return field.pattern === null ? bind(checker, field.name, type, pass) : resolve(checker, field.pattern, type, pass);
}

function structArgs(
  checker: FunctionChecker,
  constructor_: Constructor,
  names: readonly string[],
  pattern: Pattern & { kind: "struct" },
  pass: Pass,
): readonly CheckedPattern[] {
  const args: CheckedPattern[] = names.map(() => WILDCARD);
  const seen = new Set<string>();
  const indexes = new Map(pattern.fields.length > 8 ? names.map((n, i) => [n, i]) : []);
  for (const field of pattern.fields) {
    const index = indexes.size > 0 ? (indexes.get(field.name.text) ?? -1) : names.indexOf(field.name.text);
    if (index < 0) {
      checker.error(
        "E006",
        field.name.span,
        `\`${constructor_.name}\` has no field \`${field.name.text}\``,
        suggestNearest(checker.scope.unit, field.name, () => names),
      );
    } else if (seen.has(field.name.text)) checker.error("E010", field.name.span, `the field \`${field.name.text}\` is given twice`);
    const checked = fieldPattern(checker, field, constructor_.args[index] ?? ERROR, pass);
    if (index >= 0) args[index] = checked;
    seen.add(field.name.text);
  }
  const absent = names.filter((n) => !seen.has(n));
  if (absent.length > 0 && !pattern.rest) {
    checker.error("E006", pattern.span, `the pattern leaves out ${absent.map((n) => `\`${n}\``).join(", ")}`, {
      help: "name them, or end the pattern with `..`",
    });
  }
  return args;
}

function resolveOr(checker: FunctionChecker, pattern: Pattern & { kind: "or" }, type: CheckedType, pass: Pass): CheckedPattern {
  let first = pass.shared;
  let names: string | undefined;
  const alternatives = pattern.alternatives.map((alternative) => {
    const own = new Map<string, Local>();
    const checked = resolve(checker, alternative, type, { ...pass, own, shared: first });
    const found = [...own.keys()].sort().join(", ");
    if (names !== undefined && found !== names) {
      checker.error("E009", alternative.span, "the alternatives of a pattern must bind the same names", {
        help: `the first binds ${names || "nothing"}, this one ${found || "nothing"}`,
      });
    }
    names ??= found;
    first = new Map([...(first ?? []), ...own]);
    return checked;
  });
  for (const [name, local] of first ?? []) if (pass.shared?.has(name) !== true) pass.own.set(name, local);
  return { kind: "or", alternatives };
}
