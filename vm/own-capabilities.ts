/**
 * Declarations of an embedder's own capabilities as data. `declareCapability` checks such data from an embedder or a log, and returns the
 * entry for the capability table. `declarationToJson` converts an entry to data for the header of a log. So readers of a log do not need
 * the embedder's code.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { BUILTIN_BY_NAME } from "./builtins/builtin-table.ts";
import { type CapabilityDecl, type CapabilityParam, FIRST_OWN_CAPABILITY_ID, type MayRepeat } from "./capabilities.ts";
import { BorunaError } from "./error.ts";
import { isJsonArray, isJsonObject, type JsonData } from "./json/json.ts";
import { valueFromTypedJson, valueToTypedJson } from "./json/typed-json.ts";
import { GENERIC_TYPE_ARITY, parseType, type Type, typeToString } from "./value/type.ts";

/** Limit on the parameters. An instruction stores the number of a call's arguments in one byte. */
const MAX_PARAMS = 255;
const MAX_NAME_LENGTH = 128;
const MAX_TYPE_LENGTH = 1_024;
const MAX_DOC_LENGTH = 4_096;

const CAPABILITY_NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
const PARAM_NAME = /^[a-z_][a-z0-9_]*$/;
/** Visible ASCII, because the capability set hash separates versions by tabs and line feeds. */
const VERSION = /^[\x21-\x7e]{1,64}$/;
const FIELDS: readonly string[] = ["name", "version", "params", "result", "mayRepeat", "doc"];
const PARAM_FIELDS: readonly string[] = ["name", "type", "default"];

/**
 * Checks a declaration: an object with `name`, `version`, `params` (each with `name`, `type` and perhaps `default`, as typed JSON), `result`,
 * `mayRepeat` and perhaps `doc`. Throws `capability.invalid_declaration` with one sentence that names the capability and the field.
 */
export function declareCapability(data: JsonData): CapabilityDecl {
  if (!isJsonObject(data)) throw invalid("a capability", "expected an object with name, version, params, result and mayRepeat");
  const name = data.get("name");
  if (typeof name !== "string" || name.length > MAX_NAME_LENGTH || !CAPABILITY_NAME.test(name))
    throw invalid("a capability", 'name: expected words in lower case with dots between them, such as "orders.total"');
  if (BUILTIN_BY_NAME.has(name)) throw invalid(name, "name: a function of the language has this name");
  const fail = (problem: string): never => {
    throw invalid(name, problem);
  };
  refuseUnknownFields(data, FIELDS, fail);
  const version = data.get("version");
  if (typeof version !== "string" || !VERSION.test(version))
    return fail('version: expected a short text without spaces, such as "1"; change it when the meaning of a call changes');
  const params = readParams(data.get("params"), fail);
  const doc = data.get("doc") ?? "";
  if (typeof doc !== "string" || doc.length > MAX_DOC_LENGTH) return fail("doc: expected a text");
  return {
    id: idOf(name),
    name,
    version,
    signatures: [{ params, result: readType(data.get("result"), "result", fail) }],
    mayRepeat: readMayRepeat(data.get("mayRepeat"), params, fail),
    call: callSyntax(name, params),
    doc,
  };
}

/** Returns the declaration as `declareCapability` reads it, without `doc`. */
export function declarationToJson({ name, version, signatures, mayRepeat }: CapabilityDecl): JsonData {
  const [signature] = signatures;
  if (signature === undefined) throw new BorunaError("internal", `${name} has no signature`);
  return new Map<string, JsonData>([
    ["name", name],
    ["version", version],
    ["params", signature.params.map(paramToJson)],
    ["result", typeToString(signature.result)],
    ["mayRepeat", typeof mayRepeat === "boolean" ? mayRepeat : new Map(Object.entries(mayRepeat))],
  ]);
}

function paramToJson(param: CapabilityParam): JsonData {
  const json = new Map<string, JsonData>([
    ["name", param.name],
    ["type", typeToString(param.type)],
  ]);
  if (param.default !== undefined) json.set("default", valueToTypedJson(param.default, param.type, []));
  return json;
}

type Fail = (problem: string) => never;

function invalid(capability: string, problem: string): BorunaError {
  const who = capability === "a capability" ? capability : `the capability ${capability}`;
  return new BorunaError("capability.invalid_declaration", `${who}: ${problem}`);
}

/**
 * Returns the id that modules use, which has 30 bits of a hash of the name. It depends only on the name, so a module keeps its meaning when
 * a host adds capabilities. The registry rejects two names with the same id.
 */
