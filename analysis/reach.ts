/** Describes what calls reach: the possible values of the parameters that name a target, such as a URL or a path. */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import { FloatValue } from "../vm/value/value.ts";
import type { EffectCall } from "./effects.ts";
import { ANY_TEXT, coversText, type Known, type KnownText } from "./known.ts";
import { hasHost } from "./urls.ts";

/**
 * The parameters that name the target of a call, by capability. Parameters that only carry content, such as the body of a request, are left
 * out. For a capability that is not listed here, all parameters count.
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

/** A parameter that names a target, and its possible values as texts. */
interface Target {
  readonly param: string;
  readonly texts: readonly KnownText[];
}

/** One combination of values of the target parameters. */
export type Tuple = readonly { readonly param: string; readonly text: KnownText }[];

/** A call, and what it reaches. */
export interface Reach {
  readonly call: EffectCall;
  readonly targets: readonly Target[];
  /** All combinations of the values. If there are too many, one for each value of the first parameter, in which the others may be anything. */
  readonly tuples: readonly Tuple[];
  /** Whether no value is vague, as `isVague` says. */
  readonly isFirm: boolean;
}

/** Limit on the combinations of values of one call. */
const MAX_TUPLES = 256;

export function reachOfCall(call: EffectCall): Reach {
  const { capability } = call;
  const targets = call.args
    .filter(({ param }) => TARGETS.get(capability.name)?.includes(param) !== false)
    .map(({ param, known }): Target => ({ param, texts: textsOf(known) }));
  const isFirm = targets.every(({ param, texts }) => !texts.some((text) => isVague(capability, param, text)));
  return { call, targets, tuples: tuplesOf(targets), isFirm };
}

/** Whether the value may be almost anything: an unknown text, or a URL whose host is unknown. */
export const isVague = ({ name }: CapabilityDecl, param: string, text: KnownText): boolean =>
  !text.isExact && (text.text === "" || (name === "net.fetch" && param === "url" && !hasHost(text.text)));

/** Combines the possible texts of all targets. If there are too many combinations, the later targets count as any text. */
function tuplesOf(targets: readonly Target[]): readonly Tuple[] {
  const count = targets.reduce((product, { texts }) => product * texts.length, 1);
  const hasTooMany = count > MAX_TUPLES;
  return targets.reduce<readonly Tuple[]>(
    (tuples, { param, texts }, i) =>
      tuples.flatMap((tuple) => (hasTooMany && i > 0 ? [ANY_TEXT] : texts).map((text) => [...tuple, { param, text }])),
    [[]],
  );
}

/** Limit on the Ints of a range that are listed as values. */
const MAX_LISTED_INTS = 16;

/** Returns the possible values as texts. A value that is no text is written as in JSON. */
function textsOf(known: Known): readonly KnownText[] {
  const exact = (value: unknown): KnownText => ({ text: String(value), isExact: true });
  if (known?.kind === "text") return known.texts;
  if (known?.kind === "int" && known.max - known.min < MAX_LISTED_INTS)
    return Array.from({ length: known.max - known.min + 1 }, (_, i) => exact(known.min + i));
  if (known?.kind !== "constant") return [ANY_TEXT];
  const { value } = known;
  if (typeof value !== "object") return [exact(value)];
  return [
    value instanceof FloatValue
      ? exact(value.value)
      : exact(JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part))),
  ];
}

/** A set of calls that quickly tells whether one of them covers a combination of values. With "firm", vague values of the calls are left out. */
export class ReachSet {
  /** Whether no call given to the constructor has a vague value. */
  readonly isFirm: boolean;
  /** The targets of calls, by each exact text of their first target. Calls without targets have the text "". */
  readonly #exact = new Map<string, (readonly Target[])[]>();
  /** Like `#exact`, but by the known beginning of a text whose rest is unknown. */
  readonly #prefixes = new Map<string, (readonly Target[])[]>();
  /** The lengths of the keys of `#prefixes`. */
  readonly #lengths = new Set<number>();
  /** The texts of each parameter, in all calls. */
  readonly #texts = new Map<string, TextSet>();

  constructor(reaches: readonly Reach[], include: "firm" | "all") {
    this.isFirm = reaches.every((reach) => reach.isFirm);
    const seen = new Set<string>();
    for (const { call, targets } of reaches) {
      const included =
        include === "all"
          ? targets
          : targets.map(({ param, texts }) => ({ param, texts: texts.filter((text) => !isVague(call.capability, param, text)) }));
      const key = JSON.stringify(included);
      if (seen.has(key) || included.some(({ texts }) => texts.length === 0)) continue;
      seen.add(key);
      for (const text of included[0]?.texts ?? [{ text: "", isExact: true }]) this.#add(text, included);
      for (const { param, texts } of included) {
        const textSet = this.#texts.get(param) ?? new TextSet();
        this.#texts.set(param, textSet);
        for (const text of texts) textSet.add(text);
      }
    }
  }

  #add({ text, isExact }: KnownText, targets: readonly Target[]): void {
    if (!isExact) this.#lengths.add(text.length);
    const index = isExact ? this.#exact : this.#prefixes;
    const targetsOfText = index.get(text);
    if (targetsOfText === undefined) index.set(text, [targets]);
    else targetsOfText.push(targets);
  }

  /** Whether a single call covers all values of the combination. */
  covers(tuple: Tuple): boolean {
    const first = tuple[0]?.text ?? { text: "", isExact: true };
    const coversAll = (targets: readonly Target[]): boolean =>
      tuple
        .slice(1)
        .every(({ param, text }) =>
          targets.some((target) => target.param === param && target.texts.some((each) => coversText(each, text))),
        );
    if (first.isExact && this.#exact.get(first.text)?.some(coversAll) === true) return true;
    for (const length of this.#lengths)
      if (length <= first.text.length && this.#prefixes.get(first.text.slice(0, length))?.some(coversAll) === true) return true;
    return false;
  }

  /** Whether some call covers this one value. */
  hasText(param: string, text: KnownText): boolean {
    return this.#texts.get(param)?.covers(text) === true;
  }
}

/** A set of known texts that quickly tells whether one of them covers a text. */
class TextSet {
  readonly #exact = new Set<string>();
  readonly #prefixes = new Set<string>();
  /** The lengths of the prefixes. */
  readonly #lengths = new Set<number>();

  add({ text, isExact }: KnownText): void {
    (isExact ? this.#exact : this.#prefixes).add(text);
    if (!isExact) this.#lengths.add(text.length);
  }

  covers({ text, isExact }: KnownText): boolean {
    if (isExact && this.#exact.has(text)) return true;
    for (const length of this.#lengths) if (length <= text.length && this.#prefixes.has(text.slice(0, length))) return true;
    return false;
  }
}
