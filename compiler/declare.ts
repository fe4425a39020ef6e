/** Declares the functions and types of a file and those that it imports, before any body is checked. */
import { BUILTIN_BY_NAME, GUARD_NAMES } from "../vm/builtins/builtin-table.ts";
import { GENERIC_TYPE_ARITY, isPrimitiveName } from "../vm/value/type.ts";
import type { EnumItem, FieldDecl, FnItem, Item, Name, RecordItem } from "./ast.ts";
import { type CheckContext, resultOf } from "./check/context.ts";
import { Diagnostics } from "./diagnostics.ts";
import { isDamaged } from "./hidden-names.ts";
import type { Callable } from "./ir.ts";
import type { SourceUnit } from "./scope.ts";
import {
  builtinType,
  type FieldInfo,
  freshVar,
  isData,
  positionalFields,
  showType,
  STRING,
  type TypeDecl,
  unify,
  type VariantInfo,
} from "./check-types.ts";
import type { NameRecorder } from "./name-recorder.ts";
import { paramsByName, type ParamType } from "./rows.ts";
import type { LoadedUnit } from "./load-units.ts";

type DeclaringItem = FnItem | RecordItem | EnumItem;

/** Returns the name in the module for a declared type. It is unique: `Point`, or `Point.2` if another type is `Point` there. */
export type ModuleNamer = (name: string) => string;

function reportDuplicate(unit: SourceUnit, name: Name, what: string): void {
  unit.diagnostics.error("E010", name.span, `${what} \`${name.text}\` is declared twice`, { help: "rename one of them" });
}

/** Reports names that occur more than once in a list. */
function checkUnique(unit: SourceUnit, names: readonly Name[], what: string): void {
  if (names.length < 2) return;
  const seenNames = new Set<string>();
  for (const name of names) {
    // `_` binds nothing, so it may occur more than once.
    if (name.text === "_") continue;
    if (seenNames.has(name.text)) unit.diagnostics.error("E010", name.span, `${what} \`${name.text}\` is declared twice`);
    seenNames.add(name.text);
  }
}

const namesOf = (parts: readonly { readonly name: Name }[]): readonly Name[] => parts.map((part) => part.name);

const typeParamsOf = (item: DeclaringItem): readonly ParamType[] =>
  item.typeParams.map((p): ParamType => ({ kind: "param", name: p.text, use: undefined }));

function declareType(unit: SourceUnit, item: RecordItem | EnumItem, moduleNamer: ModuleNamer): void {
  const { name } = item;
  checkUnique(unit, item.typeParams, "the type parameter");
  if (isPrimitiveName(name.text) || GENERIC_TYPE_ARITY.has(name.text)) {
    unit.diagnostics.error("E010", name.span, `\`${name.text}\` is a built-in type`, { help: "choose another name" });
    return;
  }
  if (unit.types.has(name.text)) {
    reportDuplicate(unit, name, "the type");
    return;
  }
  unit.types.set(name.text, {
    name: name.text,
    kind: item.kind,
    moduleName: moduleNamer(name.text),
    declaredIn: unit.name,
    params: typeParamsOf(item),
    fields: [],
    variants: [],
    kept: [],
  });
  unit.declaredIn.set(`type ${name.text}`, unit.name);
}

function fieldsOf(
  context: CheckContext,
  unit: SourceUnit,
  fields: readonly FieldDecl[],
  params: ReadonlyMap<string, ParamType>,
): readonly FieldInfo[] {
  checkUnique(unit, namesOf(fields), "the field");
  return fields.map((f) => ({ name: f.name.text, type: context.resolveType(unit, f.type, params) }));
}

/** Fills in fields and variants, once every type of the file has been declared. */
function completeType(context: CheckContext, unit: SourceUnit, item: RecordItem | EnumItem, decl: TypeDecl): void {
  const params = paramsByName(decl.params);
  if (item.kind === "record") {
    decl.fields = fieldsOf(context, unit, item.fields, params);
    return;
  }
  checkUnique(unit, namesOf(item.variants), "the variant");
  decl.variants = item.variants.map((v): VariantInfo => {
    const name = v.name.text;
    if (v.payload === null) return { name, payload: null };
    if (v.payload.kind === "struct")
      return { name, payload: { kind: "struct", fields: fieldsOf(context, unit, v.payload.fields, params) } };
    const [type, ...others] = v.payload.types.map((t) => context.resolveType(unit, t, params));
    if (type === undefined) return { name, payload: null };
    return {
      name,
      payload: others.length === 0 ? { kind: "single", type } : { kind: "struct", fields: positionalFields([type, ...others]) },
    };
  });
}