function idOf(name: string): number {
  const [a = 0, b = 0, c = 0, d = 0] = sha256(utf8ToBytes(name));
  return FIRST_OWN_CAPABILITY_ID + (((a & 0x3f) << 24) | (b << 16) | (c << 8) | d);
}

function refuseUnknownFields(object: ReadonlyMap<string, JsonData>, known: readonly string[], fail: Fail, path = ""): void {
  const unknown = [...object.keys()].find((key) => !known.includes(key));
  if (unknown !== undefined)
    fail(`${path}the field ${JSON.stringify(unknown.slice(0, MAX_NAME_LENGTH))} is unknown; known are ${known.join(", ")}`);
}

function readParams(data: JsonData | undefined, fail: Fail): readonly CapabilityParam[] {
  if (data === undefined || !isJsonArray(data) || data.length > MAX_PARAMS) return fail(`params: expected a list of at most ${MAX_PARAMS}`);
  const params = data.map((item, i) => readParam(item, `params[${i}]`, fail));
  const names = params.map((p) => p.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return fail(`params: ${twice} is there twice`);
  const firstDefault = params.findIndex((p) => p.default !== undefined);
  const late = firstDefault < 0 ? undefined : params.slice(firstDefault).find((p) => p.default === undefined);
  return late === undefined ? params : fail(`params: ${late.name} needs a default, because a parameter before it has one`);
}

function readParam(data: JsonData, path: string, fail: Fail): CapabilityParam {
  if (!isJsonObject(data)) return fail(`${path}: expected an object with name, type and perhaps default`);
  refuseUnknownFields(data, PARAM_FIELDS, fail, `${path}: `);
  const name = data.get("name");
  if (typeof name !== "string" || name.length > MAX_NAME_LENGTH || !PARAM_NAME.test(name))
    return fail(`${path}.name: expected a name in lower case, such as "customer"`);
  const type = readType(data.get("type"), `${path}.type`, fail);
  const given = data.get("default");
  if (given === undefined) return { name, type };
  try {
    return { name, type, default: valueFromTypedJson(given, type, [], `${path}.default`) };
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    return fail(error.message);
  }
}

function readType(data: JsonData | undefined, path: string, fail: Fail): Type {
  if (typeof data !== "string" || data.length > MAX_TYPE_LENGTH) return fail(`${path}: expected a type, such as "Int" or "List<String>"`);
  const type = parsedType(data);
  if (type !== undefined && isDataType(type)) return type;
  return fail(
    `${path}: ${JSON.stringify(data)} is not a type of plain data (Int, Float, String, Bool, Unit, Json, Option, Result, List, Map<String, …>)`,
  );
}

function parsedType(text: string): Type | undefined {
  try {
    return parseType(text);
  } catch (error) {
    if (error instanceof BorunaError) return undefined;
    throw error;
  }
}

/** Whether all values of the type are plain data, and the type needs no definition in a program. */
function isDataType(type: Type): boolean {
  if (type.kind === "primitive") return type.name !== "ActorId";
  if (type.kind !== "named" || GENERIC_TYPE_ARITY.get(type.name) !== type.args.length || !type.args.every(isDataType)) return false;
  const [key] = type.args;
  return type.name !== "Map" || (key?.kind === "primitive" && key.name === "String");
}

function readMayRepeat(data: JsonData | undefined, params: readonly CapabilityParam[], fail: Fail): MayRepeat {
  if (typeof data === "boolean") return data;
  if (data === undefined || !isJsonObject(data) || data.size === 0)
    return fail(
      'mayRepeat: expected true if a call may be made again after its answer was lost, else false, or the arguments for which it may: { "how": ["read"] }',
    );
  const conditions = [...data].map(([name, texts]): readonly [string, readonly string[]] => {
    if (!params.some((p) => p.name === name && p.type.kind === "primitive" && p.type.name === "String"))
      return fail(`mayRepeat: ${JSON.stringify(name.slice(0, MAX_NAME_LENGTH))} is no String parameter`);
    return [name, readTexts(texts, `mayRepeat.${name}`, fail)];
  });
  return Object.fromEntries(conditions);
}

function readTexts(data: JsonData, path: string, fail: Fail): readonly string[] {
  if (!isJsonArray(data)) return fail(`${path}: expected a list of texts`);
  return data.map((item, i) => (typeof item === "string" ? item : fail(`${path}[${i}]: expected a text`)));
}

function callSyntax(name: string, params: readonly CapabilityParam[]): string {
  return `${name}(${params.map((p) => (p.default === undefined ? p.name : `${p.name} = …`)).join(", ")})`;
}
