/**
 * Generates the TextMate grammar of `.ax` from the tables of the compiler and the machine, so that editors know every keyword,
 * builtin and capability. Scope names follow https://macromates.com/manual/en/language_grammars, which themes rely on.
 */
import { fileURLToPath } from "node:url";
import { type Keyword, KEYWORDS, RESERVED_WORDS, type Punctuator, PUNCTUATORS } from "../compiler/tokens.ts";
import { BUILTIN_BY_NAME, GUARD_NAMES } from "../vm/builtins/builtin-table.ts";
import { CAPABILITIES } from "../vm/capabilities.ts";
import { GENERIC_TYPE_ARITY, type PrimitiveName } from "../vm/value/type.ts";

/** Inside the extension's folder, because VS Code reads no files outside it. */
export const GRAMMAR_FILE = fileURLToPath(new URL("../editors/vscode/syntaxes/ax.tmLanguage.json", import.meta.url));

interface Capture {
  readonly name: string;
}

/** The part of https://macromates.com/manual/en/language_grammars#language_rules that this grammar uses. */
interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly include?: string;
  readonly captures?: Readonly<Record<string, Capture>>;
  readonly beginCaptures?: Readonly<Record<string, Capture>>;
  readonly endCaptures?: Readonly<Record<string, Capture>>;
  readonly patterns?: readonly Rule[];
}

const KEYWORD_SCOPES: Readonly<Record<Keyword, string>> = {
  fn: "storage.type.function.ax",
  let: "storage.type.ax",
  mut: "storage.modifier.ax",
  if: "keyword.control.conditional.ax",
  else: "keyword.control.conditional.ax",
  match: "keyword.control.conditional.ax",
  type: "storage.type.ax",
  enum: "storage.type.ax",
  import: "keyword.control.import.ax",
  export: "keyword.control.import.ax",
  module: "keyword.control.import.ax",
  return: "keyword.control.flow.ax",
  while: "keyword.control.loop.ax",
  for: "keyword.control.loop.ax",
  in: "keyword.control.loop.ax",
  break: "keyword.control.flow.ax",
  continue: "keyword.control.flow.ax",
  true: "constant.language.boolean.ax",
  false: "constant.language.boolean.ax",
  None: "constant.language.variant.ax",
  Some: "constant.language.variant.ax",
  Ok: "constant.language.variant.ax",
  Err: "constant.language.variant.ax",
  try: "keyword.control.flow.ax",
  intent: "keyword.other.contract.ax",
  requires: "keyword.other.contract.ax",
  ensures: "keyword.other.contract.ax",
  spawn: "keyword.control.actor.ax",
  send: "keyword.control.actor.ax",
  receive: "keyword.control.actor.ax",
  emit: "keyword.control.emit.ax",
  test: "keyword.other.test.ax",
};

const ARITHMETIC = "keyword.operator.arithmetic.ax";
const COMPARISON = "keyword.operator.comparison.ax";
const LOGICAL = "keyword.operator.logical.ax";
const ACCESSOR = "punctuation.accessor.ax";
const BRACKETS = "punctuation.brackets.ax";
/** Operators that the lexer accepts only so that the parser can say what to write instead. */
const WRONG_OPERATOR = "invalid.illegal.operator.ax";

const PUNCTUATOR_SCOPES: Readonly<Record<Punctuator, string>> = {
  "..": "keyword.operator.spread.ax",
  "::": ACCESSOR,
  "->": "keyword.operator.arrow.ax",
  "=>": "keyword.operator.arrow.ax",
  "==": COMPARISON,
  "!=": COMPARISON,
  "<=": COMPARISON,
  ">=": COMPARISON,
  "&&": LOGICAL,
  "||": LOGICAL,
  "++": "keyword.operator.concatenation.ax",
  "+=": WRONG_OPERATOR,
  "-=": WRONG_OPERATOR,
  "*=": WRONG_OPERATOR,
  "/=": WRONG_OPERATOR,
  "%=": WRONG_OPERATOR,
  "(": BRACKETS,
  ")": BRACKETS,
  "[": BRACKETS,
  "]": BRACKETS,
  "{": BRACKETS,
  "}": BRACKETS,
  ",": "punctuation.separator.ax",
  ":": "punctuation.separator.ax",
  ";": "punctuation.terminator.ax",
  ".": ACCESSOR,
  "=": "keyword.operator.assignment.ax",
  "<": COMPARISON,
  ">": COMPARISON,
  "!": LOGICAL,
  "+": ARITHMETIC,
  "-": ARITHMETIC,
  "*": ARITHMETIC,
  "/": ARITHMETIC,
  "%": ARITHMETIC,
  "|": "keyword.operator.alternative.ax",
  _: "variable.language.wildcard.ax",
};

const PRIMITIVES: Readonly<Record<PrimitiveName, true>> = {
  Int: true,
  Float: true,
  String: true,
  Bool: true,
  Unit: true,
  ActorId: true,
  Json: true,
};
const BUILTIN_TYPES = [...Object.keys(PRIMITIVES), ...GENERIC_TYPE_ARITY.keys(), "Fn"];

