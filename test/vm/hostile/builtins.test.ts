/** A builtin charges before it works: given a huge argument, it reaches a small limit before it has done any work. */
import { describe, expect, test } from "vitest";
import { BUILTINS } from "../../../vm/builtins/builtin-table.ts";
import { isInstructionOnly } from "../../../vm/builtins/par-table.ts";
import { BUILTIN_CODE } from "../../../vm/builtins/builtin-code.ts";
import { BYTES, COSTS, UNITS_PER_STEP } from "../../../vm/cost.ts";
import { parseType, type Type } from "../../../vm/value/type.ts";
import { FloatValue, I64_MAX, OkValue, SomeValue, type Value } from "../../../vm/value/value.ts";
import type { Host } from "../../../vm/host.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { someOf } from "../../cases.ts";
import { moduleOf, testHost } from "../helpers.ts";
import { ENGINES, type EngineName, runOn } from "./hostile.ts";

const BIG_UNITS = 50_000_000;
/** Enough for the instructions around the builtin, and a few more. */
const MAX_STEPS = 50;
const MANY = 200_000;

const NATIVE_BUILTINS = BUILTINS.filter((b) => b.source === undefined && !isInstructionOnly(b));

/** A string of 50 MB, flat in memory. */
const big = (() => {
  const text = "ab".repeat(BIG_UNITS / 2);
  // `repeat` makes a rope; the search makes V8 flatten it.
  if (text.indexOf("c") !== -1) throw new Error("unexpected");
  return text;
})();

/** A list that counts how often an element is read. */
function watched(item: (i: number) => Value, count = MANY): { readonly list: ListValue; readonly reads: () => number } {
  let reads = 0;
  const items = Array.from({ length: count }, (_, i) => item(i));
  const list = ListValue.of(
    new Proxy(items, {
      get: (target, key, receiver): unknown => {
        if (typeof key === "string" && key !== "length") reads += 1;
        return Reflect.get(target, key, receiver);
      },
    }),
  );
  return { list, reads: () => reads };
}

const bigMap = MapValue.from(Array.from({ length: MANY }, (_, i) => [`k${i}`, i] as const));

/** A program that calls one builtin with the entry's arguments. */
function calling(name: string, count: number): Program {
  const builtin = NATIVE_BUILTINS.find((b) => b.name === name);
  if (builtin === undefined) throw new Error(`no builtin ${name}`);
  return verifyModule(
    moduleOf([
      {
        arity: count,
        code: [...Array.from({ length: count }, (_, i) => ["LoadLocal", i] as const), ["Builtin", builtin.id, count], "Ret"],
      },
    ]),
  );
}

/** For each builtin, arguments that take much work because they contain a huge String. */
const HUGE_TEXT: Readonly<Record<string, readonly Value[]>> = {
  "int.parse": [big],
  parse_int: [big],
  try_parse_int: [big],
  "float.parse": [big],
  "string.len": [big],
  "string.chars": [big],
  "string.contains": [big, "zz"],
  "string.starts_with": [big, big],
  "string.ends_with": [big, big],
  "string.index_of": [big, "zz"],
  "string.to_upper": [big],
  "string.to_lower": [big],
  "string.trim": [big],
  "string.trim_start": [big],
  "string.trim_end": [big],
  "string.strip_prefix": [big, "a"],
  "string.strip_suffix": [big, "b"],
  "string.char_at": [big, BIG_UNITS - 1],
  "string.last_index_of": [big, "zz"],
  "string.reverse": [big],
  "string.split": [big, "a"],
  "string.join": [ListValue.of([big, big]), ""],
  "string.replace": [big, "a", "b"],
  "string.slice": [big, 1, BIG_UNITS - 1],
  "string.repeat": ["ab", BIG_UNITS],
  "string.pad_start": ["ab", BIG_UNITS, "x"],
  "string.pad_end": ["ab", BIG_UNITS, "x"],
  "string.compare": [big, `${big}x`],
  "string.lines": [big],
  "string.codepoints": [big],
  "list.contains": [ListValue.of([big]), `${big.slice(0, -1)}x`],
  "list.index_of": [ListValue.of([big]), `${big.slice(0, -1)}x`],
  "list.sort": [ListValue.of([`${big}y`, `${big}x`])],
  "list.max": [ListValue.of([`${big}y`, `${big}x`])],
  "list.min": [ListValue.of([`${big}y`, `${big}x`])],
  "list.unique": [ListValue.of([`${big}y`, `${big}x`])],
  "map.get": [bigMap, big],
  "map.at": [bigMap, big],
  "map.set": [bigMap, big, 1],
  "map.remove": [bigMap, big],
  "map.contains_key": [bigMap, big],
  "map.merge": [bigMap, MapValue.from([[big, 1]])],
  "json.parse": [big],
  "json.stringify": [big],
  "json.get": [bigMap, big],
  "regex.matches": [big, "c"],
  "regex.find_all": [big, "c"],
  "regex.replace_all": [big, "c", ""],
  "regex.captures": [big, "c"],
  "regex.captures_all": [big, "c"],
  "regex.check": [big],
  panic: [big],
  "hash.sha256": [big],
  "base64.encode": [big],
  "base64.decode": [big],
};

