/** Functions, types, imports, tests, and the whole file. */
import type { EnumItem, FieldDecl, FnItem, Item, ParsedFile, RecordItem } from "../ast.ts";
import { type Doc, EMPTY, group, HARD, indent, join, joinAll, LINE, SPACE } from "./doc.ts";
import { printBlock } from "./expressions.ts";
import { bracketed } from "./lists.ts";
import { printResult, printRow, printType, printTyped, printTypeParams } from "./type-layout.ts";
import type { Words } from "./type-text.ts";

/** The file without syntax errors that the words are of. */
export function printFile(w: Words, file: ParsedFile): Doc {
  const parts: Doc[] = [];
  if (file.moduleName !== null) parts.push(w.take(), SPACE, w.take(), HARD);
  for (const item of file.items) parts.push(w.lead(), w.blank(), printItem(w, item), HARD);
  return join(joinAll(parts), w.lead());
}

function printItem(w: Words, item: Item): Doc {
  switch (item.kind) {
    case "fn":
      return printFn(w, item);
    case "record":
      return join(typeHead(w, item), printFields(w, item.fields));
    case "enum":
      return join(typeHead(w, item), printVariants(w, item));
    case "import":
      return join(w.take(), SPACE, w.take());
    case "test":
      return join(w.take(), SPACE, w.take(), SPACE, printBlock(w, item.body));
  }
}

function exportWord(w: Words, exported: boolean): Doc {
  return exported ? join(w.take(), SPACE) : EMPTY;
}

function printFn(w: Words, item: FnItem): Doc {
  const name = join(exportWord(w, item.exported), w.take(), SPACE, w.take(), printTypeParams(w, item.typeParams));
  const params = bracketed(w, item.params.length, {}, (i) => printTyped(w, item.params[i]?.type ?? null));
  const signature = join(name, params, printResult(w, item.result), printRow(w, item.row));
  const clauses = printClauses(w, item);
  const head = clauses.length === 0 ? join(signature, SPACE) : group(join(signature, indent(joinAll(clauses)), LINE));
  return join(head, printBlock(w, item.body));
}

/** In their order. A condition stays as it is written: its text is what a failed contract tells. */
function printClauses(w: Words, item: FnItem): readonly Doc[] {
  const clauses: Doc[] = [];
  let requires = 0;
  let ensures = 0;
  for (;;) {
    if (w.at("intent")) {
      clauses.push(join(LINE, w.lead(), w.take(), SPACE, w.take()));
      continue;
    }
    const clause = w.at("requires") ? item.requires[requires++] : w.at("ensures") ? item.ensures[ensures++] : undefined;
    if (clause === undefined) return clauses;
    clauses.push(join(LINE, w.lead(), w.take(), SPACE, w.verbatim(clause.span)));
  }
}

function typeHead(w: Words, item: RecordItem | EnumItem): Doc {
  return join(exportWord(w, item.exported), w.take(), SPACE, w.take(), printTypeParams(w, item.typeParams), SPACE);
}

function printFields(w: Words, fields: readonly FieldDecl[]): Doc {
  return bracketed(w, fields.length, { kept: true, padded: true }, (i) => printTyped(w, fields[i]?.type ?? null));
}

function printVariants(w: Words, item: EnumItem): Doc {
  return bracketed(w, item.variants.length, { kept: true, padded: true }, (i) => {
    const payload = item.variants[i]?.payload ?? null;
    const name = w.take();
    if (payload === null) return name;
    if (payload.kind === "struct") return join(name, SPACE, printFields(w, payload.fields));
    const open = w.take();
    const type = printType(w, payload.type);
    if (w.at(",")) w.drop();
    return join(name, open, type, w.take());
  });
}
