/**
 * Checks patterns against the type of the matched value. A pattern for a variant, record, tuple, Bool, unit, Option or Result becomes a
 * `Constructor`, which is one of the ways to construct a value of that type. Whether a name is a variant or a binding depends on the type. If
 * the type is not decided yet, and the pattern has the name of a variant or a record, it is checked in two passes. The first declares its
 * bindings. The second resolves its variants, once the types of the function are known. `prune` follows bound type variables.
 */
import { FloatValue, type Value } from "../../vm/value/value.ts";
import type { FieldPattern, Name, Pattern, Span } from "../ast.ts";
import { constructorNamed, constructorsOf } from "../exhaustive.ts";
import type { DiagnosticExtras } from "../diagnostics.ts";
import type { CheckedPattern, Constructor, Local } from "../ir.ts";
import { nearest } from "../../vm/nearest.ts";
import {
  isTuple,
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
  showType,
  STRING,
  tupleType,
  type TypeDecl,
  unify,
  UNIT_TYPE,
} from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";
import { consPatternHelp, didYouMean, unprefixedVariantHelp, suggestNearest } from "./did-you-mean.ts";
import { libraryTypeHint, privateHint } from "./library-hints.ts";
import { conversionHelpEitherWay } from "./mismatch.ts";

const WILDCARD: CheckedPattern = { kind: "wildcard" };

const NO_BINDINGS: ReadonlyMap<string, Local> = new Map();

/** The state of one pass over a pattern, or over one alternative of an `or` pattern. */
interface Pass {
  /** Whether the bindings may be assigned to. */
  readonly isMutable: boolean;
  /** For an alternative: the state of the pattern around the `or` pattern. */
  readonly outer: Pass | undefined;
  /** The bindings so far, by name. Created for the first binding, because most patterns have none. */
  bound: Map<string, Local> | undefined;
  /** The bindings of the alternatives before this one, or those of the first pass. Binding such a name again reuses its `Local`. */
  readonly earlierBindings: ReadonlyMap<string, Local> | undefined;
  /** Whether this is the first pass. In the second one, a variant whose enum is not decided is an error. */
  readonly isFirst: boolean;
  /** Whether the first pass found a variant whose enum is not decided yet. */
  hasUndecided: boolean;
}

/**
 * Checks a pattern and declares its bindings in the scope's current block. `recheck` checks the pattern again and
 * must be called once the function's types are known. It is null if the first pass decided the enum of every variant.
 */
export function checkPattern(
  checker: FunctionChecker,
  pattern: Pattern,
  type: CheckedType,
  { isMutable } = { isMutable: false },
): { readonly checked: CheckedPattern; readonly bound: ReadonlyMap<string, Local>; readonly recheck: (() => CheckedPattern) | null } {
  const pass: Pass = { isMutable, outer: undefined, bound: undefined, earlierBindings: undefined, isFirst: true, hasUndecided: false };
  const checked = resolvePattern(checker, pattern, type, pass);
  const bound = pass.bound ?? NO_BINDINGS;
  if (!pass.hasUndecided) return { checked, bound, recheck: null };
  const secondPass: Pass = { isMutable, outer: undefined, bound: undefined, earlierBindings: bound, isFirst: false, hasUndecided: false };
  return { checked, bound, recheck: () => resolvePattern(checker, pattern, type, secondPass) };
}

