/** Prints files and their items: functions, types, imports and tests. */
import type { EnumItem, FieldDecl, FnItem, Item, ParsedFile, RecordItem } from "../ast.ts";
import { type Doc, EMPTY, group, HARDLINE, indent, concat, concatAll, LINE, SPACE } from "./doc.ts";
import { printBlock } from "./expressions.ts";
import { printList } from "./lists.ts";
import { printParam } from "./patterns.ts";
import { printReceives, printResultType, printEffectRow, printNameAndType, printTypeList, printTypeParams } from "./type-layout.ts";
import type { TokenStream } from "./token-stream.ts";

/** Prints a file that has no syntax errors. `t` holds the tokens of the file. */
export function printFile(t: TokenStream, file: ParsedFile): Doc {
  const parts: Doc[] = [];
  if (file.moduleName !== null) parts.push(t.take(), SPACE, t.take(), HARDLINE);
  for (const item of file.items) parts.push(t.takeComments(), t.sourceBlankLine(), printItem(t, item), HARDLINE);
  return concat(concatAll(parts), t.takeComments());
}

function printItem(t: TokenStream, item: Item): Doc {
  switch (item.kind) {
    case "fn":
      return printFn(t, item);
    case "record":
      return concat(printTypeHeader(t, item), printFields(t, item.fields));
    case "enum":
      return concat(printTypeHeader(t, item), printVariants(t, item));
    case "import":
      return concat(t.take(), SPACE, t.take());
    case "test":
      return concat(t.take(), SPACE, t.take(), SPACE, printBlock(t, item.body));
  }
}

function printExportWord(t: TokenStream, isExported: boolean): Doc {
  return isExported ? concat(t.take(), SPACE) : EMPTY;
}

function printFn(t: TokenStream, item: FnItem): Doc {
  const name = concat(printExportWord(t, item.isExported), t.take(), SPACE, t.take(), printTypeParams(t, item.typeParams));
  const params = printList(t, item.params.length, {}, (i) => printParam(t, item.params[i]));
  const signature = concat(name, params, printResultType(t, item.result), printReceives(t, item.receives), printEffectRow(t, item.row));
  const clauses = printClauses(t, item);
  const header = clauses.length === 0 ? concat(signature, SPACE) : group(concat(signature, indent(concatAll(clauses)), LINE));
  return concat(header, printBlock(t, item.body));
}

/** Prints the clauses in source order. Conditions keep their source text, which is part of the message of a failed contract. */
function printClauses(t: TokenStream, item: FnItem): readonly Doc[] {
  const clauses: Doc[] = [];
  let requires = 0;
  let ensures = 0;
  for (;;) {
    if (t.at("intent")) {
      clauses.push(concat(LINE, t.takeComments(), t.take(), SPACE, t.take()));
      continue;
    }
    const clause = t.at("requires") ? item.requires[requires++] : t.at("ensures") ? item.ensures[ensures++] : undefined;
    if (clause === undefined) return clauses;
    clauses.push(concat(LINE, t.takeComments(), t.take(), SPACE, t.verbatim(clause.span)));
  }
}

function printTypeHeader(t: TokenStream, item: RecordItem | EnumItem): Doc {
  return concat(printExportWord(t, item.isExported), t.take(), SPACE, t.take(), printTypeParams(t, item.typeParams), SPACE);
}

function printFields(t: TokenStream, fields: readonly FieldDecl[]): Doc {
  return printList(t, fields.length, { keepsBreak: true, isPadded: true }, (i) => printNameAndType(t, fields[i]?.type ?? null));
}

function printVariants(t: TokenStream, item: EnumItem): Doc {
  return printList(t, item.variants.length, { keepsBreak: true, isPadded: true }, (i) => {
    const payload = item.variants[i]?.payload ?? null;
    const name = t.take();
    if (payload === null) return name;
    if (payload.kind === "struct") return concat(name, SPACE, printFields(t, payload.fields));
    return concat(name, printTypeList(t, payload.types));
  });
}
