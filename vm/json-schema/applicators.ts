/** Keywords that apply schemas: to members, to items, or to the value itself. */
import { isJsonArray, isJsonObject, type JsonData } from "../json/json.ts";
import { requireNames, type TextTest, readPattern } from "./assertions.ts";
import { type CompiledSchema, type Check, Evaluated, type Mismatch, mismatchAt, type CheckContext } from "./checking.ts";
import { countOf, invalidSchema, type Keyword, type KeywordUse, namesOf, readSchemaList, readSchemas } from "./keyword.ts";

/** Applies a schema to a member or an item. */
function applyInside(schema: CompiledSchema, data: JsonData, context: CheckContext, key: string | number): Mismatch | undefined {
  const evaluated = context.evaluated === undefined ? undefined : new Evaluated();
  return schema.apply(data, { path: { parent: context.path, key }, budget: context.budget, scope: context.scope, evaluated });
}

/** Applies another schema to the same value. If it matches, the members and items that it evaluated count as evaluated for this schema too. */
function applyToSame(schema: CompiledSchema, data: JsonData, context: CheckContext): Mismatch | undefined {
  const { evaluated } = context;
  if (evaluated === undefined) return schema.apply(data, context);
  const inner = new Evaluated();
  const mismatched = schema.apply(data, { ...context, evaluated: inner });
  if (mismatched === undefined) evaluated.add(inner, context.budget);
  return mismatched;
}