function resolvePattern(checker: FunctionChecker, pattern: Pattern, type: CheckedType, pass: Pass): CheckedPattern {
  switch (pattern.kind) {
    case "wildcard":
      return WILDCARD;
    case "name": {
      const { name } = pattern;
      const knownVariant = variantOf(type, name.text);
      if (knownVariant === undefined && !/^[A-Z]/.test(name.text)) return bindAndCheckLater(checker, name, type, pass);
      const constructor_ = knownVariant ?? resolveVariant(checker, null, name, type, pass);
      if (constructor_ !== undefined) recordVariant(checker, type, null, name);
      if (constructor_ !== undefined) return resolveConstructor(checker, constructor_, [], pattern.span, pass);
      // The name was probably meant as a binding. Bind it, so that its uses do not cause further errors.
      if (pass.isFirst && prune(type).kind !== "var") checker.bind(name, ERROR, { isMutable: false }).isUsed = true;
      return WILDCARD;
    }
    case "int":
      return literalPattern(checker, pattern.value, INT, type, pattern.span);
    case "float":
      return literalPattern(checker, new FloatValue(pattern.value), FLOAT, type, pattern.span);
    case "string":
      return literalPattern(checker, pattern.value, STRING, type, pattern.span);
    case "bool":
      return expectType(checker, type, BOOL, pattern.span) ? nullaryPattern(type, String(pattern.value)) : WILDCARD;
    case "unit":
      return expectType(checker, type, UNIT_TYPE, pattern.span) ? nullaryPattern(type, "()") : WILDCARD;
    case "none":
      return expectType(checker, type, builtinType("Option", freshVar()), pattern.span) ? nullaryPattern(type, "None") : WILDCARD;
    case "someOkErr": {
      const shape = pattern.wrap === "Some" ? builtinType("Option", freshVar()) : builtinType("Result", freshVar(), freshVar());
      const constructor_ = expectType(checker, type, shape, pattern.span) ? constructorNamed(type, pattern.wrap) : undefined;
      if (constructor_ === undefined) return resolvePattern(checker, pattern.inner, ERROR, pass);
      return { kind: "constructor", constructor_, args: [resolvePattern(checker, pattern.inner, constructor_.args[0] ?? ERROR, pass)] };
    }
    case "variant": {
      const constructor_ = resolveVariant(checker, pattern.enum, pattern.variant, type, pass);
      if (constructor_ === undefined) {
        for (const arg of pattern.args ?? []) resolvePattern(checker, arg, subpatternType(type), pass);
        return WILDCARD;
      }
      recordVariant(checker, type, pattern.enum, pattern.variant);
      return resolveConstructor(checker, constructor_, pattern.args ?? [], pattern.span, pass);
    }
    case "struct": {
      const constructor_ = resolveStruct(checker, pattern.enum, pattern.name, type, pass);
      if (constructor_ === undefined || constructor_.fields === null) {
        if (constructor_ !== undefined) checker.error("E009", pattern.span, `\`${constructor_.name}\` has no fields`);
        for (const f of pattern.fields) resolveField(checker, f, subpatternType(type), pass);
        return WILDCARD;
      }
      recordVariant(checker, type, pattern.enum, pattern.name);
      recordFields(checker, type, pattern);
      return { kind: "constructor", constructor_, args: structArgs(checker, constructor_, constructor_.fields, pattern, pass) };
    }
    case "tuple": {
      const shape = tupleType(pattern.items.map(() => freshVar()));
      const constructor_ = expectType(checker, type, shape, pattern.span) ? constructorNamed(type, "") : undefined;
      const args = pattern.items.map((item, i) => resolvePattern(checker, item, constructor_?.args[i] ?? ERROR, pass));
      return constructor_ === undefined ? WILDCARD : { kind: "constructor", constructor_, args };
    }
    case "list": {
      const item = freshVar();
      const listType = builtinType("List", item);
      const isList = expectType(checker, type, listType, pattern.span);
      const element = isList ? item : ERROR;
      const prefix = pattern.prefix.map((p) => resolvePattern(checker, p, element, pass));
      const name = pattern.rest?.name ?? null;
      const bound = name === null ? WILDCARD : bindName(checker, name, isList ? listType : ERROR, pass);
      const suffix = pattern.suffix.map((p) => resolvePattern(checker, p, element, pass));
      if (!isList) return WILDCARD;
      return { kind: "list", prefix, rest: pattern.rest === null ? null : bound.kind === "bind" ? bound.local : "unused", suffix };
    }
    case "or":
      return resolveOr(checker, pattern, type, pass);
  }
}

const TUPLE_HELP = "a pattern in parentheses is for a tuple; the index and the element are in `for (i, x) in list.enumerate(xs)`";

