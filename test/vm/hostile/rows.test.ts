/** Modules whose rows were changed: a function that makes a call without declaring it is refused, whatever functions called it. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { FunctionDef, Module } from "../../../vm/bytecode/module.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import type { CapabilityAnswer, CapabilityRequest } from "../../../vm/host.ts";
import { FnRefValue } from "../../../vm/value/value.ts";
import { kindOf } from "../../error-kind.ts";
import { sameOnBoth } from "../engines.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

const FS_READ = 1;
const NET_FETCH = 0;

/** Refuses undeclared calls, as the gateway does. */
const call = ({ capability, args, declared }: CapabilityRequest): CapabilityAnswer =>
  declared
    ? { ok: true, value: capability.mock?.(args) ?? false }
    : { ok: false, trap: "capability_denied", message: `${capability.name} is not declared` };

/** Runs a module on both engines. Returns its calls, whether the calling function declares each of them, and how the run ends. */
function ran(module: Module): string {
  const { calls, end } = sameOnBoth(verifyModule(module), { host: { call }, actors: true });
  const made = calls.map((text) => text.replace(/ at \d+ by \d+,/, ""));
  return `${made.join(", ")}: ${end.startsWith("value") ? "value" : (/"kind":"(\w+)"/.exec(end)?.[1] ?? end)}`;
}

const moduleOfText = (text: string): Module => compile({ name: "main.ax", text }).module;

function withFunction(module: Module, name: string, change: (def: FunctionDef) => FunctionDef): Module {
  expect(module.functions.map((f) => f.name)).toContain(name);
  return { ...module, functions: module.functions.map((f) => (f.name === name ? change(f) : f)) };
}
const withoutCapabilities = (def: FunctionDef): FunctionDef => ({ ...def, capabilities: [] });

const PROGRAM = `fn read(path: String) -> String !{fs.read} { fs.read(path) }
fn each<A, B, e>(xs: List<A>, f: Fn(A) -> B !{e}) -> List<B> !{e} { list.map(xs, f) }
fn main() -> List<String> !{fs.read} {
    let path = "c"
    each(["a"], read) ++ each(["b"], fs.read) ++ each([1], fn(_) { fs.read(path) }) ++ list.map(["d"], read)
}
`;

test("only the functions that make a call declare it; a row variable declares nothing", () => {
  const { functions } = moduleOfText(PROGRAM);
  const declaring = functions.filter((f) => f.capabilities.length > 0).map((f) => f.name);
  expect(declaring.sort()).toEqual(["fs.read", "main", "main.lambda1", "read"]);
  expect(functions.map((f) => f.name)).toEqual(expect.arrayContaining(["each", "list_map"]));
  expect(ran(moduleOfText(PROGRAM))).toBe("fs.read true, fs.read true, fs.read true, fs.read true: value");
});

test.each([
  ["a named function", "read", "fs.read false: capability_denied"],
  ["a capability as a value", "fs.read", "fs.read true, fs.read false: capability_denied"],
  ["a closure", "main.lambda1", "fs.read true, fs.read true, fs.read false: capability_denied"],
])("%s that no longer declares its call is refused", (_, name, expected) =>
  expect(ran(withFunction(moduleOfText(PROGRAM), name, withoutCapabilities))).toBe(expected),
);

test.each(["each", "list_map"])("%s cannot make a call of its own, although caller and argument declare it", (name) => {
  const module = moduleOfText(PROGRAM);
  const path = module.constants.indexOf("a");
  const sneaky = (def: FunctionDef): FunctionDef => ({
    ...def,
    code: [
      { op: "PushConst", operands: [path] },
      { op: "CapCall", operands: [FS_READ, 1] },
      { op: "Ret", operands: [] },
    ],
  });
  expect(ran(withFunction(module, name, sneaky))).toBe("fs.read false: capability_denied");
});

/** `read` calls fs.read and declares it; each entry function reaches it in another way. */
const read: TestFunction = { name: "read", capabilities: [FS_READ], code: [["PushConst", 0], ["CapCall", FS_READ, 1], "Ret"] };
const undeclared: TestFunction = { ...read, name: "undeclared", capabilities: [] };
const other: TestFunction = { ...read, name: "other", capabilities: [NET_FETCH] };
const tried: TestFunction = { ...undeclared, code: [["PushConst", 0], ["TryCapCall", FS_READ, 1], "Ret"] };
const constants = ["path", new FnRefValue(1)];
const declaring = { name: "main", capabilities: [FS_READ], locals: 1 };

test.each<[string, readonly TestFunction[], string]>([
  ["a call", [{ ...declaring, code: [["Call", 1, 0], "Ret"] }, undeclared], "fs.read false: capability_denied"],
  ["a tail call", [{ ...declaring, code: [["TailCall", 1, 0], "Ret"] }, undeclared], "fs.read false: capability_denied"],
  [
    "a function value",
    [{ ...declaring, code: [["PushConst", 1], ["CallIndirect", 0], "Ret"] }, undeclared],
    "fs.read false: capability_denied",
  ],
  [
    "a closure",
    [{ ...declaring, code: [["MakeClosure", 1, 0], ["CallIndirect", 0], "Ret"] }, undeclared],
    "fs.read false: capability_denied",
  ],
  ["another capability declared", [{ ...declaring, code: [["Call", 1, 0], "Ret"] }, other], "fs.read false: capability_denied"],
  ["`try`", [{ ...declaring, code: [["Call", 1, 0], "Ret"] }, tried], "fs.read false: capability_denied"],
  [
    "a function value in a message",
    [
      { ...declaring, code: [["SpawnActor", 2], ["PushConst", 1], "SendMsg", ["PushConst", 0], "Ret"] },
      undeclared,
      { name: "worker", capabilities: [FS_READ], code: ["ReceiveMsg", ["CallIndirect", 0], "Ret"] },
    ],
    "actor.spawn true, actor.send true, fs.read false: capability_denied",
  ],
  [
    "an actor of an actor that declares it",
    [{ ...declaring, code: [["SpawnActor", 1], "Pop", ["PushConst", 0], "Ret"] }, undeclared],
    "actor.spawn true, fs.read false: capability_denied",
  ],
  ["the declaring function itself", [{ ...declaring, code: [["Call", 1, 0], "Ret"] }, read], "fs.read true: value"],
])("a handwritten module: %s", (_, functions, expected) => expect(ran(moduleOf(functions, constants))).toBe(expected));

test.each<[string, Module, string]>([
  ["a function value of no function", moduleOf([{ code: [["PushConst", 0], "Ret"] }], [new FnRefValue(7)]), "module.bad_constant"],
  ["a row with an unknown capability", moduleOf([{ capabilities: [63], code: ["Ret"] }]), "module.unknown_capability"],
  ["a call of an unknown capability", moduleOf([{ code: [["CapCall", 63, 0], "Ret"] }]), "module.unknown_capability"],
  ["a closure with more values than parameters", moduleOf([{ code: [["MakeClosure", 0, 1], "Ret"] }]), "module.bad_arity"],
])("the verifier refuses %s", async (_, module, kind) => expect(await kindOf(async () => verifyModule(module))).toBe(kind));
