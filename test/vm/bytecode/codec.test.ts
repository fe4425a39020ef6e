import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CAPABILITIES, registryOf } from "../../../vm/capabilities.ts";
import { decodeModule, encodeModule, moduleHash } from "../../../vm/bytecode/codec.ts";
import { moduleFromJson, moduleToJson } from "../../../vm/bytecode/module-json.ts";
import { canonicalJson, isJsonArray, isJsonObject, type JsonData, parseJson } from "../../../vm/json/json.ts";
import { MODULE_LIMITS } from "../../../vm/limits.ts";
import type { DebugInfo, FunctionDef, Module, TypeDef } from "../../../vm/bytecode/module.ts";
import { type OpName, OPCODES } from "../../../vm/bytecode/opcodes.ts";
import { type Value, replaceLoneSurrogates } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { CONFORMANCE_ROOT } from "../../conformance.ts";
import { errorKind, anyText, anyValue } from "../arbitrary.ts";

const folder = join(CONFORMANCE_ROOT, "bytecode");
const vectors = readdirSync(folder)
  .filter((name) => name.endsWith(".axbc"))
  .map((name) => name.slice(0, -".axbc".length));
const bytesOf = (name: string): Uint8Array => readFileSync(join(folder, `${name}.axbc`));
const utf8 = (source: string): Uint8Array => new TextEncoder().encode(source);

function container(payload: Uint8Array, header: { magic?: string; version?: number; length?: number } = {}): Uint8Array {
  const bytes = Buffer.alloc(10 + payload.length);
  bytes.write(header.magic ?? "LLMB", "latin1");
  bytes.writeUInt16LE(header.version ?? 1, 4);
  bytes.writeUInt32LE(header.length ?? payload.length, 6);
  bytes.set(payload, 10);
  return bytes;
}

const RET_FUNCTION: FunctionDef = {
  name: "main",
  arity: 0,
  locals: 1,
  code: [{ op: "Ret", operands: [] }],
  capabilities: [],
  intent: null,
  matchTables: [],
};
const EMPTY: Module = { name: "m", constants: [], globals: [], types: [], functions: [RET_FUNCTION], entry: 0 };
const emptyJson = (): JsonData => parseJson(canonicalJson(moduleToJson(EMPTY)));

/** The JSON of `EMPTY` with one member of the module, or of its function, replaced. */
function withMember(name: string, source: string): string {
  const module = emptyJson();
  if (!isJsonObject(module)) throw new Error("a module is an object");
  return canonicalJson(new Map([...module, [name, parseJson(source, { maxDepth: 10_000 })]]));
}
function withFunctionMember(name: string, source: string): string {
  const fn = emptyJson();
  const functions = isJsonObject(fn) ? fn.get("functions") : undefined;
  const first = functions !== undefined && isJsonArray(functions) ? functions[0] : undefined;
  if (first === undefined || !isJsonObject(first)) throw new Error("a function is an object");
  return withMember("functions", canonicalJson([new Map([...first, [name, parseJson(source)]])]));
}
const withCode = (source: string): string => withFunctionMember("code", `[${source}]`);
const decoded = (source: string): Module => decodeModule(utf8(source));

describe("conformance modules", () => {
  test("exist", () => expect(vectors.length).toBeGreaterThan(10));

  test.each(vectors)("%s", (name) => {
    const fromFile = decodeModule(bytesOf(name));
    const shared = parseJson(readFileSync(join(folder, `${name}.json`), "utf8"));
    const inside = isJsonObject(shared) ? shared.get("module") : undefined;
    if (inside === undefined) throw new Error("a case has a module");
    expect(fromFile).toEqual(moduleFromJson(inside));
    expect(canonicalJson(moduleToJson(fromFile))).toBe(canonicalJson(inside));
    const encoded = encodeModule(fromFile);
    expect(decodeModule(encoded)).toEqual(fromFile);
    expect(encodeModule(decodeModule(encoded))).toEqual(encoded);
  });
});

