/**
 * Defines effect rows, and the relation "this row is contained in that row". A row names what a function may do: capabilities,
 * and row variables of the enclosing function, such as the `e` of
 *
 *     fn each<A, e>(xs: List<A>, f: Fn(A) -> Unit !{e}) -> Unit !{e}
 *
 * In the body of `each`, `e` is a fixed, unknown row. A call of `each` replaces `e` with an open row (`OpenRow`), which collects what the
 * arguments may do. For example:
 *
 *     each(paths, fn(path) { debug(fs.read(path)) () })    the open row becomes {fs.read}, so this call uses fs.read
 */

/** A parameter between `<` and `>`: a type parameter, or a row variable if `use` is "row". Parameters are compared by object identity. */
export interface ParamType {
  readonly kind: "param";
  readonly name: string;
  /** Where the parameter was first used: as a type, or in a row. Undefined until it is used. */
  use: "type" | "row" | undefined;
}

const NO_PARAMS: ReadonlyMap<string, ParamType> = new Map();

/** Returns the parameters by their names. */
export function paramsByName(params: readonly ParamType[]): ReadonlyMap<string, ParamType> {
  return params.length === 0 ? NO_PARAMS : new Map(params.map((param) => [param.name, param]));
}

/** A capability by its name, or a row variable. */
export type RowItem = string | ParamType;
/** The items of a row: row variables in the order of their declaration, then capabilities by name. Open rows are at the end. */
export type Row = readonly (RowItem | OpenRow)[];

/**
 * A row that is not decided yet. It has the items of `bounds.lower` and may still get those of `bounds.upper`, or any item if that is null.
 * It is decided when both have the same items.
 */
export interface OpenRow {
  readonly kind: "open";
  bounds: RowBounds;
}
interface RowBounds {
  readonly lower: readonly RowItem[];
  readonly upper: readonly RowItem[] | null;
}
/** A change of an open row, which a caller may undo. */
export interface RowChange {
  readonly row: OpenRow;
  readonly before: RowBounds;
  readonly after: RowBounds;
}

export const freshRow = (): OpenRow => ({ kind: "open", bounds: { lower: [], upper: null } });

const isOpenRow = (part: RowItem | OpenRow): part is OpenRow => typeof part !== "string" && part.kind === "open";
const canGrow = ({ bounds: { lower, upper } }: OpenRow): boolean => upper === null || upper.length > lower.length;

const NO_ITEMS: readonly RowItem[] = [];

/** Returns the items that the row has so far. */
export function itemsOf(row: Row): readonly RowItem[] {
  const [first] = row;
  if (first === undefined) return NO_ITEMS;
  if (row.length === 1) return isOpenRow(first) ? first.bounds.lower : [first];
  const items = new Set<RowItem>();
  for (const part of row) {
    if (!isOpenRow(part)) items.add(part);
    else for (const item of part.bounds.lower) items.add(item);
  }
  return [...items];
}

/** Decides the open rows in the row: they keep their items and get no more. Returns all items. */
export function decideRow(row: Row): readonly RowItem[] {
  for (const part of row) if (isOpenRow(part)) part.bounds = { lower: part.bounds.lower, upper: part.bounds.lower };
  return itemsOf(row);
}

function setBounds(row: OpenRow, after: RowBounds, changes: RowChange[] | undefined): void {
  changes?.push({ row, before: row.bounds, after });
  row.bounds = after;
}

/**
 * Makes the row `actual` contained in the row `expected`. Open rows in `expected` get what is missing, and open rows in `actual` get an
 * upper bound. Returns false if that is not enough. Bounds may have changed even then; `changes` collects all changes.
 */
export function containRow(actual: Row, expected: Row, changes?: RowChange[]): boolean {
  if (actual.length === 0) return true;
  const growing = expected.filter((part) => isOpenRow(part)).filter(canGrow);
  const allowed = new Set(itemsOf(expected));
  for (const part of actual) {
    if (!isOpenRow(part) || growing.includes(part)) continue;
    const { lower, upper } = part.bounds;
    // If both rows can grow, decide the actual one, so that no row depends on another.
    setBounds(part, { lower, upper: growing.length > 0 ? lower : [...(upper ?? allowed)].filter((item) => allowed.has(item)) }, changes);
  }
  for (const item of itemsOf(actual)) {
    if (allowed.has(item)) continue;
    const target = growing.find(({ bounds }) => bounds.upper === null || bounds.upper.includes(item));
    if (target === undefined) return false;
    setBounds(target, { lower: [...target.bounds.lower, item], upper: target.bounds.upper }, changes);
    allowed.add(item);
  }
  return true;
}

/** Replaces the row variables in a row by the open rows of a call, which `rowArgs` has for each. */
export function substituteRow(row: Row, rowArgs: ReadonlyMap<ParamType, OpenRow>): Row {
  if (rowArgs.size === 0 || row.length === 0) return row;
  return row.map((part) => (typeof part === "string" || part.kind === "open" ? part : (rowArgs.get(part) ?? part)));
}

/** Returns the names of the capabilities in the row, without row variables. */
export const capabilitiesOf = (row: Row): readonly string[] => itemsOf(row).filter((item) => typeof item === "string");

export const rowItemName = (item: RowItem): string => (typeof item === "string" ? item : item.name);

/** Returns the items in the order in which a row is written: row variables, then capabilities by name. */
export function sortedRow(items: Iterable<RowItem>): readonly RowItem[] {
  const all = [...new Set(items)];
  if (all.length < 2) return all;
  return [...all.filter((item) => typeof item !== "string"), ...all.filter((item) => typeof item === "string").sort()];
}

/** Returns the row as source text: `!{e, fs.read}`. */
export const rowText = (items: Iterable<RowItem>): string => `!{${sortedRow(items).map(rowItemName).join(", ")}}`;
