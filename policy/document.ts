/** A policy's JSON as a tree. Each node has its offset in the text, so that errors can name a line and a column. */
import { BorunaError } from "../vm/error.ts";
import { Branch, foldTree, type Leaf } from "../vm/json/fold.ts";
import { isJsonArray, isJsonObject, type JsonData } from "../vm/json/json.ts";
import { FloatValue } from "../vm/value/value.ts";

export type DocumentNode = { readonly offset: number } & (
  | { readonly kind: "object"; readonly members: readonly DocumentMember[] }
  | { readonly kind: "list"; readonly items: readonly DocumentNode[] }
  | { readonly kind: "scalar"; readonly value: null | boolean | number | string }
);
export interface DocumentMember {
  readonly name: string;
  readonly nameOffset: number;
  readonly node: DocumentNode;
}

/** Limit on nesting, in levels. A valid policy needs far fewer. */
export const MAX_DOCUMENT_DEPTH = 32;

/** Returns the node's type or value in words, for error messages. */
export function describeNode(node: DocumentNode): string {
  if (node.kind !== "scalar") return node.kind === "object" ? "an object" : "a list";
  return node.value === null
    ? "null"
    : typeof node.value === "string"
      ? "a text"
      : typeof node.value === "boolean"
        ? "true or false"
        : `the number ${node.value}`;
}

const leaf = (value: null | boolean | number | string): Leaf<DocumentNode> => ({ leaf: { kind: "scalar", value, offset: 0 } });

/** Converts JSON data, which has no text, to a document whose offsets are all 0. Rounds integers beyond 2^53, which no field accepts. */
export function documentFromJson(data: JsonData): DocumentNode {
  return foldTree<JsonData, DocumentNode>(data, (part, depth) => {
    if (depth > MAX_DOCUMENT_DEPTH) throw new BorunaError("policy.parse_error", `the policy is nested deeper than ${MAX_DOCUMENT_DEPTH}`);
    if (isJsonArray(part)) return new Branch(part, (items) => ({ kind: "list", items, offset: 0 }));
    if (isJsonObject(part)) {
      const names = [...part.keys()];
      const member = (node: DocumentNode, i: number): DocumentMember => ({ name: names[i] ?? "", nameOffset: 0, node });
      return new Branch([...part.values()], (nodes) => ({ kind: "object", members: nodes.map(member), offset: 0 }));
    }
    if (part instanceof FloatValue) return leaf(part.value);
    return leaf(typeof part === "bigint" ? Number(part) : part);
  });
}
