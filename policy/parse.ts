/** Parses the text of a policy file. Every error has a line and a column. */
import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError, type ErrorPlace } from "../vm/error.ts";
import { replaceLoneSurrogates } from "../vm/value/value.ts";
import { type DocumentMember, type DocumentNode, MAX_DOCUMENT_DEPTH } from "./document.ts";
import { memberPath } from "./field-schema.ts";
import { type Policy, readPolicy } from "./policy.ts";
import { type PolicyWarning, policyWarnings } from "./warnings.ts";

export interface ParsePolicyOptions {
  /** The file's name in errors, as the user wrote it. */
  readonly file: string;
  /** Whether comments are allowed. */
  readonly jsonc: boolean;
  readonly registry?: CapabilityRegistry | undefined;
}

/** Limit on a policy file, in bytes, and on its text, in UTF-16 code units. */
export const MAX_POLICY_BYTES = 1_048_576;

/** A policy with warnings about settings that have no effect or a surprising effect. */
export interface CheckedPolicy {
  readonly policy: Policy;
  readonly warnings: readonly (PolicyWarning & { readonly place: ErrorPlace })[];
}

/** Parses the text of a policy file. Throws `policy.*` with file, line, column and a hint. */
export function parsePolicy(text: string, options: ParsePolicyOptions): Policy {
  return readPolicy(
    parseDocument(text, options),
    (offset) => lineAndColumnAt(text, offset, options.file),
    options.registry ?? BUILTIN_REGISTRY,
  );
}

/** Like `parsePolicy`, but also returns warnings. */
export function checkPolicy(text: string, options: ParsePolicyOptions): CheckedPolicy {
  const policy = parsePolicy(text, options);
  const warnings = policyWarnings(parseDocument(text, options), policy, options.registry ?? BUILTIN_REGISTRY);
  return { policy, warnings: warnings.map((warning) => ({ ...warning, place: lineAndColumnAt(text, warning.offset, options.file) })) };
}

function parseDocument(text: string, options: ParsePolicyOptions): DocumentNode {
  const placeOf = (offset: number): ErrorPlace => lineAndColumnAt(text, offset, options.file);
  const fail = (message: string, offset: number, hint?: string): never => {
    throw new BorunaError("policy.parse_error", message, { place: placeOf(offset), hint });
  };
  if (text.length > MAX_POLICY_BYTES) fail(`the policy is longer than ${MAX_POLICY_BYTES} bytes`, 0);
  checkDepth(text, fail);
  const problems: ParseError[] = [];
  const start = text.startsWith("\uFEFF") ? 1 : 0;
  const root = parseTree(text.slice(start), problems, { disallowComments: !options.jsonc, allowTrailingComma: false });
  const [firstProblem] = problems;
  if (firstProblem !== undefined) {
    const name = printParseErrorCode(firstProblem.error);
    const isComment = name === "InvalidCommentToken";
    fail(
      SYNTAX_ERRORS.get(name) ?? "the text is not JSON",
      firstProblem.offset + start,
      isComment ? "Name the file .jsonc to write comments." : undefined,
    );
  }
  if (root === undefined) return fail("the file holds no JSON", 0, 'Write { "default_allow": false } at least.');
  return convertNode(root, start, {
    failDuplicate: (name, offset) => fail(`the field ${JSON.stringify(name)} appears twice`, offset, "Keep one of them."),
    checkNumber: (offset, length) => {
      const numberText = text.slice(offset, offset + length);
      if (isRoundedToWhole(numberText))
        fail(`the number ${numberText} cannot be held exactly: it would be read as ${Number(numberText)}`, offset);
    },
  });
}

/**
 * Returns the line of a field, from 1. `path` is its path as in `Decision.rule`: `rules["net.fetch"].allow`. If the text does not have
 * the field, returns the line of the innermost field around it, or undefined if there is none. Throws `policy.parse_error`.
 */
export function ruleLine(text: string, path: string): number | undefined {
  let node: DocumentNode | undefined = parseDocument(text, { file: "", jsonc: true });
  let offset: number | undefined;
  for (let reached = ""; node?.kind === "object"; ) {
    const outerPath = reached;
    const member: DocumentMember | undefined = node.members.find(({ name }) => isWithin(path, memberPath(outerPath, name)));
    if (member === undefined) break;
    offset = member.nameOffset;
    reached = memberPath(outerPath, member.name);
    node = member.node;
  }
  return offset === undefined ? undefined : lineAndColumnAt(text, offset, "").line;
}