function readProperties(use: KeywordUse): Check {
  const schemas = readSchemas(use);
  return (data, context) => {
    if (!isJsonObject(data)) return undefined;
    context.budget.spend(schemas.length);
    for (const [name, schema] of schemas) {
      const member = data.get(name);
      if (member === undefined) continue;
      context.evaluated?.names.add(name);
      const mismatched = applyInside(schema, member, context, name);
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

function readPatternProperties(use: KeywordUse): Check {
  const schemas = readSchemas(use).map(([pattern, schema]) => [testOf(pattern, use), schema] as const);
  return (data, context) => {
    if (!isJsonObject(data)) return undefined;
    for (const [name, member] of data) {
      for (const [test, schema] of schemas) {
        if (!test(name, context.budget)) continue;
        context.evaluated?.names.add(name);
        const mismatched = applyInside(schema, member, context, name);
        if (mismatched !== undefined) return mismatched;
      }
    }
    return undefined;
  };
}

const testOf = (pattern: string, { path }: KeywordUse): TextTest => readPattern(pattern, { parent: path, key: pattern });

function readAdditionalProperties({ value, path, schema, read }: KeywordUse): Check {
  const additional = read(value, path);
  const properties = schema.get("properties") ?? null;
  const patterns = schema.get("patternProperties") ?? null;
  const patternsPath = { parent: path.parent, key: "patternProperties" };
  const tests = isJsonObject(patterns)
    ? [...patterns.keys()].map((pattern) => readPattern(pattern, { parent: patternsPath, key: pattern }))
    : [];
  return (data, context) => {
    if (!isJsonObject(data)) return undefined;
    for (const [name, member] of data) {
      context.budget.spend(1);
      if ((isJsonObject(properties) && properties.has(name)) || tests.some((test) => test(name, context.budget))) continue;
      const mismatched = applyToRest(additional, value, member, context, name);
      if (mismatched !== undefined) return mismatched;
    }
    if (context.evaluated !== undefined) context.evaluated.allNames = true;
    return undefined;
  };
}

/** Applies the schema of all other members or items. If that schema is `false`, the message says that the member is not in the schema. */
function applyToRest(
  schema: CompiledSchema,
  value: JsonData,
  data: JsonData,
  context: CheckContext,
  key: string | number,
): Mismatch | undefined {
  return value === false ? mismatchAt({ parent: context.path, key }, "is not in the schema") : applyInside(schema, data, context, key);
}

function readUnevaluatedProperties({ value, path, read }: KeywordUse): Check {
  const schema = read(value, path);
  return (data, context) => {
    const { evaluated } = context;
    if (!isJsonObject(data) || evaluated === undefined || evaluated.allNames) return undefined;
    for (const [name, member] of data) {
      context.budget.spend(1);
      const mismatched = evaluated.names.has(name) ? undefined : applyToRest(schema, value, member, context, name);
      if (mismatched !== undefined) return mismatched;
    }
    evaluated.allNames = true;
    return undefined;
  };
}

function readPropertyNames({ value, path, read }: KeywordUse): Check {
  const schema = read(value, path);
  return (data, context) => {
    if (!isJsonObject(data)) return undefined;
    for (const name of data.keys()) {
      const mismatched = applyInside(schema, name, context, name);
      if (mismatched !== undefined) return mismatchAt({ parent: context.path, key: name }, `its name: ${mismatched.message}`);
    }
    return undefined;
  };
}

function readDependentRequired({ value, path }: KeywordUse): Check {
  if (!isJsonObject(value)) throw invalidSchema(path, "expected an object of lists of names");
  return checkDependents([...value].map(([name, names]) => [name, requireNames(namesOf(names, { parent: path, key: name }))] as const));
}

function readDependentSchemas(use: KeywordUse): Check {
  return checkDependents(readSchemas(use).map(([name, schema]) => [name, checkSameValue(schema)] as const));
}

/** In draft-07, one keyword holds both lists of names and schemas. */
function readDependencies({ value, path, read }: KeywordUse): Check {
  if (!isJsonObject(value)) throw invalidSchema(path, "expected an object of schemas and lists of names");
  return checkDependents(
    [...value].map(([name, part]) => {
      const partPath = { parent: path, key: name };
      return [name, isJsonArray(part) ? requireNames(namesOf(part, partPath)) : checkSameValue(read(part, partPath))] as const;
    }),
  );
}

const checkSameValue =
  (schema: CompiledSchema): Check =>
  (data, context) =>
    applyToSame(schema, data, context);

/** Applies each check to objects that have the member with the check's name. */
function checkDependents(checks: readonly (readonly [string, Check])[]): Check {
  return (data, context) => {
    if (!isJsonObject(data)) return undefined;
    context.budget.spend(checks.length);
    for (const [name, check] of checks) {
      const mismatched = data.has(name) ? check(data, context) : undefined;
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

function readPrefixItems(use: KeywordUse): Check {
  const schemas = readSchemaList(use);
  return (data, context) => {
    if (!isJsonArray(data)) return undefined;
    for (const [i, schema] of schemas.entries()) {
      const item = data[i];
      if (item === undefined) break;
      context.evaluated?.indexes.add(i);
      const mismatched = applyInside(schema, item, context, i);
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

/** Reads the schema of all items after the first `start`. */
function readItemsAfter(start: number, { value, path, read }: KeywordUse): Check {
  const schema = read(value, path);
  return (data, context) => {
    if (!isJsonArray(data)) return undefined;
    for (let i = start; i < data.length; i++) {
      const mismatched = applyToRest(schema, value, data[i] ?? null, context, i);
      if (mismatched !== undefined) return mismatched;
    }
    if (context.evaluated !== undefined) context.evaluated.allItems = true;
    return undefined;
  };
}

function readItems(use: KeywordUse): Check {
  const prefix = use.schema.get("prefixItems") ?? null;
  if (use.dialect === "2020-12") return readItemsAfter(isJsonArray(prefix) ? prefix.length : 0, use);
  return isJsonArray(use.value) ? readPrefixItems(use) : readItemsAfter(0, use);
}

/** In draft-07, `additionalItems` applies after a list in `items`, and is ignored otherwise. */
function readAdditionalItems(use: KeywordUse): Check | undefined {
  const items = use.schema.get("items") ?? null;
  const check = readItemsAfter(isJsonArray(items) ? items.length : 0, use);
  return isJsonArray(items) ? check : undefined;
}

function readUnevaluatedItems({ value, path, read }: KeywordUse): Check {
  const schema = read(value, path);
  return (data, context) => {
    const { evaluated } = context;
    if (!isJsonArray(data) || evaluated === undefined || evaluated.allItems) return undefined;
    for (const [i, item] of data.entries()) {
      context.budget.spend(1);
      const mismatched = evaluated.indexes.has(i) ? undefined : applyToRest(schema, value, item, context, i);
      if (mismatched !== undefined) return mismatched;
    }
    evaluated.allItems = true;
    return undefined;
  };
}

function readContains(use: KeywordUse): Check {
  const schema = use.read(use.value, use.path);
  const least = countBeside(use, "minContains") ?? 1;
  const most = countBeside(use, "maxContains") ?? Number.POSITIVE_INFINITY;
  return (data, context) => {
    if (!isJsonArray(data)) return undefined;
    let count = 0;
    for (const [i, item] of data.entries()) {
      if (applyInside(schema, item, context, i) !== undefined) continue;
      count += 1;
      context.evaluated?.indexes.add(i);
    }
    if (count < least) return mismatchAt(context.path, `expected at least ${least} items that match contains, found ${count}`);
    return count > most ? mismatchAt(context.path, `expected at most ${most} items that match contains, found ${count}`) : undefined;
  };
}

/** Returns the number that another keyword in the same schema holds; undefined if it is absent or the dialect does not have it. */
function countBeside(use: KeywordUse, name: string): number | undefined {
  const value = use.dialect === "2020-12" ? use.schema.get(name) : undefined;
  return value === undefined ? undefined : countOf({ ...use, name, value, path: { parent: use.path.parent, key: name } });
}

function readAllOf(use: KeywordUse): Check {
  const schemas = readSchemaList(use);
  return (data, context) => {
    for (const schema of schemas) {
      const mismatched = applyToSame(schema, data, context);
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

function readAnyOf(use: KeywordUse): Check {
  const schemas = readSchemaList(use);
  return (data, context) => {
    let first: Mismatch | undefined;
    let isMatch = false;
    for (const schema of schemas) {
      const mismatched = applyToSame(schema, data, context);
      first ??= mismatched;
      isMatch ||= mismatched === undefined;
      // Every schema that matches counts for `unevaluatedProperties` and `unevaluatedItems`.
      if (isMatch && context.evaluated === undefined) return undefined;
    }
    if (isMatch) return undefined;
    return schemas.length === 1 ? first : mismatchAt(context.path, "matches no schema of anyOf");
  };
}

function readOneOf(use: KeywordUse): Check {
  const schemas = readSchemaList(use);
  return (data, context) => {
    const matching = schemas.flatMap((schema, i) => (applyToSame(schema, data, context) === undefined ? [i] : []));
    if (matching.length === 1) return undefined;
    if (matching.length === 0) return mismatchAt(context.path, "matches no schema of oneOf");
    return mismatchAt(context.path, `matches more than one schema of oneOf: ${matching.slice(0, 8).join(", ")}`);
  };
}

function readNot({ value, path, read }: KeywordUse): Check {
  const schema = read(value, path);
  return (data, context) => {
    const evaluated = context.evaluated === undefined ? undefined : new Evaluated();
    return schema.apply(data, { ...context, evaluated }) === undefined ? mismatchAt(context.path, "matches the schema of not") : undefined;
  };
}

function readIf(use: KeywordUse): Check {
  const condition = use.read(use.value, use.path);
  const branch = (name: string): CompiledSchema | undefined => {
    const value = use.schema.get(name);
    return value === undefined ? undefined : use.read(value, { parent: use.path.parent, key: name });
  };
  const then = branch("then");
  const otherwise = branch("else");
  return (data, context) => {
    const chosen = applyToSame(condition, data, context) === undefined ? then : otherwise;
    return chosen === undefined ? undefined : applyToSame(chosen, data, context);
  };
}

function readRef(use: KeywordUse): Check {
  const reference = use.refer(referenceText(use), use.path);
  return (data, context) => (reference.target === undefined ? undefined : applyToSame(reference.target, data, context));
}

/** `$dynamicRef` leads to the anchor in the outermost of all resources that are being applied, not to the one in its own resource. */
function readDynamicRef(use: KeywordUse): Check {
  const reference = use.refer(referenceText(use), use.path);
  return (data, context) => {
    const { target, dynamicName } = reference;
    let chosen = target;
    for (
      let scope: CheckContext["scope"] | undefined = context.scope;
      scope !== undefined && dynamicName !== undefined;
      scope = scope.outer
    ) {
      context.budget.spend(1);
      chosen = scope.dynamicAnchors.get(dynamicName) ?? chosen;
    }
    return chosen === undefined ? undefined : applyToSame(chosen, data, context);
  };
}

function referenceText({ value, path }: KeywordUse): string {
  if (typeof value !== "string") throw invalidSchema(path, "expected a reference, which is a text");
  return value;
}

/** Reads schemas that apply only where a `$ref` points to them. */
function readDefinitions(use: KeywordUse): undefined {
  readSchemas(use);
}

/** Reads the schema of `then` or `else`, so that a `$ref` can point to it. The keyword `if` applies it. */
function readBranch({ value, path, read }: KeywordUse): undefined {
  read(value, path);
}

export const APPLICATORS: readonly (readonly [string, Keyword])[] = [
  ["$ref", { doc: "the schema at this place of the document", read: readRef }],
  ["$dynamicRef", { doc: "like `$ref`, but an outer schema can replace the target", only: "2020-12", read: readDynamicRef }],
  ["$defs", { doc: "schemas for `$ref`", only: "2020-12", read: readDefinitions }],
  ["definitions", { doc: "schemas for `$ref`", only: "draft-07", read: readDefinitions }],
  ["properties", { doc: "schemas for the members of an object, by name", read: readProperties }],
  ["patternProperties", { doc: "schemas for members, by a regular expression for the name", read: readPatternProperties }],
  ["additionalProperties", { doc: "true, false, or the schema of all other members", read: readAdditionalProperties }],
  ["propertyNames", { doc: "the schema of the names of members", read: readPropertyNames }],
  ["dependentRequired", { doc: "names that an object must have if it has another", only: "2020-12", read: readDependentRequired }],
  ["dependentSchemas", { doc: "schemas for an object if it has a member", only: "2020-12", read: readDependentSchemas }],
  ["dependencies", { doc: "both of these", only: "draft-07", read: readDependencies }],
  ["prefixItems", { doc: "schemas for the first items of an array", only: "2020-12", read: readPrefixItems }],
  ["items", { doc: "the schema of each item of an array, after those of `prefixItems`; in draft-07 also a list", read: readItems }],
  ["additionalItems", { doc: "the schema of each item after a list in `items`", only: "draft-07", read: readAdditionalItems }],
  ["contains", { doc: "a schema that one item must match", read: readContains }],
  ["minContains", { doc: "the fewest items that match `contains`", only: "2020-12" }],
  ["maxContains", { doc: "the most items that match `contains`", only: "2020-12" }],
  ["allOf", { doc: "a list of schemas, all of which must match", read: readAllOf }],
  ["anyOf", { doc: "a list of schemas, of which one must match", read: readAnyOf }],
  ["oneOf", { doc: "a list of schemas, of which exactly one must match", read: readOneOf }],
  ["not", { doc: "a schema that must not match", read: readNot }],
  ["if", { doc: "chooses between `then` and `else`", read: readIf }],
  ["then", { doc: "the schema if that of `if` matches", read: readBranch }],
  ["else", { doc: "the schema if that of `if` does not match", read: readBranch }],
  // These come last, because they look at what all others have evaluated.
  [
    "unevaluatedProperties",
    { doc: "the schema of members that no other schema was applied to", only: "2020-12", read: readUnevaluatedProperties },
  ],
  ["unevaluatedItems", { doc: "the schema of items that no other schema was applied to", only: "2020-12", read: readUnevaluatedItems }],
];