function tuplePatternHelp(type: CheckedType, wanted: CheckedType): string | undefined {
  if (!isTuple(wanted)) return undefined;
  if (isTuple(type)) return `the tuple has ${type.args.length} parts: write a name or \`_\` for each`;
  if (type.kind !== "declared" || type.decl.kind !== "record") return TUPLE_HELP;
  const { name, fields } = type.decl;
  return `\`${name}\` is a record: write \`${name} { ${fields.map((field) => field.name).join(", ")} }\``;
}

/** Tells the editor's name recorder what the names of a variant or record in a pattern refer to. `type` is that of the matched value. */
function recordVariant({ context, scope }: FunctionChecker, type: CheckedType, enumName: Name | null, name: Name): void {
  const t = prune(type);
  if (context.nameRecorder === undefined || t.kind !== "declared") return;
  const enumDecl = enumName === null ? undefined : context.typeNamed(scope.unit, enumName.text);
  if (enumName !== null && enumDecl !== undefined) context.nameRecorder.addName(enumName.span, { kind: "type", decl: enumDecl });
  const { decl } = t;
  context.nameRecorder.addName(name.span, decl.kind === "record" ? { kind: "type", decl } : { kind: "variant", decl, name: name.text });
}

/** Tells the editor's name recorder what the names of the fields in a pattern refer to. */
function recordFields({ context }: FunctionChecker, type: CheckedType, { name, fields }: Pattern & { kind: "struct" }): void {
  const t = prune(type);
  if (context.nameRecorder === undefined || t.kind !== "declared") return;
  const { decl } = t;
  const payload = decl.variants.find((variant) => variant.name === name.text)?.payload;
  const infos = decl.kind === "record" ? decl.fields : payload?.kind === "struct" ? payload.fields : [];
  for (const { name: field } of fields) {
    const info = infos.find((candidate) => candidate.name === field.text);
    const variant = decl.kind === "record" ? null : name.text;
    if (info !== undefined) context.nameRecorder.addName(field.span, { kind: "field", decl, variant, name: info.name, type: info.type });
  }
}

function expectType(checker: FunctionChecker, type: CheckedType, wanted: CheckedType, span: Span): boolean {
  if (prune(type).kind === "error") return false;
  if (unify(type, wanted)) return true;
  checker.error("E009", span, `this pattern is for ${showType(wanted)}, but the value is ${showType(type)}`, {
    help: tuplePatternHelp(prune(type), prune(wanted)) ?? conversionHelpEitherWay(type, wanted),
  });
  return false;
}

function nullaryPattern(type: CheckedType, name: string): CheckedPattern {
  const constructor_ = constructorNamed(type, name);
  return constructor_ === undefined ? WILDCARD : { kind: "constructor", constructor_, args: [] };
}

function literalPattern(checker: FunctionChecker, value: Value, literalType: CheckedType, type: CheckedType, span: Span): CheckedPattern {
  return expectType(checker, type, literalType, span) ? { kind: "literal", value } : WILDCARD;
}

function bindName(checker: FunctionChecker, name: Name, type: CheckedType, pass: Pass): CheckedPattern {
  let earlier: Local | undefined;
  for (let around: Pass | undefined = pass; around !== undefined; around = around.outer) {
    if (around.bound?.has(name.text) === true) checker.error("E010", name.span, `\`${name.text}\` is bound twice in this pattern`);
    earlier ??= around.earlierBindings?.get(name.text);
  }
  if (earlier !== undefined && !unify(type, earlier.type)) {
    const difference =
      earlier.span === name.span
        ? `, but it is used as ${showType(earlier.type)}`
        : ` here and ${showType(earlier.type)} in the first alternative`;
    checker.error("E009", name.span, `\`${name.text}\` is ${showType(type)}${difference}`);
  }
  if (earlier !== undefined) checker.context.nameRecorder?.addName(name.span, { kind: "local", local: earlier });
  const local = earlier ?? checker.bind(name, type, pass);
  pass.bound ??= new Map();
  pass.bound.set(name.text, local);
  return { kind: "bind", local };
}

