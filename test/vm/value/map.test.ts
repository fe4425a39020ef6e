import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { FlatEntries, MAX_FLAT_SIZE } from "../../../vm/value/flat-entries.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { MapHistory } from "../../../vm/value/map-history.ts";
import { type MapNode, visitTree } from "../../../vm/value/map-tree.ts";
import { ChangeLog, Owner } from "../../../vm/value/owner.ts";
import { compareUtf8, utf8Length } from "../../../vm/value/utf8.ts";
import { scaledRuns, DEEP } from "../../cases.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "utf8");

/** Long keys that differ only in code units that are not hashed, so that they collide in the index. */
const alike = (n: number): string => `${"x".repeat(100)}${String(n).padStart(3, "0")}${"x".repeat(200)}`;
/** Like `alike`: the keys differ in a code unit between two that the index samples. */
const collidingKey = (n: number): string => {
  const units = [..."a".repeat(1_000)];
  units[24 + 1] = String.fromCharCode(0x61 + n);
  return units.join("");
};

const key = fc.oneof(
  { weight: 4, arbitrary: fc.nat(80).map((n) => `k${n}`) },
  { weight: 2, arbitrary: fc.nat(12).map(collidingKey) },
  { weight: 1, arbitrary: fc.nat(20).map(alike) },
  { weight: 1, arbitrary: fc.nat(30).map((n) => "é".repeat(n)) },
  { weight: 1, arbitrary: fc.nat(30).map((n) => "\u{10000}".repeat(n % 9) + "\uE000".repeat(n % 4)) },
  fc.constantFrom(
    "",
    "a",
    "a\0",
    "\0",
    "\0\0",
    "b",
    "\uE000",
    "\u{10000}",
    "\uFFFF",
    "__proto__",
    "constructor",
    "012345678901234",
    "0123456789012345",
  ),
);

type Model = ReadonlyMap<string, number>;
type Version = readonly [MapValue, Model];

const sorted = (model: Model): [string, number][] => [...model].sort(([a], [b]) => Buffer.compare(bytes(a), bytes(b)));

/** Checks order, balance and counts of a tree. Returns its height. */
function checkTree(node: MapNode<unknown> | null): number {
  if (node === null) return 0;
  const left = checkTree(node.left);
  const right = checkTree(node.right);
  expect(Math.abs(left - right)).toBeLessThanOrEqual(1);
  expect(node.height).toBe(Math.max(left, right) + 1);
  expect(node.size).toBe((node.left?.size ?? 0) + (node.right?.size ?? 0) + 1);
  return node.height;
}

function expectSame([map, model]: Version, probes: readonly string[]): void {
  expect(map.size).toBe(model.size);
  for (const probe of probes) {
    expect(map.get(probe)).toBe(model.get(probe));
    expect(map.has(probe)).toBe(model.has(probe));
  }
}

function expectSameInOrder([map, model]: Version): void {
  const entries = sorted(model);
  expect([...map.entries()]).toEqual(entries);
  expect([...map.keys()]).toEqual(entries.map(([k]) => k));
  expect([...map.values()]).toEqual(entries.map(([, v]) => v));
  checkTree(map.root);
}

const set = ([map, model]: Version, at: string, value: number): Version => [map.set(at, value), new Map(model).set(at, value)];
function removed([map, model]: Version, at: string): Version {
  const next = new Map(model);
  next.delete(at);
  return [map.delete(at), next];
}

/** Changes a new version in place where possible, first without a log of changes, then with one. If `undoes`, undoes the logged changes. */
function changedInPlace(version: Version, at: string, value: number, undoes: boolean): Version {
  const [map, model] = set(version, at, value);
  const changed = new Map(model);
  const change = (into: Map<string, number>): void => {
    for (let i = 0; i < 5; i++) {
      const name = i === 4 ? at : `k${(Math.abs(value) + i * 31) % 170}`;
      if (map.setInPlace(name, value + i)) into.set(name, value + i);
      if (i === Math.abs(value) % 20) checkTree(map.root);
    }
  };
  change(changed);
  change(changed);
  map.owner = new Owner();
  const log = new ChangeLog();
  map.owner.log = log;
  const logged = new Map(changed);
  change(logged);
  change(logged);
  if (undoes) log.undo();
  else log.keep();
  map.owner = undefined;
  return [map, undoes ? changed : logged];
}

/** Changes a new version, which nothing else refers to, in place. Some lookups in between may make an index. */
function changedAlone(version: Version, at: string, value: number): Version {
  const [map, model] = set(version, at, value);
  const changed = new Map(model);
  const count = Math.abs(value) % 300;
  for (let i = 0; i < count; i++) {
    const name = i === 4 ? at : `k${(i * 31 + value) % 170}`;
    if (i % 5 === 0) {
      map.deleteUnique(name);
      changed.delete(name);
    } else if (i % 7 < 4) {
      map.setUnique(name, value + i);
      changed.set(name, value + i);
    } else expect(map.get(name)).toBe(changed.get(name));
    if (i % 90 === 80) expectSameInOrder([map, changed]);
  }
  return [map, changed];
}

