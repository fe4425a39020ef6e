/**
 * The world of a simulated run. It answers the calls according to the run's choices, and records calls, answers and effects. No call reaches
 * the outside world. The answers depend only on the choices, the calls and their arguments.
 */
import type { ApprovalRequest, Decision } from "../gateway/approval.ts";
import { CapabilityFailure, type HandlerContext, type Handlers, machineHandler } from "../gateway/handlers.ts";
import { readAnswerSchema } from "../gateway/handlers/answer-schema.ts";
import { answerValue } from "../gateway/handlers/llm-answer.ts";
import { checkScope } from "../gateway/mock.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { type CapabilityDecl, signatureFor } from "../vm/capabilities.ts";
import { canonicalJson, type JsonData, jsonObjectOf } from "../vm/json/json.ts";
import { valueFromTypedJson, valueToTypedJson } from "../vm/json/typed-json.ts";
import { base64Text } from "../vm/value/base64.ts";
import { MapValue } from "../vm/value/map.ts";
import type { Type } from "../vm/value/type.ts";
import { FloatValue, type Value } from "../vm/value/value.ts";
import { Chooser, Random, type Script, withoutTrailingZeros } from "./choices.ts";
import { type Fault, FAULTS, faultsOf } from "./faults.ts";
import { type Flavor, type Plan, STRING_TYPE, ValueMaker } from "./made-values.ts";
import { matchingDocument } from "./schema-values.ts";
import { vocabularyOf } from "./vocabulary.ts";

/** A parameter of `main` whose value the simulation chooses. */
export interface FreeParam {
  readonly name: string;
  readonly type: Type;
}

export type SimulatedAnswer = { readonly value: Value; readonly type: Type } | { readonly failure: string };

/** A call of a simulated run. */
export interface SimulatedCall {
  /** The number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  readonly args: readonly Value[];
  readonly answer: SimulatedAnswer;
  /** Whether the call was carried out. A program that gets a failure cannot know this. */
  readonly done: boolean;
  readonly fault: Fault;
  /** What happened besides the answer, for people. */
  readonly note: string | undefined;
}

/** Where the choices of a run come from: first a script, then random numbers if there is a seed. */
export interface ChoiceSource {
  readonly script: Script;
  readonly random: { readonly seed: number; readonly run: number } | undefined;
}

/** The time of the first `time.now`, as in a run with mocks. In milliseconds since 1970. */
const START_MS = 1_700_000_000_000;
/** How much time may pass before the answer of a call with the fault `late`. */
const LATE_SECONDS = [60, 3_600, 86_400, 2_678_400] as const;
/** How far the clock may advance between two calls of `time.now`. */
const CLOCK_STEPS_MS = [0, 1, 1_000, 10_000] as const;
/** How far the clock may be set back. */
const CLOCK_BACK_MS = [1_000, 3_600_000] as const;
/** The probability that a call has a fault, in sixteenths. Consecutive runs use these rates in turn. */
const FAULT_RATES = [1, 2, 5, 10] as const;
const FAILURES = ["no answer", "the connection was closed by the other side", "out of service"] as const;
const LOST = "the connection was closed before the answer came";
export const TOO_MANY_CALLS = "the simulation allows no more calls in one run (the option `maxCalls`)";
const ERROR_STATUS = [500, 404, 403, 429, 503, 204, 301] as const;
const ERROR_PAGE = "<html><body>502 Bad Gateway</body></html>";

/** What all runs of a simulation share. */
export class WorldMaker {
  readonly maker: ValueMaker;
  readonly #program: Program;
  readonly #maxCalls: number;
  readonly #freeParams: readonly FreeParam[];

  constructor(program: Program, maxCalls: number, freeParams: readonly FreeParam[]) {
    this.#program = program;
    this.#maxCalls = maxCalls;
    this.#freeParams = freeParams;
    this.maker = new ValueMaker(vocabularyOf(program.module), program.module.types);
  }

