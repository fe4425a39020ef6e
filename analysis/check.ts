/** Checks a policy against a program before a run: says what the policy decides about each call of the program. */
import type { CheckedFunctions } from "../compiler/compile.ts";
import type { Policy } from "../policy/policy.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import type { JsonData } from "../vm/json/json.ts";
import { type CallPath, type EffectCall, findEffects, type Place } from "./effects.ts";
import type { Known, KnownText } from "./known.ts";
import { secretText } from "./secrets.ts";
import { isLeftToHandler, judgeCall, type Judgement, unusedRules } from "./verdict.ts";

/** A call of the program, and what the policy decides about it. `judgement` is undefined if no policy was given. */
export interface CheckedCall {
  readonly call: EffectCall;
  readonly judgement: Judgement | undefined;
  /** Whether the policy's own checks accept the call, and the handler checks the rest, such as where the links of a path lead. */
  readonly isLeftToHandler: boolean;
}

export interface PolicyCheck {
  readonly calls: readonly CheckedCall[];
  /** The most calls of each capability in one run, by name. */
  readonly totals: ReadonlyMap<string, number>;
  /** The capabilities that a rule of the policy allows but the program never calls. */
  readonly unused: readonly string[];
}

export function checkProgramPolicy(program: CheckedFunctions, policy: Policy | undefined, registry: CapabilityRegistry): PolicyCheck {
  const { calls, totals } = findEffects(program, registry);
  const checked = calls.map((call): CheckedCall => {
    if (policy === undefined) return { call, judgement: undefined, isLeftToHandler: false };
    const judgement = judgeCall(call, policy, totals.get(call.capability.name) ?? 0);
    return { call, judgement, isLeftToHandler: isLeftToHandler(policy, call, judgement) };
  });
  return { calls: checked, totals, unused: policy === undefined ? [] : unusedRules(policy, totals) };
}

/** Whether the program can reach a call that the policy always refuses. */
export const refusesCall = ({ calls }: PolicyCheck): boolean => calls.some(({ judgement }) => judgement?.verdict === "denied");

const placeText = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;
const timesText = (count: number): string =>
  count === Infinity ? "any number of times" : count === 1 ? "at most once" : `at most ${count} times`;
const callsText = (count: number): string =>
  count === Infinity ? "any number of calls" : count === 1 ? "at most 1 call" : `at most ${count} calls`;

/** Returns what is known about an argument as text: `"a" or "b…"`; undefined if nothing is known. */
export function knownText(known: Known): string | undefined {
  if (known?.kind === "text") return known.texts.map(quoted).join(" or ");
  if (known?.kind === "int" && known.min === known.max) return String(known.min);
  return undefined;
}

/** Limit on the part of a text that is shown, in UTF-16 code units. */
const MAX_SHOWN_UNITS = 80;

/** Returns a known text in quotes, shortened. */
export function quoted({ text, isExact }: KnownText): string {
  const shown = JSON.stringify(text.slice(0, MAX_SHOWN_UNITS));
  return isExact && text.length <= MAX_SHOWN_UNITS ? shown : `${shown.slice(0, -1)}…"`;
}

/** Returns a path as text, with the place of each call: `main → load (app.ax:3:5)`. If `end` is given, the path ends with that place. */
export function pathText({ steps, omitted }: CallPath, end?: Place): string {
  const shown = steps.map((step, i) => {
    const name = step.by === "spawn" ? `${step.function} as an actor` : step.by === "value" ? `${step.function} as a value` : step.function;
    return i === 0 ? name : `${name} (${placeText(step.place)})`;
  });
  if (omitted > 0) shown.splice(1, 0, `${omitted} more`);
  return [...shown, ...(end === undefined ? [] : [placeText(end)])].join(" → ");
}

/** Limit on the paths that are shown for a call. */
const MAX_SHOWN_PATHS = 3;

function pathLines({ path, otherPaths }: EffectCall): readonly string[] {
  const paths = [...new Set([...(path === undefined ? [] : [path]), ...otherPaths].map((each) => pathText(each())))];
  const more = paths.length - MAX_SHOWN_PATHS;
  return [...paths.slice(0, MAX_SHOWN_PATHS), ...(more > 0 ? [`and ${more} more ${more === 1 ? "path" : "paths"}`] : [])].map(
    (line) => `    ${line}`,
  );
}