describe("the container", () => {
  const payload = utf8(canonicalJson(moduleToJson(EMPTY)));

  test("bytes after the payload are ignored", () => {
    expect(decodeModule(Buffer.concat([container(payload), Buffer.from("rest")]))).toEqual(EMPTY);
  });

  test("the payload alone is read, after white space too", () => {
    expect(decodeModule(payload)).toEqual(EMPTY);
    expect(decodeModule(Buffer.concat([Buffer.from(" \r\n\t"), payload]))).toEqual(EMPTY);
  });

  test("a view into a larger buffer is read", () => {
    const large = Buffer.concat([Buffer.from("12345"), container(payload)]);
    expect(decodeModule(large.subarray(5))).toEqual(EMPTY);
  });

  test.each<[string, Uint8Array, string]>([
    ["empty", new Uint8Array(), "module.too_short"],
    ["nine bytes", container(payload).subarray(0, 9), "module.too_short"],
    ["magic", container(payload, { magic: "LLMC" }), "module.bad_magic"],
    ["a text", utf8("this is not a module"), "module.bad_magic"],
    ["version", container(payload, { version: 2 }), "module.version"],
    ["one byte missing", container(payload).subarray(0, -1), "module.truncated"],
    ["nothing but the header", container(payload).subarray(0, 10), "module.truncated"],
    ["length", container(payload, { length: MODULE_LIMITS.bytes + 1 }), "module.too_large"],
    ["no payload", container(new Uint8Array()), "module.syntax"],
    ["not UTF-8", container(new Uint8Array([0x7b, 0xff])), "module.syntax"],
    ["not JSON", utf8("{ no"), "module.syntax"],
    ["deep", utf8(`{"name":${"[".repeat(100_000)}`), "module.too_large"],
    ["many values", utf8(`{"name":[${"{},".repeat(3_000_000)}`), "module.too_large"],
  ])("%s", (_, bytes, kind) => {
    expect(errorKind(() => decodeModule(bytes))).toBe(kind);
  });
});

describe("the payload", () => {
  test.each<[string, string]>([
    ["[]", "module.too_short"],
    ["{}", "module.syntax"],
    [withMember("version", "2"), "module.version"],
    [withMember("version", '"1"'), "module.syntax"],
    [withMember("name", "1"), "module.syntax"],
    [withMember("entry", "-1"), "module.syntax"],
    [withMember("entry", "1.0"), "module.syntax"],
    [withMember("entry", "4294967296"), "module.syntax"],
    [withMember("globals", "[1]"), "module.syntax"],
    [withMember("constants", '[{"Int":"x"}]'), "module.bad_constant"],
    [withMember("constants", `[${'{"Some":'.repeat(257)}"Unit"${"}".repeat(257)}]`), "module.too_large"],
    [withMember("types", '[{"name":"A","kind":{}}]'), "module.syntax"],
    [withMember("types", '[{"name":"A","kind":{"Record":{"fields":[["a"]]}}}]'), "module.syntax"],
    [withMember("types", '[{"name":"A","kind":{"Record":{"fields":[["a",null]]}}}]'), "module.syntax"],
    [withMember("types", '[{"name":"A","kind":{"Record":{"fields":[["a","Int",1]]}}}]'), "module.syntax"],
    [withMember("functions", "{}"), "module.syntax"],
    [withFunctionMember("arity", "256"), "module.syntax"],
    [withFunctionMember("locals", "65536"), "module.syntax"],
    [withFunctionMember("intent", "1"), "module.syntax"],
    [withFunctionMember("capabilities", '["NetFetched"]'), "module.unknown_capability"],
    [withFunctionMember("match_tables", '[[{"tag":2147483648,"target":0}]]'), "module.syntax"],
    [withFunctionMember("match_tables", '[[{"tag":0,"target":-1}]]'), "module.syntax"],
    [withCode('"Fly"'), "module.unknown_opcode"],
    [withCode('"toString"'), "module.unknown_opcode"],
    [withCode('"__proto__"'), "module.unknown_opcode"],
    [withCode('{"Fly":1}'), "module.unknown_opcode"],
    [withCode("1"), "module.syntax"],
    [withCode("{}"), "module.syntax"],
    [withCode('{"Ret":1}'), "module.syntax"],
    [withCode('"PushConst"'), "module.syntax"],
    [withCode('{"PushConst":[1]}'), "module.syntax"],
    [withCode('{"PushConst":-1}'), "module.syntax"],
    [withCode('{"PushConst":4294967296}'), "module.syntax"],
    [withCode('{"PushConst":1,"Ret":1}'), "module.syntax"],
    [withCode('{"Call":1}'), "module.syntax"],
    [withCode('{"Call":[1,2,3]}'), "module.syntax"],
    [withCode('{"Assert":{"msg":1,"kind":"Maybe","index":0}}'), "module.syntax"],
    [withCode('{"Assert":[1,0,0]}'), "module.syntax"],
    [withMember("signature", "1"), "module.bad_signature"],
    [withMember("signature", '{"params":[{"name":"a"}],"result":"Int"}'), "module.bad_signature"],
    [withMember("debug", "[]"), "module.bad_debug"],
    [withMember("debug", '{"files":[],"functions":[]}'), "module.bad_debug"],
    [withMember("debug", '{"files":[],"functions":[{"file":0,"locals":[],"spans":[]}]}'), "module.bad_debug"],
    [withMember("debug", '{"files":[],"functions":[{"file":-1,"locals":[],"spans":[[0,1,1,1]]}]}'), "module.bad_debug"],
    [withMember("debug", '{"files":[],"functions":[{"file":-1,"locals":[],"spans":[[0,0,1,1,1]]}]}'), "module.bad_debug"],
    [withMember("debug", '{"files":[],"functions":[{"file":-1,"locals":[],"spans":[[1,1,1,1,1],[1,1,1,1,1]]}]}'), "module.bad_debug"],
    ['{"name":"a","name":"b"}', "module.syntax"],
  ])("%s", (source, kind) => {
    expect(errorKind(() => decodeModule(utf8(source)))).toBe(kind);
  });

  test("an error names its location", () => {
    expect(() => decoded(withCode('"Ret",{"Call":1}'))).toThrow("functions[0].code[1] must be Call with 2 operands");
  });

  test("the forms that older compilers write are read", () => {
    const old = withFunctionMember("code", '[{"Assert":7},{"Assert":{"msg":7,"kind":"Ensures","index":3}}]')
      .replace('"intent":null,', "")
      .replace(',"match_tables":[]', "");
    expect(decoded(old).functions[0]).toEqual({
      ...RET_FUNCTION,
      code: [
        { op: "Assert", operands: [7, 0, 0] },
        { op: "Assert", operands: [7, 1, 3] },
      ],
    });
  });

  test("unknown members are ignored", () => {
    expect(decoded(withMember("later", '{"a":[1]}'))).toEqual(EMPTY);
    expect(decoded(withFunctionMember("later", "1"))).toEqual(EMPTY);
  });

  test("constants just inside the depth limit", () => {
    const source = withMember("constants", `[${'{"Some":'.repeat(256)}"Unit"${"}".repeat(256)}]`);
    expect(decoded(source).constants).toHaveLength(1);
    const records = '{"Record":{"type_id":0,"fields":['.repeat(256) + '"Unit"' + "]}}".repeat(256);
    expect(decoded(withMember("constants", `[${records}]`)).constants).toHaveLength(1);
  });
});

