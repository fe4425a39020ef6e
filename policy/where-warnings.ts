/** Warnings about conditions of `where` that can never hold, and about URL prefixes that also match other hosts. */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import { parseArgumentPath } from "./argument-path.ts";
import { parseUrl } from "./host-names.ts";
import { type Condition, PARAMETER_FORMS, type Scalar } from "./where.ts";

/** Returns what is wrong with the condition, in sentences that begin with "it". */
export function conditionWarnings(capability: CapabilityDecl, text: string, condition: Condition): readonly string[] {
  const path = parseArgumentPath(text);
  if (path === undefined) return [];
  const places = partBySignature(capability, path.param, path.steps);
  const problems = places.map((place) => typeProblem(place, condition));
  const [firstProblem] = problems;
  // A condition is useful if the arguments of at least one signature can meet it.
  const never = problems.every((problem) => problem !== undefined) ? firstProblem : undefined;
  const reasons = [never, rangeProblem(condition), ...(path.steps.length === 0 ? formProblems(capability, path.param, condition) : [])];
  const warnings = reasons.filter((reason) => reason !== undefined).map((reason) => `it can never hold: ${reason}.`);
  return capability.name === "net.fetch" && text === "url" && endsInHost(condition.prefix)
    ? [...warnings, `it also matches other hosts, such as ${condition.prefix}.example.net; end it with "/".`]
    : warnings;
}

/** What a capability's signature says about a part of the arguments. */
interface SignaturePart {
  /** Undefined if any type is possible, as inside Json. */
  readonly type: Type | undefined;
  readonly mayBeAbsent: boolean;
  /** Whether the signature lacks the parameter, or the path leads into a value without parts. */
  readonly hasNoSuchPart: boolean;
}

/** Returns what each signature says about the part at the path. */
function partBySignature(capability: CapabilityDecl, param: string, steps: readonly (string | number)[]): readonly SignaturePart[] {
  return capability.signatures.map(({ params }) => {
    const declared = params.find((p) => p.name === param);
    if (declared === undefined) return { type: undefined, mayBeAbsent: true, hasNoSuchPart: true };
    let type: Type | undefined = declared.type;
    for (const step of steps) {
      const inner = innerType(type, step);
      if (inner === "none") return { type, mayBeAbsent: true, hasNoSuchPart: true };
      type = inner;
    }
    const mayBeAbsent = steps.length > 0 || (type?.kind === "named" && type.name === "Option");
    return { type: presentType(type), mayBeAbsent, hasNoSuchPart: false };
  });
}

/** Returns the type inside nested Options, or the type itself. */
function presentType(type: Type | undefined): Type | undefined {
  return type?.kind === "named" && type.name === "Option" ? presentType(type.args[0]) : type;
}

/** Returns the type of a part. Undefined if the type is unknown. "none" if values of the outer type have no such part. */
function innerType(outer: Type | undefined, step: string | number): Type | undefined | "none" {
  const type = presentType(outer);
  if (type === undefined || (type.kind === "primitive" && type.name === "Json")) return undefined;
  if (type.kind !== "named") return "none";
  if (type.name === "List") return typeof step === "number" ? type.args[0] : "none";
  if (type.name === "Map") return typeof step === "string" ? type.args[1] : "none";
  return typeof step === "string" ? undefined : "none";
}

/** Returns why no call of the signature can meet the condition, as far as the types decide that. */
function typeProblem({ type, mayBeAbsent, hasNoSuchPart }: SignaturePart, condition: Condition): string | undefined {
  if (condition.absent === true) return mayBeAbsent ? undefined : "the argument is always present, by its default if need be";
  if (hasNoSuchPart) return type === undefined ? "the parameter is absent" : `a value of type ${typeToString(type)} has no such part`;
  if (condition.absent !== undefined && Object.values(condition).filter((value) => value !== undefined).length === 1) return undefined;
  if (type === undefined) return undefined;
  // The condition can hold only if each of these lists has a value of the type. `min` and `max` hold for numbers, such as 0.
  const wanted = [
    condition.equal === undefined ? undefined : [condition.equal],
    condition.in,
    condition.prefix === undefined ? undefined : [condition.prefix],
  ];
  const numbers = condition.min ?? condition.max;
  const fits = [...wanted, numbers === undefined ? undefined : [0]].every(
    (list) => list === undefined || list.some((value) => isOfType(value, type)),
  );
  return fits && (condition.names === undefined || mayHaveNames(type)) ? undefined : `the value has the type ${typeToString(type)}`;
}

/** Whether a value of the type can equal the scalar. */
function isOfType(scalar: Scalar, type: Type): boolean {
  if (type.kind === "fn") return false;
  // A variant without payload is compared by its name, so it can equal a text. Other enums and records equal no scalar.
  if (type.kind !== "primitive")
    return type.kind === "param" || (typeof scalar === "string" && !["List", "Map", "Result"].includes(type.name));
  switch (type.name) {
    case "Json":
      return true;
    case "String":
      return typeof scalar === "string";
    case "Bool":
      return typeof scalar === "boolean";
    case "Int":
      return Number.isInteger(scalar);
    case "Float":
      return typeof scalar === "number";
    case "Unit":
      return scalar === null;
    case "ActorId":
      return false;
  }
}

/** Whether `names` applies to values of the type: to maps, and to objects in Json. */
function mayHaveNames(type: Type): boolean {
  return type.kind === "param" || (type.kind === "named" ? type.name === "Map" : type.kind === "primitive" && type.name === "Json");
}

/** Returns why no value at all can meet the condition. */
function rangeProblem({ min, max, in: list }: Condition): string | undefined {
  if (min !== undefined && max !== undefined && min > max) return `no number is from ${min} up to ${max}`;
  return list?.length === 0 ? "the list is empty" : undefined;
}

/**
 * Returns why texts of the condition can never match. The argument is normalized before the comparison (`PARAMETER_FORMS`), so a text that is
 * not in normalized form, such as the method `get`, equals no argument.
 */
function formProblems(capability: CapabilityDecl, param: string, { equal, in: list, prefix }: Condition): readonly string[] {
  const form = PARAMETER_FORMS.get(capability.name)?.get(param);
  if (form === undefined) return [];
  const texts = [equal, ...(list ?? [])].filter((value) => typeof value === "string");
  const other = texts.map((text) => ({ text, compared: form.value(text) })).find(({ text, compared }) => compared !== text);
  const problem = (text: string, compared: unknown): string => `${JSON.stringify(text)} is compared as ${JSON.stringify(compared)}`;
  // After the last slash, the prefix may end inside a name. So check only the text up to that slash.
  const whole = prefix?.includes("/") === true ? prefix.slice(0, prefix.lastIndexOf("/") + 1) : prefix;
  const compared = whole === undefined ? undefined : form.value(whole);
  return [
    ...(other === undefined ? [] : [problem(other.text, other.compared)]),
    ...(whole === undefined || typeof compared !== "string" || `${compared}/`.startsWith(whole) ? [] : [problem(whole, compared)]),
  ];
}

/** Whether the prefix of a URL ends inside the host or port, so that the URL may continue with another host. */
function endsInHost(prefix: string | undefined): boolean {
  return prefix !== undefined && parseUrl(prefix) !== undefined && /^[a-z]+:\/\/[^/?#]*$/.test(prefix);
}
