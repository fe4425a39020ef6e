/** Colors programs and JSON, line by line. The language server provides everything else. */
import {
  HighlightStyle,
  indentService,
  StreamLanguage,
  type StreamParser,
  type StringStream,
  syntaxHighlighting,
} from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { KEYWORDS } from "../compiler/tokens.ts";

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);
const INDENT = 4;

function axToken(stream: StringStream): string | null {
  if (stream.eatSpace()) return null;
  if (stream.match("//")) {
    stream.skipToEnd();
    return "comment";
  }
  if (stream.match(/^f?"(?:[^"\\]|\\.)*(?:"|$)/)) return "string";
  if (stream.match(/^\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?/)) return "number";
  if (stream.match(/^[A-Z]\w*/)) return "typeName";
  const word = stream.match(/^[a-z_]\w*/);
  if (word !== null) return typeof word === "object" && KEYWORD_SET.has(word[0]) ? "keyword" : null;
  stream.next();
  return null;
}

function jsonToken(stream: StringStream): string | null {
  if (stream.eatSpace()) return null;
  if (stream.match("//")) {
    stream.skipToEnd();
    return "comment";
  }
  if (stream.match(/^"(?:[^"\\]|\\.)*"(?=\s*:)/)) return "typeName";
  if (stream.match(/^"(?:[^"\\]|\\.)*(?:"|$)/)) return "string";
  if (stream.match(/^-?\d[\d.eE+-]*/)) return "number";
  if (stream.match(/^(?:true|false|null)\b/)) return "keyword";
  stream.next();
  return null;
}

const parserOf = (name: string, token: (stream: StringStream) => string | null): StreamParser<null> => ({
  name,
  startState: () => null,
  token,
  languageData: { commentTokens: { line: "//" }, closeBrackets: { brackets: ["(", "[", "{", '"'] }, indentOnInput: /^\s*[}\])]$/ },
});

/** Indents like the line before, one level more after an opening bracket, and one level less before a closing one. */
export const indentation = indentService.of((context, position) => {
  const here = context.lineAt(position, -1);
  const before = here.from === position && position > 0 ? context.lineAt(position - 1, -1) : here;
  const more = /[{[(]\s*$/.test(before.text) ? context.unit : 0;
  const less = /^\s*[}\])]/.test(context.textAfterPos(position)) ? context.unit : 0;
  return Math.max(0, context.lineIndent(before.from, -1) + more - less);
});

export const axLanguage = StreamLanguage.define(parserOf("ax", axToken));
export const jsonLanguage = StreamLanguage.define(parserOf("json", jsonToken));
export const AX_INDENT = " ".repeat(INDENT);

/** The CSS variables are in style.css, once for each theme. */
export const highlighting = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.keyword, color: "var(--code-keyword)" },
    { tag: tags.string, color: "var(--code-string)" },
    { tag: tags.number, color: "var(--code-number)" },
    { tag: tags.typeName, color: "var(--code-type)" },
    { tag: tags.comment, color: "var(--code-comment)" },
  ]),
);
