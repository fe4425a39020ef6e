/** Declares the field `approval` of a rule: which calls must wait for a person's decision. */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { JsonData } from "../vm/json/json.ts";
import { BOOLEAN, failAt, type FieldSchema, field, listOf, objectOf, requiredField, text } from "./field-schema.ts";
import { whereSchema } from "./where-fields.ts";
import type { Where } from "./where.ts";

const KIND = "policy.invalid_approval";

/** Which calls of a rule need an approval. */
export interface ApprovalRule {
  readonly required: boolean;
  /** The public keys of the people who may decide. If empty, anyone who can write the log may. */
  readonly keys: readonly string[];
  /** Conditions on the arguments. Only a call that meets all of them needs an approval. If empty, every call needs one. */
  readonly where: Where;
}

export const NO_APPROVAL: ApprovalRule = { required: false, keys: [], where: new Map() };
const EVERY_CALL: ApprovalRule = { required: true, keys: [], where: new Map() };

/** Limit on the keys of one rule. A decision is checked against each of them. */
export const MAX_KEYS = 100;

/**
 * An Ed25519 public key: the base64 of its SubjectPublicKeyInfo (RFC 8410), which is 12 fixed bytes and then the key. In a PEM file, this
 * base64 is between the first and the last line. The last base64 digit has two unused bits, which must be 0.
 */
const PUBLIC_KEY = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

const KEY = text("an Ed25519 public key", (given) =>
  PUBLIC_KEY.test(given)
    ? { text: given }
    : { problem: "write the line between the first and the last line of a PEM public key of Ed25519; it begins with MCowBQYDK2VwAyEA" },
);

const approvalFields = (capability: CapabilityDecl | undefined) => ({
  required: requiredField("required", BOOLEAN, "Whether calls wait for an approval."),
  keys: field(
    "keys",
    listOf(KEY, "Ed25519 public keys", MAX_KEYS),
    [],
    "Who may decide: a decision must be signed with one of these keys. Empty: whoever can write the log.",
  ),
  where: field<Where>(
    "where",
    whereSchema(capability),
    new Map(),
    "Conditions on the arguments; only a call that meets all of them waits. Empty: every call.",
  ),
});
export const APPROVAL_FIELDS = approvalFields(undefined);

/** Returns the schema of `approval` in the rule of a capability. `"required"` means `{ "required": true }`. */
export function approvalSchema(capability: CapabilityDecl | undefined): FieldSchema<ApprovalRule> {
  const fields = approvalFields(capability);
  const object = objectOf<ApprovalRule>('"required", or an object with required', fields, (read) => ({
    required: read(fields.required),
    keys: read(fields.keys),
    where: read(fields.where),
  }));
  return {
    description: object.description,
    jsonSchema: new Map<string, JsonData>([["anyOf", [new Map([["const", "required"]]), object.jsonSchema]]]),
    withoutLaterDefaults: object.withoutLaterDefaults,
    read: (node, outerPosition) => {
      const position = { ...outerPosition, kind: KIND } as const;
      const approval = node.kind === "scalar" && node.value === "required" ? EVERY_CALL : object.read(node, position);
      if (approval.required && capability?.internal === true) {
        const hint = "Only calls that a handler carries out can wait. Set allow to false to refuse it.";
        failAt(position, node.offset, `${position.path} has no effect: the machine itself carries out ${capability.name}`, hint);
      }
      return approval;
    },
  };
}
