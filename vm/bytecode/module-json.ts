/**
 * Reads and writes the JSON payload of a module: the members of bytecode 1.1 (the format of the earlier Rust toolchain) and Boruna's
 * optional members `signature`, `tasks`, `debug` and `params`. One function writes each part of the module, and one reads it. The reading
 * functions check the type and the size of everything.
 */
import { BUILTIN_REGISTRY, type CapabilityRegistry, REGISTRY_HINT } from "../capabilities.ts";
import { BorunaError } from "../error.ts";
import { isJsonArray, isJsonObject, type JsonData, scalarText, type WritableJson, WrittenJson } from "../json/json.ts";
import { MODULE_LIMITS } from "../limits.ts";
import {
  type DebugInfo,
  type DebugSpan,
  FLOW_KINDS,
  type FlowConstruct,
  type FlowDebug,
  type FlowKind,
  type FlowPart,
  type FunctionDebug,
  type FunctionDef,
  type Instruction,
  type MatchArm,
  type Module,
  type Signature,
  type TypeDef,
} from "./module.ts";
import { flowProblem } from "./flow.ts";
import { isOpName, opcode } from "./opcodes.ts";
import { CONTRACT_KINDS } from "./tags.ts";
import { valueFromTaggedJson, valueToTaggedJson } from "../json/tagged-json.ts";

export const FORMAT_VERSION = 1;

const U8_MAX = 0xff;
const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;
const I32_MIN = -0x8000_0000;
const I32_MAX = 0x7fff_ffff;

const object = <D = JsonData>(entries: readonly (readonly [string, NoInfer<D>])[]): ReadonlyMap<string, D> => new Map(entries);

export interface ModuleJsonOptions {
  /** Whether to write the `debug` member. Default: true. */
  readonly debug?: boolean;
  /** The capabilities that the module may name. Default: the built-in capabilities. */
  readonly registry?: CapabilityRegistry;
}

/** Converts a module to data that `canonicalJson` writes. Throws `module.unknown_capability` for an id that is not in the registry. */
export function moduleToJson(module: Module, options: ModuleJsonOptions = {}): WritableJson {
  const registry = options.registry ?? BUILTIN_REGISTRY;
  const members: (readonly [string, WritableJson])[] = [
    ["name", module.name],
    ["version", FORMAT_VERSION],
    ["constants", module.constants.map(valueToTaggedJson)],
    ["globals", module.globals],
    ["types", module.types.map(typeToJson)],
    ["functions", module.functions.map((f) => functionToJson(f, registry))],
    ["entry", module.entry],
  ];
  if (module.signature !== undefined) members.push(["signature", signatureToJson(module.signature)]);
  if (module.tasks !== undefined) members.push(["tasks", module.tasks]);
  if (module.debug !== undefined && options.debug !== false) members.push(["debug", debugToJson(module.debug)]);
  return object<WritableJson>(members);
}

function typeToJson(type: TypeDef): JsonData {
  const kind =
    type.kind === "record"
      ? object([["Record", object([["fields", type.fields.map((f) => [f.name, f.type])]])]])
      : object([["Enum", object([["variants", type.variants.map((v) => [v.name, v.type])]])]]);
  const params: [string, JsonData][] = type.params === undefined ? [] : [["params", type.params]];
  return object([["name", type.name], ["kind", kind], ...params]);
}

/** Writes the instructions at once. A tree of them would take ten times as long to make and to write. */
const codeToJson = (code: readonly Instruction[]): WrittenJson => new WrittenJson(`[${code.map(instructionText).join(",")}]`);

function instructionText({ op, operands }: Instruction): string {
  if (op === "Assert") {
    const [msg = 0, kind = 0, index = 0] = operands;
    return `{"Assert":{"index":${scalarText(index)},"kind":"${CONTRACT_KINDS[kind] ?? "Requires"}","msg":${scalarText(msg)}}}`;
  }
  const [first] = operands;
  if (first === undefined) return `"${op}"`;
  return `{"${op}":${operands.length === 1 ? scalarText(first) : `[${operands.map(scalarText).join(",")}]`}}`;
}

