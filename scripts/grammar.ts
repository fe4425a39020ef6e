/**
 * Generates the TextMate grammar of `.ax` from the tables of the compiler and the machine, so that editors know every keyword,
 * builtin and capability. Scope names follow https://macromates.com/manual/en/language_grammars, which themes rely on.
 */
import { fileURLToPath } from "node:url";
import { type Keyword, KEYWORDS, RESERVED_WORDS, type Punctuator, PUNCTUATORS } from "../compiler/tokens.ts";
import { BUILTIN_BY_NAME, GUARD_NAMES } from "../vm/builtins/builtin-table.ts";
import { CAPABILITIES } from "../vm/capabilities.ts";
import { GENERIC_TYPE_ARITY, type PrimitiveName } from "../vm/value/type.ts";

/** The generated grammar. It is in the extension's folder, because VS Code reads no files outside that folder. */
export const GRAMMAR_FILE = fileURLToPath(new URL("../editors/vscode/syntaxes/ax.tmLanguage.json", import.meta.url));

interface Capture {
  readonly name: string;
}

/** A rule of the grammar, with the fields of https://macromates.com/manual/en/language_grammars#language_rules that are used here. */
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
/** `..` is also the operator of record bases and rest patterns. */
const RANGE = "keyword.operator.range.ax";
const ACCESSOR = "punctuation.accessor.ax";
const ASSIGNMENT = "keyword.operator.assignment.ax";
const BRACKETS = "punctuation.brackets.ax";
/** Operators that the lexer accepts only so that the parser can say what to write instead. */
const WRONG_OPERATOR = "invalid.illegal.operator.ax";

