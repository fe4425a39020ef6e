/**
 * Edits that insert a row, a result type or an import. The syntax tree does not record where an absent part would be, so
 * the signature is split into tokens again.
 */
import type { FnItem, ParsedFile } from "./ast.ts";
import { Diagnostics, type Edit } from "./diagnostics.ts";
import { lex } from "./lexer.ts";
import type { SourceFile } from "./source.ts";
import type { Token } from "./tokens.ts";

const insert = (at: number, text: string): Edit => ({ span: { start: at, end: at }, text });

/** The end of a function's parameters, and the tokens between them and its body. All offsets are relative to `from`. */
function signatureTokens(
  unit: SourceFile,
  item: FnItem,
): { readonly from: number; readonly params: number; readonly after: readonly Token[] } {
  const from = item.name.span.end;
  const { tokens } = lex(unit.text.slice(from, item.body.span.start), new Diagnostics(unit.name));
  let depth = 0;
  const closed = tokens.findIndex(({ kind }) => {
    if (kind === "(") depth += 1;
    else if (kind === ")") depth -= 1;
    return kind === ")" && depth === 0;
  });
  return { from, params: tokens[closed]?.end ?? 0, after: tokens.slice(closed + 1) };
}

/** Inserts an effect row after the result type, or after the parameters if there is none. */
export function insertEffectRow(unit: SourceFile, item: FnItem, row: string): readonly Edit[] {
  const { from, params, after } = signatureTokens(unit, item);
  const next = after.findIndex(({ kind }) => kind === "eof" || kind === "intent" || kind === "requires" || kind === "ensures");
  const end = from + (after[next - 1]?.end ?? params);
  const first = after[1];
  // After a function type without parentheses, the row would be parsed as that of the type.
  const bare = item.result?.kind === "fn" && first !== undefined && first.kind !== "(";
  return bare ? [insert(from + first.start, "("), insert(end, `) ${row}`)] : [insert(end, ` ${row}`)];
}

/** Inserts a result type after the parameters. */
export function insertResult(unit: SourceFile, item: FnItem, type: string): readonly Edit[] {
  const { from, params } = signatureTokens(unit, item);
  return [insert(from + params, ` -> ${type}`)];
}

/** Inserts an import before the others, or above the first item and its comment. */
export function insertImport(file: ParsedFile, specifier: string): Edit {
  const written = `import "${specifier}"\n`;
  const other = file.items.find((item) => item.kind === "import");
  if (other !== undefined) return insert(other.span.start, written);
  if (file.moduleName !== null) return insert(file.moduleName.span.end, `\n\n${written.trimEnd()}`);
  const before = file.text.slice(0, file.items[0]?.span.start ?? 0);
  const gap = [...before.matchAll(/\n[ \t\r]*\n/g)].at(-1);
  const mark = before.startsWith("\ufeff") ? 1 : 0;
  return insert(gap === undefined ? mark : gap.index + gap[0].length, `${written}\n`);
}
