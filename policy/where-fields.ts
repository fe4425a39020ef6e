/** Declares the field `where` of a rule: paths to arguments, each with conditions (see `where.ts`). */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { JsonData } from "../vm/json/json.ts";
import { MAX_PATH_STEPS, MAX_PATH_UNITS, parseArgumentPath } from "./argument-path.ts";
import { didYouMean } from "./did-you-mean.ts";
import { describeNode } from "./document.ts";
import {
  BOOLEAN,
  failAt,
  type FieldSchema,
  type FieldValues,
  type KeyCheck,
  listOf,
  mapOf,
  numeric,
  objectOf,
  optionalField,
  text,
} from "./field-schema.ts";
import type { Condition, Scalar, Where } from "./where.ts";

const KIND = "policy.invalid_where";
/** Limit on a text of a condition, in UTF-16 code units. */
export const MAX_TEXT_UNITS = 4_096;
/** Limit on the paths of one rule. */
export const MAX_PATHS = 100;
/** Limit on the alternatives of one path. */
export const MAX_ALTERNATIVES = 20;
/** Limit on the values of `in`. */
export const MAX_VALUES = 1_000;
/** Limit on the names of `names`. */
export const MAX_NAMES = 100;

/** Whether the number is finite and, if it is an integer, was not rounded. */
const isExact = (value: number): boolean => Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));

const SCALAR: FieldSchema<Scalar> = {
  description: "a text, a number, true, false or null",
  jsonSchema: new Map([["type", ["string", "number", "boolean", "null"]]]),
  withoutLaterDefaults: (data) => data,
  read: (node, position) => {
    if (node.kind !== "scalar")
      return failAt(position, node.offset, `${position.path} must be ${SCALAR.description}, not ${describeNode(node)}`);
    const { value } = node;
    if (typeof value === "number" && !isExact(value))
      return failAt(position, node.offset, `${position.path} is a number that cannot be held exactly`, "Write a number below 2^53.");
    if (typeof value === "string" && value.length > MAX_TEXT_UNITS)
      return failAt(position, node.offset, `${position.path} has more than ${MAX_TEXT_UNITS} characters`);
    // Adding 0 turns -0 into 0.
    return typeof value === "number" ? value + 0 : value;
  },
};

const NUMBER = numeric("a number below 2^53", new Map([["type", "number"]]), isExact);

const PREFIX = text(
  "a text",
  (given) => (given === "" || given.length > MAX_TEXT_UNITS ? { problem: `write 1 to ${MAX_TEXT_UNITS} characters` } : { text: given }),
  new Map([["minLength", 1]]),
);

const NAME = text("a text", (given) =>
  given.length > MAX_PATH_UNITS ? { problem: `write at most ${MAX_PATH_UNITS} characters` } : { text: given },
);

export const CONDITION_FIELDS = {
  equal: optionalField("equal", SCALAR, "The value. Numbers are compared by value: 1 is 1.0."),
  in: optionalField("in", listOf(SCALAR, "values", MAX_VALUES), "The values of which it must be one."),
  prefix: optionalField("prefix", PREFIX, "The text that it must begin with, character by character."),
  min: optionalField("min", NUMBER, "The smallest number allowed."),
  max: optionalField("max", NUMBER, "The largest number allowed."),
  names: optionalField(
    "names",
    listOf(NAME, "names", MAX_NAMES),
    "The names that a map or object, such as `headers`, may have. `[]` is none: it must be empty.",
  ),
  absent: optionalField("absent", BOOLEAN, "True if it must be absent, false if it must be present, whatever it is."),
};

const CONDITION_OBJECT = objectOf<FieldValues<typeof CONDITION_FIELDS>>("an object of conditions", CONDITION_FIELDS, (read) => ({
  equal: read(CONDITION_FIELDS.equal),
  in: read(CONDITION_FIELDS.in),
  prefix: read(CONDITION_FIELDS.prefix),
  min: read(CONDITION_FIELDS.min),
  max: read(CONDITION_FIELDS.max),
  names: read(CONDITION_FIELDS.names),
  absent: read(CONDITION_FIELDS.absent),
}));

const CONDITION: FieldSchema<Condition> = {
  ...CONDITION_OBJECT,
  read: (node, position) => {
    const condition = CONDITION_OBJECT.read(node, position);
    const names = node.kind === "object" ? node.members.map((m) => m.name) : [];
    if (names.length === 0)
      failAt(position, node.offset, `${position.path} names no condition`, `Write one of: ${Object.keys(CONDITION_FIELDS).join(", ")}.`);
    if (condition.absent === true && names.length > 1)
      failAt(
        position,
        node.offset,
        `${position.path} asks for an absent value and for more`,
        'To allow either, write a list: [{ "absent": true }, { … }].',
      );
    return condition;
  },
};

/** One condition, or a list of conditions of which one must hold. `read` always returns a list. */
const ALTERNATIVES: FieldSchema<readonly Condition[]> = {
  description: "an object of conditions, or a list of such objects",
  jsonSchema: new Map<string, JsonData>([
    [
      "anyOf",
      [
        CONDITION.jsonSchema,
        new Map<string, JsonData>([
          ["type", "array"],
          ["minItems", 1],
          ["maxItems", MAX_ALTERNATIVES],
          ["items", CONDITION.jsonSchema],
        ]),
      ],
    ],
  ]),
  withoutLaterDefaults: (data) => data,
  read: (node, position) => {
    if (node.kind !== "list") return [CONDITION.read(node, position)];
    const { length } = node.items;
    if (length === 0 || length > MAX_ALTERNATIVES)
      failAt(position, node.offset, `${position.path} lists ${length} conditions; it may list 1 to ${MAX_ALTERNATIVES}`);
    return node.items.map((item, i) => CONDITION.read(item, { ...position, path: `${position.path}[${i}]` }));
  },
};

/** Returns the check of the paths in `where`. Without a capability, a path may name any parameter. */
function pathCheck(capability: CapabilityDecl | undefined): KeyCheck {
  return (name) => {
    const path = parseArgumentPath(name);
    if (path === undefined) {
      return {
        message: `where has the path ${JSON.stringify(name.slice(0, MAX_PATH_UNITS))}, which does not lead to an argument`,
        hint: `Write a parameter, then at most ${MAX_PATH_STEPS} names and indexes: options.model, rows[0].id, headers["X-Key"].`,
      };
    }
    const params = capability?.signatures.flatMap((s) => s.params.map((p) => p.name));
    if (capability === undefined || params === undefined || params.includes(path.param)) return undefined;
    const known = params.length === 0 ? `${capability.name} has no parameters.` : `Its parameters are: ${params.join(", ")}.`;
    return {
      message: `where names ${JSON.stringify(path.param)}, which is no parameter of ${capability.name}`,
      hint: didYouMean(path.param, params, known),
    };
  };
}

/** Returns the schema of `where` in the rule of a capability. */
export function whereSchema(capability: CapabilityDecl | undefined): FieldSchema<Where> {
  const schema = mapOf("conditions by argument", ALTERNATIVES, pathCheck(capability), { maxEntries: MAX_PATHS });
  return { ...schema, read: (node, position) => schema.read(node, { ...position, kind: KIND }) };
}
