/**
 * `where`: conditions of a rule on the arguments of a call. A rule with conditions allows a call only if, for each path,
 * one of the listed conditions holds.
 *
 *     "where": {
 *       "url":           { "prefix": "https://api.example.com/repos/acme/" },
 *       "options.model": [{ "absent": true }, { "in": ["small", "large"] }]
 *     }
 *
 * Conditions see the arguments with defaults filled in. Some arguments are first normalized to what the handler will use
 * (`PARAMETER_FORMS`), so another spelling cannot evade a condition. A comparison takes time linear in the condition's own text, in addition
 * to normalizing the URL, path or headers of the call.
 */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import { MapValue } from "../vm/value/map.ts";
import { EnumValue, FloatValue, isInt, UnitValue, type Value } from "../vm/value/value.ts";
import { type ArgumentPath, isPlainVariant, parseArgumentPath, partOf, variantName } from "./argument-path.ts";
import { memberPath } from "./field-schema.ts";
import { parseUrl } from "./host-names.ts";
import { normalizePath } from "./paths.ts";
import { quote } from "./quote.ts";

/** A value that a condition compares with. */
export type Scalar = null | boolean | number | string;

/** What a part of an argument must be: everything that the defined members demand. */
export interface Condition {
  readonly equal: Scalar | undefined;
  readonly in: readonly Scalar[] | undefined;
  readonly prefix: string | undefined;
  /** The bounds are included. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The names that a map or object may have. */
  readonly names: readonly string[] | undefined;
  readonly absent: boolean | undefined;
}

/** For each path, a list of conditions, one of which must hold. */
export type Where = ReadonlyMap<string, readonly Condition[]>;

/** Normalizes a parameter for comparison. */
interface ParameterForm {
  readonly value: (value: Value) => Value;
  /** Normalizes the first name of a path below the parameter, such as the name of a header. */
  readonly name: (name: string) => string;
  /** Describes the form, for people. */
  readonly doc: string;
}

const textForm = (doc: string, form: (text: string) => string): ParameterForm => ({
  value: (value) => (typeof value === "string" ? form(value) : value),
  name: (name) => name,
  doc,
});

/** Returns a URL as net.fetch sends it. A text that is not a URL stays unchanged; net.fetch fails for such a text. */
function sentUrl(text: string): string {
  const url = parseUrl(text);
  if (url === undefined) return text;
  url.hash = "";
  // Node 24 escapes `^` in paths, Node 20 does not.
  return url.href.replaceAll("^", "%5E");
}

const PATH_FORM = textForm("without `.`, `..`, empty parts and a `/` at the end: `./a/../b/` is `b`", normalizePath);

/** How parameters are normalized before they are compared, by capability and parameter. */
export const PARAMETER_FORMS: ReadonlyMap<string, ReadonlyMap<string, ParameterForm>> = new Map([
  [
    "net.fetch",
    new Map<string, ParameterForm>([
      ["url", textForm("as it is sent, without a fragment: `HTTPS://A.example/x/../y#z` is `https://a.example/y`", sentUrl)],
      ["method", textForm("in capitals", (method) => method.toUpperCase())],
      [
        "headers",
        {
          value: (value) => (value instanceof MapValue ? MapValue.from([...value.entries()].map(([k, v]) => [k.toLowerCase(), v])) : value),
          name: (name) => name.toLowerCase(),
          doc: "whatever the case of their names",
        },
      ],
    ]),
  ],
  ["fs.read", new Map([["path", PATH_FORM]])],
  ["fs.write", new Map([["path", PATH_FORM]])],
]);

/** Checks the arguments of a call. Returns the first path of `where` whose conditions all fail, and why. Undefined if every path has one that holds. */
export type WhereCheck = (args: readonly Value[]) => { readonly rule: string; readonly reason: string } | undefined;

/** Prepares the conditions of a capability's rule for checking calls. Returns undefined if there are no conditions. */
export function whereCheck(capability: CapabilityDecl, where: Where, types: readonly TypeDef[]): WhereCheck | undefined {
  if (where.size === 0) return undefined;
  const parts = [...where].map(([text, conditions]) => {
    const rule = memberPath(memberPath(memberPath("rules", capability.name), "where"), text);
    const path = parseArgumentPath(text);
    const read = path === undefined ? undefined : partReader(capability, path, types);
    const reason = read === undefined ? `${capability.name} has no such parameter` : `${text} must ${describeConditions(conditions)}`;
    const nameForm = path === undefined || path.steps.length > 0 ? undefined : PARAMETER_FORMS.get(capability.name)?.get(path.param)?.name;
    return { rule, reason, conditions: nameForm === undefined ? conditions : conditions.map((one) => withNames(one, nameForm)), read };
  });
  return (args) => {
    for (const { rule, reason, conditions, read } of parts)
      if (read === undefined || !isMet(conditions, read(args), types)) return { rule, reason };
    return undefined;
  };
}

