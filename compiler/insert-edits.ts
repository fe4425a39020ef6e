/**
 * Makes edits that insert an effect row, a result type or an import. The syntax tree does not record the position of an
 * absent part, so the signature is split into tokens again.
 */
import type { FnItem, Item, ParsedFile } from "./ast.ts";
import { type DiagnosticExtras, Diagnostics, type Edit } from "./diagnostics.ts";
import { lex } from "./lexer.ts";
import type { SourceFile } from "./source.ts";
import type { Token } from "./tokens.ts";

const insert = (offset: number, text: string): Edit => ({ span: { start: offset, end: offset }, text });

/** Returns help for a bracket that was meant to begin a statement, but belongs to the value before it. The fix inserts `;` at the value's end. */
export function separatorHelp(bracket: "(" | "[", valueEnd: number): DiagnosticExtras {
  return {
    help: `a \`${bracket}\` after a value on the same line belongs to the value: write \`;\` before it, or begin a new line`,
    fixes: [{ title: "insert `;`", edits: [insert(valueEnd, ";")] }],
  };
}

/**
 * Returns the end of a function's parameters, and the tokens between the parameters and the body. All offsets count from
 * `from`, the end of the function's name.
 */
function signatureTokens(
  unit: SourceFile,
  item: FnItem,
): { readonly from: number; readonly paramsEnd: number; readonly tokensAfter: readonly Token[] } {
  const from = item.name.span.end;
  const { tokens } = lex(unit.text.slice(from, item.body.span.start), new Diagnostics(unit.name));
  let depth = 0;
  const closeIndex = tokens.findIndex(({ kind }) => {
    if (kind === "(") depth += 1;
    else if (kind === ")") depth -= 1;
    return kind === ")" && depth === 0;
  });
  return { from, paramsEnd: tokens[closeIndex]?.end ?? 0, tokensAfter: tokens.slice(closeIndex + 1) };
}

/** Returns edits that insert an effect row after the result type, or after the parameters if the signature omits the result type. */
export function insertEffectRow(unit: SourceFile, item: FnItem, row: string): readonly Edit[] {
  const { from, paramsEnd, tokensAfter } = signatureTokens(unit, item);
  const endIndex = tokensAfter.findIndex(({ kind }) => kind === "eof" || kind === "intent" || kind === "requires" || kind === "ensures");
  const end = from + (tokensAfter[endIndex - 1]?.end ?? paramsEnd);
  const first = tokensAfter[1];
  // After a function type without parentheses, the row would be parsed as the row of that type.
  const needsParentheses = item.result?.kind === "fn" && first !== undefined && first.kind !== "(";
  return needsParentheses ? [insert(from + first.start, "("), insert(end, `) ${row}`)] : [insert(end, ` ${row}`)];
}

/** Returns edits that insert a result type after the parameters. */
export function insertResult(unit: SourceFile, item: FnItem, type: string): readonly Edit[] {
  const { from, paramsEnd } = signatureTokens(unit, item);
  return [insert(from + paramsEnd, ` -> ${type}`)];
}

/** Returns an edit that inserts an import before the other imports, or above the first item and its comment. */
export function insertImport(file: ImportingFile, specifier: string): Edit {
  return { ...insertImportText(file, `import "${specifier}"\n`), imports: specifier };
}

/** What decides where an import is inserted. */
interface ImportingFile extends Pick<ParsedFile, "text" | "moduleName"> {
  readonly items: readonly Pick<Item, "kind" | "span">[];
}

function insertImportText(file: ImportingFile, importText: string): Edit {
  const firstImport = file.items.find((item) => item.kind === "import");
  if (firstImport !== undefined) return insert(firstImport.span.start, importText);
  if (file.moduleName !== null) return insert(file.moduleName.span.end, `\n\n${importText.trimEnd()}`);
  const textBefore = file.text.slice(0, file.items[0]?.span.start ?? 0);
  const gap = [...textBefore.matchAll(/\n[ \t\r]*\n/g)].at(-1);
  const start = textBefore.startsWith("\ufeff") ? 1 : 0;
  return insert(gap === undefined ? start : gap.index + gap[0].length, `${importText}\n`);
}