const EMPTY: Version = [MapValue.EMPTY, new Map()];

/** `size` keys set one after the other, so that from some size on the map has a history. */
function built(size: number, name: (i: number) => string = (i) => `k${i}`): Version {
  let map = MapValue.EMPTY;
  for (let i = 0; i < size; i++) map = map.set(name(i), i);
  return [map, new Map(Array.from({ length: size }, (_, i) => [name(i), i]))];
}

/** Some keys with values, given to the map at once. */
function made(at: string, value: number): Version {
  const names = [...new Set([at, ...Array.from({ length: Math.abs(value) % 12 }, (_, i) => `k${(i * 31 + Math.abs(value)) % 170}`)])];
  const values = names.map((_, i) => value + i);
  const isWritten = value % 2 === 0 && names.length <= MAX_FLAT_SIZE;
  const map = isWritten ? MapValue.ofFlat(new FlatEntries(names, values, false)) : MapValue.ofKeys(names, values);
  return [map, new Map(names.map((name, i) => [name, value + i]))];
}

describe("every version of a map equals its entries sorted", () => {
  /** `back`: how far the changed version is from the newest; mostly 0, so that histories grow. */
  const operation = fc.record({
    what: fc.oneof(
      { weight: 8, arbitrary: fc.constant("set" as const) },
      { weight: 3, arbitrary: fc.constant("remove" as const) },
      { weight: 2, arbitrary: fc.constant("in place" as const) },
      { weight: 1, arbitrary: fc.constant("undo" as const) },
      { weight: 2, arbitrary: fc.constant("alone" as const) },
      { weight: 1, arbitrary: fc.constant("order" as const) },
      { weight: 1, arbitrary: fc.constant("made" as const) },
    ),
    key,
    value: fc.integer(),
    back: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat() }),
  });

  test("whatever version a change starts from", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300, size: "max" }), fc.nat(240), fc.boolean(), (operations, size, backwards) => {
        const versions: Version[] = [built(size)];
        for (const step of operations) {
          const version = versions[versions.length - 1 - (step.back % versions.length)] ?? EMPTY;
          if (step.what === "order") expectSameInOrder(version);
          else if (step.what === "made") versions.push(made(step.key, step.value));
          else if (step.what === "alone") versions.push(changedAlone(version, step.key, step.value));
          else if (step.what === "in place" || step.what === "undo")
            versions.push(changedInPlace(version, step.key, step.value, step.what === "undo"));
          else versions.push(step.what === "set" ? set(version, step.key, step.value) : removed(version, step.key));
        }
        const probes = [...new Set(operations.slice(0, 40).map((step) => step.key)), "k0", "k7", "not there"];
        for (const version of versions) expectSame(version, probes);
        if (backwards) versions.reverse();
        for (const version of versions.filter((_, i) => i % 3 === 0)) expectSameInOrder(version);
        for (const version of versions) expectSame(version, probes);
      }),
      { numRuns: scaledRuns(60) },
    );
  });

  test.runIf(DEEP)("when one key is set over and over, and when all are removed", () => {
    const versions: Version[] = [built(150)];
    const tip = (): Version => versions.at(-1) ?? EMPTY;
    for (let i = 0; i < 300; i++) versions.push(set(tip(), "k50", -i));
    for (let i = 0; i < 150; i++) versions.push(removed(tip(), `k${(i * 37) % 150}`));
    for (let i = 0; i < 300; i++) versions.push(set(tip(), `k${i % 140}`, i));
    const probes = ["k0", "k50", "k99", "k100"];
    for (const version of versions) expectSame(version, probes);
    for (const version of versions.toReversed()) expectSameInOrder(version);
  });

  test("when keys are made to collide", () => {
    const [map, model] = built(200);
    const versions: Version[] = [[map, model]];
    for (let i = 0; i < 25; i++) versions.push(set(versions.at(-1) ?? EMPTY, collidingKey(i), i));
    const probes = Array.from({ length: 26 }, (_, i) => collidingKey(i));
    for (const version of versions) expectSame(version, probes);
    for (const version of versions) expectSameInOrder(version);
    for (let i = 0; i < 25; i++) versions.push(removed(versions.at(-1) ?? EMPTY, collidingKey(i)));
    for (const version of versions) expectSame(version, probes);
  });

  test("at sizes where a history starts, its index widens and it is renewed", () => {
    for (const size of [31, 63, 127, 128, 129, 130, 255, 256, 257, 513, 1_023, 1_025, 3_000]) {
      const version = built(size, (i) => `key-${(i * 7_919) % size}`);
      expectSameInOrder(version);
      expectSame(version, [`key-${size - 1}`, `key-${size}`]);
      expectSameInOrder(set(set(version, "a", 1), "b", 2));
      expectSameInOrder(removed(set(version, "a", 1), "key-3"));
    }
  });
});