const opNames: readonly OpName[] = Object.keys(OPCODES).filter((name): name is OpName => name in OPCODES);
const operand = fc.nat(300);
const instruction = fc.constantFrom(...opNames).chain((op) => {
  const count = OPCODES[op].operands.length;
  const operands = op === "Assert" ? fc.tuple(operand, fc.nat(1), operand) : fc.array(operand, { minLength: count, maxLength: count });
  return operands.map((list) => ({ op, operands: [...list] }));
});
const names = fc.uniqueArray(anyText, { maxLength: 3 });
const typeDef: fc.Arbitrary<TypeDef> = fc.oneof(
  fc.record({
    name: anyText,
    kind: fc.constant("record" as const),
    fields: names.map((list) => list.map((name) => ({ name, type: "Int" }))),
  }),
  fc.record({
    name: anyText,
    kind: fc.constant("enum" as const),
    params: names,
    variants: names.map((list) => list.map((name, i) => ({ name, type: i === 0 ? null : name }))),
  }),
);
const functionDef: fc.Arbitrary<FunctionDef> = fc.record({
  name: anyText,
  arity: fc.nat(255),
  locals: fc.nat(65_535),
  code: fc.array(instruction, { maxLength: 10 }),
  capabilities: fc.uniqueArray(fc.nat(10)),
  intent: fc.option(anyText),
  matchTables: fc.array(
    fc.array(fc.record({ tag: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), target: fc.nat() }), { maxLength: 3 }),
    { maxLength: 2 },
  ),
});
const debugFor = (count: number): fc.Arbitrary<DebugInfo> =>
  fc.record({
    files: fc.tuple(fc.record({ name: anyText, text: anyText })),
    functions: fc.array(
      fc.record({
        file: fc.integer({ min: -1, max: 0 }),
        locals: fc.array(anyText, { maxLength: 2 }),
        spans: fc.uniqueArray(fc.nat(), { maxLength: 4 }).map((pcs) => pcs.sort((a, b) => a - b).map((pc) => [pc, 1, 2, 3, 4] as const)),
      }),
      { minLength: count, maxLength: count },
    ),
  });
const moduleArbitrary: fc.Arbitrary<Module> = fc
  .record({
    name: anyText,
    constants: fc.array(anyValue, { maxLength: 4 }),
    globals: names,
    types: fc.array(typeDef, { maxLength: 2 }),
    functions: fc.array(functionDef, { maxLength: 3 }),
    entry: fc.nat(),
  })
  .chain((module) =>
    fc
      .tuple(fc.boolean(), debugFor(module.functions.length))
      .map(
        ([keep, debug]): Module =>
          keep ? { ...module, debug } : { ...module, signature: { params: [{ name: "a", type: "Int" }], result: "Unit" } },
      ),
  );

/** A form that `toEqual` can compare, because it does not look into MapValues. */
const shown = (module: Module): string => canonicalJson(moduleToJson(module));

