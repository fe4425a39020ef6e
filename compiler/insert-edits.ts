/** Places in the head of a function or file that the tree does not hold, for fixes that write there. */
import type { FnItem, ParsedFile } from "./ast.ts";
import { Diagnostics, type Edit } from "./diagnostics.ts";
import { lex } from "./lexer.ts";
import type { SourceFile } from "./source.ts";
import type { Token } from "./tokens.ts";

const insert = (at: number, text: string): Edit => ({ span: { start: at, end: at }, text });

/** The end of the parameters, and the tokens between them and the body; places count from `from`. */
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

/** Writes a row where none stands: after the result, else after the parameters. */
export function insertEffectRow(unit: SourceFile, item: FnItem, row: string): readonly Edit[] {
  const { from, params, after } = signatureTokens(unit, item);
  const next = after.findIndex(({ kind }) => kind === "eof" || kind === "intent" || kind === "requires" || kind === "ensures");
  const end = from + (after[next - 1]?.end ?? params);
  const first = after[1];
  // The row of a function type that is not in parentheses would be taken for that of the function.
  const bare = item.result?.kind === "fn" && first !== undefined && first.kind !== "(";
  return bare ? [insert(from + first.start, "("), insert(end, `) ${row}`)] : [insert(end, ` ${row}`)];
}

/** Writes a result type where none stands. */
export function insertResult(unit: SourceFile, item: FnItem, type: string): readonly Edit[] {
  const { from, params } = signatureTokens(unit, item);
  return [insert(from + params, ` -> ${type}`)];
}

/** Writes an import before the others, else above the first item and the comment on it. */
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
