/**
 * Compares what two versions of a program may do: which capabilities they call, how often, and with which hosts, paths and other targets.
 * It also compares which secrets they send, which files make the calls, and whether an actor makes them.
 *
 * Each call of the new program is compared with the calls of the old one. The targets of a call are its URL, path or model, for example.
 * An old call covers a new one only if it had all of its targets at once: a POST to one host and a GET from another do not cover a POST to
 * the other. An old call with an unknown target covers everything. If only such a call covers a new one, and the code that may influence the new call has changed, the result is `cannot_tell`.
 *
 * The names of functions and the order of code do not matter. A call that moves to another file is reported as `moves`. A call that is made
 * in one more file is reported as `grows`, even if nothing else is new.
 */
import type { CheckedFunctions } from "../compiler/compile.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import type { JsonData } from "../vm/json/json.ts";
import { pathText, placeJson, quoted, stepsJson } from "./check.ts";
import { type EffectCall, type Effects, findEffects } from "./effects.ts";
import type { TextNumbers } from "./influence.ts";
import type { KnownText } from "./known.ts";
import type { Direction } from "./policy-diff.ts";
import { secretText } from "./secrets.ts";
import { isVague, type Reach, reachOfCall, ReachSet, type Tuple } from "./reach.ts";

export interface ProgramChange {
  readonly direction: Direction;
  /** The capability. */
  readonly path: string;
  /** A phrase without a subject. */
  readonly text: string;
  /** A call of the new program that shows the change. Undefined if the change is about a call that the new program no longer makes. */
  readonly call: EffectCall | undefined;
}

/** What a program may do with one capability. */
interface Use {
  /** How many calls one run can make. */
  readonly total: number;
  readonly reaches: readonly Reach[];
  /** The first call from each origin. The key says which file makes the call ("" for the file of `main`), and whether only actors make it. */
  readonly origins: ReadonlyMap<string, EffectCall>;
}

/** Returns the differences between what two programs may do. */
export function programChanges(before: CheckedFunctions, after: CheckedFunctions, registry: CapabilityRegistry): readonly ProgramChange[] {
  const numbers: TextNumbers = new Map();
  const [oldEffects, newEffects] = [findEffects(before, registry, numbers), findEffects(after, registry, numbers)];
  const [old, now] = [usesOf(before, oldEffects), usesOf(after, newEffects)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path) => {
    const changes = useChanges(old.get(path), now.get(path), oldEffects.influenceOfProgram() === newEffects.influenceOfProgram());
    return changes.map((change) => ({ ...change, path }));
  });
}

type Change = Omit<ProgramChange, "path">;

/** Returns the changes of one capability. `isSameCode` says that all code that `main` may run is the same. */
function useChanges(before: Use | undefined, after: Use | undefined, isSameCode: boolean): readonly Change[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined)
    return [
      { direction: "grows", text: "the program can now call it", call: after?.reaches[0]?.call },
      ...secretChanges([], after?.reaches ?? []),
    ];
  if (after === undefined) return [{ direction: "shrinks", text: "the program no longer calls it", call: undefined }];
  return [
    ...totalChanges(before, after),
    ...newCalls(before.reaches, after.reaches, isSameCode),
    ...goneCalls(before.reaches, after.reaches),
    ...secretChanges(before.reaches, after.reaches),
    ...originChanges(before, after),
  ];
}

/** Compares how many calls one run can make. */
function totalChanges(before: Use, after: Use): readonly Change[] {
  if (before.total === after.total) return [];
  const count = (total: number): string => (total === Infinity ? "any number of" : String(total));
  const grows = after.total > before.total;
  return [
    {
      direction: grows ? "grows" : "shrinks",
      text: `from ${count(before.total)} to ${count(after.total)} calls in a run`,
      call: grows ? addedCall(before.reaches, after.reaches) : undefined,
    },
  ];
}

/** Returns a call that the new program makes more often: with new targets or times if there is one, else on a new path, else the last call. */
function addedCall(before: readonly Reach[], after: readonly Reach[]): EffectCall | undefined {
  // Two calls are the same if they have the same targets, times and path. Functions may have been renamed, so targets and times are also
  // compared without the path.
  const added = [keyWithPath, targetKey].map((keyOf) => {
    const unmatchedCounts = new Map<string, number>();
    for (const reach of before) unmatchedCounts.set(keyOf(reach), (unmatchedCounts.get(keyOf(reach)) ?? 0) + 1);
    return after.filter((reach) => {
      const count = unmatchedCounts.get(keyOf(reach)) ?? 0;
      unmatchedCounts.set(keyOf(reach), count - 1);
      return count <= 0;
    });
  });
  const [byPath = [], byTarget = []] = added;
  return (byPath.find((reach) => byTarget.includes(reach)) ?? byPath.at(-1) ?? byTarget.at(-1) ?? after.at(-1))?.call;
}

