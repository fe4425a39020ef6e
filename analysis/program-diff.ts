/**
 * Compares what two versions of a program may do: which capabilities they call, how often, with which hosts, paths and other targets,
 * from which files, and whether from an actor.
 *
 * The names of functions and the order of code do not matter. A call that moves to another file is reported as `moves`. A call that one
 * more file makes is reported as `grows`, even if nothing else is new.
 */
import type { CheckedFunctions } from "../compiler/compile.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { pathText, quoted } from "./check.ts";
import { type EffectCall, findEffects } from "./effects.ts";
import { ANY_TEXT, type KnownText } from "./known.ts";
import type { Direction } from "./policy-diff.ts";

export interface ProgramChange {
  readonly direction: Direction;
  /** The capability. */
  readonly path: string;
  /** A phrase without a subject. */
  readonly text: string;
}

/**
 * The parameters that say what a call reaches, by capability. What the call sends there, such as the body of a request, does not count. All
 * parameters of a capability that is not listed here count.
 */
const TARGETS: ReadonlyMap<string, readonly string[]> = new Map([
  ["net.fetch", ["url", "method"]],
  ["fs.read", ["path"]],
  ["fs.write", ["path", "how"]],
  ["db.query", ["sql"]],
  ["llm.call", ["model"]],
  ["time.now", []],
  ["random", []],
]);

/** What a program may do with one capability. */
interface Use {
  /** How many calls one run can make. */
  readonly total: number;
  readonly calls: readonly EffectCall[];
  /** The texts that each parameter may have. */
  readonly targets: ReadonlyMap<string, TextSet>;
  /** A call for each origin: a file, and whether only actors make the call. The file of `main` is "". */
  readonly origins: ReadonlyMap<string, EffectCall>;
}

/** Returns the differences between what two programs may do. */
export function programChanges(before: CheckedFunctions, after: CheckedFunctions, registry: CapabilityRegistry): readonly ProgramChange[] {
  const [old, now] = [usesOf(before, registry), usesOf(after, registry)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path) => {
    const changes = useChanges(old.get(path), now.get(path));
    return changes.map((change) => ({ ...change, path }));
  });
}

type Change = Omit<ProgramChange, "path">;

function useChanges(before: Use | undefined, after: Use | undefined): readonly Change[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [{ direction: "grows", text: `the program can now call it${whereText(after?.calls[0])}` }];
  if (after === undefined) return [{ direction: "shrinks", text: "the program no longer calls it" }];
  const params = [...new Set([...before.targets.keys(), ...after.targets.keys()])];
  return [
    ...totalChanges(before, after),
    ...params.flatMap((param) =>
      targetChanges(param, before.targets.get(param) ?? new TextSet(), after.targets.get(param) ?? new TextSet()),
    ),
    ...originChanges(before, after),
  ];
}

function totalChanges(before: Use, after: Use): readonly Change[] {
  if (before.total === after.total) return [];
  const count = (total: number): string => (total === Infinity ? "any number of" : String(total));
  const grows = after.total > before.total;
  const most = after.calls.reduce((a, b) => (b.times > a.times ? b : a));
  return [
    {
      direction: grows ? "grows" : "shrinks",
      text: `from ${count(before.total)} to ${count(after.total)} calls in a run${grows ? whereText(most) : ""}`,
    },
  ];
}

/** Limit on the texts that a change names. */
const MAX_SHOWN = 5;

function targetChanges(param: string, before: TextSet, after: TextSet): readonly Change[] {
  const named = (texts: readonly KnownText[]): string => {
    const shown = texts.slice(0, MAX_SHOWN).map((text) => (text.isExact || text.text !== "" ? quoted(text) : "anything"));
    return `${shown.join(" or ")}${texts.length > MAX_SHOWN ? ` and ${texts.length - MAX_SHOWN} more` : ""}`;
  };
  const [added, removed] = [after.without(before), before.without(after)];
  return [
    ...(added.length === 0 ? [] : [{ direction: "grows", text: `${param} can be ${named(added)}` } as const]),
    ...(removed.length === 0 ? [] : [{ direction: "shrinks", text: `${param} can no longer be ${named(removed)}` } as const]),
  ];
}

