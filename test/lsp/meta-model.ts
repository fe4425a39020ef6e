/** Validates messages of the language server against the machine-readable model of the protocol. */
import { readFileSync } from "node:fs";

type Type =
  | { readonly kind: "base" | "reference"; readonly name: string }
  | { readonly kind: "array"; readonly element: Type }
  | { readonly kind: "map"; readonly key: Type; readonly value: Type }
  | { readonly kind: "or" | "and" | "tuple"; readonly items: readonly Type[] }
  | { readonly kind: "literal"; readonly value: { readonly properties: readonly Property[] } }
  | { readonly kind: "stringLiteral" | "integerLiteral" | "booleanLiteral"; readonly value: unknown };
interface Property {
  readonly name: string;
  readonly type: Type;
  readonly optional?: boolean;
}
interface Structure {
  readonly name: string;
  readonly extends?: readonly Type[];
  readonly mixins?: readonly Type[];
  readonly properties: readonly Property[];
}
interface Model {
  readonly requests: readonly { readonly method: string; readonly result: Type; readonly params?: Type }[];
  readonly notifications: readonly { readonly method: string; readonly params?: Type }[];
  readonly structures: readonly Structure[];
  readonly enumerations: readonly {
    readonly name: string;
    readonly type: Type;
    readonly values: readonly { readonly value: unknown }[];
    readonly supportsCustomValues?: boolean;
  }[];
  readonly typeAliases: readonly { readonly name: string; readonly type: Type }[];
}

const isModel = (value: unknown): value is Model =>
  typeof value === "object" && value !== null && "requests" in value && "structures" in value;

const parsed: unknown = JSON.parse(readFileSync(new URL("../../../shared/testdata/lsp/metaModel.json", import.meta.url), "utf8"));
if (!isModel(parsed)) throw new Error("the model of the protocol has another form");
const model = parsed;
const structures = new Map(model.structures.map((structure) => [structure.name, structure]));
const enumerations = new Map(model.enumerations.map((enumeration) => [enumeration.name, enumeration]));
const aliases = new Map(model.typeAliases.map((alias) => [alias.name, alias.type]));

const BASES: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["string", (v: unknown) => typeof v === "string"],
  ["DocumentUri", (v: unknown) => typeof v === "string" && /^[a-z]+:/i.test(v)],
  ["URI", (v: unknown) => typeof v === "string" && /^[a-z]+:/i.test(v)],
  ["integer", (v: unknown) => Number.isInteger(v)],
  ["uinteger", (v: unknown) => typeof v === "number" && Number.isInteger(v) && v >= 0],
  ["decimal", (v: unknown) => typeof v === "number"],
  ["boolean", (v: unknown) => typeof v === "boolean"],
  ["null", (v: unknown) => v === null],
  ["RegExp", (v: unknown) => typeof v === "string"],
]);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function propertiesOf(name: string): readonly Property[] {
  const structure = structures.get(name);
  if (structure === undefined) throw new Error(`the model has no ${name}`);
  const inherited = [...(structure.extends ?? []), ...(structure.mixins ?? [])].flatMap((type) =>
    type.kind === "reference" ? propertiesOf(type.name) : [],
  );
  return [...structure.properties, ...inherited];
}

/** Returns what is wrong with a value, or undefined. */
function problem(value: unknown, type: Type, path: string): string | undefined {
  switch (type.kind) {
    case "base":
      return BASES.get(type.name)?.(value) === true ? undefined : `${path} is no ${type.name}: ${JSON.stringify(value)}`;
    case "reference":
      return problemOfReference(value, type.name, path);
    case "array":
      if (!Array.isArray(value)) return `${path} is no array`;
      return firstProblem(value.map((item: unknown, i) => problem(item, type.element, `${path}[${i}]`)));
    case "map":
      if (!isObject(value)) return `${path} is no object`;
      return firstProblem(
        Object.entries(value).flatMap(([key, item]) => [
          problem(key, type.key, `${path} key`),
          problem(item, type.value, `${path}.${key}`),
        ]),
      );
    case "or": {
      const problems = type.items.map((item) => problem(value, item, path));
      return problems.includes(undefined) ? undefined : problems.join("; or ");
    }
    case "and":
      return firstProblem(type.items.map((item) => problem(value, item, path)));
    case "tuple":
      if (!Array.isArray(value) || value.length !== type.items.length) return `${path} has the wrong length`;
      return firstProblem(type.items.map((item, i) => problem(value[i], item, `${path}[${i}]`)));
    case "literal":
      return problemOfProperties(value, type.value.properties, path);
    default:
      return value === type.value ? undefined : `${path} is not ${JSON.stringify(type.value)}`;
  }
}

const firstProblem = (problems: readonly (string | undefined)[]): string | undefined => problems.find((found) => found !== undefined);

function problemOfReference(value: unknown, name: string, path: string): string | undefined {
  if (name === "LSPAny") return undefined;
  const alias = aliases.get(name);
  if (alias !== undefined) return problem(value, alias, path);
  const enumeration = enumerations.get(name);
  if (enumeration === undefined) return problemOfProperties(value, propertiesOf(name), path);
  if (enumeration.supportsCustomValues === true) return problem(value, enumeration.type, path);
  return enumeration.values.some((candidate) => candidate.value === value) ? undefined : `${path} is no ${name}: ${JSON.stringify(value)}`;
}

function problemOfProperties(value: unknown, properties: readonly Property[], path: string): string | undefined {
  if (!isObject(value)) return `${path} is no object`;
  const known = new Set(properties.map(({ name }) => name));
  const unknown = Object.keys(value).find((key) => !known.has(key));
  if (unknown !== undefined) return `${path} has an unknown property ${unknown}`;
  return firstProblem(
    properties.map(({ name, type, optional }) =>
      value[name] === undefined
        ? optional === true
          ? undefined
          : `${path}.${name} is missing`
        : problem(value[name], type, `${path}.${name}`),
    ),
  );
}

/** Returns what is wrong with the answer to a request, or undefined. */
export function answerProblem(method: string, result: unknown): string | undefined {
  const request = model.requests.find((candidate) => candidate.method === method);
  return request === undefined ? `the protocol has no request ${method}` : problem(result, request.result, method);
}

/** Returns what is wrong with a notification of the server, or undefined. */
export function notificationProblem(method: string, params: unknown): string | undefined {
  const notification = model.notifications.find((candidate) => candidate.method === method);
  if (notification?.params === undefined) return `the protocol has no notification ${method} with parameters`;
  return problem(params, notification.params, method);
}