const NAME = "[A-Za-z_][A-Za-z0-9_]*";
/** A name, including keywords: where keywords are allowed as names, or an earlier rule matches them. */
const ANY_NAME = `(?!_\\b)${NAME}`;
/** Followed by an argument list. */
const CALLED = "(?=[ \\t]*\\()";
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
const anyOf = (words: Iterable<string>): string => `(?:${[...words].map(escaped).join("|")})`;
const word = (words: Iterable<string>): string => `\\b${anyOf(words)}\\b`;
const captures = (...names: readonly string[]): Readonly<Record<string, Capture>> =>
  Object.fromEntries(names.map((name, i) => [String(i + 1), { name }]));

/** Groups values by key, in order of first occurrence. */
function grouped<T>(values: Iterable<T>, keyOf: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

/** A rule for the names without a module, and one for each module. */
function callables(names: Iterable<string>, scope: string): readonly Rule[] {
  return [...grouped(names, (name) => (name.includes(".") ? (name.split(".")[0] ?? "") : ""))].map(([module, members]) =>
    module === ""
      ? { name: scope, match: `${word(members)}${CALLED}` }
      : {
          match: `\\b(${module})(\\.)(${anyOf(members.map((name) => name.slice(module.length + 1)))})\\b`,
          captures: captures("support.module.ax", ACCESSOR, scope),
        },
  );
}

/** Capabilities called as functions. Those with their own syntax, such as `emit`, are keywords. */
const capabilityCalls = CAPABILITIES.flatMap(({ call }) => /^([a-z_.]+)\(/.exec(call)?.slice(1) ?? []);
/** The guard functions have their own rule in the checker and are not in the table of builtins. */
const builtinCalls = [...BUILTIN_BY_NAME.keys(), ...GUARD_NAMES];

const COMMENTS: readonly Rule[] = [
  { name: "comment.line.double-slash.ax", match: "//.*$" },
  // Comments of other languages, which the lexer reports and skips.
  { name: "comment.block.ax invalid.illegal.comment.ax", begin: "/\\*", end: "\\*/" },
  { name: "comment.line.number-sign.ax invalid.illegal.comment.ax", match: "#.*$" },
];

const HEX = "[0-9a-fA-F]";
/** One to six hex digits: 0 to 10FFFF without D800 to DFFF. */
const SCALAR = `(?:10${HEX}{4}|0?[1-9a-fA-F]${HEX}{4}|0{0,2}(?:[0-9a-cefA-CEF]${HEX}{3}|[dD][0-7]${HEX}{2})|${HEX}{1,3})`;
const ESCAPES: readonly Rule[] = [
  { name: "constant.character.escape.ax", match: `\\\\(?:[\\\\"ntr0]|u\\{${SCALAR}\\})` },
  { name: "invalid.illegal.escape.ax", match: `\\\\(?:u\\{${HEX}{1,6}\\}|u${HEX}{4}|.)` },
];

const STRINGS: readonly Rule[] = [
  {
    name: "string.quoted.double.ax",
    begin: '"(?=(?:[^"\\\\\\n]|\\\\.)*")',
    beginCaptures: { 0: { name: "punctuation.definition.string.begin.ax" } },
    end: '"',
    endCaptures: { 0: { name: "punctuation.definition.string.end.ax" } },
    patterns: ESCAPES,
  },
  {
    name: "string.quoted.double.ax",
    begin: '"',
    beginCaptures: { 0: { name: "invalid.illegal.unclosed.ax" } },
    end: "$",
    patterns: ESCAPES,
  },
  {
    name: "string.quoted.other.ax invalid.illegal.quote.ax",
    match: "'[^'\\n]*'|`[^`\\n]*`|\u2018[^\u2019\\n]*\u2019|[\u201c\u201d][^\u201d\\n]*\u201d",
  },
];

const DIGITS = "[0-9]+(?:_[0-9]+)*";
const ROUGH_DIGITS = "[0-9][0-9_]*";
const NUMBERS: readonly Rule[] = [
  { name: "constant.numeric.float.ax", match: `${DIGITS}\\.${DIGITS}(?:[eE][+-]?${DIGITS})?(?![A-Za-z0-9_])` },
  { name: "constant.numeric.integer.ax", match: `${DIGITS}(?![A-Za-z0-9_]|\\.[0-9])` },
  {
    name: "constant.numeric.ax invalid.illegal.number.ax",
    match: `0[xXbBoO][A-Za-z0-9_]*|${ROUGH_DIGITS}(?:\\.${ROUGH_DIGITS})?(?:[eE][+-]?${ROUGH_DIGITS})?[A-Za-z0-9_]*`,
  },
];

/** Letters outside ASCII. Like the lexer, the grammar reads them and adjacent letters as one name. */
const FOREIGN = "\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1FFF}\\x{2C00}-\\x{2FFF}\\x{3001}-\\x{FEFE}\\x{FF00}-\\x{10FFFF}";

const RESERVED_OR_KEYWORD = word([...KEYWORDS, ...RESERVED_WORDS]);
/** A name as the parser defines it. */
const FREE_NAME = `(?!${word([...KEYWORDS, ...RESERVED_WORDS, "_"])})${NAME}`;

const DECLARATIONS: readonly Rule[] = [
  { match: `\\b(fn)[ \\t]+(${FREE_NAME})`, captures: captures(KEYWORD_SCOPES.fn, "entity.name.function.ax") },
  { match: `\\b(type|enum)[ \\t]+(${FREE_NAME})`, captures: captures(KEYWORD_SCOPES.type, "entity.name.type.ax") },
  { match: `\\b(record)[ \\t]+(${FREE_NAME})(?=[ \\t]*[{<])`, captures: captures(KEYWORD_SCOPES.type, "entity.name.type.ax") },
];

/** Keywords, except where they are field names. */
const WORDS: readonly Rule[] = [
  { name: "variable.other.property.ax", match: `${RESERVED_OR_KEYWORD}(?=[ \\t]*:(?!:))` },
  ...DECLARATIONS,
  ...[...grouped(KEYWORDS, (keyword) => KEYWORD_SCOPES[keyword])].map(([name, keywords]) => ({ name, match: word(keywords) })),
  { name: "invalid.illegal.reserved.ax", match: word(RESERVED_WORDS) },
];

/** `answer` at the start of a statement with a name after it; elsewhere it is a name, as in the parser. */
const ANSWER: Rule = {
  match: `(?:^|(?<=[{};]))[ \\t]*(answer)(?=[ \\t]+${FREE_NAME})`,
  captures: captures("keyword.other.test.ax"),
};

/** An effect row. Anything that is not a capability uses the rules of expressions, because `!{ done(x) }` is a negated block. */
const ROW: Rule = {
  begin: "(!)[ \\t]*(\\{)",
  beginCaptures: captures("keyword.operator.effect.ax", BRACKETS),
  end: "\\}",
  endCaptures: { 0: { name: BRACKETS } },
  patterns: [
    { include: "#braces" },
    { name: "support.constant.capability.ax", match: `${word(CAPABILITIES.map(({ name }) => name))}(?=[ \\t]*(?:[,}]|//|$))` },
    {
      name: "variable.other.capability.ax",
      match: `\\b${FREE_NAME}(?:\\.${ANY_NAME})*(?=[ \\t]*(?:[,}]|//|$))`,
    },
    { include: "$self" },
  ],
};

/** Nested braces inside an effect row, so that the row ends at its own brace. */
const BRACES: Rule = {
  begin: "\\{",
  beginCaptures: { 0: { name: BRACKETS } },
  end: "\\}",
  endCaptures: { 0: { name: BRACKETS } },
  patterns: [{ include: "#braces" }, { include: "$self" }],
};

const NAMES: readonly Rule[] = [
  ...callables(capabilityCalls, "support.function.capability.ax"),
  ...callables(builtinCalls, "support.function.builtin.ax"),
  { name: "support.type.ax", match: word(BUILTIN_TYPES) },
  { name: "entity.name.type.ax", match: `\\b${ANY_NAME}(?=[ \\t]*::)` },
  { match: `(::)[ \\t]*(${FREE_NAME})`, captures: captures(ACCESSOR, "variable.other.enummember.ax") },
  { name: "entity.name.type.ax", match: "\\b[A-Z][A-Za-z0-9_]*" },
  { match: `(\\.)[ \\t]*(${ANY_NAME})${CALLED}`, captures: captures(ACCESSOR, "entity.name.function.member.ax") },
  { match: `(\\.)[ \\t]*(${ANY_NAME})`, captures: captures(ACCESSOR, "variable.other.property.ax") },
  { name: "entity.name.function.call.ax", match: `\\b${ANY_NAME}${CALLED}` },
  { name: "variable.other.ax", match: `\\b${ANY_NAME}` },
];

/** Rules for operators and punctuation, in the order of the table (longest first). Neighbors with the same scope share a rule. */
function punctuatorRules(): readonly Rule[] {
  const rows: { readonly name: string; readonly members: Punctuator[] }[] = [];
  for (const punctuator of PUNCTUATORS) {
    const last = rows.at(-1);
    if (last?.name === PUNCTUATOR_SCOPES[punctuator]) last.members.push(punctuator);
    else rows.push({ name: PUNCTUATOR_SCOPES[punctuator], members: [punctuator] });
  }
  return rows.map(({ name, members }) => ({ name, match: anyOf(members) }));
}

/** The text of the grammar file. */
export function grammar(): string {
  const content = {
    information_for_contributors: ["Generated by `npm run docs`; do not edit."],
    name: "ax",
    scopeName: "source.ax",
    fileTypes: ["ax"],
    patterns: [
      ...COMMENTS,
      ...STRINGS,
      { name: "invalid.illegal.name.ax", match: `(?:${NAME})?[${FOREIGN}][A-Za-z0-9_${FOREIGN}]*` },
      ...NUMBERS,
      ANSWER,
      ...WORDS,
      ROW,
      ...NAMES,
      ...punctuatorRules(),
    ],
    repository: { braces: BRACES },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}