test("a map that grows in place gets a history, also if older versions share its first nodes", () => {
  const histories = vi.spyOn(MapHistory, "ofTree");
  const map = built(5)[0].set("x", 1);
  for (let i = 0; i < 200; i++) map.setUnique(`k${i}`, i);
  expect(histories).toHaveBeenCalledTimes(1);
  histories.mockRestore();
});

test("the last of two equal keys wins, and removing a key that is absent returns the same map", () => {
  const map = MapValue.from([
    ["a", 1],
    ["a", 2],
  ]);
  expect([...map.entries()]).toEqual([["a", 2]]);
  expect(map.delete("b")).toBe(map);
  expect(map.tag).toBe("Map");
  const [long] = built(300);
  expect(long.delete("b")).toBe(long);
  expect(MapValue.from(long.entries()).size).toBe(300);
});

/** With a copy for each change, these tests would exceed their timeout. */
describe("no order of changes copies the map for each change", () => {
  const SIZE = 20_000;
  const grown = (): MapValue[] => {
    const versions = [MapValue.EMPTY];
    for (let i = 0; i < SIZE; i++) versions.push((versions.at(-1) ?? MapValue.EMPTY).set(`k${(i * 7_919) % SIZE}`, i));
    return versions;
  };
  test.each([
    ["from old to new", (versions: MapValue[]) => versions],
    ["from new to old", (versions: MapValue[]) => versions.toReversed()],
    ["by turns", (versions: MapValue[]) => versions.map((version, i) => (i % 2 === 0 ? version : (versions.at(-i) ?? version)))],
  ])("a change of every old version, %s", (_, order) => {
    const branches = order(grown()).map((version) => [version, version.set("new", -1)] as const);
    expect(branches.every(([version, branch]) => branch.size === version.size + 1 && branch.get("new") === -1)).toBe(true);
  });

  test("a version changed over and over", () => {
    const tip = grown().at(-1) ?? MapValue.EMPTY;
    for (let i = 0; i < SIZE; i++) expect(tip.set("new", i).size).toBe(SIZE + 1);
  });

  test("one key set many times, then read in every old version", () => {
    const versions = grown().slice(-1);
    for (let i = 0; i < SIZE; i++) versions.push((versions.at(-1) ?? MapValue.EMPTY).set("k1", -i));
    expect(versions.slice(1).every((version, i) => version.get("k1") === -i)).toBe(true);
  });
});

test("a small map that changes in place has the same tree as its versions would have", () => {
  const change = fc.record({ key: fc.nat(40).map((n) => `k${n}`), kind: fc.constantFrom("set", "remove", "get", "get", "tree") });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      let versions = MapValue.EMPTY.set("k0", -1);
      const map = MapValue.EMPTY.set("k0", -1);
      for (const [i, { key, kind }] of changes.entries()) {
        if (kind === "set") {
          versions = versions.set(key, i);
          map.setUnique(key, i);
        } else if (kind === "remove") {
          versions = versions.delete(key);
          map.deleteUnique(key);
        } else if (kind === "get") expect(map.get(key)).toBe(versions.get(key));
        else expect(map.root).toEqual(versions.root);
      }
      expect(map.root).toEqual(versions.root);
      expect(map.size).toBe(versions.size);
    }),
    { numRuns: scaledRuns(200) },
  );
});

test("a map whose size swings around the size of a history is not copied again and again", () => {
  const map = MapValue.from(Array.from({ length: 120 }, (_, i) => [`k${i}`, i] as const));
  for (let i = 120; i < 127; i++) map.setUnique(`k${i}`, i);
  const nodes = new Set<unknown>();
  const noteNodes = (): void => visitTree(map.root, (node) => nodes.add(node));
  for (let i = 0; i < 50; i++) {
    map.setUnique("x", i);
    noteNodes();
    map.deleteUnique("x");
    noteNodes();
  }
  // Each change makes the nodes of a path.
  expect(nodes.size).toBeLessThan(127 * 2 + 100 * 9);
});

const word = fc.oneof(fc.string({ unit: "grapheme", maxLength: 4 }), fc.constantFrom("", "a", "\uE000", "\u{10000}", "\uFFFF"));

test("text has the order and length of its UTF-8 bytes", () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(bytes(a), bytes(b)));
      expect(utf8Length(a)).toBe(bytes(a).length);
    }),
  );
});

test("stays balanced for keys in order", () => {
  let map = MapValue.EMPTY;
  for (let i = 0; i < 5_000; i++) map = map.set(String(i).padStart(6, "0"), i);
  expect(map.size).toBe(5_000);
  expect(map.get("004999")).toBe(4_999);
  checkTree(map.root);
});
