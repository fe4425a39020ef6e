/** `json.from` and `json.to` charge before they work, whatever the value, on both engines. */
import { describe, expect, test } from "vitest";
import type { TypeDef } from "../../../vm/bytecode/module.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { MACHINE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { ActorIdValue, EnumValue, FnRefValue, RecordValue, SomeValue, UNIT, type Value } from "../../../vm/value/value.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { moduleOf } from "../helpers.ts";
import { ENGINES, runOn } from "./hostile.ts";

const JSON_FROM_ID = 196;
const JSON_TO_ID = 197;
const MAX_STEPS = 1_000;

const TYPES: readonly TypeDef[] = [
  { name: "Many", kind: "enum", variants: Array.from({ length: 2_000 }, (_, i) => ({ name: `V${i}`, type: null })) },
  { name: "Grow", kind: "record", params: ["T"], fields: [{ name: "next", type: "Option<Grow<Result<T, T>>>" }] },
  { name: "Node", kind: "record", fields: [{ name: "next", type: "Option<Node>" }] },
];

/** A program that calls the builtin with its arguments: a value and the text of a type. */
const converter = (builtin: number): Program =>
  verifyModule(moduleOf([{ arity: 2, code: [["LoadLocal", 0], ["LoadLocal", 1], ["Builtin", builtin, 2], "Ret"] }], [], { types: TYPES }));
const from = converter(JSON_FROM_ID);
const to = converter(JSON_TO_ID);

/** A list of two lists of two lists, and so on. It is small in memory, because the parts are shared. */
function doubled(levels: number): Value {
  let value: Value = ListValue.of([1]);
  for (let i = 0; i < levels; i++) value = ListValue.of([value, value]);
  return value;
}

function nested(depth: number, wrap: (value: Value) => Value, innermost: Value): Value {
  let value = innermost;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

const object = (name: string, value: Value): Value => MapValue.from([[name, value]]);
const manyItems = ListValue.of(Array.from({ length: 200_000 }, () => "V1999"));
const manyOptions = ListValue.of(Array.from({ length: 200_000 }, () => new SomeValue(ListValue.EMPTY)));
const manyEntries = MapValue.from(Array.from({ length: 200_000 }, (_, i) => [`k${i}`, i] as const));

describe.each(ENGINES)("%s", (engine) => {
  test.each<[string, Program, readonly Value[]]>([
    ["from: shared parts", from, [doubled(60), "Json"]],
    ["from: a long list", from, [manyItems, "List<String>"]],
    ["from: a large map", from, [manyEntries, "Map<String, Int>"]],
    ["from: a long list of Options of a long type", from, [manyOptions, `List<Option<${"List<".repeat(50)}Int${">".repeat(50)}>>`]],
    ["from: a long text that is no type", from, [1, "x".repeat(50_000_000)]],
    ["to: shared parts", to, [doubled(60), "Json"]],
    ["to: a long list", to, [manyItems, "List<String>"]],
    ["to: a long list of an enum with many variants", to, [manyItems, "List<Many>"]],
    ["to: a large map", to, [manyEntries, "Map<String, Int>"]],
    ["to: a large object that is no record", to, [manyEntries, "Node"]],
    ["to: a long text that is no type", to, ["", "x".repeat(50_000_000)]],
  ])("%s stops at the step limit", (_, program, args) => {
    const { end } = runOn(engine, program, { max_steps: MAX_STEPS }, args);
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "step_limit" }, steps: MAX_STEPS });
  });

  test.each<[string, Program, readonly Value[]]>([
    ["from: a long list", from, [manyItems, "List<String>"]],
    ["from: shared parts", from, [doubled(60), "Json"]],
    ["to: a large map", to, [manyEntries, "Map<String, Int>"]],
    ["to: a long list", to, [manyItems, "List<Many>"]],
  ])("%s stops at the allocation limit", (_, program, args) => {
    const { end } = runOn(engine, program, { max_alloc_bytes: 100_000 }, args);
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "alloc_limit" } });
    expect(end.allocBytes).toBeLessThanOrEqual(100_000);
  });

  test.each<[string, Program, readonly Value[], string]>([
    ["from: deep nesting", from, [nested(MACHINE_LIMITS.valueDepth + 1, (v) => new SomeValue(v), 1), "Int"], "invalid_value"],
    ["from: a function", from, [ListValue.of([new FnRefValue(0)]), "List<Fn() -> Int>"], "type_error"],
    ["from: an actor", from, [RecordValue.of(2, [new ActorIdValue(1)]), "Node"], "type_error"],
    ["to: what no Json contains", to, [ListValue.of([new EnumValue(0, 0, UNIT)]), "Json"], "type_error"],
    ["from: no type", from, [UNIT, "<<"], "type_error"],
    ["to: no type", to, [UNIT, "<<"], "type_error"],
    ["to: a type that is no text", to, [UNIT, 1], "type_error"],
  ])("%s traps", (_, program, args, kind) => {
    expect(runOn(engine, program, {}, args).end).toMatchObject({ status: "trapped", trap: { kind } });
  });

  test("deep Json is read up to the limit on depth", () => {
    const half = MACHINE_LIMITS.valueDepth / 2;
    const list = (depth: number): Value => nested(depth, (v) => ListValue.of([v]), UNIT);
    expect(runOn(engine, to, {}, [list(MACHINE_LIMITS.valueDepth + 1), "Json"]).ended).toContain("nested deeper than 10000");
    expect(runOn(engine, to, {}, [list(MACHINE_LIMITS.valueDepth - 1), "Json"]).ended).toMatch(/^value Ok/);
    const record = nested(half - 1, (v) => object("next", v), object("next", UNIT));
    expect(runOn(engine, to, {}, [record, "Node"]).ended).toMatch(/^value Ok/);
  });

  test("a value of another type than the text says is converted by its own shape", () => {
    const node = RecordValue.of(2, [new SomeValue(1)]);
    expect(runOn(engine, from, {}, [new SomeValue(node), "Option<Grow<Int>>"]).ended).toBe("value {next: 1}");
    expect(runOn(engine, from, {}, [ListValue.of([new SomeValue(1)]), "Map<String, Int>"]).ended).toBe("value [{some: 1}]");
  });

  test("a type that grows with each level of the value ends", () => {
    const record = nested(40, (v) => object("next", v), object("next", UNIT));
    const { ended } = runOn(engine, to, { max_steps: 100_000 }, [record, "Grow<Int>"]);
    expect(ended).toContain("a field of an unknown type cannot be given as JSON");
  });
});
