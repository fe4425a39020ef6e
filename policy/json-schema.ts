/** Describes the policy format: its JSON Schema for editors, and the list of its fields for `docs/reference/policy.md`. */
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { JsonData } from "../vm/json/json.ts";
import {
  DB_FIELDS,
  FS_FIELDS,
  LIMIT_FIELDS,
  LLM_FIELDS,
  NET_FIELDS,
  policyFields,
  policyFileSchema,
  PRICE_FIELDS,
  RULE_FIELDS,
  SECRET_FIELDS,
} from "./policy-fields.ts";
import { APPROVAL_FIELDS } from "./approval-fields.ts";
import type { FieldTable } from "./field-schema.ts";
import { CONDITION_FIELDS } from "./where-fields.ts";

/** Returns the JSON Schema (2020-12) of a policy file. */
export function policySchema(registry: CapabilityRegistry = BUILTIN_REGISTRY): JsonData {
  return new Map<string, JsonData>([
    ["$schema", "https://json-schema.org/draft/2020-12/schema"],
    ["title", "Boruna policy"],
    ...policyFileSchema(registry).jsonSchema,
  ]);
}

interface FieldDoc {
  /** Path as in error messages. Keys that the user chooses are in capitals: `secrets[NAME].env`. */
  readonly path: string;
  /** The schema's description: `true or false`, `a list of hosts`. */
  readonly form: string;
  /** Undefined for a required field, and for an object whose members have their own defaults. */
  readonly default: JsonData | undefined;
  readonly doc: string;
}

/** Returns every field with its doc line, in the order of the file. */
export function policyFieldDocs(): readonly FieldDoc[] {
  const sections: readonly (readonly [string, string, FieldTable])[] = [
    ["rules", "rules[CAPABILITY]", RULE_FIELDS],
    ["net_policy", "net_policy", NET_FIELDS],
    ["fs_policy", "fs_policy", FS_FIELDS],
    ["db_policy", "db_policy", DB_FIELDS],
    ["llm_policy", "llm_policy", LLM_FIELDS],
    ["limits", "limits", LIMIT_FIELDS],
    ["secrets", "secrets[NAME]", SECRET_FIELDS],
  ];
  const docs: FieldDoc[] = [];
  const addFields = (path: string, table: FieldTable): void => {
    for (const field of Object.values(table)) {
      const fallback = field.fallback?.value;
      const isScalar = fallback === null || typeof fallback === "boolean" || typeof fallback === "number";
      docs.push({
        path: path === "" ? field.name : `${path}.${field.name}`,
        form: field.schema.description,
        default: isScalar ? fallback : Array.isArray(fallback) ? fallback.map(String) : undefined,
        doc: field.doc,
      });
      for (const [name, inside, members] of sections) if (path === "" && name === field.name) addFields(inside, members);
      if (path === "llm_policy" && field.name === "prices") addFields("llm_policy.prices[MODEL]", PRICE_FIELDS);
      if (path === "rules[CAPABILITY]" && field.name === "where") addFields("rules[CAPABILITY].where[PATH]", CONDITION_FIELDS);
      if (path === "rules[CAPABILITY]" && field.name === "approval") addFields("rules[CAPABILITY].approval", APPROVAL_FIELDS);
    }
  };
  addFields("", policyFields(undefined));
  return docs;
}
