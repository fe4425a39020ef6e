/** Types, effect rows, and names with types. */
import type { Name, RowExpr, TypeExpr } from "../ast.ts";
import { type Doc, EMPTY, join, joinAll, SPACE } from "./doc.ts";
import { bracketed } from "./lists.ts";
import type { Words } from "./type-text.ts";

export function printType(w: Words, type: TypeExpr): Doc {
  const opened: Doc[] = [];
  while (w.at("(") && w.start < type.span.start) opened.push(w.take());
  const inner = type.kind === "name" ? namedType(w, type.args) : functionType(w, type);
  return join(...opened, inner, ...opened.map(() => w.take()));
}

function namedType(w: Words, args: readonly TypeExpr[]): Doc {
  const name = w.take();
  return args.length === 0
    ? name
    : join(
        name,
        printAngles(w, args.length, (i) => typeAt(w, args, i)),
      );
}

function functionType(w: Words, type: Extract<TypeExpr, { kind: "fn" }>): Doc {
  const word = w.take();
  const params = bracketed(w, type.params.length, {}, (i) => typeAt(w, type.params, i));
  return join(word, params, printResult(w, type.result), printRow(w, type.row));
}

function typeAt(w: Words, types: readonly TypeExpr[], index: number): Doc {
  const type = types[index];
  return type === undefined ? EMPTY : printType(w, type);
}

/** `<A, B>`, always on one line. */
function printAngles(w: Words, count: number, element: (index: number) => Doc): Doc {
  const parts = [w.take()];
  for (let i = 0; i < count; i++) {
    parts.push(element(i));
    if (i < count - 1) parts.push(w.takeBehind(), SPACE);
  }
  if (w.at(",")) w.drop();
  return join(joinAll(parts), w.takeAngle());
}

/** `<T, U>` after the name of an item, or nothing. */
export function printTypeParams(w: Words, params: readonly Name[]): Doc {
  return params.length === 0 ? EMPTY : printAngles(w, params.length, () => w.take());
}

/** ` -> T`, or nothing. */
export function printResult(w: Words, result: TypeExpr | null): Doc {
  return result === null || !w.at("->") ? EMPTY : join(SPACE, w.take(), SPACE, printType(w, result));
}

/** ` !{net.fetch, fs.read}`, or nothing. */
export function printRow(w: Words, row: RowExpr | null): Doc {
  if (row === null) return EMPTY;
  const sign = w.take();
  return join(
    SPACE,
    sign,
    bracketed(w, row.names.length, {}, () => dottedName(w)),
  );
}

function dottedName(w: Words): Doc {
  const parts = [w.take()];
  while (w.at(".")) parts.push(w.take(), w.take());
  return joinAll(parts);
}

/** `name: T`, or a name alone. */
export function printTyped(w: Words, type: TypeExpr | null): Doc {
  const name = w.take();
  return type === null ? name : join(name, w.take(), SPACE, printType(w, type));
}
