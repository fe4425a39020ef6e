/**
 * Declares the capability table: every side effect that a program can ask for. These read the table: the compiler, the gateway's argument
 * checks, the policy validator, the module codec, the mocks, `docs/reference/capabilities.md` and the capability set hash.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { base64Text } from "./value/base64.ts";
import { BorunaError } from "./error.ts";
import { canonicalJson, jsonObjectOf } from "./json/json.ts";
import { lazily } from "./lazy.ts";
import { ListValue } from "./value/list.ts";
import { MapValue } from "./value/map.ts";
import { compareUtf8, utf8Length } from "./value/utf8.ts";
import { parseType, type Type } from "./value/type.ts";
import { FloatValue, UNIT, type Value } from "./value/value.ts";

export interface CapabilityParam {
  readonly name: string;
  readonly type: Type;
  /** The value that the gateway fills in if the program omits the argument. */
  readonly default?: Value;
}

/** One way to call a capability. If there are several ways, the number of arguments selects one. */
export interface CapabilitySignature {
  readonly params: readonly CapabilityParam[];
  readonly result: Type;
}

/**
 * Whether a call may be made again if its answer was lost: always, never, or only if each named argument has one of the listed values.
 * This is data and not a function, so that a log can hold it.
 */
export type MayRepeat = boolean | Readonly<Record<string, readonly string[]>>;

export interface CapabilityDecl {
  readonly id: number;
  /** The name with dots, such as `net.fetch`. */
  readonly name: string;
  /** The name in the capability lists of bytecode 1.1. An embedder's own capability has no such name and is listed by `name`. */
  readonly variant?: string;
  /** The version of the capability's contract, which is part of the capability set hash. */
  readonly version: string;
  readonly signatures: readonly CapabilitySignature[];
  /** Present if the machine itself carries out the capability, after the gateway has allowed the call. */
  readonly internal?: true;
  /** Which calls may be repeated under any policy. `mayRepeat` in `policy/may-repeat.ts` adds those that a policy makes repeatable. */
  readonly mayRepeat: MayRepeat;
  /** Returns the answer in a run that is not live. `args` have their defaults filled in. Undefined for an embedder's own capability. */
  readonly mock?: (args: readonly Value[]) => Value;
  /** The syntax of a call, for the docs. */
  readonly call: string;
  readonly doc: string;
}

const param = (name: string, type: string, defaultValue?: Value): CapabilityParam =>
  defaultValue === undefined ? { name, type: parseType(type) } : { name, type: parseType(type), default: defaultValue };
const signature = (params: readonly CapabilityParam[], result: string): CapabilitySignature => ({ params, result: parseType(result) });
/** Returns a String argument in quotes, in the same form as the Rust machine prints it. */
const quote = (value: Value | undefined): string => `"${typeof value === "string" ? value : ""}"`;
const MOCK_EPOCH_SECONDS = 1_700_000_000;
const fetchMock = (url: Value | undefined): string => `{"mock": true, "url": ${quote(url)}}`;
/** Returns an answer in the form of the live handler's answers, so that a program that parses them also runs without the network. */
const responseMock = (url: Value | undefined): string =>
  canonicalJson(jsonObjectOf(["body", fetchMock(url)], ["headers", new Map()], ["status", 200]));
const fileMock = (path: Value | undefined): string => `mock file content for ${quote(path)}`;
/** The functions that make the answers of `fs.read`, by the argument `want`. "text" uses `fileMock`. Every mock folder has one file. */
const FILE_MOCKS: ReadonlyMap<Value | undefined, (path: Value | undefined) => string> = new Map([
  ["base64", (path: Value | undefined) => base64Text(utf8ToBytes(fileMock(path)))],
  ["list", () => '["mock.txt"]'],
  [
    "stat",
    (path: Value | undefined) =>
      canonicalJson(jsonObjectOf(["kind", "file"], ["modified_ms", MOCK_EPOCH_SECONDS * 1_000], ["size", utf8Length(fileMock(path))])),
  ],
]);
const TIME_UNITS: ReadonlyMap<Value | undefined, number> = new Map([
  ["s", 1],
  ["ms", 1_000],
  ["us", 1_000_000],
]);

/** Ids of the internal capabilities. */
export const CAPABILITY_IDS = { uiRender: 4, actorSpawn: 8, actorSend: 9 } as const;

