/**
 * Own capabilities: capabilities that an embedder declares. `defineCapability` checks one, and `createRegistry` makes a registry of them.
 * The compiler and the log read only the declaration. The handler and the mock belong to the host.
 */
import { type CapabilityDecl, type CapabilityRegistry, registryOf } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { jsonFromJs, type PlainValue } from "../vm/json/js-interop.ts";
import type { JsonData } from "../vm/json/json.ts";
import { declareCapability } from "../vm/own-capabilities.ts";
import { typeToString } from "../vm/value/type.ts";
import type { Handler, HandlerContext } from "./handlers.ts";
import { plainAnswer } from "./plain-values.ts";

/** A parameter of a capability of your own. */
export interface ParamSpec {
  /** Lower case, such as `customer`. */
  readonly name: string;
  /** A type of plain data in the syntax of the language, such as `List<Int>`. */
  readonly type: string;
  /** What the handler gets if the program leaves the argument out, as plain data. */
  readonly default?: unknown;
}

/** A capability of your own: its declaration, and the handler and mock that carry out its calls. */
export interface CapabilitySpec {
  /** Lower case with dots, such as `orders.total`. */
  readonly name: string;
  /** Part of every log. Change it when the meaning of a call changes. */
  readonly version: string;
  readonly params: readonly ParamSpec[];
  /** The type of the answer. */
  readonly result: string;
  /** Whether a call may be made again if its answer was lost. An object says for which arguments: `{ how: ["read"] }`. */
  readonly mayRepeat: boolean | Readonly<Record<string, readonly string[]>>;
  readonly doc?: string;
  /** Carries out the calls of a live run. */
  handler?(args: readonly PlainValue[], context: HandlerContext): unknown;
  /** What a call gets in a run that is not live: plain data, or a function that returns it, like `handler`. Without a mock, the call ends the run. */
  readonly mock?: unknown;
}

/** The JavaScript type of plain data for a type of the language, such as `List<Int>`. `Json` and a `Result` are any `PlainValue`. */
export type PlainOf<T extends string> = T extends "Int"
  ? number | bigint
  : T extends "Float"
    ? number
    : T extends "String"
      ? string
      : T extends "Bool"
        ? boolean
        : T extends "Unit"
          ? null
          : T extends `List<${infer Item}>`
            ? readonly PlainOf<Item>[]
            : T extends `Map<String, ${infer Item}>`
              ? Readonly<Record<string, PlainOf<Item>>>
              : T extends `Option<${infer Item}>`
                ? null | { readonly some: PlainOf<Item> }
                : PlainValue;

/** The answers that a handler may return for a result type. */
type AnswerOf<T extends string> = T extends "Unit" ? null | undefined | void : T extends "Json" ? unknown : PlainOf<T>;

/** A `CapabilitySpec` whose handler has the types of its parameters and result. */
export interface TypedCapabilitySpec<P extends readonly ParamSpec[], R extends string> extends Omit<CapabilitySpec, "handler"> {
  readonly params: P;
  readonly result: R;
  readonly handler?: (
    args: { readonly [K in keyof P]: PlainOf<P[K]["type"]> },
    context: HandlerContext,
  ) => AnswerOf<R> | Promise<AnswerOf<R>>;
}

/** Checks the declaration of a capability and returns it. Throws `capability.invalid_declaration`. */
export function defineCapability<const P extends readonly ParamSpec[], const R extends string>(
  capability: TypedCapabilitySpec<P, R>,
): CapabilitySpec {
  declare(capability);
  return capability;
}

/**
 * Returns a registry of the built-in capabilities and of your own, for `compile`, `execute` and `parsePolicy`. Throws
 * `capability.invalid_declaration`.
 */
export function createRegistry(capabilities: readonly CapabilitySpec[]): CapabilityRegistry {
  return registryOf(capabilities.map(declare));
}

/** The host's code for one own capability. */
interface OwnCode {
  readonly handler: Handler | undefined;
  readonly mock: Handler | undefined;
}

/** Handler and mock by declaration. They are kept here, because `vm/` knows only declarations. */
const CODE = new WeakMap<CapabilityDecl, OwnCode>();

/** Returns the handlers of the registry's own capabilities. */
export function ownHandlers(registry: CapabilityRegistry): readonly (readonly [string, Handler])[] {
  return codeOf(registry, (code) => code.handler);
}

/** Returns the mocks of the registry's own capabilities, as handlers. */
export function ownMocks(registry: CapabilityRegistry): readonly (readonly [string, Handler])[] {
  return codeOf(registry, (code) => code.mock);
}

/** Returns the handlers or mocks of the host's own capabilities, by name. */
function codeOf(registry: CapabilityRegistry, select: (code: OwnCode) => Handler | undefined): readonly (readonly [string, Handler])[] {
  return registry.own.flatMap((capability) => {
    const code = CODE.get(capability);
    const handler = code === undefined ? undefined : select(code);
    return handler === undefined ? [] : [[capability.name, handler] as const];
  });
}

/** Checks a declaration, which may come from plain JavaScript, and returns the entry of the registry. */
function declare(spec: unknown): CapabilityDecl {
  const { handler, mock, ...declaration } = membersOf(spec);
  const capability = declareCapability(dataOf(declaration));
  if (handler !== undefined && !isHandler(handler)) throw invalid(capability, "handler: expected a function");
  CODE.set(capability, { handler, mock: mock === undefined ? undefined : mockOf(capability, mock) });
  return capability;
}

const isHandler = (given: unknown): given is Handler => typeof given === "function";

function invalid(capability: CapabilityDecl, problem: string): BorunaError {
  return new BorunaError("capability.invalid_declaration", `the capability ${capability.name}: ${problem}`);
}

/** Returns the members of an object. Runs its getters once. */
function membersOf(spec: unknown): Readonly<Record<string, unknown>> {
  return typeof spec === "object" && spec !== null ? { ...spec } : {};
}

function dataOf(declaration: unknown): JsonData {
  try {
    return jsonFromJs(declaration);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError("capability.invalid_declaration", `a capability: ${error.message}`, { cause: error });
  }
}

/** Returns the mock as a handler. A mock that is a value must have the result type. */
function mockOf(capability: CapabilityDecl, mock: unknown): Handler {
  if (isHandler(mock)) return mock;
  const result = capability.signatures[0]?.result;
  const checked = result === undefined ? undefined : plainAnswer(mock, result, []);
  if (checked !== undefined && "problem" in checked)
    throw invalid(capability, `mock: expected ${result === undefined ? "" : typeToString(result)}, and it is ${checked.problem}`);
  return () => mock;
}
