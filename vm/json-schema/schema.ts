/**
 * JSON Schema, 2020-12 and draft-07, for the machine's JSON data. 64-bit Ints stay exact, 1.0 is an integer, and regular expressions
 * take linear time. This is the main file of `vm/json-schema/`.
 *
 *     JSON ──readSchema──► schemas with their checks, references resolved ──mismatchOf(value)──► the first mismatch
 *
 * The schema is not trusted: it has limits on its size, depth and number of schemas, and a check on its steps. References lead only to
 * places in the same document; nothing is loaded. `format` and the content keywords are annotations without a check.
 *
 * For example, `{"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}` becomes three schemas. The check of `[1, "x"]` applies
 * the first to the list, and the third to `1` and `"x"`: "value[1]: expected integer, found string".
 */
import { BorunaError } from "../error.ts";
import { canonicalJson, isJsonArray, isJsonObject, type JsonData, parseJson } from "../json/json.ts";
import { type JsonPath, pathText } from "../json/typed-json.ts";
import { nearest } from "../nearest.ts";
import { utf8Length } from "../value/utf8.ts";
import { APPLICATORS } from "./applicators.ts";
import { ASSERTIONS } from "./assertions.ts";
import {
  type CompiledSchema,
  type Check,
  CheckBudget,
  Evaluated,
  type Mismatch,
  mismatchAt,
  type CheckContext,
  type Scope,
} from "./checking.ts";
import { type Dialect, invalidSchema, type Keyword, type Reference } from "./keyword.ts";

/** Limits on a schema and on one check. */
export interface SchemaLimits {
  /** UTF-8 bytes of its canonical JSON. */
  readonly bytes: number;
  /** How deep schemas may be nested. */
  readonly depth: number;
  readonly schemas: number;
  /** A step is a schema applied to a value, or 40 code units of text. */
  readonly steps: number;
}

export const SCHEMA_LIMITS: SchemaLimits = { bytes: 262_144, depth: 64, schemas: 10_000, steps: 500_000 };

export interface ReadSchemaOptions {
  /** The name of the document in messages. Default: schema. */
  readonly name?: string;
  readonly limits?: SchemaLimits;
  /** Whether a keyword that neither dialect has is an error. Default: it is ignored. */
  readonly refuseUnknown?: boolean;
}

export interface JsonSchema {
  /** Every schema of the document that is an object: the document itself, and the schemas inside it. */
  readonly schemas: readonly ReadonlyMap<string, JsonData>[];
  /**
   * Returns the first mismatch, or undefined. `name` is the name of the value in paths. Throws `schema.budget` if the check takes too many
   * steps.
   */
  readonly mismatchOf: (data: JsonData, name: string) => SchemaMismatch | undefined;
}

export interface SchemaMismatch {
  /** Where the value does not match, such as `value.items[3].price`. */
  readonly path: string;
  readonly message: string;
}

const ANNOTATION: Keyword = { doc: "only describes" };

/** Every keyword, in the order of the checks. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ...ASSERTIONS,
  ...APPLICATORS,
  ["$schema", { doc: "the dialect: that of 2020-12, which is the default, or of draft-07" }],
  ["$id", { doc: "the URI that references in this schema are relative to" }],
  ["$anchor", { doc: "a name for `$ref`", only: "2020-12" }],
  ["$dynamicAnchor", { doc: "a name for `$dynamicRef`", only: "2020-12" }],
  ...["title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly", "$comment"].map(
    (name) => [name, ANNOTATION] as const,
  ),
  ...["contentEncoding", "contentMediaType", "contentSchema"].map((name) => [name, ANNOTATION] as const),
]);

const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ["https://json-schema.org/draft/2020-12/schema", "2020-12"],
  ["http://json-schema.org/draft-07/schema", "draft-07"],
]);

/** The URI of a document that does not name its own. */
const DOCUMENT_URI = "boruna://schema/";

/**
 * Reads a schema. Throws `schema.form` for a mistake, `schema.dialect` for an unknown dialect, `schema.ref` for a reference to nothing in
 * the document, and `schema.too_large`. Messages contain the path of the mistake.
 */