function functionToJson(def: FunctionDef, registry: CapabilityRegistry): WritableJson {
  const capabilityName = (id: number): string => {
    const capability = registry.byId.get(id);
    if (capability === undefined) throw new BorunaError("module.unknown_capability", `no capability has the id ${id}`);
    return capability.variant ?? capability.name;
  };
  return object<WritableJson>([
    ["name", def.name],
    ["arity", def.arity],
    ["locals", def.locals],
    ["code", codeToJson(def.code)],
    ["capabilities", def.capabilities.map(capabilityName)],
    ["intent", def.intent],
    [
      "match_tables",
      def.matchTables.map((table) =>
        table.map((arm) =>
          object([
            ["tag", arm.tag],
            ["target", arm.target],
          ]),
        ),
      ),
    ],
  ]);
}

function signatureToJson(signature: Signature): JsonData {
  return object([
    [
      "params",
      signature.params.map((p) =>
        object([
          ["name", p.name],
          ["type", p.type],
        ]),
      ),
    ],
    ["result", signature.result],
  ]);
}

function debugToJson(debug: DebugInfo): JsonData {
  return object([
    [
      "files",
      debug.files.map((f) =>
        object([
          ["name", f.name],
          ["text", f.text],
        ]),
      ),
    ],
    [
      "functions",
      debug.functions.map((f) =>
        object([
          ["file", f.file],
          ["locals", f.locals],
          ["spans", f.spans],
          ...(f.flow === undefined ? [] : [["flow", flowToJson(f.flow)] as const]),
        ]),
      ),
    ],
  ]);
}

/** Writes the line of the function, then one array for each construct. */
function flowToJson({ line, constructs }: FlowDebug): JsonData {
  const rows = constructs.map((c) => [FLOW_KINDS.indexOf(c.kind), c.line, c.start, c.end, c.local, ...c.parts.flat()]);
  return [line, ...rows];
}

/** A position in the payload, for error messages, such as `functions[3].code[7]`. */
type Path = string;

/** The second part of the error's kind if a member has the wrong type or value: `module.syntax`. */
type MemberErrorKind = "syntax" | "bad_debug" | "bad_signature";

function fail(path: Path, expected: string, kind: MemberErrorKind | "too_large" = "syntax"): never {
  throw new BorunaError(`module.${kind}`, `${path === "" ? "the module" : path} ${expected}`);
}

/** Returns functions that each read one type of JSON data. They throw `module.` and the given kind. */
function readersFor(kind: MemberErrorKind) {
  const failExpected = (path: Path, expected: string): never => fail(path, `must be ${expected}`, kind);
  const members = (data: JsonData | undefined, path: Path): ReadonlyMap<string, JsonData> =>
    data !== undefined && isJsonObject(data) ? data : failExpected(path, "an object");
  const array = (data: JsonData | undefined, path: Path, max: number): readonly JsonData[] => {
    if (data === undefined || !isJsonArray(data)) return failExpected(path, "an array");
    return data.length <= max ? data : fail(path, `has ${data.length} entries; the limit is ${max}`, "too_large");
  };
  const text = (data: JsonData | undefined, path: Path): string => (typeof data === "string" ? data : failExpected(path, "a string"));
  const integer = (data: JsonData | undefined, path: Path, min: number, max: number): number =>
    typeof data === "number" && data >= min && data <= max ? data : failExpected(path, `an integer from ${min} to ${max}`);
  const texts = (data: JsonData | undefined, path: Path, max: number): string[] =>
    array(data, path, max).map((item, i) => text(item, `${path}[${i}]`));
  return { failExpected, members, array, text, integer, texts };
}

const syntaxReader = readersFor("syntax");

/**
 * Converts JSON to a module. Ignores unknown members. Reads lists that older compilers omit as empty. Does not check indices; the
 * verifier does that. Throws `module.syntax`, `module.version`, `module.too_large`, `module.unknown_opcode`,
 * `module.unknown_capability`, `module.bad_constant`, `module.bad_debug` or `module.bad_signature`.
 */