/**
 * Returns the type to check subpatterns against if the variant is unknown: a fresh type variable if the value's type is
 * not decided yet, otherwise an error type.
 */
const subpatternType = (type: CheckedType): CheckedType => (prune(type).kind === "var" ? freshVar() : ERROR);

/**
 * Binds a lower-case name. If the type of the value is not decided yet, a deferred check reports the name if it may be a
 * variant of that type.
 */
function bindAndCheckLater(checker: FunctionChecker, name: Name, type: CheckedType, pass: Pass): CheckedPattern {
  if (pass.isFirst && prune(type).kind === "var") {
    checker.context.deferredChecks.push(() => {
      const t = prune(type);
      if (t.kind === "var" ? enumsWithVariant(checker, name.text).length > 0 : variantOf(t, name.text) !== undefined)
        reportUndecided(checker, name, t);
    });
  }
  return bindName(checker, name, type, pass);
}

/** The enums of a file by the names of their variants. The keys are the maps `SourceUnit.types`. */
const ENUMS_BY_VARIANT = new WeakMap<ReadonlyMap<string, TypeDecl>, ReadonlyMap<string, readonly TypeDecl[]>>();

/** Returns the enums in scope in this file that have a variant with the given name. */
function enumsWithVariant({ scope }: FunctionChecker, variant: string): readonly TypeDecl[] {
  const { types } = scope.unit;
  const cached = ENUMS_BY_VARIANT.get(types);
  if (cached !== undefined) return cached.get(variant) ?? [];
  const enumsByVariant = new Map<string, TypeDecl[]>();
  for (const decl of types.values()) {
    for (const { name } of decl.variants) {
      const enums = enumsByVariant.get(name) ?? [];
      enums.push(decl);
      enumsByVariant.set(name, enums);
    }
  }
  ENUMS_BY_VARIANT.set(types, enumsByVariant);
  return enumsByVariant.get(variant) ?? [];
}

function reportUndecided(checker: FunctionChecker, variant: Name, type: CheckedType): void {
  const [decl, secondDecl] = enumsWithVariant(checker, variant.text);
  const enumName = secondDecl === undefined ? decl?.name : undefined;
  const annotationHelp = `the type where the value gets its name: \`let m: ${enumName ?? "TYPE"} = receive\`, \`fn(m: ${enumName ?? "TYPE"}) { … }\``;
  const { start } = variant.span;
  const extras: DiagnosticExtras =
    enumName === undefined
      ? { help: `write ${annotationHelp}` }
      : {
          help: `write \`${enumName}::${variant.text}\`, or ${annotationHelp}`,
          fixes: [{ title: `write \`${enumName}::${variant.text}\``, edits: [{ span: { start, end: start }, text: `${enumName}::` }] }],
        };
  const message = `the type of this value is not known here, so \`${variant.text}\` may be a variant of any enum`;
  checker.error("E014", variant.span, message, extras);
  // Mark the type as an error, so that this value is reported only once.
  if (type.kind === "var") type.bound = ERROR;
}