const PUNCTUATOR_SCOPES: Readonly<Record<Punctuator, string>> = {
  "..=": RANGE,
  "..": RANGE,
  "|>": "keyword.operator.pipe.ax",
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
  "++=": ASSIGNMENT,
  "+=": ASSIGNMENT,
  "-=": ASSIGNMENT,
  "*=": ASSIGNMENT,
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
  "=": ASSIGNMENT,
  "<": COMPARISON,
  ">": COMPARISON,
  "!": LOGICAL,
  "+": ARITHMETIC,
  "-": ARITHMETIC,
  "*": ARITHMETIC,
  "/": ARITHMETIC,
  "%": ARITHMETIC,
  "|": "keyword.operator.alternative.ax",
  "?": "keyword.operator.propagate.ax",
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
/** Matches a name or keyword. Used where keywords are allowed as names, or where an earlier rule matches the keywords. */
const ANY_NAME = `(?!_\\b)${NAME}`;
/** Matches if an argument list follows. */
const BEFORE_ARGUMENTS = "(?=[ \\t]*\\()";
const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
const alternatives = (words: Iterable<string>): string => `(?:${[...words].map(escapeRegex).join("|")})`;
const wordPattern = (words: Iterable<string>): string => `\\b${alternatives(words)}\\b`;
const capturesOf = (...names: readonly string[]): Readonly<Record<string, Capture>> =>
  Object.fromEntries(names.map((name, i) => [String(i + 1), { name }]));

/** Groups values by key, in order of first occurrence. */
function groupByKey<T>(values: Iterable<T>, keyOf: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

/** Returns a rule for the names without a module, and one rule for each module. */
function callableRules(names: Iterable<string>, scope: string): readonly Rule[] {
  return [...groupByKey(names, (name) => (name.includes(".") ? (name.split(".")[0] ?? "") : ""))].map(([module, members]) =>
    module === ""
      ? { name: scope, match: `${wordPattern(members)}${BEFORE_ARGUMENTS}` }
      : {
          match: `\\b(${module})(\\.)(${alternatives(members.map((name) => name.slice(module.length + 1)))})\\b`,
          captures: capturesOf("support.module.ax", ACCESSOR, scope),
        },
  );
}

/** Names of the capabilities that are called like functions. Those with their own syntax, such as `emit`, are keywords. */
const capabilityCalls = CAPABILITIES.flatMap(({ call }) => /^([a-z_.]+)\(/.exec(call)?.slice(1) ?? []);
/** Names of the builtins and guard functions. The guard functions have their own rule in the checker and are not in the table of builtins. */
const builtinCalls = [...BUILTIN_BY_NAME.keys(), ...GUARD_NAMES];

const COMMENTS: readonly Rule[] = [
  { name: "comment.line.double-slash.ax", match: "//.*$" },
  // Comments of other languages, which the lexer reports and skips.
  { name: "comment.block.ax invalid.illegal.comment.ax", begin: "/\\*", end: "\\*/" },
  { name: "comment.line.number-sign.ax invalid.illegal.comment.ax", match: "#.*$" },
];

const HEX = "[0-9a-fA-F]";
/** Matches the hex digits of a code point: 0 to 10FFFF without D800 to DFFF. */
const CODE_POINT = `(?:10${HEX}{4}|0?[1-9a-fA-F]${HEX}{4}|0{0,2}(?:[0-9a-cefA-CEF]${HEX}{3}|[dD][0-7]${HEX}{2})|${HEX}{1,3})`;
const ESCAPES: readonly Rule[] = [
  { name: "constant.character.escape.ax", match: `\\\\(?:[\\\\"ntr0]|u\\{${CODE_POINT}\\})` },
  { name: "invalid.illegal.escape.ax", match: `\\\\(?:u\\{${HEX}{1,6}\\}|u${HEX}{4}|.)` },
];

const STRING = "string.quoted.double.ax";
const BEGIN_STRING = { 0: { name: `${STRING} punctuation.definition.string.begin.ax` } };
const END_STRING = { 0: { name: `${STRING} punctuation.definition.string.end.ax` } };
/** The inside of a text with holes, such as `f"n = {n}"`. Only its characters get the scope of a string, so that the code in a hole does not. */
const WITH_HOLES: readonly Rule[] = [
  ...ESCAPES.map((rule) => ({ ...rule, name: `${STRING} ${rule.name}` })),
  { name: `${STRING} constant.character.escape.ax`, match: "\\{\\{|\\}\\}" },
  {
    begin: "\\{",
    beginCaptures: { 0: { name: "punctuation.section.interpolation.begin.ax" } },
    end: "\\}|$",
    endCaptures: { 0: { name: "punctuation.section.interpolation.end.ax" } },
    patterns: [{ include: "#braces" }, { include: "$self" }],
  },
];

/** Texts with holes, raw strings and text blocks. */
const PREFIXED_STRINGS: readonly Rule[] = [
  {
    begin: '\\bf"""(?=[ \\t]*$)',
    beginCaptures: BEGIN_STRING,
    end: '^[ \\t]*"""',
    endCaptures: END_STRING,
    patterns: [...WITH_HOLES, { name: STRING, match: "[^\\\\{}]" }],
  },
  { name: STRING, begin: '\\br"""(?=[ \\t]*$)', end: '^[ \\t]*"""' },
  { name: STRING, begin: '"""(?=[ \\t]*$)', end: '^[ \\t]*"""', patterns: ESCAPES },
  {
    begin: '\\bf"',
    beginCaptures: BEGIN_STRING,
    end: '"|$',
    endCaptures: END_STRING,
    patterns: [...WITH_HOLES, { name: STRING, match: '[^"\\\\{}]+' }],
  },
  { name: STRING, match: '\\br"[^"\\n]*"' },
];

const STRINGS: readonly Rule[] = [
  ...PREFIXED_STRINGS,
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
const MALFORMED_DIGITS = "[0-9][0-9_]*";
const NUMBERS: readonly Rule[] = [
  { name: "constant.numeric.float.ax", match: `${DIGITS}\\.${DIGITS}(?:[eE][+-]?${DIGITS})?(?![A-Za-z0-9_])` },
  { name: "constant.numeric.integer.ax", match: `${DIGITS}(?![A-Za-z0-9_]|\\.[0-9])` },
  {
    name: "constant.numeric.ax invalid.illegal.number.ax",
    match: `0[xXbBoO][A-Za-z0-9_]*|${MALFORMED_DIGITS}(?:\\.${MALFORMED_DIGITS})?(?:[eE][+-]?${MALFORMED_DIGITS})?[A-Za-z0-9_]*`,
  },
];

/** Letters outside ASCII. Like the lexer, the grammar reads such letters and adjacent ASCII letters as one name. */
const NON_ASCII_LETTERS = "\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1FFF}\\x{2C00}-\\x{2FFF}\\x{3001}-\\x{FEFE}\\x{FF00}-\\x{10FFFF}";

const RESERVED_OR_KEYWORD = wordPattern([...KEYWORDS, ...RESERVED_WORDS]);
/** Matches a name that is neither a keyword nor a reserved word. */
const DECLARABLE_NAME = `(?!${wordPattern([...KEYWORDS, ...RESERVED_WORDS, "_"])})${NAME}`;

const DECLARATIONS: readonly Rule[] = [
  { match: `\\b(fn)[ \\t]+(${DECLARABLE_NAME})`, captures: capturesOf(KEYWORD_SCOPES.fn, "entity.name.function.ax") },
  { match: `\\b(type|enum)[ \\t]+(${DECLARABLE_NAME})`, captures: capturesOf(KEYWORD_SCOPES.type, "entity.name.type.ax") },
  { match: `\\b(record)[ \\t]+(${DECLARABLE_NAME})(?=[ \\t]*[{<])`, captures: capturesOf(KEYWORD_SCOPES.type, "entity.name.type.ax") },
];

/** Rules for keywords and reserved words. The first one matches those that are names of fields. */
const WORDS: readonly Rule[] = [
  { name: "variable.other.property.ax", match: `${RESERVED_OR_KEYWORD}(?=[ \\t]*:(?!:))` },
  ...DECLARATIONS,
  { name: "keyword.other.actor.ax", match: "\\breceives(?=[ \\t]+[A-Z(])" },
  { name: "support.function.builtin.ax", match: "\\bself(?=\\()" },
  ...[...groupByKey(KEYWORDS, (keyword) => KEYWORD_SCOPES[keyword])].map(([name, keywords]) => ({ name, match: wordPattern(keywords) })),
  { name: "invalid.illegal.reserved.ax", match: wordPattern(RESERVED_WORDS) },
];

/** Matches `answer` at the start of a statement if a name follows. Everywhere else `answer` is a name, like in the parser. */
const ANSWER: Rule = {
  match: `(?:^|(?<=[{};]))[ \\t]*(answer)(?=[ \\t]+${DECLARABLE_NAME})`,
  captures: capturesOf("keyword.other.test.ax"),
};

/** Matches an effect row. Text that is not a capability is matched by the rules of expressions, because `!{ done(x) }` is a negated block. */
const ROW: Rule = {
  begin: "(!)[ \\t]*(\\{)",
  beginCaptures: capturesOf("keyword.operator.effect.ax", BRACKETS),
  end: "\\}",
  endCaptures: { 0: { name: BRACKETS } },
  patterns: [
    { include: "#braces" },
    { name: "support.constant.capability.ax", match: `${wordPattern(CAPABILITIES.map(({ name }) => name))}(?=[ \\t]*(?:[,}]|//|$))` },
    {
      name: "variable.other.capability.ax",
      match: `\\b${DECLARABLE_NAME}(?:\\.${ANY_NAME})*(?=[ \\t]*(?:[,}]|//|$))`,
    },
    { include: "$self" },
  ],
};

/** Matches nested braces inside an effect row, so that the row ends at its own closing brace. */
const BRACES: Rule = {
  begin: "\\{",
  beginCaptures: { 0: { name: BRACKETS } },
  end: "\\}",
  endCaptures: { 0: { name: BRACKETS } },
  patterns: [{ include: "#braces" }, { include: "$self" }],
};

const NAMES: readonly Rule[] = [
  ...callableRules(capabilityCalls, "support.function.capability.ax"),
  ...callableRules(builtinCalls, "support.function.builtin.ax"),
  { name: "support.type.ax", match: wordPattern(BUILTIN_TYPES) },
  { name: "entity.name.type.ax", match: `\\b${ANY_NAME}(?=[ \\t]*::)` },
  { match: `(::)[ \\t]*(${DECLARABLE_NAME})`, captures: capturesOf(ACCESSOR, "variable.other.enummember.ax") },
  { name: "entity.name.type.ax", match: "\\b[A-Z][A-Za-z0-9_]*" },
  { match: `(\\.)[ \\t]*(${ANY_NAME})${BEFORE_ARGUMENTS}`, captures: capturesOf(ACCESSOR, "entity.name.function.member.ax") },
  { match: `(\\.)[ \\t]*(${ANY_NAME})`, captures: capturesOf(ACCESSOR, "variable.other.property.ax") },
  { name: "entity.name.function.call.ax", match: `\\b${ANY_NAME}${BEFORE_ARGUMENTS}` },
  { name: "variable.other.ax", match: `\\b${ANY_NAME}` },
];

/** Returns rules for operators and punctuation in the order of the table, longest first. Neighbors with the same scope share a rule. */
function punctuatorRules(): readonly Rule[] {
  const rules: { readonly name: string; readonly members: Punctuator[] }[] = [];
  for (const punctuator of PUNCTUATORS) {
    const last = rules.at(-1);
    if (last?.name === PUNCTUATOR_SCOPES[punctuator]) last.members.push(punctuator);
    else rules.push({ name: PUNCTUATOR_SCOPES[punctuator], members: [punctuator] });
  }
  return rules.map(({ name, members }) => ({ name, match: alternatives(members) }));
}

/** Returns the text of the grammar file. */
export function grammar(): string {
  const content = {
    information_for_contributors: ["Generated by `npm run docs`; do not edit."],
    name: "ax",
    scopeName: "source.ax",
    fileTypes: ["ax"],
    patterns: [
      ...COMMENTS,
      ...STRINGS,
      { name: "invalid.illegal.name.ax", match: `(?:${NAME})?[${NON_ASCII_LETTERS}][A-Za-z0-9_${NON_ASCII_LETTERS}]*` },
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