/** Whether `path` is `outer` or a path inside it. */
function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}

/** Whether parsing rounds a JSON number with a fraction to an integer. For example, `1e-400` would become 0, which can mean "no limit". */
function isRoundedToWhole(numberText: string): boolean {
  if (!Number.isInteger(Number(numberText))) return false;
  const [, whole = "", fraction = "", exponent = "0"] = /^-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(numberText) ?? [];
  const digits = `${whole}${fraction}`;
  const significant = digits.replace(/0+$/, "");
  return significant !== "" && Number(exponent) - fraction.length + digits.length - significant.length < 0;
}

/** Messages for the error codes of jsonc-parser. */
const SYNTAX_ERRORS: ReadonlyMap<string, string> = new Map([
  ["InvalidSymbol", "unexpected text"],
  ["InvalidNumberFormat", "not a JSON number"],
  ["PropertyNameExpected", "a field name in double quotes is expected here"],
  ["ValueExpected", "a value is expected here"],
  ["ColonExpected", "a colon is expected here"],
  ["CommaExpected", "a comma is expected here"],
  ["CloseBraceExpected", "a closing } is expected here"],
  ["CloseBracketExpected", "a closing ] is expected here"],
  ["EndOfFileExpected", "unexpected text after the policy"],
  ["InvalidCommentToken", "JSON does not allow comments"],
  ["UnexpectedEndOfComment", "unterminated comment"],
  ["UnexpectedEndOfString", "unterminated string"],
  ["UnexpectedEndOfNumber", "unterminated number"],
  ["InvalidUnicode", "four hexadecimal digits must follow \\u"],
  ["InvalidEscapeCharacter", "an unknown escape in a string"],
  ["InvalidCharacter", "a control character in a string"],
]);

/** Limits nesting. Must run before the parser and `convertNode`, which recurse. */
function checkDepth(text: string, fail: (message: string, offset: number) => never): void {
  const scanner = createScanner(text, true);
  let depth = 0;
  while (scanner.getPosition() < text.length) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    const character = text[offset];
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    if (depth > MAX_DOCUMENT_DEPTH) fail(`the policy is nested deeper than ${MAX_DOCUMENT_DEPTH}`, offset);
  }
}

/** Checks that `convertNode` applies while it walks the syntax tree. */
interface NodeChecks {
  readonly failDuplicate: (name: string, offset: number) => never;
  readonly checkNumber: (offset: number, length: number) => void;
}

function convertNode(node: Node, start: number, checks: NodeChecks): DocumentNode {
  const offset = node.offset + start;
  const children = node.children ?? [];
  if (node.type === "array") return { kind: "list", items: children.map((child) => convertNode(child, start, checks)), offset };
  if (node.type === "number") checks.checkNumber(offset, node.length);
  if (node.type !== "object") return { kind: "scalar", value: scalarOf(node.value), offset };
  const seen = new Set<string>();
  const members: DocumentMember[] = [];
  for (const { children: [key, value] = [] } of children) {
    if (key === undefined || value === undefined) continue;
    const name = replaceLoneSurrogates(String(key.value));
    if (seen.has(name)) checks.failDuplicate(name, key.offset + start);
    seen.add(name);
    members.push({ name, nameOffset: key.offset + start, node: convertNode(value, start, checks) });
  }
  return { kind: "object", members, offset };
}

function scalarOf(value: unknown): null | boolean | number | string {
  if (typeof value === "string") return replaceLoneSurrogates(value);
  return typeof value === "boolean" || typeof value === "number" ? value : null;
}

/** Returns the line and column of an offset, both from 1. Columns count code points. */
function lineAndColumnAt(text: string, offset: number, file: string): ErrorPlace {
  const before = text.slice(0, offset);
  const lines = before.split("\n");
  return { file, line: lines.length, column: [...(lines.at(-1) ?? "").replace(/^\uFEFF/, "")].length + 1 };
}