/** Reports row variables of a record or enum. Only functions have them, because a type argument is never a row. */
function reportRowVariables(unit: SourceUnit, item: RecordItem | EnumItem, decl: TypeDecl): void {
  decl.params.forEach((param, i) => {
    const name = item.typeParams[i];
    if (param.use !== "row" || name === undefined) return;
    unit.diagnostics.error("E013", name.span, `a type has no row variables, only a function has: \`${name.text}\``, {
      help: `write the row of the function, or make its whole type a parameter: \`${item.kind === "enum" ? "enum" : "type"} ${decl.name}<F>\``,
    });
  });
}

/** Checks that a message of the declared type holds no function and, if the function spawns actors, can be the failure of one: `Err(text)`. */
function checkMessageType(unit: SourceUnit, { name, message, row }: Callable, { receives }: FnItem): void {
  if (message === null || receives === null || message.kind === "error") return;
  if (!isData(message, { paramsAreData: false })) {
    unit.diagnostics.error("E009", receives.span, `a message must hold no function, found ${showType(message)}`, {
      help: "a type parameter may stand for a function: write a type that cannot",
    });
  } else if (row.includes("actor.spawn") && !unify(message, builtinType("Result", freshVar(), STRING))) {
    unit.diagnostics.error(
      "E009",
      receives.span,
      `\`${name}\` spawns actors, so it may receive their failures, which are not ${showType(message)}`,
      {
        help: `write \`receives Result<${showType(message)}, String>\`: a failure is \`Err(text)\`, and a message is sent as \`Ok(m)\``,
      },
    );
  }
}

/** Declares a function in the unit. Returns undefined if the unit has a function of that name. */
export function declareFunction(context: CheckContext, unit: SourceUnit, item: FnItem): Callable | undefined {
  checkUnique(unit, item.typeParams, "the type parameter");
  if (unit.functions.has(item.name.text)) {
    reportDuplicate(unit, item.name, "the function");
    return undefined;
  }
  const hidesCapability = context.capability(item.name.text) !== undefined;
  if (BUILTIN_BY_NAME.has(item.name.text) || GUARD_NAMES.has(item.name.text) || hidesCapability) {
    const what = hidesCapability ? "capability" : "builtin";
    unit.diagnostics.warning("W006", item.name.span, `\`${item.name.text}\` hides the ${what} of that name`);
  }
  const typeParams = typeParamsOf(item);
  const byName = paramsByName(typeParams);
  const params = item.params.map((p) => context.resolveType(unit, p.type, byName));
  const callable: Callable = {
    name: item.name.text,
    file: unit,
    item,
    typeParams,
    params,
    result: resultOf(context, unit, item.result, byName),
    message: item.receives === null ? null : context.resolveType(unit, item.receives, byName),
    row: context.resolveRow(unit, item.row, byName),
    body: null,
  };
  checkMessageType(unit, callable, item);
  unit.functions.set(item.name.text, callable);
  unit.declaredIn.set(`fn ${item.name.text}`, unit.name);
  return callable;
}

export const isDeclaring = (item: Item): item is DeclaringItem => item.kind === "fn" || item.kind === "record" || item.kind === "enum";
/** Returns the key of `SourceUnit.declaredIn`. It includes the kind of item, because a function and a type may have the same name. */
export const keyOf = (item: DeclaringItem): string => `${item.kind === "fn" ? "fn" : "type"} ${item.name.text}`;

/**
 * Adds the exported items of the imported file `from` to the file `into`. If `from` exports nothing, all of its items except
 * `main` are added. `ownItems` holds the items that `into` itself declares, by `keyOf`. They hide imported ones, so that a new
 * export of a library does not break a program.
 */
export function importItems(into: SourceUnit, from: SourceUnit, specifier: Name, ownItems: ReadonlyMap<string, DeclaringItem>): void {
  // A damaged section of `from` may declare any name.
  const isIncomplete = from.parsed.damaged.length > 0;
  if (isIncomplete) into.hidden.all = true;
  const all = from.parsed.items.filter(isDeclaring);
  const hasExports = all.some((i) => i.isExported);
  for (const item of all) {
    const name = item.name.text;
    const key = keyOf(item);
    if (item.kind === "fn" && name === "main") continue;
    if (hasExports && !item.isExported) {
      into.privateIn.set(key, from.name);
      continue;
    }
    const hidingItem = ownItems.get(key);
    if (hidingItem !== undefined) {
      into.diagnostics.warning("W006", hidingItem.name.span, `\`${name}\` hides the one from \`import "${specifier.text}"\``, {
        help: "rename it if you need the imported one, too",
      });
      continue;
    }
    const imported = item.kind === "fn" ? from.functions.get(name) : from.types.get(name);
    const existing = item.kind === "fn" ? into.functions.get(name) : into.types.get(name);
    if (imported === undefined || existing === imported) continue;
    if (existing !== undefined) {
      if (isIncomplete) continue;
      const otherFile = into.declaredIn.get(key) ?? into.name;
      into.diagnostics.error("E010", specifier.span, `\`${name}\` comes from both ${otherFile} and ${from.name}`, {
        help: "export only what is meant to be imported, or rename one of them",
      });
      continue;
    }
    if ("body" in imported) into.functions.set(name, imported);
    else into.types.set(name, imported);
    into.declaredIn.set(key, from.name);
  }
}