export const CAPABILITIES: readonly CapabilityDecl[] = [
  {
    id: 0,
    name: "net.fetch",
    variant: "NetFetch",
    version: "1",
    signatures: [
      signature(
        [
          param("url", "String"),
          param("method", "String", "GET"),
          param("body", "String", ""),
          param("headers", "Map<String, String>", MapValue.EMPTY),
          param("want", "String", "body"),
        ],
        "String",
      ),
    ],
    mayRepeat: { method: ["GET", "HEAD", "get", "head"] },
    mock: ([url, , , , want]) => (want === "response" ? responseMock(url) : fetchMock(url)),
    call: 'net.fetch(url, method = "GET", body = "", headers = {}, want = "body")',
    doc: 'An HTTP request. Returns the body; with want = "response" canonical JSON {"body","headers","status"}.',
  },
  {
    id: 1,
    name: "fs.read",
    variant: "FsRead",
    version: "1",
    signatures: [signature([param("path", "String"), param("want", "String", "text")], "String")],
    mayRepeat: true,
    mock: ([path, want]) => (FILE_MOCKS.get(want) ?? fileMock)(path),
    call: 'fs.read(path, want = "text")',
    doc: "Reads a file: text, base64, list (a JSON array of names, sorted) or stat (JSON).",
  },
  {
    id: 2,
    name: "fs.write",
    variant: "FsWrite",
    version: "1",
    signatures: [signature([param("path", "String"), param("content", "String"), param("how", "String", "replace")], "Bool")],
    mayRepeat: false,
    mock: () => true,
    call: 'fs.write(path, content, how = "replace")',
    doc: "Writes a file: replace, append, create (fails if it exists), delete, base64.",
  },
  {
    id: 3,
    name: "db.query",
    variant: "DbQuery",
    version: "1",
    signatures: [signature([param("sql", "String"), param("params", "List<Json>", ListValue.EMPTY)], "List<Json>")],
    mayRepeat: false,
    mock: () => ListValue.EMPTY,
    call: "db.query(sql, params = [])",
    doc: "A SQL statement with bound parameters. Returns one object for each row.",
  },
  {
    id: CAPABILITY_IDS.uiRender,
    name: "ui.render",
    variant: "UiRender",
    version: "1",
    signatures: [signature([param("tree", "Json")], "Unit")],
    internal: true,
    mayRepeat: true,
    mock: () => UNIT,
    call: "emit tree",
    doc: "Adds a tree to the run's user interface output.",
  },
  {
    id: 5,
    name: "time.now",
    variant: "TimeNow",
    version: "1",
    signatures: [signature([param("unit", "String", "s")], "Int")],
    mayRepeat: true,
    mock: (args) => MOCK_EPOCH_SECONDS * (TIME_UNITS.get(args[0]) ?? 1),
    call: 'time.now(unit = "s")',
    doc: "The time since 1970 in s, ms or us.",
  },
  {
    id: 6,
    name: "random",
    variant: "Random",
    version: "1",
    signatures: [signature([], "Float"), signature([param("kind", "String"), param("lo", "Int"), param("hi", "Int")], "Int")],
    mayRepeat: true,
    mock: (args) => args[1] ?? new FloatValue(0.42),
    call: 'random() or random("int", lo, hi)',
    doc: "A Float in [0, 1), or an Int from lo to hi, both included.",
  },
  {
    id: 7,
    name: "llm.call",
    variant: "LlmCall",
    version: "1",
    signatures: [signature([param("prompt", "String"), param("model", "String", ""), param("options", "Json", MapValue.EMPTY)], "Json")],
    mayRepeat: true,
    mock: () =>
      MapValue.from([
        ["mock", true],
        ["status", "ok"],
      ]),
    call: 'llm.call(prompt, model = "", options = Json::Object({}))',
    doc: "Asks a language model. Returns an object with status, text, model and usage {input_tokens, output_tokens}.",
  },
  {
    id: CAPABILITY_IDS.actorSpawn,
    name: "actor.spawn",
    variant: "ActorSpawn",
    version: "1",
    signatures: [signature([param("function", "Fn() -> Unit")], "ActorId")],
    internal: true,
    mayRepeat: true,
    mock: () => UNIT,
    call: "spawn f",
    doc: "Starts an actor that runs f.",
  },
  {
    id: CAPABILITY_IDS.actorSend,
    name: "actor.send",
    variant: "ActorSend",
    version: "1",
    signatures: [signature([param("actor", "ActorId"), param("message", "Json")], "Unit")],
    internal: true,
    mayRepeat: true,
    mock: () => UNIT,
    call: "send a m",
    doc: "Sends a message to an actor.",
  },
  {
    id: 10,
    name: "step.input",
    variant: "StepInput",
    version: "1",
    signatures: [signature([param("name", "String")], "String")],
    mayRepeat: true,
    mock: () => "",
    call: "step_input(name)",
    doc: "The named input of this step, as compact JSON.",
  },
];