function originChanges(before: Use, after: Use): readonly Change[] {
  const added = [...after.origins].filter(([origin]) => !before.origins.has(origin));
  const removed = [...before.origins].filter(([origin]) => !after.origins.has(origin));
  return [
    ...added.map(
      ([origin, call]): Change => ({
        direction: removed.length === 0 ? "grows" : "moves",
        text: `called ${originText(origin)}${whereText(call)}`,
      }),
    ),
    ...removed.map(
      ([origin]): Change => ({ direction: added.length === 0 ? "shrinks" : "moves", text: `no longer called ${originText(origin)}` }),
    ),
  ];
}

const ACTOR = "actor ";
const originText = (origin: string): string => {
  const file = origin.startsWith(ACTOR) ? origin.slice(ACTOR.length) : origin;
  return `in ${file === "" ? "the program's own file" : file}${origin.startsWith(ACTOR) ? ", by an actor" : ""}`;
};

const whereText = (call: EffectCall | undefined): string => (call?.path === undefined ? "" : `: ${pathText(call.path(), call.place)}`);

/** Returns what the program may do, by capability. */
function usesOf(program: CheckedFunctions, registry: CapabilityRegistry): ReadonlyMap<string, Use> {
  const { calls, totals } = findEffects(program, registry);
  const byName = new Map<string, EffectCall[]>();
  for (const call of calls) {
    if (call.path === undefined) continue;
    const { name } = call.capability;
    const own = byName.get(name);
    if (own === undefined) byName.set(name, [call]);
    else own.push(call);
  }
  return new Map(
    [...byName].map(([name, own]) => {
      // The first call of each origin is kept.
      const origins = new Map(own.toReversed().map((call) => [originOf(call, program.main.file.name), call]));
      return [name, { total: totals.get(name) ?? 0, calls: own, targets: targetsOf(name, own), origins }];
    }),
  );
}

const originOf = ({ place, inActor }: EffectCall, mainFile: string): string =>
  `${inActor ? ACTOR : ""}${place.file === mainFile ? "" : place.file}`;

function targetsOf(name: string, calls: readonly EffectCall[]): ReadonlyMap<string, TextSet> {
  const targets = new Map<string, TextSet>();
  for (const { args } of calls) {
    for (const { param, known } of args) {
      if (TARGETS.get(name)?.includes(param) === false) continue;
      const texts = targets.get(param) ?? new TextSet();
      targets.set(param, texts);
      for (const text of known === undefined ? [ANY_TEXT] : known.kind === "text" ? known.texts : []) texts.add(text);
    }
  }
  return targets;
}

/** A set of known texts that finds quickly whether one of them covers a text. */
class TextSet {
  readonly #exact = new Set<string>();
  readonly #prefixes = new Set<string>();
  readonly #lengths = new Set<number>();

  add({ text, isExact }: KnownText): void {
    if (isExact) this.#exact.add(text);
    else {
      this.#prefixes.add(text);
      this.#lengths.add(text.length);
    }
  }

  covers({ text, isExact }: KnownText): boolean {
    if (isExact && this.#exact.has(text)) return true;
    for (const length of this.#lengths) if (length <= text.length && this.#prefixes.has(text.slice(0, length))) return true;
    return false;
  }

  /** Returns the texts that the other set does not cover. */
  without(other: TextSet): readonly KnownText[] {
    const texts = [
      ...[...this.#prefixes].map((text) => ({ text, isExact: false })),
      ...[...this.#exact].map((text) => ({ text, isExact: true })),
    ];
    return texts.filter((text) => !other.covers(text));
  }
}