/** For each builtin, arguments that take much work because of a long list. Every element that it reads must be charged. */
const LONG_LIST: Readonly<Record<string, () => { readonly args: readonly Value[]; readonly reads: () => number }>> = Object.fromEntries(
  Object.entries({
    "string.join": (list: ListValue) => [list, ","],
    "list.reverse": (list: ListValue) => [list],
    "list.concat": (list: ListValue) => [ListValue.of([1]), list],
    "list.contains": (list: ListValue) => [list, "z"],
    "list.index_of": (list: ListValue) => [list, "z"],
    "list.sort": (list: ListValue) => [list],
    "list.unique": (list: ListValue) => [list],
    "list.max": (list: ListValue) => [list],
    "list.min": (list: ListValue) => [list],
    "list.sum": (list: ListValue) => [list],
    "list.flatten": (list: ListValue) => [ListValue.of([list, list])],
    "json.stringify": (list: ListValue) => [list],
  }).map(([name, args]) => [
    name,
    () => {
      const { list, reads } = watched((i) => (name === "list.sum" ? i : `item ${MANY - i}`));
      return { args: args(list), reads };
    },
  ]),
);

/** For each builtin, other arguments that take much work. */
const LARGE: Readonly<Record<string, readonly Value[]>> = {
  "list.range": [0, I64_MAX],
  "list.repeat": [0, I64_MAX],
  "list.chunks": [ListValue.of(Array.from({ length: MANY }, () => 1)), 1],
  "list.windows": [ListValue.of(Array.from({ length: MANY }, () => 1)), 2],
  "list.flatten": [ListValue.of(Array.from({ length: MANY }, () => ListValue.EMPTY))],
  "map.keys": [bigMap],
  "map.values": [bigMap],
  "string.repeat": ["", I64_MAX],
  "string.pad_start": ["", I64_MAX, "xy"],
  "string.pad_end": ["", I64_MAX, "xy"],
};

const XS = watched((i) => i).list;
/** Arguments with which a builtin costs next to nothing, although its cost grows with other arguments. */
const CHEAP: Readonly<Record<string, readonly Value[]>> = {
  "map.at": [bigMap, "k1"],
  "map.get": [bigMap, "k1"],
  "map.set": [bigMap, "k1", 0],
  "map.remove": [bigMap, "k1"],
  "map.contains_key": [bigMap, "k1"],
  "string.starts_with": [big, "a"],
  "string.ends_with": [big, "b"],
  "string.slice": [big, 0, 2],
  "string.char_at": [big, 1],
  "string.strip_prefix": [big, "b"],
  "string.strip_suffix": [big, "a"],
};

/** A large value of a type. */
function largeValue(type: Type): Value {
  const name = type.kind === "primitive" || type.kind === "named" ? type.name : "";
  if (name === "Int") return 7;
  if (name === "Float") return new FloatValue(1.5);
  if (name === "Bool") return true;
  if (name === "List") return XS;
  if (name === "Map") return bigMap;
  if (name === "Option") return new SomeValue(big);
  return name === "Result" ? new OkValue(big) : big;
}

/** Large arguments for every builtin whose row says that its cost is constant. */
const CONSTANT = NATIVE_BUILTINS.filter((b) => b.cost === COSTS.constant).map((b): [string, readonly Value[]] => {
  const type = parseType(b.type, new Set(b.typeParams));
  return [b.name, type.kind === "fn" ? type.params.map(largeValue) : []];
});

test("every builtin whose cost grows with its arguments has a probe", () => {
  const probed = new Set([HUGE_TEXT, LONG_LIST, LARGE].flatMap((table) => Object.keys(table)));
  // `json.from` and `json.to` are in json-conversion.test.ts. `string.inspect` and `debug` make a text of bounded size (`displayTextUnits`) and charge for it afterwards.
  const growing = NATIVE_BUILTINS.filter((b) => b.cost !== COSTS.constant && BUILTIN_CODE.has(b.name));
  expect(growing.map((b) => b.name).filter((name) => !probed.has(name))).toEqual([]);
});