/** Returns a text that is equal for two calls with the same targets and times. */
const targetKey = ({ targets, call }: Reach): string => `${JSON.stringify(targets)}:${call.times}`;
/** Like `targetKey`, but the calls must also have the same path. */
const keyWithPath = (reach: Reach): string => {
  const steps = reach.call.path?.().steps ?? [];
  return `${targetKey(reach)}:${steps.map(({ function: name }) => name).join(">")}`;
};

/** Limit on the texts that a change names. */
const MAX_SHOWN_TEXTS = 5;

const shownText = (text: KnownText): string => (text.isExact || text.text !== "" ? quoted(text) : "anything");
function listedTexts(texts: readonly string[]): string {
  return `${texts.slice(0, MAX_SHOWN_TEXTS).join(" or ")}${texts.length > MAX_SHOWN_TEXTS ? ` and ${texts.length - MAX_SHOWN_TEXTS} more` : ""}`;
}
const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

/** Describes combinations of targets that the other program does not have. `can` is "can be" or "can no longer be". */
function tupleTexts(tuples: readonly Tuple[], other: ReachSet, can: string): readonly string[] {
  const texts = new Map<string, string[]>();
  for (const tuple of tuples) {
    const newParts = tuple.filter(({ param, text }) => !other.hasText(param, text));
    const shown = newParts.length > 0 ? newParts : tuple;
    const key = shown.map(({ param }) => param).join(" ");
    if (newParts.length === 1)
      texts.set(key, [...(texts.get(key) ?? [`${newParts[0]?.param} ${can} `]), ...shown.map(({ text }) => shownText(text))]);
    else {
      const [first, ...more] = shown.map(({ param, text }) => [param, shownText(text)] as const);
      if (first === undefined) continue;
      const text = `${first[0]} ${can} ${first[1]}${more.map(([param, value], i) => `${i === 0 ? " with" : " and"} ${param} ${value}`).join("")}`;
      texts.set(text, [text]);
    }
  }
  return [...texts.values()].map(([first = "", ...values]) => first + listedTexts(unique(values)));
}

/** Returns a change for each combination of targets in `after` that no call of `before` certainly covers. */
function newCalls(before: readonly Reach[], after: readonly Reach[], isSameCode: boolean): readonly Change[] {
  const [firm, all] = [new ReachSet(before, "firm"), new ReachSet(before, "all")];
  const influences = new Set<string>();
  if (!isSameCode && !all.isFirm) for (const reach of before) if (!reach.isFirm) influences.add(reach.call.influence());
  const found = new Map<string, Change>();
  const add = (change: Change): void => {
    // If several calls have the same change, report the first call.
    if (!found.has(change.text)) found.set(change.text, change);
  };
  for (const { call, tuples } of after) {
    const uncovered = tuples.filter((tuple) => !firm.covers(tuple));
    const added = uncovered.filter((tuple) => !all.covers(tuple));
    for (const text of tupleTexts(added, all, "can be")) add({ direction: "grows", text, call });
    const doubtful = uncovered.filter((tuple) => all.covers(tuple));
    if (doubtful.length === 0 || isSameCode || influences.has(call.influence())) continue;
    const vague = unique(
      doubtful.flatMap((tuple) => tuple.filter(({ param, text }) => isVague(call.capability, param, text)).map(({ param }) => param)),
    );
    if (vague.length > 0)
      add({ direction: "cannot_tell", text: `${vague.join(" and ")} was already anything, and the code that makes it has changed`, call });
    for (const text of tupleTexts(
      doubtful.filter((tuple) => !tuple.some(({ param, text: each }) => isVague(call.capability, param, each))),
      firm,
      "can be",
    ))
      add({ direction: "cannot_tell", text: `${text}, but a call could already have anything there`, call });
  }
  return [...found.values()];
}

/** Returns a change for the combinations of targets in `before` that no call of `after` may have. */
function goneCalls(before: readonly Reach[], after: readonly Reach[]): readonly Change[] {
  const all = new ReachSet(after, "all");
  const gone = before.flatMap(({ tuples }) => tuples.filter((tuple) => !all.covers(tuple)));
  return tupleTexts(gone, all, "can no longer be").map((text) => ({ direction: "shrinks", text, call: undefined }));
}