/** Returns the variant of `type` that is called `name`, if there is one. */
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
      checker.error("E009", variant.span, `this pattern is for Json, but the value is ${showType(t)}`);
      return undefined;
    }
    return constructorNamed(t, `Json::${variant.text}`) ?? reportUnknownVariant(checker, variant, t);
  }
  const decl = enumName === null ? undefined : checker.context.typeNamed(checker.scope.unit, enumName.text);
  if (enumName !== null && decl === undefined) {
    const { unit } = checker.scope;
    const isConsPattern = [enumName, variant].every(({ text }) => /^[a-z_]/.test(text));
    // Bind the names, so that one mistake causes one error.
    if (isConsPattern) for (const name of [enumName, variant]) bindName(checker, name, ERROR, pass);
    const extras = isConsPattern
      ? consPatternHelp(enumName, variant)
      : (unprefixedVariantHelp(enumName, variant) ?? libraryTypeHint(unit, enumName.text));
    if (!checker.scope.mayBeInDamagedText(enumName.text)) {
      checker.error(
        "E013",
        enumName.span,
        `unknown type \`${enumName.text}\``,
        extras ?? suggestNearest(unit, enumName, () => unit.types.keys()),
      );
    }
    unify(t, ERROR);
    return undefined;
  }
  if (t.kind === "var" && decl === undefined) {
    if (pass.isFirst) pass.hasUndecided = true;
    else reportUndecided(checker, variant, t);
    return undefined;
  }
  if (decl?.kind === "enum") decideType(t, decl);
  const decidedType = prune(t);
  if (decidedType.kind !== "declared" || decidedType.decl.kind !== "enum" || (decl !== undefined && decl !== decidedType.decl)) {
    if (enumName === null && hasNamedValues(decidedType))
      return reportUnknownVariant(checker, variant, decidedType, showType(decidedType) === "Json" ? "Json::" : "");
    const variantText = enumName === null ? variant.text : `${enumName.text}::${variant.text}`;
    checker.error("E009", variant.span, `the value is ${showType(t)}, which has no variant \`${variantText}\``, {
      help: enumName === null ? BINDING_HELP : undefined,
    });
    return undefined;
  }
  return variantOf(decidedType, variant.text) ?? reportUnknownVariant(checker, variant, decidedType);
}

/** If the value's type is not decided yet, makes it the declared type that the pattern names. */
function decideType(type: CheckedType, decl: TypeDecl): void {
  if (prune(type).kind === "var") unify(type, { kind: "declared", decl, args: decl.params.map(() => freshVar()) });
}

const BINDING_HELP = "a name that binds any value begins with a lower-case letter";

/** Returns whether the type is built in and its values have names, like `true`, `None` and `Json::Null`. */
const hasNamedValues = (type: CheckedType): boolean =>
  type.kind !== "declared" && showType(type) !== "Unit" && constructorsOf(type) !== null;

/** Reports an unknown variant and suggests one. `prefix` is written before the suggested name. */
function reportUnknownVariant(checker: FunctionChecker, variant: Name, type: CheckedType, prefix = ""): undefined {
  const message = `${showType(type)} has no variant \`${variant.text}\``;
  const { unit } = checker.scope;
  if (unit.diagnostics.isFull) {
    checker.error("E006", variant.span, message);
    return;
  }
  const names = (constructorsOf(type) ?? []).map((c) => c.name.replace(/^.*::/, ""));
  const nearestName = names.includes(variant.text) ? variant.text : nearest(variant.text, names);
  const extras =
    nearestName === undefined
      ? { help: `its variants are ${names.join(", ")}; ${BINDING_HELP}` }
      : didYouMean(variant, `${prefix}${nearestName}`);
  checker.error("E006", variant.span, message, extras);
}

/** Returns the constructor that `R { … }` means: the record `R` if the value is a record, otherwise a variant with fields. */
function resolveStruct(
  checker: FunctionChecker,
  enumName: Name | null,
  name: Name,
  type: CheckedType,
  pass: Pass,
): Constructor | undefined {
  const namedDecl = enumName === null ? checker.context.typeNamed(checker.scope.unit, name.text) : undefined;
  if (namedDecl?.kind === "record" && enumsWithVariant(checker, name.text).length === 0) decideType(type, namedDecl);
  const t = prune(type);
  if (enumName === null && t.kind === "declared" && t.decl.kind === "record") {
    if (namedDecl === t.decl) return constructorNamed(t, t.decl.name);
    const hint = namedDecl === undefined ? privateHint(checker.scope.unit, `type ${name.text}`) : undefined;
    if (hint !== undefined) {
      checker.error("E013", name.span, `unknown record type \`${name.text}\``, hint);
      return undefined;
    }
    const note = namedDecl === undefined ? "" : sameNameNote({ kind: "declared", decl: namedDecl, args: [] }, t);
    checker.error("E009", name.span, `this pattern is for \`${name.text}\`, but the value is ${showType(t)}${note}`);
    return undefined;
  }
  return resolveVariant(checker, enumName, name, type, pass);
}