  /** Returns the world of one run. */
  open(source: ChoiceSource): World {
    return new World(this.#program, this.maker, this.#maxCalls, source, this.#freeParams);
  }
}

export class World {
  readonly calls: SimulatedCall[] = [];
  /** The chosen arguments of `main`, as typed JSON. */
  readonly args: ReadonlyMap<string, JsonData>;
  readonly handlers: Handlers;
  /** Whether the run made too many calls, so that it was ended. */
  hasTooManyCalls = false;
  /** Whether the simulated person refused a call, so that the run ended. */
  wasRefused = false;
  readonly #program: Program;
  readonly #maker: ValueMaker;
  readonly #maxCalls: number;
  readonly #source: ChoiceSource;
  /** What the answers of this run have in common. */
  readonly #plan: Plan;
  /** The chooser of each call, by the call's number. Index 0 has the chooser for the complete run. */
  readonly #choosers: Chooser[] = [];
  /** Answers that later calls get again. The fault `down` sets one for a capability, the fault `stuck` for a capability and a form (`formOf`). */
  readonly #lastingAnswers = new Map<string, { readonly answer: SimulatedAnswer; readonly fault: Fault }>();
  #nowMs = START_MS;

  constructor(program: Program, maker: ValueMaker, maxCalls: number, source: ChoiceSource, freeParams: readonly FreeParam[]) {
    this.#program = program;
    this.#maker = maker;
    this.#maxCalls = maxCalls;
    this.#source = source;
    const choose = this.#chooserOf(0);
    this.#plan = maker.plan(choose);
    const args = new Map<string, JsonData>();
    const flavor: Flavor = freeParams.length === 0 ? "plain" : choose.oneOf<Flavor>("plain", "plain", "empty", "odd", "huge");
    maker.beginValue();
    for (const { name, type } of freeParams) args.set(name, maker.ofType(type, choose, flavor, this.#plan));
    this.args = args;
    this.handlers = new Map(
      program.registry.all
        .filter((capability) => capability.internal !== true)
        .map((capability) => [capability.name, machineHandler((given, context) => this.#answer(capability, given, context))]),
    );
  }

  /** Returns the choices that the run made, without trailing zeros. */
  script(): Script {
    const script = Array.from(this.#choosers, (chooser: Chooser | undefined) => withoutTrailingZeros(chooser?.choices ?? []));
    return script.slice(0, script.findLastIndex((choices) => choices.length > 0) + 1);
  }

  #chooserOf(call: number): Chooser {
    const { script, random } = this.#source;
    return (this.#choosers[call] ??= new Chooser(
      script[call] ?? [],
      random === undefined ? undefined : new Random(random.seed, random.run, call),
    ));
  }

  /** Returns the faults of the run: one for each call that had a fault, and `refused` if a call was refused. */
  faults(): readonly Fault[] {
    const faults = this.calls.map(({ fault }) => fault).filter((fault) => fault !== "none");
    return this.wasRefused ? [...faults, "refused"] : faults;
  }

  /** Whether the message of a failed actor quotes the failure of one of the calls. */
  quotesFailedCall(message: string): boolean {
    return this.calls.some(({ answer }) => "failure" in answer && message.includes(answer.failure));
  }

  /** Decides about a call that waits for an approval. Returns undefined if the rule names keys, because nobody can sign here. */
  readonly approve = (request: ApprovalRequest): Decision | undefined => {
    if (request.keys.length > 0) return undefined;
    const isRefused = this.#chooserOf(request.call).weighted([15, 1]) === 1;
    if (isRefused) this.wasRefused = true;
    return { decision: isRefused ? "denied" : "approved", by: "boruna simulate" };
  };

  #answer(capability: CapabilityDecl, args: readonly Value[], context: HandlerContext): Value {
    const { callNumber } = context;
    checkScope(capability.name, args, context);
    if (this.calls.length >= this.#maxCalls) {
      this.hasTooManyCalls = true;
      throw new CapabilityFailure(TOO_MANY_CALLS, "denied");
    }
    const form = `${capability.name} ${formOf(capability.name, args)}`;
    const lasting = this.#lastingAnswers.get(capability.name) ?? this.#lastingAnswers.get(form);
    const call = { call: callNumber, capability: capability.name, args };
    if (lasting !== undefined) return this.#recordCall({ ...call, ...lasting, done: !("failure" in lasting.answer), note: "as before" });
    const choose = this.#chooserOf(callNumber);
    const fault = this.#chooseFault(capability.name, choose);
    if (fault === "failed" || fault === "lost" || fault === "down") {
      const answer = { failure: fault === "lost" ? LOST : choose.oneOf(...FAILURES) };
      if (fault === "down") this.#lastingAnswers.set(capability.name, { answer, fault });
      return this.#recordCall({
        ...call,
        answer,
        done: fault === "lost",
        fault,
        note: fault === "lost" ? "it was carried out" : undefined,
      });
    }
    this.#maker.beginValue();
    const type = signatureFor(capability, args.length)?.result ?? STRING_TYPE;
    const answer = answerOf(() => ({ value: this.#content(capability, args, type, choose, fault), type }));
    if (fault === "stuck") this.#lastingAnswers.set(form, { answer, fault });
    const late = fault === "late" ? choose.oneOf(...LATE_SECONDS) : undefined;
    if (late !== undefined) this.#nowMs += late * 1_000;
    return this.#recordCall({ ...call, answer, done: true, fault, note: late === undefined ? undefined : `after ${late} s` });
  }

  /** Records the call, and returns its answer or throws its failure. */
  #recordCall(call: SimulatedCall): Value {
    this.calls.push(call);
    if ("failure" in call.answer) throw new CapabilityFailure(call.answer.failure);
    return call.answer.value;
  }

  /** Chooses the fault of a call. */
  #chooseFault(capability: string, choose: Chooser): Fault {
    const faults = faultsOf(capability);
    const rate = FAULT_RATES[(this.#source.random?.run ?? 0) % FAULT_RATES.length] ?? 1;
    const total = faults.reduce((sum, fault) => sum + FAULTS[fault].weight, 0);
    // The weights of all faults add up to `rate` sixteenths. The rest is the weight of an ordinary answer.
    const weights = faults.map((fault) => (fault === "none" ? Math.max(1, total) * (16 - rate) : FAULTS[fault].weight * rate));
    return faults[choose.weighted(weights)] ?? "none";
  }

  /** Makes the value with which a call is answered. The fault decides the flavor, which says what is special about the value. */
  #content({ name, mock }: CapabilityDecl, args: readonly Value[], type: Type, choose: Chooser, fault: Fault): Value {
    if (name === "time.now") return this.#time(args[0], choose, fault);
    if (name === "random") return randomAnswer(args, choose);
    if (name === "fs.write") return true;
    // Ordinary and faulty answers make their choices in the same order. So shrinking can replace a fault by `none` and keep the other choices.
    const isOrdinary = fault === "none" || fault === "late" || fault === "stuck";
    const usesMock = choose.weighted([1, 15]) === 0;
    const flavor = flavorOf(fault, choose);
    if (name === "llm.call") return this.#reply(args, choose, fault, flavor);
    if (isOrdinary && usesMock && mock !== undefined) return mock(args);
    if (name === "net.fetch") return this.#page(args[4], choose, fault, flavor);
    if (name === "fs.read") return this.#file(args[1], choose, fault, flavor);
    if (name === "db.query") return this.#value(this.#maker.rows(choose, flavor, this.#plan), type);
    if (name === "step.input") return this.#text(choose, fault, flavor);
    return this.#value(this.#maker.ofType(type, choose, flavor, this.#plan), type);
  }

  #value(data: JsonData, type: Type): Value {
    return valueFromTypedJson(data, type, this.#program.module.types);
  }

  #time(unit: Value | undefined, choose: Chooser, fault: Fault): Value {
    this.#nowMs += fault === "back" ? -choose.oneOf(...CLOCK_BACK_MS) : choose.oneOf(...CLOCK_STEPS_MS);
    return unit === "us" ? this.#nowMs * 1_000 : unit === "ms" ? this.#nowMs : Math.floor(this.#nowMs / 1_000);
  }

  /** Returns the text of a page, file or input. With the fault `broken`, it may be an error page, or a document that ends too early. */
  #text(choose: Chooser, fault: Fault, flavor: Flavor): string {
    const damage = choose.weighted(fault === "broken" ? [2, 1, 1] : [1]);
    if (damage === 1) return ERROR_PAGE;
    const text = this.#maker.content(choose, flavor, this.#plan);
    return damage === 2 ? Array.from(text).slice(0, -1).join("") : text;
  }

  #page(format: Value | undefined, choose: Chooser, fault: Fault, flavor: Flavor): Value {
    if (format !== "response") return this.#text(choose, fault, flavor);
    const status = choose.happens(fault === "broken", [1, 3]) ? choose.oneOf(...ERROR_STATUS) : 200;
    const body = status === 200 ? this.#text(choose, fault, flavor) : ERROR_PAGE;
    return canonicalJson(jsonObjectOf(["body", body], ["headers", new Map()], ["status", status]));
  }