/** The lowest id that an embedder's own capability may have. */
export const FIRST_OWN_CAPABILITY_ID = 64;

/** The capabilities that a compiler, a machine and a gateway share. */
export interface CapabilityRegistry {
  readonly all: readonly CapabilityDecl[];
  /** The embedder's own capabilities, sorted by name. */
  readonly own: readonly CapabilityDecl[];
  readonly byId: ReadonlyMap<number, CapabilityDecl>;
  readonly byName: ReadonlyMap<string, CapabilityDecl>;
  readonly byVariant: ReadonlyMap<string, CapabilityDecl>;
  /** The result of `capabilitySetHash`: `sha256:` and lower-case hex digits. */
  readonly setHash: string;
}

/** Returns the SHA-256 of the lines `name TAB version LF`, one for each capability, sorted by name. */
function capabilitySetHash(capabilities: readonly CapabilityDecl[]): string {
  const lines = [...capabilities].sort((a, b) => compareUtf8(a.name, b.name)).map((c) => `${c.name}\t${c.version}\n`);
  return `sha256:${bytesToHex(sha256(utf8ToBytes(lines.join(""))))}`;
}

/** Returns a registry of the built-in capabilities and of `own`. Throws `capability.invalid_declaration` if two have the same name or id. */
export function registryOf(own: readonly CapabilityDecl[] = []): CapabilityRegistry {
  const all = [...CAPABILITIES, ...own];
  const byId = new Map<number, CapabilityDecl>();
  const byName = new Map<string, CapabilityDecl>();
  for (const capability of all) {
    const { id, name } = capability;
    const other = byName.get(name) ?? byId.get(id);
    if (other !== undefined) {
      const problem =
        other.name === name ? "is declared twice, or is a built-in one" : `has the same id as ${other.name}: rename one of the two`;
      throw new BorunaError("capability.invalid_declaration", `the capability ${name} ${problem}`);
    }
    byId.set(id, capability);
    byName.set(name, capability);
  }
  const byVariant = new Map(all.flatMap((c) => (c.variant === undefined ? [] : [[c.variant, c] as const])));
  const hash = lazily(() => ({ text: capabilitySetHash(all) }));
  return {
    all,
    own: [...own].sort((a, b) => compareUtf8(a.name, b.name)),
    byId,
    byName,
    byVariant,
    get setHash() {
      return hash().text;
    },
  };
}

export const BUILTIN_REGISTRY: CapabilityRegistry = registryOf();

/** Returns a built-in capability that must exist. */
export function builtinCapability(name: string): CapabilityDecl {
  const capability = BUILTIN_REGISTRY.byName.get(name);
  if (capability === undefined) throw new BorunaError("internal", `there is no capability ${name}`);
  return capability;
}

/** Returns the signature that accepts `count` arguments. Trailing arguments that have a default may be omitted. */
export function signatureFor(capability: CapabilityDecl, count: number): CapabilitySignature | undefined {
  return capability.signatures.find((s) => count <= s.params.length && count >= s.params.filter((p) => p.default === undefined).length);
}

/** Returns the arguments with the defaults of the missing ones. `args` must fit the signature. */
export function withDefaults(signature: CapabilitySignature, args: readonly Value[]): readonly Value[] {
  return signature.params.length === args.length ? args : signature.params.map((p, i) => args[i] ?? p.default ?? false);
}

/** The hint of an error about a program with a capability that its registry does not have. */
export const REGISTRY_HINT = "pass the `registry` that the program was compiled with";