export function readSchema(data: JsonData, options: ReadSchemaOptions = {}): JsonSchema {
  const { name = "schema", limits = SCHEMA_LIMITS } = options;
  const text = canonicalJson(data);
  const bytes = utf8Length(text);
  if (bytes > limits.bytes) throw new BorunaError("schema.too_large", `${name} has ${bytes} bytes, at most ${limits.bytes} are allowed`);
  // The reader identifies schemas by object. Parsing the text again ensures that no two schemas are one object.
  const reader = new Reader(parseJson(text, { maxDepth: MAX_JSON_DEPTH }), name, limits, options.refuseUnknown === true);
  const root = reader.readDocument();
  return {
    schemas: reader.schemas(),
    mismatchOf: (value, valueName) => {
      const context: CheckContext = {
        path: { parent: undefined, key: valueName },
        budget: new CheckBudget(limits.steps),
        scope: NO_SCOPE,
        evaluated: reader.tracksEvaluated ? new Evaluated() : undefined,
      };
      const found = root.apply(value, context);
      return found === undefined ? undefined : { path: pathText(found.path), message: found.message };
    },
  };
}

/** The limit on the nesting of the schema's JSON. Schemas have at most two levels of JSON each, but values of `enum` may be nested too. */
const MAX_JSON_DEPTH = 10_000;
const NO_SCOPE: Scope = { dynamicAnchors: new Map(), outer: undefined };

/** A part of the document with its own URI. */
interface Resource {
  readonly uri: string;
  readonly root: JsonData;
  readonly path: JsonPath;
  readonly dialect: Dialect;
  readonly anchors: Map<string, CompiledSchema>;
  readonly dynamicAnchors: Map<string, CompiledSchema>;
}

/** A schema whose checks are filled in after its inner schemas are read. */
class Schema implements CompiledSchema {
  readonly resource: Resource;
  checks: readonly Check[] = [];

  constructor(resource: Resource) {
    this.resource = resource;
  }

  apply(data: JsonData, context: CheckContext): Mismatch | undefined {
    const { dynamicAnchors } = this.resource;
    const { budget, path, evaluated } = context;
    budget.enter();
    const scope = context.scope.dynamicAnchors === dynamicAnchors ? context.scope : { dynamicAnchors, outer: context.scope };
    const inner: CheckContext = { path, budget, scope, evaluated };
    for (const check of this.checks) {
      const mismatched = check(data, inner);
      if (mismatched !== undefined) {
        budget.leave();
        return mismatched;
      }
    }
    budget.leave();
    return undefined;
  }
}

const ANYTHING: CompiledSchema = { apply: () => undefined };
const NOTHING: CompiledSchema = { apply: (_, { path }) => mismatchAt(path, "no value is allowed here") };

class Reader {
  /** Whether some schema has `unevaluatedProperties` or `unevaluatedItems`, so that checks must note what was evaluated. */
  tracksEvaluated = false;
  readonly #document: JsonData;
  readonly #name: string;
  readonly #limits: SchemaLimits;
  readonly #refusesUnknown: boolean;
  readonly #schemas = new Map<ReadonlyMap<string, JsonData>, Schema>();
  readonly #resources = new Map<string, Resource>();
  /** References that are not resolved yet. */
  readonly #pending: (() => void)[] = [];

  constructor(document: JsonData, name: string, limits: SchemaLimits, refusesUnknown: boolean) {
    this.#document = document;
    this.#name = name;
    this.#limits = limits;
    this.#refusesUnknown = refusesUnknown;
  }