/** Returns the changes in which secrets a program can send to which hosts. */
function secretChanges(before: readonly Reach[], after: readonly Reach[]): readonly Change[] {
  const [old, now] = [secretsOf(before), secretsOf(after)];
  const changes = (sent: SentSecrets, otherSent: SentSecrets) =>
    [...sent].filter(([text, { name }]) => !otherSent.has(text) && !otherSent.has(secretText(name, undefined)));
  return [
    ...changes(now, old).map(([text, { call }]): Change => ({ direction: "grows", text: `can send ${text}`, call })),
    ...changes(old, now).map(([text]): Change => ({ direction: "shrinks", text: `can no longer send ${text}`, call: undefined })),
  ];
}

/** The secrets that can be sent. The key describes a secret and a host; the value has the secret's name and a call that can send it there. */
type SentSecrets = ReadonlyMap<string, { readonly name: string | undefined; readonly call: EffectCall }>;

function secretsOf(reaches: readonly Reach[]): SentSecrets {
  const sent = new Map<string, { readonly name: string | undefined; readonly call: EffectCall }>();
  for (const { call } of reaches)
    for (const { name, hosts } of call.secrets)
      for (const host of hosts ?? [undefined]) {
        const text = secretText(name, host);
        if (!sent.has(text)) sent.set(text, { name, call });
      }
  return sent;
}

/** Compares which files, and whether actors, make the calls. */
function originChanges(before: Use, after: Use): readonly Change[] {
  const added = [...after.origins].filter(([origin]) => !before.origins.has(origin));
  const removed = [...before.origins].filter(([origin]) => !after.origins.has(origin));
  return [
    ...added.map(
      ([origin, call]): Change => ({ direction: removed.length === 0 ? "grows" : "moves", text: `called ${originText(origin)}`, call }),
    ),
    ...removed.map(
      ([origin]): Change => ({
        direction: added.length === 0 ? "shrinks" : "moves",
        text: `no longer called ${originText(origin)}`,
        call: undefined,
      }),
    ),
  ];
}

/** The beginning of an origin if only actors make the call. The rest is the name of the file, or "" for the program's own file. */
const ACTOR = "actor ";
const originText = (origin: string): string => {
  const file = origin.startsWith(ACTOR) ? origin.slice(ACTOR.length) : origin;
  return `in ${file === "" ? "the program's own file" : file}${origin.startsWith(ACTOR) ? ", by an actor" : ""}`;
};

/** Returns what the program may do, by capability. */
function usesOf(program: CheckedFunctions, { calls, totals }: Effects): ReadonlyMap<string, Use> {
  const byName = new Map<string, EffectCall[]>();
  for (const call of calls) {
    if (call.path === undefined) continue;
    const { name } = call.capability;
    const sameCapability = byName.get(name);
    if (sameCapability === undefined) byName.set(name, [call]);
    else sameCapability.push(call);
  }
  return new Map(
    [...byName].map(([name, sameCapability]) => {
      // The list is reversed, so the first call of each origin stays in the map.
      const origins = new Map(sameCapability.toReversed().map((call) => [originOf(call, program.main.file.name), call]));
      return [name, { total: totals.get(name) ?? 0, reaches: sameCapability.map(reachOfCall), origins }];
    }),
  );
}

const originOf = ({ place, inActor }: EffectCall, mainFile: string): string =>
  `${inActor ? ACTOR : ""}${place.file === mainFile ? "" : place.file}`;

/** Returns the change as text, with the path to its call. */
export const programChangeText = ({ text, call }: ProgramChange): string =>
  call?.path === undefined ? text : `${text}: ${pathText(call.path(), call.place)}`;

/** Returns the changes as JSON, with the place of each call and the path to it. */
export function programChangesJson(changes: readonly ProgramChange[]): JsonData {
  return changes.map(({ direction, path, text, call }) => {
    const where = call?.path === undefined ? undefined : { location: placeJson(call.place), ...call.path() };
    return new Map<string, JsonData>([
      ["direction", direction],
      ["path", path],
      ["text", text],
      ["location", where?.location ?? null],
      ["steps", where === undefined ? null : stepsJson(where.steps)],
      ["omitted", where?.omitted ?? 0],
    ]);
  });
}
