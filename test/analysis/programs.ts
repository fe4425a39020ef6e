/** Answers for generated programs, and checks of what the analysis knows. */
import fc from "fast-check";
import type { Known } from "../../analysis/known.ts";
import { CapabilityFailure, machineHandler } from "../../gateway/handlers.ts";
import { FloatValue, intFromBigInt, isInt } from "../../vm/value/value.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
/** The texts and Ints with which calls are answered, in turn. A text that begins with "!" is a failure. */
export const arbitraryAnswers = fc.record({
  texts: fc.array(fc.oneof({ weight: 9, arbitrary: text }, { weight: 1, arbitrary: fc.constant("!failed") }), {
    minLength: 1,
    maxLength: 6,
  }),
  ints: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 4 }),
});

export interface Answers {
  readonly texts: readonly string[];
  readonly ints: readonly bigint[];
}

/** Returns handlers whose answers depend on the number of the call. */
export function handlersOf({ texts, ints }: Answers) {
  const textHandler = machineHandler((_, { callNumber }) => {
    const next = texts[callNumber % texts.length] ?? "";
    if (next.startsWith("!")) throw new CapabilityFailure(next);
    return next;
  });
  const intOf = (callNumber: number) => intFromBigInt(ints[callNumber % ints.length] ?? 0n);
  const random = machineHandler((args, { callNumber }) => (args.length === 0 ? new FloatValue(0.5) : intOf(callNumber)));
  return { "net.fetch": textHandler, "fs.read": textHandler, "time.now": machineHandler((_, { callNumber }) => intOf(callNumber)), random };
}

/** Whether the argument is one that the analysis finds possible. */
export function couldBe(known: Known, arg: unknown): boolean {
  if (known?.kind === "text")
    return typeof arg === "string" && known.texts.some(({ text: t, isExact }) => (isExact ? arg === t : arg.startsWith(t)));
  if (known?.kind === "int") return typeof arg === "number" && arg >= known.min && arg <= known.max;
  if (known?.kind === "constant") return known.value === arg || (typeof arg === "object" && !isInt(known.value));
  return true;
}

const condition = fc.constantFrom<unknown>(
  { equal: "a" },
  { in: ["a", "x", "notes/a", "https://a.example/"] },
  { prefix: "a" },
  { prefix: "notes/" },
  { absent: true },
  [{ prefix: "https://a.example/" }, { equal: "" }],
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const rule = (param: string) =>
  maybe(
    fc.record({ allow: fc.boolean(), budget: fc.constantFrom(0, 0, 1, 2, 3, 5), where: maybe(condition.map((c) => ({ [param]: c }))) }),
  );

/** Policies for generated programs, as the JSON of a policy file. */
export const arbitraryPolicies: fc.Arbitrary<string> = fc
  .record({
    default_allow: fc.boolean(),
    rules: fc.record({ "net.fetch": rule("url"), "fs.read": rule("path"), "time.now": rule("unit"), random: rule("lo") }),
    net_policy: maybe(
      fc.record({
        allowed_domains: fc.constantFrom([], ["a.example"], ["*.example"], ["b.example", "*"]),
        allowed_methods: fc.constantFrom([], ["GET"], ["POST"]),
        allow_private_networks: fc.boolean(),
      }),
    ),
    fs_policy: maybe(fc.record({ read: fc.constantFrom([], ["."], ["notes"], ["/"]) })),
  })
  .map((policy) => JSON.stringify(policy));

/** Replaces texts that generated programs contain with a URL and a path. */
export const withPlaces = (source: string, url: string, path: string): string =>
  source.replaceAll('"x"', JSON.stringify(url)).replaceAll('"prefix"', JSON.stringify(path)).replaceAll('"par"', JSON.stringify(path));
/** URLs to write into a program: of two hosts, of this machine, with a user, and one that is none. */
export const arbitraryUrls = fc.constantFrom("https://a.example/", "https://b.example/x", "http://127.0.0.1/", "https://u@a.example/", "x");
/** Paths to write into a program, inside and outside its folder. */
export const arbitraryPaths = fc.constantFrom("notes/a", "../a", "/etc/passwd", "notes/../../b", ".");
