/** Prints types, effect rows, and names with types. Each printer takes the tokens of its node from the stream `t`, in source order. */
import type { Name, RowExpr, TypeExpr } from "../ast.ts";
import { type Doc, EMPTY, concat, concatAll, SPACE } from "./doc.ts";
import { printList } from "./lists.ts";
import type { TokenStream } from "./token-stream.ts";

export function printType(t: TokenStream, type: TypeExpr): Doc {
  const openParens: Doc[] = [];
  while (t.at("(") && t.start < type.span.start) openParens.push(t.take());
  const contents =
    type.kind === "name" ? printNamedType(t, type.args) : type.kind === "tuple" ? printTypeList(t, type.items) : printFunctionType(t, type);
  return concat(...openParens, contents, ...openParens.map(() => t.take()));
}

function printNamedType(t: TokenStream, args: readonly TypeExpr[]): Doc {
  const name = t.take();
  return args.length === 0
    ? name
    : concat(
        name,
        printAngles(t, args.length, (i) => printTypeAt(t, args, i)),
      );
}

function printFunctionType(t: TokenStream, type: Extract<TypeExpr, { kind: "fn" }>): Doc {
  const keyword = t.take();
  const params = printList(t, type.params.length, {}, (i) => printTypeAt(t, type.params, i));
  return concat(keyword, params, printResultType(t, type.result), printEffectRow(t, type.row));
}

/** Prints `(A, B)`: the elements of a tuple type, or the values of a variant. */
export function printTypeList(t: TokenStream, types: readonly TypeExpr[]): Doc {
  return printList(t, types.length, {}, (i) => printTypeAt(t, types, i));
}

function printTypeAt(t: TokenStream, types: readonly TypeExpr[], index: number): Doc {
  const type = types[index];
  return type === undefined ? EMPTY : printType(t, type);
}

/** Prints `<A, B>`, always on one line. */
function printAngles(t: TokenStream, count: number, element: (index: number) => Doc): Doc {
  const parts = [t.take()];
  for (let i = 0; i < count; i++) {
    parts.push(element(i));
    if (i < count - 1) parts.push(t.takeAheadOfComments(), SPACE);
  }
  if (t.at(",")) t.drop();
  return concat(concatAll(parts), t.takeAngle());
}

/** Prints the `<T, U>` after the name of an item. Prints nothing if there are no type parameters. */
export function printTypeParams(t: TokenStream, params: readonly Name[]): Doc {
  return params.length === 0 ? EMPTY : printAngles(t, params.length, () => t.take());
}

/** Prints ` -> T`. Prints nothing if the source states no result type. */
export function printResultType(t: TokenStream, result: TypeExpr | null): Doc {
  return result === null || !t.at("->") ? EMPTY : concat(SPACE, t.take(), SPACE, printType(t, result));
}

/** Prints ` receives T`. Prints nothing if the function declares no message type. */
export function printReceives(t: TokenStream, type: TypeExpr | null): Doc {
  return type === null ? EMPTY : concat(SPACE, t.take(), SPACE, printType(t, type));
}

/** Prints an effect row like ` !{net.fetch, fs.read}`. Prints nothing if `row` is null. */
export function printEffectRow(t: TokenStream, row: RowExpr | null): Doc {
  if (row === null) return EMPTY;
  const exclamationMark = t.take();
  return concat(
    SPACE,
    exclamationMark,
    printList(t, row.names.length, {}, () => printDottedName(t)),
  );
}

function printDottedName(t: TokenStream): Doc {
  const parts = [t.take()];
  while (t.at(".")) parts.push(t.take(), t.take());
  return concatAll(parts);
}

/** Prints `name: T`, or only the name if there is no type. */
export function printNameAndType(t: TokenStream, type: TypeExpr | null): Doc {
  const name = t.take();
  return type === null ? name : concat(name, t.take(), SPACE, printType(t, type));
}