const secretLines = ({ secrets }: EffectCall): readonly string[] =>
  secrets.flatMap(({ name, hosts }) => (hosts ?? [undefined]).map((host) => `    can send ${secretText(name, host)}`));

/** Returns the check as lines of text. */
export function policyCheckLines({ calls: checkedCalls, totals, unused }: PolicyCheck): readonly string[] {
  const lines = checkedCalls.flatMap(({ call, judgement, isLeftToHandler: isLeft }) => {
    const argument = knownText(call.args[0]?.known);
    const what = `${placeText(call.place)}: ${call.capability.name}${argument === undefined ? "" : ` ${argument}`}`;
    if (call.path === undefined) return [`${what}: never reached`];
    const verdict =
      judgement === undefined ? "" : ` ${isLeft ? "allowed, unless its handler refuses it" : VERDICT_WORDS[judgement.verdict]},`;
    const reasons = (judgement?.reasons ?? []).map(({ rule, reason }) => `    ${reason} [${rule}]`);
    return [`${what}:${verdict} ${timesText(call.times)}`, ...pathLines(call), ...secretLines(call), ...reasons];
  });
  const forecast = [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name}: ${callsText(count)}`);
  return [
    ...lines,
    forecast.length === 0 ? "a run makes no calls" : `a run makes ${forecast.join("; ")}`,
    ...unused.map((name) => `the policy allows ${name}, and the program never calls it`),
  ];
}

const VERDICT_WORDS = {
  never_reached: "never reached",
  denied: "always denied",
  can_be_denied: "can be denied",
  allowed: "allowed",
} as const;

export const placeJson = ({ file, line, column }: Place): JsonData =>
  new Map<string, JsonData>([
    ["file", file],
    ["line", line],
    ["column", column],
  ]);

/** Returns a count as JSON: null if no bound is known. */
const countJson = (count: number): JsonData => (count === Infinity ? null : count);

export const stepsJson = (steps: CallPath["steps"]): JsonData =>
  steps.map(
    (step) =>
      new Map<string, JsonData>([
        ["function", step.function],
        ["by", step.by],
        ["place", placeJson(step.place)],
      ]),
  );

const pathJson = ({ steps, omitted }: CallPath): JsonData =>
  new Map<string, JsonData>([
    ["steps", stepsJson(steps)],
    ["omitted", omitted],
  ]);

function argumentsJson({ args }: EffectCall): JsonData {
  return new Map(
    args.flatMap(({ param, known }) =>
      known?.kind === "text"
        ? [[param, known.texts.map(({ text, isExact }) => new Map<string, JsonData>([[isExact ? "text" : "prefix", text]]))] as const]
        : [],
    ),
  );
}

/** Returns the check as JSON. */
export function policyCheckJson(check: PolicyCheck): JsonData {
  return new Map<string, JsonData>([
    ["ok", !refusesCall(check)],
    [
      "calls",
      check.calls.map(
        ({ call, judgement }) =>
          new Map<string, JsonData>([
            ["capability", call.capability.name],
            ["place", placeJson(call.place)],
            ["verdict", judgement?.verdict ?? (call.path === undefined ? "never_reached" : null)],
            [
              "reasons",
              (judgement?.reasons ?? []).map(
                ({ rule, reason }) =>
                  new Map([
                    ["rule", rule],
                    ["reason", reason],
                  ]),
              ),
            ],
            ["path", call.path === undefined ? null : pathJson(call.path())],
            ["other_paths", call.otherPaths.map((path) => pathJson(path()))],
            ["times", countJson(call.times)],
            [
              "secrets",
              call.secrets.map(
                ({ name, hosts }) =>
                  new Map<string, JsonData>([
                    ["name", name ?? null],
                    ["hosts", hosts ?? null],
                  ]),
              ),
            ],
            ["arguments", argumentsJson(call)],
            ["in_actor", call.inActor],
          ]),
      ),
    ],
    ["totals", new Map([...check.totals].map(([name, count]) => [name, countJson(count)]))],
    ["unused", check.unused],
  ]);
}