  readDocument(): CompiledSchema {
    const path: JsonPath = { parent: undefined, key: this.#name };
    const resource = this.#addResource(DOCUMENT_URI, this.#document, path, this.#dialectOf(this.#document, path) ?? "2020-12");
    const root = this.#read(this.#document, path, resource, 1);
    // Resolving a reference may read more schemas, which may have references.
    for (let resolve = this.#pending.pop(); resolve !== undefined; resolve = this.#pending.pop()) resolve();
    return root;
  }

  schemas(): readonly ReadonlyMap<string, JsonData>[] {
    return [...this.#schemas.keys()];
  }

  #read(data: JsonData, path: JsonPath, outer: Resource, depth: number): CompiledSchema {
    if (typeof data === "boolean") return data ? ANYTHING : NOTHING;
    if (!isJsonObject(data)) throw invalidSchema(path, "expected a schema, which is an object, true or false");
    const existing = this.#schemas.get(data);
    if (existing !== undefined) return existing;
    if (depth > this.#limits.depth)
      throw new BorunaError("schema.too_large", `${pathText(path)}: nested deeper than ${this.#limits.depth}`);
    if (this.#schemas.size >= this.#limits.schemas)
      throw new BorunaError("schema.too_large", `${this.#name} has more than ${this.#limits.schemas} schemas`);
    const resource = this.#resourceOf(data, path, outer);
    const schema = new Schema(resource);
    this.#schemas.set(data, schema);
    this.#addAnchors(data, schema, path);
    schema.checks = this.#checksOf(data, path, resource, depth);
    return schema;
  }

  #checksOf(schema: ReadonlyMap<string, JsonData>, path: JsonPath, resource: Resource, depth: number): readonly Check[] {
    const { dialect } = resource;
    if (this.#refusesUnknown) for (const name of schema.keys()) if (!isKeyword(name, dialect)) throw unknownKeyword(name, path, dialect);
    const checks: Check[] = [];
    for (const [name, { only = dialect, read }] of KEYWORDS) {
      const value = schema.get(name);
      // In draft-07, keywords beside `$ref` are ignored.
      const isHidden = dialect === "draft-07" && schema.has("$ref") && name !== "$ref" && name !== "definitions";
      if (value === undefined || read === undefined || only !== dialect || isHidden) continue;
      if (name.startsWith("unevaluated")) this.tracksEvaluated = true;
      const check = read({
        name,
        value,
        path: { parent: path, key: name },
        schema,
        dialect,
        read: (inner, innerPath) => this.#read(inner, innerPath, resource, depth + 1),
        refer: (reference, refPath) => this.#refer(reference, refPath, resource, name === "$dynamicRef"),
      });
      if (check !== undefined) checks.push(check);
    }
    return checks;
  }

  /** Returns the resource of a schema: a new one if it has an `$id`. */
  #resourceOf(schema: ReadonlyMap<string, JsonData>, path: JsonPath, outer: Resource): Resource {
    const id = schema.get("$id");
    const dialect = this.#dialectOf(schema, path) ?? outer.dialect;
    if (typeof id !== "string" || id.startsWith("#") || (dialect === "draft-07" && schema.has("$ref"))) return outer;
    const idPath = { parent: path, key: "$id" };
    const { uri, fragment } = splitReference(id, outer.uri, idPath);
    if (fragment !== "") throw invalidSchema(idPath, "expected a URI without a fragment");
    return this.#addResource(uri, schema, path, dialect);
  }

  #addResource(uri: string, root: JsonData, path: JsonPath, dialect: Dialect): Resource {
    const existing = this.#resources.get(uri);
    if (existing !== undefined && existing.root !== root) throw invalidSchema({ parent: path, key: "$id" }, "another schema has this URI");
    const resource: Resource = { uri, root, path, dialect, anchors: new Map(), dynamicAnchors: new Map() };
    this.#resources.set(uri, resource);
    return resource;
  }

  #addAnchors(schema: ReadonlyMap<string, JsonData>, compiled: Schema, path: JsonPath): void {
    const { dialect, anchors, dynamicAnchors } = compiled.resource;
    const id = schema.get("$id");
    if (dialect === "draft-07") {
      if (typeof id === "string" && id.startsWith("#") && !schema.has("$ref")) anchors.set(id.slice(1), compiled);
      return;
    }
    for (const name of ["$anchor", "$dynamicAnchor"]) {
      const anchor = schema.get(name);
      if (anchor === undefined) continue;
      const anchorPath = { parent: path, key: name };
      if (typeof anchor !== "string") throw invalidSchema(anchorPath, "expected a name");
      if (anchors.has(anchor) && anchors.get(anchor) !== compiled) throw invalidSchema(anchorPath, "another schema has this name");
      anchors.set(anchor, compiled);
      if (name === "$dynamicAnchor") dynamicAnchors.set(anchor, compiled);
    }
  }

  /** Returns the dialect that a schema names. The URI of any other organization counts as 2020-12, since its meta-schema is not loaded. */
  #dialectOf(schema: JsonData, path: JsonPath): Dialect | undefined {
    const uri = isJsonObject(schema) ? schema.get("$schema") : undefined;
    if (uri === undefined) return undefined;
    const dialect = typeof uri === "string" ? DIALECTS.get(uri.replace(/#$/, "")) : undefined;
    if (dialect !== undefined) return dialect;
    if (typeof uri === "string" && !/^https?:\/\/json-schema\.org\//.test(uri)) return "2020-12";
    throw new BorunaError("schema.dialect", `${pathText({ parent: path, key: "$schema" })}: this dialect is not supported`, {
      hint: `the dialects are ${[...DIALECTS.keys()].join(" and ")}`,
    });
  }

  /** Returns a reference that is resolved after the document has been read. */
  #refer(text: string, path: JsonPath, from: Resource, isDynamic: boolean): Reference {
    const reference: Reference = { target: undefined, dynamicName: undefined };
    this.#pending.push(() => {
      const { uri, fragment } = splitReference(text, from.uri, path);
      const resource = this.#resources.get(uri);
      if (resource === undefined) {
        throw new BorunaError("schema.ref", `${pathText(path)}: ${JSON.stringify(text.slice(0, 200))} is not in this document`, {
          hint: "copy the schema into `$defs`; nothing is loaded",
        });
      }
      reference.target = this.#find(resource, fragment, text, path);
      if (isDynamic && resource.dynamicAnchors.has(fragment)) reference.dynamicName = fragment;
    });
    return reference;
  }

