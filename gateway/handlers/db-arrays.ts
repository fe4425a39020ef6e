/** PostgreSQL's text form of arrays: `{1,NULL,"a \"b\"",{2}}`, with bounds in front if they do not start at 1: `[0:1]={1,2}`. */
import { ListValue } from "../../vm/value/list.ts";
import { UNIT, UnitValue, type Value } from "../../vm/value/value.ts";
import { CapabilityFailure } from "../handlers.ts";

/** PostgreSQL's own limit on the dimensions of an array. */
const MAX_DIMENSIONS = 6;

/** An element without quotes. */
const PLAIN_ELEMENT = /[^{},"\\]+/y;

/** Returns the elements as a List; with several dimensions, as a List of Lists. Bounds are dropped. */
export function readArray(text: string, read: (element: string) => Value): ListValue {
  let offset = text.indexOf("{");
  const readList = (depth: number): ListValue => {
    if (text[offset] !== "{" || depth > MAX_DIMENSIONS) throw malformed();
    const items: Value[] = [];
    offset += 1;
    while (text[offset] !== "}") {
      items.push(text[offset] === "{" ? readList(depth + 1) : readElement());
      if (text[offset] === ",") offset += 1;
      else if (text[offset] !== "}") throw malformed();
    }
    offset += 1;
    return ListValue.of(items);
  };
  const readElement = (): Value => {
    if (text[offset] === '"') return read(readQuoted());
    PLAIN_ELEMENT.lastIndex = offset;
    const [plain] = PLAIN_ELEMENT.exec(text) ?? [];
    if (plain === undefined) throw malformed();
    offset += plain.length;
    return plain === "NULL" ? UNIT : read(plain);
  };
  const readQuoted = (): string => {
    const start = offset + 1;
    let end = start;
    while (text[end] !== '"') {
      if (end >= text.length) throw malformed();
      end += text[end] === "\\" ? 2 : 1;
    }
    offset = end + 1;
    return text.slice(start, end).replace(/\\([^])/g, "$1");
  };
  return readList(1);
}

const malformed = (): CapabilityFailure => new CapabilityFailure("the database sent an array that cannot be read");

/**
 * Returns the text of an array, or undefined if `write` refuses an element. With `nests`, a List inside the List is another
 * dimension. Without it, the inner List is an element.
 */
export function arrayText(
  list: ListValue,
  write: (element: Value) => string | undefined,
  { nests }: { readonly nests: boolean },
): string | undefined {
  const textOf = (items: ListValue, depth: number): string | undefined => {
    if (depth > MAX_DIMENSIONS) return undefined;
    const texts: string[] = [];
    for (const item of items.toArray()) {
      const text = nests && item instanceof ListValue ? textOf(item, depth + 1) : elementText(item);
      if (text === undefined) return undefined;
      texts.push(text);
    }
    return `{${texts.join(",")}}`;
  };
  const elementText = (item: Value): string | undefined => {
    if (item instanceof UnitValue) return "NULL";
    const text = write(item);
    return text === undefined ? undefined : `"${text.replace(/["\\]/g, "\\$&")}"`;
  };
  return textOf(list, 1);
}