export function moduleFromJson(data: JsonData, registry: CapabilityRegistry = BUILTIN_REGISTRY): Module {
  const members = syntaxReader.members(data, "");
  const version = syntaxReader.integer(members.get("version"), "version", 0, U32_MAX);
  if (version !== FORMAT_VERSION)
    throw new BorunaError("module.version", `the payload has version ${version}; this machine reads version ${FORMAT_VERSION}`);
  const name = syntaxReader.text(members.get("name"), "name");
  const constants = syntaxReader.array(members.get("constants"), "constants", MODULE_LIMITS.constants).map(readConstant);
  const globals = syntaxReader.texts(members.get("globals"), "globals", MODULE_LIMITS.globals);
  const types = syntaxReader.array(members.get("types"), "types", MODULE_LIMITS.types).map(readType);
  const functions = syntaxReader
    .array(members.get("functions"), "functions", MODULE_LIMITS.functions)
    .map((item, i) => readFunction(item, `functions[${i}]`, registry));
  const entry = syntaxReader.integer(members.get("entry"), "entry", 0, U32_MAX);
  const signature = members.get("signature");
  const tasks = members.get("tasks");
  const debug = members.get("debug");
  return {
    name,
    constants,
    globals,
    types,
    functions,
    entry,
    ...(signature === undefined || signature === null ? {} : { signature: readSignature(signature) }),
    ...(tasks === undefined || tasks === null ? {} : { tasks: readTasks(tasks) }),
    ...(debug === undefined || debug === null ? {} : { debug: readDebug(debug, functions) }),
  };
}

function readTasks(data: JsonData): 1 {
  return data === 1 ? data : syntaxReader.failExpected("tasks", "1");
}

function readConstant(data: JsonData, index: number): Module["constants"][number] {
  try {
    return valueFromTaggedJson(data, { maxDepth: MODULE_LIMITS.constantDepth });
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(
      error.kind === "value.too_deep" ? "module.too_large" : "module.bad_constant",
      `constants[${index}]: ${error.message}`,
      { cause: error },
    );
  }
}

function readType(data: JsonData, index: number): TypeDef {
  const path = `types[${index}]`;
  const members = syntaxReader.members(data, path);
  const name = syntaxReader.text(members.get("name"), `${path}.name`);
  const kind = syntaxReader.members(members.get("kind"), `${path}.kind`);
  const params = members.get("params");
  const generic = params === undefined || params === null ? {} : { params: syntaxReader.texts(params, `${path}.params`, U8_MAX) };
  const record = kind.get("Record");
  const variants = kind.get("Enum");
  if (kind.size !== 1 || (record === undefined && variants === undefined))
    return syntaxReader.failExpected(`${path}.kind`, "an object with Record or Enum");
  if (record !== undefined) {
    const fields = pairs(syntaxReader.members(record, path).get("fields"), `${path}.fields`);
    return {
      name,
      kind: "record",
      fields: fields.map(([field, type, itemPath]) => ({ name: field, type: syntaxReader.text(type, `${itemPath}[1]`) })),
      ...generic,
    };
  }
  const items = pairs(syntaxReader.members(variants, path).get("variants"), `${path}.variants`);
  return {
    name,
    kind: "enum",
    variants: items.map(([variant, type, itemPath]) => ({
      name: variant,
      type: type === null ? null : syntaxReader.text(type, `${itemPath}[1]`),
    })),
    ...generic,
  };
}

function pairs(data: JsonData | undefined, path: Path): (readonly [string, JsonData, Path])[] {
  return syntaxReader.array(data, path, U16_MAX).map((item, i) => {
    const itemPath = `${path}[${i}]`;
    const [name, type, ...extraItems] = syntaxReader.array(item, itemPath, U8_MAX);
    if (type === undefined || extraItems.length > 0) return syntaxReader.failExpected(itemPath, "a pair of name and type");
    return [syntaxReader.text(name, `${itemPath}[0]`), type, itemPath];
  });
}