  /** Returns the schema at a fragment, which is a JSON Pointer or an anchor. */
  #find(resource: Resource, fragment: string, text: string, path: JsonPath): CompiledSchema {
    const missing = (): BorunaError =>
      new BorunaError("schema.ref", `${pathText(path)}: ${JSON.stringify(text.slice(0, 200))} leads to no schema`);
    if (fragment !== "" && !fragment.startsWith("/")) {
      const anchored = resource.anchors.get(fragment);
      if (anchored === undefined) throw missing();
      return anchored;
    }
    let data: JsonData | undefined = resource.root;
    let within = resource;
    let at = resource.path;
    for (const part of fragment.split("/").slice(1)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      const index = /^(0|[1-9]\d{0,8})$/.test(key) ? Number(key) : -1;
      data = isJsonObject(data) ? data.get(key) : isJsonArray(data) ? data[index] : undefined;
      if (data === undefined) throw missing();
      within = (isJsonObject(data) ? this.#schemas.get(data)?.resource : undefined) ?? within;
      at = { parent: at, key };
    }
    if (typeof data !== "boolean" && !isJsonObject(data)) throw missing();
    return this.#read(data, at, within, 1);
  }
}

/** Resolves a reference against a base URI, and splits the result into URI and fragment. */
function splitReference(reference: string, base: string, path: JsonPath): { readonly uri: string; readonly fragment: string } {
  try {
    const hash = reference.indexOf("#");
    const start = hash < 0 ? reference : reference.slice(0, hash);
    const fragment = hash < 0 ? "" : decodeURIComponent(reference.slice(hash + 1));
    return { uri: start === "" ? base : new URL(start, base).href, fragment };
  } catch {
    throw invalidSchema(path, "expected a URI or a reference relative to one");
  }
}

const isKeyword = (name: string, dialect: Dialect): boolean => {
  const keyword = KEYWORDS.get(name);
  return keyword !== undefined && (keyword.only ?? dialect) === dialect;
};

function unknownKeyword(name: string, path: JsonPath, dialect: Dialect): BorunaError {
  const names = [...KEYWORDS.keys()].filter((keyword) => isKeyword(keyword, dialect));
  const near = nearest(name, names);
  const hint = near === undefined ? `The keywords are ${names.join(", ")}.` : `Did you mean "${near}"?`;
  return invalidSchema({ parent: path, key: name }, `this keyword is not supported. ${hint}`);
}
