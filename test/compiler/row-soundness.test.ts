/** Random programs: a program that the compiler accepts makes no call that the row of `main` lacks. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { scaledRuns, DEEP } from "../cases.ts";
import { fixedSample } from "../choices.ts";
import { sameOnBoth } from "../vm/engines.ts";

const CAPABILITIES = ["time.now", "random"] as const;
const HELPERS = `fn tick() -> Int !{time.now} { time.now() }
fn roll() -> Int !{random} { random("int", 0, 1) }
fn keep<e>(f: Fn() -> Int !{e}) -> Fn() -> Int !{e} { f }
type Box<F> { item: F }
`;

interface Names {
  /** The number of functions `g0`, `g1`, … that can be called. */
  readonly callable: number;
  readonly functions: readonly string[];
}
type Render = (names: Names) => string;

const { int } = fc.letrec<{ int: Render; fn: Render }>((tie) => {
  const depth = { maxDepth: 4, depthSize: "small" } as const;
  const [number, fn] = [tie("int"), tie("fn")];
  const pick = fc.nat(20);
  return {
    int: fc.oneof(
      depth,
      fc.constantFrom("1", "time.now()", 'random("int", 0, 1)').map(
        (text): Render =>
          () =>
            text,
      ),
      pick.map(
        (n): Render =>
          ({ functions }) =>
            `${functions[n % functions.length] ?? "tick"}()`,
      ),
      fc.tuple(pick, fn).map(
        ([n, f]): Render =>
          (names) =>
            names.callable === 0 ? `${f(names)}()` : `g${n % names.callable}(${f(names)})`,
      ),
      fc.tuple(number, number).map(
        ([a, b]): Render =>
          (names) =>
            `(${a(names)} - ${b(names)})`,
      ),
      number.map(
        (a): Render =>
          (names) =>
            `list.fold([1, 2], 0, fn(sum, x) { x - sum / 2 + ${a(names)} })`,
      ),
      fn.map(
        (f): Render =>
          (names) =>
            `list.sum(list.map([${f(names)}], fn(f) { f() }))`,
      ),
      fn.map(
        (f): Render =>
          (names) =>
            `(fn(f: Fn() -> Int !{random, time.now}) { f() })(${f(names)})`,
      ),
      fn.map(
        (f): Render =>
          (names) =>
            `option.unwrap_or(option.map(Some(${f(names)}), fn(f) { f() }), 0)`,
      ),
      fn.map(
        (f): Render =>
          (names) =>
            `(fn(box: Box<Fn() -> Int !{random, time.now}>) { (box.item)() })(Box { item: ${f(names)} })`,
      ),
    ),
    fn: fc.oneof(
      depth,
      pick.map(
        (n): Render =>
          ({ functions }) =>
            functions[n % functions.length] ?? "tick",
      ),
      number.map(
        (a): Render =>
          (names) =>
            `(fn() { ${a(names)} })`,
      ),
      fn.map(
        (f): Render =>
          (names) =>
            `keep(${f(names)})`,
      ),
      fc.tuple(fn, fn).map(
        ([f, g]): Render =>
          (names) =>
            `(if true { ${f(names)} } else { fn() { ${g(names)}() } })`,
      ),
    ),
  };
});

const argumentRow = fc.subarray([...CAPABILITIES, "e"]);
const body = fc.record({ alias: fc.option(fc.nat(20)), assigned: fc.boolean(), first: int, second: int });

function rendered(
  { alias, assigned, first, second }: { alias: number | null; assigned: boolean; first: Render; second: Render },
  names: Names,
): string {
  const call = `h(fn() { 1 }) + h(${names.functions[0] ?? "tick"})`;
  const known = alias === null || names.callable === 0 ? "" : `    let h = g${alias % names.callable}\n    debug(${call})\n`;
  const assignment = assigned ? `    v = ${names.functions.at(-1) ?? "roll"}\n` : "";
  return `{\n${known}    let mut v = fn() { ${first(names)} }\n    let a = v()\n${assignment}    a - v() - ${second(names)}\n}\n`;
}

/** Programs without rows, except in the types of parameters. */
const arbitraryRows = fc.tuple(fc.array(fc.tuple(argumentRow, body), { maxLength: 3 }), body).map(([functions, main]) => {
  const texts = functions.map(([row, text], i) => {
    const names = { callable: i, functions: ["f", "tick", "roll"] };
    return `fn g${i}<e>(f: Fn() -> Int !{${row.join(", ")}}) -> Int ${rendered(text, names)}`;
  });
  return `${HELPERS}${texts.join("")}fn main() -> Int ${rendered(main, { callable: functions.length, functions: ["tick", "roll"] })}`;
});

/** Applies the fixes that add missing capabilities to rows. Returns undefined if the program has other errors. */
function repaired(text: string): string | undefined {
  const errors = check({ name: "main.ax", text }).diagnostics.filter((d) => d.severity === "error");
  const [first] = errors;
  if (first === undefined) return text;
  const [edit, ...others] = first.fixes[0]?.edits ?? [];
  if (errors.some((d) => d.code !== "E007") || edit === undefined || others.length > 0) return undefined;
  return repaired(text.slice(0, edit.span.start) + edit.text + text.slice(edit.span.end));
}

/** Checks the calls that the program makes on both engines. Returns false if the compiler refuses it with any rows. */
function isAccepted(source: string): boolean {
  const text = repaired(source);
  if (text === undefined) return false;
  const declared = /^fn main\(\) -> Int !\{(.*?)\}/m.exec(text)?.[1]?.split(", ") ?? [];
  const { calls, end } = sameOnBoth(verifyModule(compile({ name: "main.ax", text }).module), { limits: { max_steps: 20_000 } });
  expect(end, text).toMatch(/^value|"kind":"(step_limit|arithmetic_overflow)"/);
  for (const call of calls)
    expect(
      declared.map((name) => `${name} true`),
      text,
    ).toContain(call.replace(/ at \d+ by \d+,/, ""));
  return true;
}

test("an accepted program makes only calls that the row of main declares", () => {
  fc.assert(
    fc.property(arbitraryRows, (text) => {
      isAccepted(text);
    }),
    { numRuns: scaledRuns(3_000) },
  );
});

test.runIf(DEEP)("more than 60 of 300 programs are accepted, and more than 25 are refused", () => {
  const count = fixedSample(arbitraryRows, 300).filter(isAccepted).length;
  expect(count).toBeGreaterThan(60);
  expect(count).toBeLessThan(275);
});