function readFunction(data: JsonData, path: Path, registry: CapabilityRegistry): FunctionDef {
  const members = syntaxReader.members(data, path);
  const intent = members.get("intent") ?? null;
  const tables = members.get("match_tables");
  return {
    name: syntaxReader.text(members.get("name"), `${path}.name`),
    arity: syntaxReader.integer(members.get("arity"), `${path}.arity`, 0, U8_MAX),
    locals: syntaxReader.integer(members.get("locals"), `${path}.locals`, 0, MODULE_LIMITS.locals),
    code: syntaxReader
      .array(members.get("code"), `${path}.code`, MODULE_LIMITS.codeLength)
      .map((item, i) => readInstruction(item, path, i)),
    capabilities: syntaxReader.texts(members.get("capabilities"), `${path}.capabilities`, U16_MAX).map((name) => {
      const capability = registry.byVariant.get(name) ?? registry.byName.get(name);
      if (capability === undefined)
        throw new BorunaError(
          "module.unknown_capability",
          `${path} declares a capability that is not there: ${JSON.stringify(name.slice(0, 80))}`,
          { hint: REGISTRY_HINT },
        );
      return capability.id;
    }),
    intent: intent === null ? null : syntaxReader.text(intent, `${path}.intent`),
    matchTables:
      tables === undefined
        ? []
        : syntaxReader
            .array(tables, `${path}.match_tables`, U16_MAX + 1)
            .map((table, i) => readMatchTable(table, `${path}.match_tables[${i}]`)),
  };
}

function readMatchTable(data: JsonData, path: Path): MatchArm[] {
  return syntaxReader.array(data, path, MODULE_LIMITS.matchArms).map((item, i) => {
    const arm = syntaxReader.members(item, `${path}[${i}]`);
    return {
      tag: syntaxReader.integer(arm.get("tag"), `${path}[${i}].tag`, I32_MIN, I32_MAX),
      target: syntaxReader.integer(arm.get("target"), `${path}[${i}].target`, 0, U32_MAX),
    };
  });
}

function readInstruction(data: JsonData, functionPath: Path, pc: number): Instruction {
  const path = `${functionPath}.code[${pc}]`;
  const [name, content] = typeof data === "string" ? [data, undefined] : isJsonObject(data) && data.size === 1 ? ([...data][0] ?? []) : [];
  if (name === undefined) return syntaxReader.failExpected(path, "an opcode's name or an object with one member");
  if (!isOpName(name)) throw new BorunaError("module.unknown_opcode", `${path}: there is no opcode ${JSON.stringify(name.slice(0, 40))}`);
  const count = opcode(name).operands.length;
  if (name === "Assert" && content !== undefined && isJsonObject(content)) return { op: name, operands: readAssert(content, path) };
  // Older compilers write only the message.
  if (name === "Assert") return { op: name, operands: [syntaxReader.integer(content, path, 0, U32_MAX), 0, 0] };
  const operands = content === undefined ? [] : isJsonArray(content) ? content : [content];
  if (operands.length !== count || (isJsonArray(content ?? null) && count === 1))
    return syntaxReader.failExpected(path, `${name} with ${count === 1 ? "one operand" : `${count} operands`}`);
  return { op: name, operands: operands.map((operand) => syntaxReader.integer(operand, path, 0, U32_MAX)) };
}

function readAssert(content: ReadonlyMap<string, JsonData>, path: Path): number[] {
  const kind = CONTRACT_KINDS.findIndex((k) => k === content.get("kind"));
  if (kind === -1) return syntaxReader.failExpected(`${path}.kind`, "Requires or Ensures");
  return [
    syntaxReader.integer(content.get("msg"), `${path}.msg`, 0, U32_MAX),
    kind,
    syntaxReader.integer(content.get("index"), `${path}.index`, 0, U32_MAX),
  ];
}

function readSignature(data: JsonData): Signature {
  const { members, array, text } = readersFor("bad_signature");
  const signature = members(data, "signature");
  const params = array(signature.get("params"), "signature.params", U8_MAX).map((item, i) => {
    const path = `signature.params[${i}]`;
    const param = members(item, path);
    return { name: text(param.get("name"), `${path}.name`), type: text(param.get("type"), `${path}.type`) };
  });
  return { params, result: text(signature.get("result"), "signature.result") };
}