test("a module survives encoding, and its encoding is stable", () => {
  fc.assert(
    fc.property(moduleArbitrary, (module) => {
      const bytes = encodeModule(module);
      const read = decodeModule(bytes);
      expect(shown(read)).toBe(shown(module));
      expect({ ...read, constants: [] }).toEqual({ ...module, constants: [] });
      expect(encodeModule(read)).toEqual(bytes);
    }),
    { numRuns: scaledRuns(500) },
  );
});

test("the hash covers everything but the debug member", () => {
  fc.assert(
    fc.property(moduleArbitrary, (module) => {
      const { debug, ...bare } = module;
      expect(moduleHash(module)).toBe(moduleHash(bare));
      expect(decodeModule(encodeModule(module, { debug: false }))).not.toHaveProperty("debug");
      const hash = moduleHash(module);
      expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(moduleHash({ ...module, name: `${module.name}x` })).not.toBe(hash);
      expect(moduleHash({ ...module, entry: module.entry + 1 })).not.toBe(hash);
      const more: readonly Value[] = [...module.constants, 1];
      expect(moduleHash({ ...module, constants: more })).not.toBe(hash);
      expect(debug === undefined || module.debug === debug).toBe(true);
    }),
    { numRuns: scaledRuns(100) },
  );
});

test("a host's own capabilities are written by their dotted names", () => {
  const random = CAPABILITIES[6];
  if (random === undefined) throw new Error("capability 6 is there");
  const { variant, ...rest } = random;
  expect(variant).toBe("Random");
  const registry = registryOf([{ ...rest, id: 64, name: "mail.send" }]);
  const module = { ...EMPTY, functions: [{ ...RET_FUNCTION, capabilities: [0, 64] }] };
  const bytes = encodeModule(module, { registry });
  expect(Buffer.from(bytes).toString("latin1")).toContain('["NetFetch","mail.send"]');
  expect(decodeModule(bytes, registry)).toEqual(module);
  expect(errorKind(() => decodeModule(bytes))).toBe("module.unknown_capability");
  expect(errorKind(() => encodeModule(module))).toBe("module.unknown_capability");
  expect(errorKind(() => moduleHash(module))).toBe("module.unknown_capability");
  expect(moduleHash(module, registry)).toMatch(/^sha256:/);
});

describe("a damaged file decodes to a module or throws one typed error", () => {
  const isTyped = (bytes: Uint8Array): void => {
    const kind = errorKind(() => decodeModule(bytes));
    expect(kind === undefined || kind.startsWith("module.")).toBe(true);
  };
  const sample = bytesOf("contracts_fail");

  test("cut at every byte", () => {
    for (let length = 0; length < sample.length; length++) {
      expect(errorKind(() => decodeModule(sample.subarray(0, length)))).toBe(length < 10 ? "module.too_short" : "module.truncated");
      if (length > 10) isTyped(container(sample.subarray(10, length)));
    }
  });

  test("bytes changed", () => {
    const change = fc.tuple(fc.nat(sample.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Uint8Array.from(sample);
        for (const [at, byte] of changes) bytes[at] = byte;
        isTyped(bytes);
      }),
      { numRuns: scaledRuns(3_000) },
    );
  });

  test("tokens changed", () => {
    const source = Buffer.from(sample.subarray(10)).toString();
    const tokens: readonly string[] = source.match(/"[^"]*"|-?\d+|[{}[\],:]|\w+/g) ?? [];
    const token = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "0",
      "-1",
      "1e9",
      "99999999999999999999",
      "null",
      '"Unit"',
      '"__proto__"',
      '"Ret"',
    );
    fc.assert(
      fc.property(fc.nat(tokens.length - 1), token, (at, replacement) => isTyped(utf8(tokens.with(at, replacement).join("")))),
      { numRuns: scaledRuns(2_000) },
    );
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        isTyped(bytes);
        isTyped(container(bytes));
      }),
      { numRuns: scaledRuns(1_000) },
    );
  });

  test("random JSON", () => {
    fc.assert(fc.property(fc.json(), (source) => isTyped(utf8(replaceLoneSurrogates(` ${source}`)))));
  });
});

test("the JSON of a module has the form of bytecode 1.1", () => {
  const data = moduleToJson({
    ...EMPTY,
    functions: [
      {
        ...RET_FUNCTION,
        code: [
          { op: "PushConst", operands: [3] },
          { op: "Call", operands: [0, 2] },
          { op: "Assert", operands: [1, 1, 0] },
        ],
      },
    ],
  });
  expect(canonicalJson(data)).toContain('"code":[{"PushConst":3},{"Call":[0,2]},{"Assert":{"index":0,"kind":"Ensures","msg":1}}]');
});