/** Returns the condition with its `names` normalized, as the names in the argument are before the comparison. */
function withNames(condition: Condition, normalize: (name: string) => string): Condition {
  return condition.names === undefined ? condition : { ...condition, names: condition.names.map(normalize) };
}

/**
 * Returns a function that reads the part of a call's arguments at the path. That function returns undefined for an absent part. Returns
 * undefined if no signature has the parameter.
 */
function partReader(
  capability: CapabilityDecl,
  { param, steps }: ArgumentPath,
  types: readonly TypeDef[],
): ((args: readonly Value[]) => Value | undefined) | undefined {
  const indexes = capability.signatures.map((s) => s.params.findIndex((p) => p.name === param));
  if (indexes.every((index) => index < 0)) return undefined;
  // The arguments are complete, so their number tells which signature was called.
  const indexByCount = new Map(capability.signatures.map((s, i) => [s.params.length, indexes[i] ?? -1]));
  const form = PARAMETER_FORMS.get(capability.name)?.get(param);
  const [first, ...rest] = steps;
  const formSteps = form !== undefined && typeof first === "string" ? [form.name(first), ...rest] : steps;
  return (args) => {
    const argument = args[indexByCount.get(args.length) ?? -1];
    if (argument === undefined) return undefined;
    return partOf(form === undefined ? argument : form.value(argument), formSteps, types);
  };
}

/** Whether one of the conditions holds. */
function isMet(conditions: readonly Condition[], part: Value | undefined, types: readonly TypeDef[]): boolean {
  for (const condition of conditions) if (conditionHolds(condition, part, types)) return true;
  return false;
}

/** Whether all members of the condition hold. `part` is undefined if the part is absent. */
export function conditionHolds(condition: Condition, part: Value | undefined, types: readonly TypeDef[]): boolean {
  if (part === undefined) return condition.absent === true;
  if (condition.absent === true) return false;
  const { equal, in: list, prefix, min, max, names } = condition;
  if (names !== undefined && !hasOnly(part, names)) return false;
  const scalar = scalarOf(part, types);
  if (equal !== undefined && scalar !== equal) return false;
  if (list !== undefined && !(scalar !== undefined && typeof scalar !== "bigint" && list.includes(scalar))) return false;
  if (prefix !== undefined && !(typeof scalar === "string" && scalar.startsWith(prefix))) return false;
  if (min === undefined && max === undefined) return true;
  if (typeof scalar !== "number" && typeof scalar !== "bigint") return false;
  return (min === undefined || scalar >= min) && (max === undefined || scalar <= max);
}

/** Whether the value is a map or object without other names. */
function hasOnly(value: Value, names: readonly string[]): boolean {
  if (!(value instanceof MapValue) || value.size > names.length) return false;
  return [...value.entries()].every(([key]) => names.includes(key));
}

/** Returns a value in the form that conditions compare: an enum value without payload as its name. Undefined for lists, maps, records and the like. */
function scalarOf(value: Value, types: readonly TypeDef[]): Scalar | bigint | undefined {
  if (typeof value === "string" || typeof value === "boolean" || isInt(value)) return value;
  if (value instanceof FloatValue) return value.value;
  if (value instanceof UnitValue) return null;
  return value instanceof EnumValue && isPlainVariant(value) ? variantName(value, types) : undefined;
}

const MAX_SHOWN = 5;
const scalarText = (scalar: Scalar): string => (typeof scalar === "string" ? quote(scalar) : String(scalar));
const joinFirst = (items: readonly string[], separator: string): string =>
  items.length > MAX_SHOWN ? `${items.slice(0, MAX_SHOWN).join(separator)} and ${items.length - MAX_SHOWN} more` : items.join(separator);

/** Returns a phrase that completes "must …": `begin with "a" or be absent`. */
function describeConditions(conditions: readonly Condition[]): string {
  return joinFirst(conditions.map(describeCondition), " or ");
}

function describeCondition({ equal, in: list, prefix, min, max, names, absent }: Condition): string {
  const phrases = [
    equal === undefined ? "" : `be ${scalarText(equal)}`,
    list === undefined ? "" : `be one of ${joinFirst(list.map(scalarText), ", ")}`,
    prefix === undefined ? "" : `begin with ${quote(prefix)}`,
    min === undefined && max === undefined
      ? ""
      : `be a number${min === undefined ? "" : ` from ${min}`}${max === undefined ? "" : ` up to ${max}`}`,
    names === undefined ? "" : names.length === 0 ? "be empty" : `have no names but ${joinFirst(names.map(scalarText), ", ")}`,
    absent === undefined ? "" : absent ? "be absent" : "be present",
  ];
  return phrases.filter((phrase) => phrase !== "").join(" and ");
}
