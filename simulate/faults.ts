/** The faults that a simulation injects. */

/** What can be wrong with an answer. `weight` says how often a fault occurs compared with the others. */
export const FAULTS = {
  none: { weight: 0, doc: "an ordinary answer" },
  failed: { weight: 4, doc: "the call fails, and nothing was done" },
  lost: { weight: 4, doc: "the call is carried out, but its answer is lost: the program sees a failure" },
  down: { weight: 2, doc: "the call fails, and so do all later calls of its capability" },
  empty: { weight: 3, doc: "an empty text, list or object" },
  odd: { weight: 4, doc: "text with characters that programs mishandle" },
  huge: { weight: 4, doc: "huge numbers, long texts, long lists" },
  broken: { weight: 4, doc: "JSON that ends too early, lacks members or has values of other types; an error page" },
  late: { weight: 3, doc: "an ordinary answer, but up to a month passes on the clock of `time.now`" },
  stuck: { weight: 2, doc: "an ordinary answer, which all later calls of its capability get too if they want the same form" },
  back: { weight: 2, doc: "`time.now`: the clock has been set back" },
  refused: { weight: 0, doc: "a person refuses a call that waits for an approval" },
} as const satisfies Readonly<Record<string, { readonly weight: number; readonly doc: string }>>;

export type Fault = keyof typeof FAULTS;

/** Faults of what an answer contains. */
const CONTENT: readonly Fault[] = ["empty", "odd", "huge", "broken"];
/** Faults of how an answer comes, or does not come. */
const TRANSPORT: readonly Fault[] = ["failed", "lost", "down", "late"];

/** The possible faults of the built-in capabilities that cannot have all of them. */
const POSSIBLE: ReadonlyMap<string, readonly Fault[]> = new Map([
  ["time.now", ["back"]],
  ["random", []],
  ["step.input", CONTENT],
  ["fs.write", TRANSPORT],
]);
const ALL: readonly Fault[] = [...TRANSPORT, ...CONTENT, "stuck"];

/** Returns `none`, followed by the faults that calls of the capability may have. */
export function faultsOf(capability: string): readonly Fault[] {
  return ["none", ...(POSSIBLE.get(capability) ?? ALL)];
}
