/** Finds the first difference between two values in reading order. Of two lists, it compares the elements before the lengths. */
import { isPositional, type TypeDef } from "../../vm/bytecode/module.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  OkValue,
  RecordValue,
  SomeValue,
  type Value,
} from "../../vm/value/value.ts";

export interface Difference {
  /** The path to the difference, such as `args[0].items[2]["key"]`. */
  readonly path: string;
  /** Undefined if only the actual value has something at this path. */
  readonly expected: Value | undefined;
  /** Undefined if only the expected value has something at this path. */
  readonly actual: Value | undefined;
}

/** The last part of a path, linked to the earlier parts. */
interface PathPart {
  readonly parent: PathPart | undefined;
  readonly text: string;
}
interface Pair {
  readonly expected: Value | undefined;
  readonly actual: Value | undefined;
  readonly path: PathPart;
}

/**
 * Returns undefined if the values are equal. `path` is the path of the two values. 0.0 differs from -0.0, and NaN equals NaN.
 * The search is not recursive, because values may be deep.
 */
export function firstDifference(expected: Value, actual: Value, path: string, types: readonly TypeDef[] = []): Difference | undefined {
  const unvisited: Pair[] = [{ expected, actual, path: { parent: undefined, text: path } }];
  for (let pair = unvisited.pop(); pair !== undefined; pair = unvisited.pop()) {
    if (pair.expected === pair.actual) continue;
    const children = childrenOf(pair, types);
    if (children === undefined) return { path: pathText(pair.path), expected: pair.expected, actual: pair.actual };
    for (let i = children.length - 1; i >= 0; i--) {
      const child = children[i];
      if (child !== undefined && child.expected !== child.actual) unvisited.push(child);
    }
  }
  return undefined;
}

function pathText(last: PathPart): string {
  const texts: string[] = [];
  for (let part: PathPart | undefined = last; part !== undefined; part = part.parent) texts.push(part.text);
  return texts.reverse().join("");
}

/** Returns the pairs of values inside two values. Undefined if the two values differ in themselves, not only in the values inside. */
function childrenOf(pair: Pair, types: readonly TypeDef[]): readonly Pair[] | undefined {
  const { expected: a, actual: b, path } = pair;
  if (typeof a !== "object" || typeof b !== "object") return undefined;
  const child = (text: string, expected: Value | undefined, actual: Value | undefined): Pair => ({
    expected,
    actual,
    path: { parent: path, text },
  });
  const items = (x: readonly Value[], y: readonly Value[], name: (i: number) => string): readonly Pair[] =>
    Array.from({ length: Math.max(x.length, y.length) }, (_, i) => child(name(i), x[i], y[i]));
  if (a instanceof FloatValue) return b instanceof FloatValue && Object.is(a.value, b.value) ? [] : undefined;
  if (a instanceof ListValue) return b instanceof ListValue ? items(a.toArray(), b.toArray(), (i) => `[${i}]`) : undefined;
  if (a instanceof MapValue) return b instanceof MapValue ? mapPairs(a, b, child) : undefined;
  if (a instanceof SomeValue) return b instanceof SomeValue ? [child(".some", a.value, b.value)] : undefined;
  if (a instanceof OkValue) return b instanceof OkValue ? [child(".ok", a.value, b.value)] : undefined;
  if (a instanceof ErrValue) return b instanceof ErrValue ? [child(".err", a.value, b.value)] : undefined;
  if (a instanceof RecordValue) {
    if (!(b instanceof RecordValue) || a.typeId !== b.typeId) return undefined;
    const type = types[a.typeId];
    const fields = type?.kind === "record" ? type.fields : [];
    return items(a.fields, b.fields, (i) => (isPositional(fields) ? `[${i}]` : `.${fields[i]?.name ?? i}`));
  }
  if (a instanceof EnumValue) {
    if (!(b instanceof EnumValue) || a.typeId !== b.typeId || a.variant !== b.variant) return undefined;
    const type = types[a.typeId];
    return [child(`.${(type?.kind === "enum" ? type.variants[a.variant]?.name : undefined) ?? a.variant}`, a.payload, b.payload)];
  }
  if (a instanceof ActorIdValue) return b instanceof ActorIdValue && a.id === b.id ? [] : undefined;
  if (a instanceof FnRefValue) return b instanceof FnRefValue && a.index === b.index ? [] : undefined;
  if (a instanceof ClosureValue) {
    return b instanceof ClosureValue && a.index === b.index ? items(a.captured, b.captured, (i) => `.captured[${i}]`) : undefined;
  }
  return a?.tag === b?.tag ? [] : undefined;
}

function mapPairs(
  a: MapValue,
  b: MapValue,
  child: (text: string, expected: Value | undefined, actual: Value | undefined) => Pair,
): readonly Pair[] {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].sort(compareUtf8).map((key) => child(`[${JSON.stringify(key)}]`, a.get(key), b.get(key)));
}