function resolveConstructor(
  checker: FunctionChecker,
  constructor_: Constructor,
  args: readonly Pattern[],
  span: Span,
  pass: Pass,
): CheckedPattern {
  if (constructor_.fields !== null) {
    checker.error("E009", span, `\`${constructor_.name}\` has fields`, {
      help: `write \`${constructor_.name.replace(/^.*::/, "")} { ${constructor_.fields.join(", ")} }\``,
    });
  } else if (args.length !== constructor_.args.length) {
    const count = constructor_.args.length;
    const payloadText = count === 0 ? "no payload" : count === 1 ? "one payload" : `${count} values`;
    const shortName = constructor_.name.replace(/^.*::/, "");
    const wildcards = constructor_.args.map(() => "_").join(", ");
    const help =
      count === 0
        ? `write \`${shortName}\` alone`
        : count === 1
          ? `write \`${shortName}(x)\`, or \`${shortName}(_)\` for any value`
          : `write one pattern for each value, \`_\` for any: \`${shortName}(${wildcards})\``;
    const patternCount = `${args.length} ${args.length === 1 ? "pattern" : "patterns"}`;
    checker.error("E009", span, `\`${constructor_.name}\` has ${payloadText}, found ${patternCount}`, { help });
  } else
    return { kind: "constructor", constructor_, args: args.map((p, i) => resolvePattern(checker, p, constructor_.args[i] ?? ERROR, pass)) };
  for (const arg of args) resolvePattern(checker, arg, ERROR, pass);
  return WILDCARD;
}

function resolveField(checker: FunctionChecker, field: FieldPattern, type: CheckedType, pass: Pass): CheckedPattern {
  return field.pattern === null ? bindName(checker, field.name, type, pass) : resolvePattern(checker, field.pattern, type, pass);
}

function structArgs(
  checker: FunctionChecker,
  constructor_: Constructor,
  names: readonly string[],
  pattern: Pattern & { kind: "struct" },
  pass: Pass,
): readonly CheckedPattern[] {
  const args: CheckedPattern[] = names.map(() => WILDCARD);
  const seenNames = new Set<string>();
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
    } else if (seenNames.has(field.name.text)) checker.error("E010", field.name.span, `the field \`${field.name.text}\` is given twice`);
    const checked = resolveField(checker, field, constructor_.args[index] ?? ERROR, pass);
    if (index >= 0) args[index] = checked;
    seenNames.add(field.name.text);
  }
  const missingNames = names.filter((n) => !seenNames.has(n));
  if (missingNames.length > 0 && !pattern.hasRest) {
    checker.error("E006", pattern.span, `the pattern leaves out ${missingNames.map((n) => `\`${n}\``).join(", ")}`, {
      help: "name them, or end the pattern with `..`",
    });
  }
  return args;
}

function resolveOr(checker: FunctionChecker, pattern: Pattern & { kind: "or" }, type: CheckedType, pass: Pass): CheckedPattern {
  const earlierBindings = new Map<string, Local>();
  let firstNames: string | undefined;
  const alternatives = pattern.alternatives.map((alternative) => {
    const inner: Pass = { ...pass, outer: pass, bound: undefined, earlierBindings };
    const checked = resolvePattern(checker, alternative, type, inner);
    const { bound = NO_BINDINGS } = inner;
    pass.hasUndecided ||= inner.hasUndecided;
    const boundNames = [...bound.keys()].sort().join(", ");
    if (firstNames !== undefined && boundNames !== firstNames) {
      checker.error("E009", alternative.span, "the alternatives of a pattern must bind the same names", {
        help: `the first binds ${firstNames || "nothing"}, this one ${boundNames || "nothing"}`,
      });
    }
    firstNames ??= boundNames;
    for (const [name, local] of bound) earlierBindings.set(name, local);
    return checked;
  });
  pass.bound ??= new Map();
  for (const [name, local] of earlierBindings) pass.bound.set(name, local);
  return { kind: "or", alternatives };
}