describe.each(someOf(ENGINES))("%s", (engine: EngineName) => {
  test.each(Object.entries(HUGE_TEXT))("%s of 50 MB of text stops at once", (name, args) => {
    const program = calling(name, args.length);
    // Many times, so that any work before the charge would take minutes.
    for (let i = 0; i < 100; i++) {
      const { end, ...found } = runOn(engine, program, { max_steps: MAX_STEPS }, args);
      expect(end).toMatchObject({ status: "trapped", trap: { kind: "step_limit" } });
      expect(found).toMatchObject({
        steps: MAX_STEPS,
        allocBytes: expect.toSatisfy((bytes: number) => bytes <= BYTES.slot * args.length * 8),
      });
    }
  });

  test.each(Object.entries(LONG_LIST))("%s reads no more elements of a long list than it has charged for", (name, make) => {
    const { args, reads } = make();
    const program = calling(name, args.length);
    const before = reads();
    const { end } = runOn(engine, program, { max_steps: MAX_STEPS }, args);
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "step_limit" }, steps: MAX_STEPS });
    const paid = MAX_STEPS * UNITS_PER_STEP + end.allocBytes / BYTES.slot;
    // The compiled engine deoptimizes, and the interpreter repeats the work.
    expect(reads() - before).toBeLessThanOrEqual((engine === "compiled" ? 2 : 1) * 2 * paid);
  });

  test.each(Object.entries(LARGE))("%s stops at once", (name, args) => {
    const program = calling(name, args.length);
    for (let i = 0; i < 100; i++) {
      const { end } = runOn(engine, program, { max_steps: MAX_STEPS }, args);
      if (end.status === "completed") expect(end.value).toBe("");
      else expect(end).toMatchObject({ trap: { kind: "step_limit" }, steps: MAX_STEPS, allocBytes: 0 });
    }
  });

  test.each([...CONSTANT, ...Object.entries(CHEAP)])("%s costs next to nothing", (name, args) => {
    const { end } = runOn(engine, calling(name, args.length), { max_steps: args.length + 3 }, args);
    expect(end.status).toBe("completed");
    expect(end.allocBytes).toBeLessThan(2_000);
  });

  test("instructions on huge values stop at once too", () => {
    const other = `${big.slice(0, -1)}x`;
    const twice = (op: "Eq" | "Neq" | "Lt" | "Gte") => moduleOf([{ arity: 2, code: [["LoadLocal", 0], ["LoadLocal", 1], op, "Ret"] }]);
    for (const op of ["Eq", "Neq", "Lt", "Gte"] as const) {
      const program = verifyModule(twice(op));
      for (let i = 0; i < 100; i++)
        expect(runOn(engine, program, { max_steps: MAX_STEPS }, [big, other])).toMatchObject({ steps: MAX_STEPS, allocBytes: 0 });
    }
    const { list, reads } = watched((i) => i);
    const twin = ListValue.of(list.toArray());
    const before = reads();
    expect(runOn(engine, verifyModule(twice("Eq")), { max_steps: MAX_STEPS }, [list, twin])).toMatchObject({
      steps: MAX_STEPS,
      allocBytes: 0,
    });
    expect(reads() - before).toBeLessThanOrEqual(4 * MAX_STEPS * UNITS_PER_STEP);
  });
});

test.each(ENGINES)("the host can interrupt a builtin: %s", (engine) => {
  const sort = BUILTINS.find((b) => b.name === "list.sort")?.id ?? -1;
  const program = verifyModule(moduleOf([{ arity: 1, code: [["LoadLocal", 0], ["Builtin", sort, 1], "Ret"] }]));
  const one = MapValue.from([["key", 1]]);
  const list = ListValue.of(Array.from({ length: MANY }, () => one));
  let asked = 0;
  const host: Host = { ...testHost(), interrupted: () => (asked++ < 3 ? undefined : "timeout") };
  const end = runMachine(program, host, { args: [list], limits: DEFAULT_LIMITS, engine });
  if ("then" in end) throw new Error("a promise without an asynchronous call");
  expect(end).toMatchObject({ status: "trapped", trap: { kind: "timeout" } });
  expect(end.steps).toBeLessThan(20_000);
});