  #file(want: Value | undefined, choose: Chooser, fault: Fault, flavor: Flavor): Value {
    if (want === "list") return canonicalJson(fileNames(choose, flavor, this.#maker));
    if (want === "stat") {
      const size = Math.min(Math.max(0, Number(this.#maker.number(choose, flavor))), Number.MAX_SAFE_INTEGER);
      return canonicalJson(jsonObjectOf(["kind", choose.oneOf("file", "dir")], ["modified_ms", this.#nowMs], ["size", size]));
    }
    const text = this.#text(choose, fault, flavor);
    return want === "base64" ? base64Text(new TextEncoder().encode(text)) : text;
  }

  /** Makes the answer of an `llm.call`. If the answer does not match the schema, throws the same failure as a live call. */
  #reply([, model, options]: readonly Value[], choose: Chooser, fault: Fault, flavor: Flavor): Value {
    const finishReason = choose.happens(fault === "broken", [1, 2]) ? choose.oneOf("length", "content_filter") : "stop";
    const schema = schemaIn(options);
    const text =
      schema === undefined ? this.#text(choose, fault, flavor) : canonicalJson(matchingDocument(schema, choose, flavor, this.#maker));
    const usage = { inputTokens: 10, outputTokens: 10 };
    const answer = { text, refusal: undefined, finishReason, model: "simulated", usage };
    return answerValue(answer, typeof model === "string" ? model : "", 1, schema === undefined ? undefined : readAnswerSchema(schema));
  }
}

/** Returns the schema of an `llm.call`. */
function schemaIn(options: Value | undefined): JsonData | undefined {
  const schema = options instanceof MapValue ? options.get("schema") : undefined;
  return schema === undefined ? undefined : valueToTypedJson(schema, JSON_TYPE, []);
}

const JSON_TYPE: Type = { kind: "primitive", name: "Json" };

/** Returns what decides the form of a call's answer: its argument `want`, or for `llm.call` whether it has a schema. */
function formOf(capability: string, args: readonly Value[]): string {
  if (capability === "llm.call") return String(schemaIn(args[2]) !== undefined);
  const want = capability === "net.fetch" ? args[4] : capability === "fs.read" ? args[1] : "";
  return typeof want === "string" ? want : "";
}

/** Returns the answer, or the failure that `make` throws. */
function answerOf(make: () => SimulatedAnswer): SimulatedAnswer {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof CapabilityFailure)) throw error;
    return { failure: error.message };
  }
}

function flavorOf(fault: Fault, choose: Chooser): Flavor {
  const isMixed = choose.happens(fault === "broken", [1, 1]);
  if (fault === "broken") return isMixed ? "mixed" : "partial";
  return fault === "empty" || fault === "odd" || fault === "huge" ? fault : "plain";
}

function randomAnswer([kind, lo, hi]: readonly Value[], choose: Chooser): Value {
  if (kind === undefined) return new FloatValue(choose.oneOf(0.42, 0, 0.999_999_999_999_999_9, choose.below(1_000) / 1_000));
  if ((typeof lo !== "number" && typeof lo !== "bigint") || (typeof hi !== "number" && typeof hi !== "bigint")) return 0;
  const middle = BigInt(lo) + (BigInt(hi) - BigInt(lo)) / 2n;
  return choose.oneOf<Value>(lo, hi, Number.isSafeInteger(Number(middle)) ? Number(middle) : middle);
}

/** Returns the sorted names of the files in a folder. A name has no slash. */
function fileNames(choose: Chooser, flavor: Flavor, maker: ValueMaker): JsonData {
  const count = flavor === "empty" ? 0 : flavor === "huge" ? 300 : choose.below(4);
  const names = Array.from({ length: count }, (_, i) =>
    count > 4 ? `${i}.txt` : maker.text(choose, flavor).replaceAll(/[/\0]/g, "_").slice(0, 100),
  );
  return [...new Set(names.filter((name) => name !== "" && name !== "." && name !== ".."))].toSorted();
}
