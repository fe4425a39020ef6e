/** A message has the type that its receiver declares, or the receive traps. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { findMismatch, patternOf, smallMatch } from "../../../vm/value/matches-type.ts";
import { parseType } from "../../../vm/value/type.ts";
import { countNodes, typeTable } from "../../../vm/value/type-definitions.ts";
import { EnumValue, ErrValue, NoneValue, OkValue, RecordValue, SomeValue, UNIT, type Value } from "../../../vm/value/value.ts";
import { someOf } from "../../cases.ts";
import { runSource } from "../../run-program.ts";
import { sameOnBoth } from "../engines.ts";
import { errorKind } from "../arbitrary.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

const TYPES = `type P { x: Int }
type Q { x: Int }
type Holds { p: P, more: List<Option<P>> }
type Box<T> { inside: T }
enum Light { Red, Green }
enum Shape { Dot, Circle(P), Named { p: P } }
enum Other { Dot, Circle(P) }
`;

/** An actor that receives a `type` and emits it, and a `main` that sends it `message`. */
const program = (type: string, message: string): string => `${TYPES}
fn actor() -> Unit !{ui.render} {
    let got: ${type} = receive
    emit got
}
fn main() -> String !{actor.spawn, actor.send, ui.render} {
    let a = spawn actor
    send a ${message}
    let failed: Result<Unit, String> = receive
    match failed { Ok(()) => "?", Err(why) => why }
}
`;

const FITS: readonly (readonly [string, string])[] = [
  ["P", "P { x: 1 }"],
  ["Int", "3"],
  ["Float", "3.0"],
  ["String", '"a"'],
  ["Bool", "true"],
  ["Unit", "()"],
  ["ActorId", "a"],
  ["Json", "Json::List([Json::Null, Json::Int(1)])"],
  ["Light", "Light::Green"],
  ["Shape", "Shape::Circle(P { x: 1 })"],
  ["Shape", "Shape::Named { p: P { x: 1 } }"],
  ["Shape", "Shape::Dot"],
  ["Box<Int>", "Box { inside: 1 }"],
  ["Box<Box<P>>", "Box { inside: Box { inside: P { x: 1 } } }"],
  ["Holds", "Holds { p: P { x: 1 }, more: [None, Some(P { x: 2 })] }"],
  ["List<P>", "[P { x: 1 }]"],
  ["Map<String, P>", '({ "a": P { x: 1 } })'],
  ["Option<P>", "(Some(P { x: 1 }))"],
  ["Result<P, String>", "(Ok(P { x: 1 }))"],
  ["Entry<Int>", '(map.entries({ "a": 1 })[0])'],
];

const DIFFERS: readonly (readonly [string, string, string])[] = [
  ["P", "Q { x: 1 }", "P, got Q"],
  ["P", "3", "P, got Int"],
  ["P", "Light::Red", "P, got Light"],
  ["Int", "P { x: 1 }", "Int, got P"],
  ["Int", "3.0", "Int, got Float"],
  ["Int", "(Some(1))", "Int, got Option"],
  ["Int", '(Err("gone"))', 'Int, got Result: Err("gone")'],
  ["Light", "Shape::Dot", "Light, got Shape"],
  ["Shape", "Other::Dot", "Shape, got Other"],
  ["Shape", "P { x: 1 }", "Shape, got P"],
  ["Box<Int>", 'Box { inside: "a" }', "Box<Int>, got one that holds String where Int belongs"],
  ["Box<Box<P>>", "Box { inside: Box { inside: Q { x: 1 } } }", "Box<Box<P>>, got one that holds Q where P belongs"],
  ["List<P>", "[Q { x: 1 }]", "List<P>, got one that holds Q where P belongs"],
  ["List<P>", "P { x: 1 }", "List<P>, got P"],
  ["Map<String, P>", '({ "a": Q { x: 1 } })', "Map<String, P>, got one that holds Q where P belongs"],
  ["Option<P>", "(Some(Q { x: 1 }))", "Option<P>, got one that holds Q where P belongs"],
  ["Result<P, String>", "(Err(1))", "Result<P, String>, got one that holds Int where String belongs"],
  ["List<Json>", "[Some(Json::Null)]", "List<Json>, got one that holds Option where Json belongs"],
  ["Unit", "1", "Unit, got Int"],
];

describe("the value has the type", () => {
  test.each(FITS)("%s: %s", async (type, message) => {
    const { end, events } = await runSource(program(type, message));
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "deadlock" } });
    expect(events.filter((event) => event.type === "UiEmit")).toHaveLength(1);
  });
});

describe("the value has another type", () => {
  test.each(DIFFERS)("%s: %s", async (type, message, differ) => {
    expect((await runSource(program(type, message))).text).toBe(
      JSON.stringify(`type error: expected a message of type ${differ}`).replaceAll('\\"', '"'),
    );
  });
});

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

test("the same on both engines, at every limit", () => {
  for (const [type, message] of someOf([...FITS, ...DIFFERS])) {
    const { steps } = sameOnBoth(programOf(program(type, message)), {});
    for (let max_steps = 1; max_steps <= steps; max_steps++) sameOnBoth(programOf(program(type, message)), { limits: { max_steps } });
  }
});

test("a mismatch in main ends the run, at the receive", async () => {
  const text = 'fn broken() -> Unit { panic("no") }\nfn main() -> Int !{actor.spawn} {\n    let _ = spawn broken\n    receive\n}\n';
  const { end } = await runSource(text);
  expect(end).toMatchObject({
    status: "trapped",
    trap: {
      kind: "type_error",
      message: 'type error: expected a message of type Int, got Result: Err("panic: no")',
      stack: [{ function: "main", line: 4 }],
    },
  });
});

