/** Checks patterns in a `let`, a `for` and in parameters. Such a pattern must match every value of its type. */
import type { Binder, Pattern } from "../ast.ts";
import { analyzeMatch, TooComplex } from "../exhaustive.ts";
import type { Destructuring, IrStmt, Local, PatternTest } from "../ir.ts";
import { type CheckedType, ERROR, prune, show } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";
import { checkPattern } from "./patterns.ts";

/**
 * Checks the pattern of `test` again once the types of the function are known, if it names a variant of a type that is not decided
 * yet. Calls `whenDecided` when the pattern is final, unless the pattern has an error.
 */
export function checkTest(
  checker: FunctionChecker,
  pattern: Pattern,
  type: CheckedType,
  options: { readonly mutable: boolean; readonly whenDecided: (test: PatternTest) => void },
): { readonly test: PatternTest; readonly bound: ReadonlyMap<string, Local> } {
  const errorCount = (): number => checker.scope.unit.diagnostics.errorCount;
  const countBefore = errorCount();
  const { checked, bound, recheck } = checkPattern(checker, pattern, type, options);
  const test: PatternTest = { pattern: checked };
  let hasError = errorCount() > countBefore;
  // A wrong pattern is reported once, without warnings of its bindings.
  if (hasError) for (const local of bound.values()) local.used = true;
  const whenDecided = (): void => {
    if (!hasError && prune(type).kind !== "error") options.whenDecided(test);
  };
  if (recheck === null || hasError) {
    whenDecided();
    return { test, bound };
  }
  checker.context.patternRechecks.push(() => {
    const countBeforeRecheck = errorCount();
    test.pattern = recheck();
    hasError = errorCount() > countBeforeRecheck;
  });
  checker.context.deferredChecks.push(whenDecided);
  return { test, bound };
}

/** Returns a value that the pattern does not match, as a pattern; null if it matches every value. Reports a pattern that is too complex. */
export function missedValue(checker: FunctionChecker, pattern: Pattern, type: CheckedType, test: PatternTest): string | null {
  try {
    return analyzeMatch(type, [{ pattern: test.pattern, guarded: false }]).missing;
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    checker.error("E015", pattern.span, "this pattern is too complex to check", { help: "match its parts one after another" });
    return null;
  }
}

/** The construct that a pattern belongs to, for messages. */
export type BinderPlace = "let" | "for" | "parameter";

const PLACES: Readonly<Record<BinderPlace, { readonly what: string; readonly help: string }>> = {
  let: { what: "this `let`", help: "to handle the other values, write `match value { pattern => …, _ => … }`" },
  for: { what: "the pattern of this `for`", help: "bind a name, and `match` on it in the loop" },
  parameter: { what: "the pattern of this parameter", help: "bind a name, and `match` on it in the function" },
};

/** Checks a pattern that must match every value of `type`, and declares its bindings. `subject` holds the value. */
export function checkIrrefutable(
  checker: FunctionChecker,
  pattern: Pattern,
  subject: Local,
  { place, mutable }: { readonly place: BinderPlace; readonly mutable: boolean },
): { readonly stmt: Destructuring; readonly bound: ReadonlyMap<string, Local> } {
  const { type } = subject;
  const { test, bound } = checkTest(checker, pattern, type, {
    mutable,
    whenDecided: (decided) => {
      const missed = missedValue(checker, pattern, type, decided);
      if (missed === null) return;
      const { what, help } = PLACES[place];
      const value = missed === "_" ? `other values of ${show(type)}` : `\`${missed}\``;
      checker.error("E005", pattern.span, `${what} misses ${value}`, { help });
    },
  });
  return { stmt: { kind: "destructure", subject, test, span: pattern.span }, bound };
}

/** Declares the parameters of a function or lambda, and returns their bindings with the statements that take patterns apart. */
export function bindParams(
  checker: FunctionChecker,
  params: readonly Binder[],
  types: readonly CheckedType[],
): { readonly locals: readonly Local[]; readonly prologue: readonly IrStmt[] } {
  const names = new Set<string>();
  const prologue: IrStmt[] = [];
  const locals = params.map(({ name, pattern }, i): Local => {
    const local: Local = { name: name.text, type: types[i] ?? ERROR, mutable: false, span: name.span, used: true };
    const declare = (bound: Local): void => {
      if (names.has(bound.name) && bound.name !== "_") checker.error("E010", bound.span, `two parameters are named \`${bound.name}\``);
      names.add(bound.name);
    };
    if (pattern === null) {
      checker.scope.declare(local);
      declare(local);
      return local;
    }
    const { stmt, bound } = checkIrrefutable(checker, pattern, local, { place: "parameter", mutable: false });
    for (const inner of bound.values()) {
      inner.used = true;
      declare(inner);
    }
    prologue.push(stmt);
    return local;
  });
  return { locals, prologue };
}