/**
 * Declares the items of a file. The files that it imports must have been declared before. Returns the functions that the
 * file itself declares, in source order.
 */
export function declareUnit(context: CheckContext, loaded: LoadedUnit, moduleNamer: ModuleNamer): readonly Callable[] {
  const { unit, imports } = loaded;
  if (imports.length > 0) {
    const ownItems = new Map(unit.parsed.items.filter(isDeclaring).map((item) => [keyOf(item), item]));
    for (const { item, unit: from } of imports) importItems(unit, from, item.specifier, ownItems);
  }
  // Items in damaged sections are declared, too. Their diagnostics go to a copy of the unit that is thrown away.
  const quiet: SourceUnit = unit.parsed.damaged.length === 0 ? unit : { ...unit, diagnostics: new Diagnostics(unit.name) };
  const unitFor = (item: DeclaringItem): SourceUnit => (isDamaged(unit.parsed, item.span) ? quiet : unit);
  const types = unit.parsed.items.filter((i): i is RecordItem | EnumItem => i.kind === "record" || i.kind === "enum");
  declareTypes(
    context,
    types.map((item) => ({ item, unit: unitFor(item) })),
    moduleNamer,
  );
  reportSameTests(unit);
  return unit.parsed.items
    .flatMap((i) => (i.kind === "fn" ? [declareFunction(context, unitFor(i), i)] : []))
    .filter((c) => c !== undefined);
}

/** Reports tests with the same name. */
export function reportSameTests(unit: SourceUnit): void {
  checkUnique(unit, namesOf(unit.parsed.items.filter((i) => i.kind === "test")), "the test");
}

/** Declares the records and enums of a file. The errors of each go to the diagnostics of its `unit`. */
export function declareTypes(
  context: CheckContext,
  types: readonly { readonly item: RecordItem | EnumItem; readonly unit: SourceUnit }[],
  moduleNamer: ModuleNamer,
): void {
  for (const { item, unit } of types) declareType(unit, item, moduleNamer);
  const completed = new Set<TypeDecl>();
  for (const { item, unit } of types) {
    const decl = unit.types.get(item.name.text);
    if (decl === undefined || decl.kind !== item.kind || completed.has(decl) || unit.declaredIn.get(`type ${item.name.text}`) !== unit.name)
      continue;
    completed.add(decl);
    completeType(context, unit, item, decl);
    reportRowVariables(unit, item, decl);
  }
}

/** Tells the name recorder of the context what the names in the declaration of a type refer to. */
export function recordType(context: CheckContext, unit: SourceUnit, item: RecordItem | EnumItem): void {
  const decl = unit.types.get(item.name.text);
  const { nameRecorder } = context;
  if (decl === undefined || nameRecorder === undefined) return;
  nameRecorder.addName(item.name.span, { kind: "type", decl });
  const params = paramsByName(decl.params);
  recordTypeParams(nameRecorder, item, params);
  const recordFields = (fields: readonly FieldDecl[], variant: string | null): void => {
    for (const { name, type } of fields)
      nameRecorder.addName(name.span, { kind: "field", decl, variant, name: name.text, type: context.resolveType(unit, type, params) });
  };
  if (item.kind === "record") recordFields(item.fields, null);
  else {
    for (const { name, payload } of item.variants) {
      nameRecorder.addName(name.span, { kind: "variant", decl, name: name.text });
      if (payload?.kind === "struct") recordFields(payload.fields, name.text);
      else for (const type of payload?.types ?? []) context.resolveType(unit, type, params);
    }
  }
}

/** Tells the name recorder of the context what the names in the signature of a function refer to. */
export function recordSignature(context: CheckContext, unit: SourceUnit, item: FnItem): void {
  const callable = unit.functions.get(item.name.text);
  const { nameRecorder } = context;
  if (callable === undefined || callable.item !== item || nameRecorder === undefined) return;
  nameRecorder.addName(item.name.span, { kind: "function", callable });
  const params = paramsByName(callable.typeParams);
  recordTypeParams(nameRecorder, item, params);
  for (const { type } of item.params) context.resolveType(unit, type, params);
  resultOf(context, unit, item.result, params);
  if (item.receives !== null) context.resolveType(unit, item.receives, params);
  context.resolveRow(unit, item.row, params);
}

function recordTypeParams(nameRecorder: NameRecorder, { typeParams }: DeclaringItem, params: ReadonlyMap<string, ParamType>): void {
  for (const { text, span } of typeParams) {
    const param = params.get(text);
    if (param !== undefined) nameRecorder.addName(span, { kind: "param", param });
  }
}