test("a dropped message is not checked", async () => {
  const text = `fn actor() -> Unit { receive\n debug("taken")\n () }\nfn main() -> Int !{actor.spawn, actor.send} {\n    let a = spawn actor\n    send a "x"\n    1\n}\n`;
  expect((await runSource(text)).debug).toEqual(['"taken"']);
});

test("a type parameter accepts any type", async () => {
  const text = `fn get<T>() -> Option<T> { receive }
fn actor() -> Unit !{ui.render} {
    let got: Option<Int> = get()
    emit got
}
fn main() -> Int !{actor.spawn, actor.send, ui.render} {
    let a = spawn actor
    send a SENT
    1
}
`;
  expect((await runSource(text.replace("SENT", '(Some("a"))'))).events.filter((e) => e.type === "UiEmit")).toHaveLength(1);
  const failed = await runSource(text.replace("SENT", "1"));
  expect(failed.end.unreceived.map((u) => u.message)).toEqual(["type error: expected a message of type Option<_>, got Int"]);
});

test("types of the same name in two files are different types", async () => {
  const resolve = (): { name: string; text: string } => ({
    name: "p.ax",
    text: "export type P { x: Int }\nexport fn make() -> P { P { x: 1 } }\ntype R { p: P }\nexport fn takes() -> Int { let r: R = receive\n r.p.x }",
  });
  const text =
    'import "./p.ax"\ntype R { p: Int }\nfn actor() -> Unit { debug(takes())\n () }\nfn main() -> Int !{actor.spawn, actor.send} {\n    let a = spawn actor\n    send a R { p: 1 }\n    1\n}\n';
  const { end } = await runSource(text, { resolve });
  expect(end.unreceived.map((u) => u.message)).toEqual(["type error: expected a message of type R.2, got R"]);
});

test.each([
  ["parts", "Int", "x", 10],
  ["parts and the types made for them", "Box<Int>", "Box { inside: x }", 40],
])("the check costs a step for 256 %s", async (_, type, item, expected) => {
  const steps = async (received: string, n: number): Promise<number> => {
    const text = `type Box<T> { inside: T }
fn get<T>() -> T { receive }
fn actor() -> Unit { let _got: List<${type}> = ${received} }
fn main() -> Int !{actor.spawn, actor.send} {
    let a = spawn actor
    send a list.map(list.range(0, ${n}), fn(x) { ${item} })
    1
}
`;
    return (await runSource(text)).end.steps;
  };
  const more = async (received: string): Promise<number> => (await steps(received, 2_600)) - (await steps(received, 40));
  expect((await more("receive")) - (await more("get()"))).toBe(expected);
});

describe("the instruction", () => {
  const receiveAs = (operand: number): readonly TestFunction[] => [{ code: [["ReceiveAs", operand], "Ret"] }];
  test.each(["Int", "List<Option<_>>", "Map<String, Json>"])("takes the text of a type: %s", (type) => {
    expect(verifyModule(moduleOf(receiveAs(0), [type])).usesActors).toBe(true);
  });
  test.each([
    ["a constant that is no String", 1],
    ["a text that is no type", "List<"],
    ["a type that the module does not have", "Nothing"],
    ["a type without its arguments", "List"],
  ])("refuses %s", (_, constant) => {
    expect(errorKind(() => verifyModule(moduleOf(receiveAs(0), [constant])))).toBe("module.bad_operand");
  });
  test("refuses a constant that does not exist", () => {
    expect(errorKind(() => verifyModule(moduleOf(receiveAs(1), ["Int"])))).toBe("module.bad_operand");
  });
  test("returns Unit outside an actor system, as ReceiveMsg does", () => {
    const program = verifyModule(moduleOf(receiveAs(0), ["Int"]));
    expect(sameOnBoth(program, { actors: false }).end).toBe('value "Unit"');
  });
});

test("the check of a small message costs what the general check costs, and accepts no other messages", () => {
  const { types } = compile({ name: "main.ax", text: `${TYPES}fn main() {}` }).module;
  const id = (name: string): number => types.findIndex((type) => type.name === name);
  const p = new RecordValue(id("P"), 1);
  const box = (inside: Value): RecordValue => new RecordValue(id("Box"), inside);
  const values: readonly Value[] = [
    1,
    "a",
    true,
    UNIT,
    p,
    new RecordValue(id("Q"), 1),
    box(1),
    box(box(p)),
    box("a"),
    box(new SomeValue(p)),
    new NoneValue(),
    new SomeValue(p),
    new SomeValue(new SomeValue(1)),
    new OkValue(p),
    new OkValue(1),
    new ErrValue("a"),
    new EnumValue(id("Light"), 1, UNIT),
    new EnumValue(id("Shape"), 0, UNIT),
    new EnumValue(id("Shape"), 1, p),
    new EnumValue(id("Shape"), 1, 1),
    new EnumValue(id("Other"), 1, p),
    new EnumValue(id("Shape"), 9, p),
    ListValue.of([p]),
  ];
  const texts = ["Int", "String", "P", "Box<Int>", "Box<Box<P>>", "Box<Option<P>>", "Option<P>", "Option<Option<Int>>", "Shape", "Light"];
  const table = typeTable(types);
  let fits = 0;
  for (const text of [...texts, "Result<P, String>", "Result<Int, P>", "List<P>", "Json", "Missing"]) {
    const type = parseType(text);
    for (const value of values) {
      let work = 0;
      const mismatch = findMismatch(value, type, types, { parts: (n) => (work += n), instance: (part) => (work += countNodes(part)) });
      const found = smallMatch(value, patternOf(type, table));
      if (!Number.isNaN(found)) expect([text, found, mismatch]).toEqual([text, work, undefined]);
      fits += Number.isNaN(found) ? 0 : 1;
    }
  }
  expect(fits).toBe(16);
});
