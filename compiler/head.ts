/** Places in the head of a function that the tree does not hold, for fixes that write there. */
import type { FnItem } from "./ast.ts";
import { Diagnostics, type Edit } from "./diagnostics.ts";
import { lex } from "./lexer.ts";
import type { SourceUnit } from "./ir.ts";
import type { Token } from "./tokens.ts";

const insert = (at: number, text: string): Edit => ({ span: { start: at, end: at }, text });

/** The end of the parameters, and the tokens between them and the body; places count from `from`. */
function headTokens(unit: SourceUnit, item: FnItem): { readonly from: number; readonly params: number; readonly after: readonly Token[] } {
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
export function insertRow(unit: SourceUnit, item: FnItem, row: string): readonly Edit[] {
  const { from, params, after } = headTokens(unit, item);
  const next = after.findIndex(({ kind }) => kind === "eof" || kind === "intent" || kind === "requires" || kind === "ensures");
  const end = from + (after[next - 1]?.end ?? params);
  const first = after[1];
  // The row of a function type that is not in parentheses would be taken for that of the function.
  const bare = item.result?.kind === "fn" && first !== undefined && first.kind !== "(";
  return bare ? [insert(from + first.start, "("), insert(end, `) ${row}`)] : [insert(end, ` ${row}`)];
}

/** Writes a result type where none stands. */
export function insertResult(unit: SourceUnit, item: FnItem, type: string): readonly Edit[] {
  const { from, params } = headTokens(unit, item);
  return [insert(from + params, ` -> ${type}`)];
}