function readDebug(data: JsonData, functions: readonly FunctionDef[]): DebugInfo {
  const { members, array, text } = readersFor("bad_debug");
  const debug = members(data, "debug");
  const files = array(debug.get("files"), "debug.files", U16_MAX).map((item, i) => {
    const path = `debug.files[${i}]`;
    const file = members(item, path);
    return { name: text(file.get("name"), `${path}.name`), text: text(file.get("text"), `${path}.text`) };
  });
  const items = array(debug.get("functions"), "debug.functions", MODULE_LIMITS.functions);
  if (items.length !== functions.length) return fail("debug.functions", "must have one entry for each function", "bad_debug");
  return { files, functions: items.map((item, i) => readFunctionDebug(item, `debug.functions[${i}]`, files.length, functions[i])) };
}

function readFunctionDebug(data: JsonData, path: Path, fileCount: number, def: FunctionDef | undefined): FunctionDebug {
  const { members, array, integer, texts } = readersFor("bad_debug");
  const debug = members(data, path);
  let previous = -1;
  const spans = array(debug.get("spans"), `${path}.spans`, MODULE_LIMITS.codeLength).map((item, i): DebugSpan => {
    const itemPath = `${path}.spans[${i}]`;
    const [pc, line, column, endLine, endColumn, ...extraItems] = array(item, itemPath, U8_MAX);
    if (extraItems.length > 0) return fail(itemPath, "must have five numbers", "bad_debug");
    const start = integer(pc, itemPath, previous + 1, U32_MAX);
    previous = start;
    return [
      start,
      integer(line, itemPath, 1, U32_MAX),
      integer(column, itemPath, 1, U32_MAX),
      integer(endLine, itemPath, 1, U32_MAX),
      integer(endColumn, itemPath, 1, U32_MAX),
    ];
  });
  const flow = debug.get("flow");
  return {
    file: integer(debug.get("file"), `${path}.file`, -1, fileCount - 1),
    locals: texts(debug.get("locals"), `${path}.locals`, MODULE_LIMITS.locals),
    spans,
    ...(flow === undefined || flow === null ? {} : { flow: readFlow(flow, `${path}.flow`, def?.code.length ?? 0) }),
  };
}

function readFlow(data: JsonData, path: Path, codeLength: number): FlowDebug {
  const { array, integer } = readersFor("bad_debug");
  const [line, ...rows] = array(data, path, MODULE_LIMITS.codeLength + 1);
  const constructs = rows.map((row, i) => readConstruct(row, `${path}[${i + 1}]`, codeLength));
  const problem = flowProblem(constructs);
  if (problem !== undefined) {
    const expected =
      problem.kind === "too_large" ? `is nested deeper than ${MODULE_LIMITS.flowDepth}` : "must follow or be inside of the ones before it";
    return fail(`${path}[${problem.index + 1}]`, expected, problem.kind);
  }
  return { line: integer(line, path, 1, U32_MAX), constructs };
}

/** The minimum and the maximum number of parts of a construct. */
const PART_COUNTS: Readonly<Record<FlowKind, readonly [number, number]>> = {
  if: [1, Number.POSITIVE_INFINITY],
  if_else: [2, Number.POSITIVE_INFINITY],
  match: [0, Number.POSITIVE_INFINITY],
  while: [1, 1],
  for: [1, 1],
};

/** Reads `[kind, line, start, end, local, then start and end of each part]`. */
function readConstruct(data: JsonData, path: Path, codeLength: number): FlowConstruct {
  const { array, integer } = readersFor("bad_debug");
  const [kindIndex, line, start, end, local, ...bounds] = array(data, path, MODULE_LIMITS.codeLength);
  const kind = FLOW_KINDS[integer(kindIndex, path, 0, FLOW_KINDS.length - 1)] ?? "if";
  const first = integer(start, path, 0, codeLength - 1);
  const last = integer(end, path, first + 1, codeLength);
  const parts: FlowPart[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const from = integer(bounds[i], path, parts.at(-1)?.[1] ?? first, last - 1);
    parts.push([from, integer(bounds[i + 1], path, from + 1, last)]);
  }
  const [fewest, most] = PART_COUNTS[kind];
  if (parts.length < fewest || parts.length > most) return fail(path, "has the wrong number of parts", "bad_debug");
  return {
    kind,
    line: integer(line, path, 1, U32_MAX),
    start: first,
    end: last,
    local: integer(local, path, -1, MODULE_LIMITS.locals - 1),
    parts,
  };
}
