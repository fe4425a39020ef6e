/** Prints types, effect rows, and names with types. */
import type { Name, RowExpr, TypeExpr } from "../ast.ts";
import { type Doc, EMPTY, concat, concatAll, SPACE } from "./doc.ts";
import { bracketed } from "./lists.ts";
import type { TokenStream } from "./token-stream.ts";

export function printType(t: TokenStream, type: TypeExpr): Doc {
  const opened: Doc[] = [];
  while (t.at("(") && t.start < type.span.start) opened.push(t.take());
  const inner = type.kind === "name" ? namedType(t, type.args) : functionType(t, type);
  return concat(...opened, inner, ...opened.map(() => t.take()));
}

function namedType(t: TokenStream, args: readonly TypeExpr[]): Doc {
  const name = t.take();
  return args.length === 0
    ? name
    : concat(
        name,
        printAngles(t, args.length, (i) => typeAt(t, args, i)),
      );
}

function functionType(t: TokenStream, type: Extract<TypeExpr, { kind: "fn" }>): Doc {
  const keyword = t.take();
  const params = bracketed(t, type.params.length, {}, (i) => typeAt(t, type.params, i));
  return concat(keyword, params, printResult(t, type.result), printRow(t, type.row));
}

function typeAt(t: TokenStream, types: readonly TypeExpr[], index: number): Doc {
  const type = types[index];
  return type === undefined ? EMPTY : printType(t, type);
}

/** Prints `<A, B>`, always on one line. */
function printAngles(t: TokenStream, count: number, element: (index: number) => Doc): Doc {
  const parts = [t.take()];
  for (let i = 0; i < count; i++) {
    parts.push(element(i));
    if (i < count - 1) parts.push(t.takeBeforeComments(), SPACE);
  }
  if (t.at(",")) t.skip();
  return concat(concatAll(parts), t.takeAngle());
}

/** Prints `<T, U>` after the name of an item, or nothing. */
export function printTypeParams(t: TokenStream, params: readonly Name[]): Doc {
  return params.length === 0 ? EMPTY : printAngles(t, params.length, () => t.take());
}

/** Prints ` -> T`, or nothing. */
export function printResult(t: TokenStream, result: TypeExpr | null): Doc {
  return result === null || !t.at("->") ? EMPTY : concat(SPACE, t.take(), SPACE, printType(t, result));
}

/** Prints ` !{net.fetch, fs.read}`, or nothing. */
export function printRow(t: TokenStream, row: RowExpr | null): Doc {
  if (row === null) return EMPTY;
  const sign = t.take();
  return concat(
    SPACE,
    sign,
    bracketed(t, row.names.length, {}, () => dottedName(t)),
  );
}

function dottedName(t: TokenStream): Doc {
  const parts = [t.take()];
  while (t.at(".")) parts.push(t.take(), t.take());
  return concatAll(parts);
}

/** Prints `name: T`, or only the name when there is no type. */
export function printTyped(t: TokenStream, type: TypeExpr | null): Doc {
  const name = t.take();
  return type === null ? name : concat(name, t.take(), SPACE, printType(t, type));
}
