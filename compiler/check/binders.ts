/** Checks the patterns of `let`, `for`, parameters, `if let` and `while let`. */
import type { Binder, Condition, Pattern, Span } from "../ast.ts";
import { analyzeMatch, TooComplex } from "../exhaustive.ts";
import type { CheckedCondition, Destructuring, Ir, IrStmt, Local, PatternMatch, PatternTest } from "../ir.ts";
import { BOOL, type CheckedType, ERROR, freshVar, prune, showType } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";
import { checkPattern } from "./patterns.ts";

/**
 * Checks a pattern, and returns it with the bindings that it declares. If it names a variant of a type that is not decided yet, checks it
 * again once the types of the function are known. Calls `whenDecided` when the pattern is final, unless it has an error.
 */
export function checkPatternTest(
  checker: FunctionChecker,
  pattern: Pattern,
  type: CheckedType,
  options: { readonly isMutable: boolean; readonly whenDecided: (test: PatternTest) => void },
): { readonly test: PatternTest; readonly bound: ReadonlyMap<string, Local> } {
  const errorCount = (): number => checker.scope.unit.diagnostics.errorCount;
  const countBefore = errorCount();
  const { checked, bound, recheck } = checkPattern(checker, pattern, type, options);
  const test: PatternTest = { pattern: checked };
  let hasError = errorCount() > countBefore;
  // The error of a wrong pattern is enough, without warnings of unused bindings.
  if (hasError) for (const local of bound.values()) local.isUsed = true;
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

/** Returns the text of a pattern for a value that `pattern` does not match; null if it matches every value. Reports a pattern that is too complex. */
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

const PLACES: Readonly<Record<BinderPlace, { readonly what: string; readonly help: (pattern: string) => string }>> = {
  let: {
    what: "this `let`",
    help: (pattern) => `to handle the other values, write \`let ${pattern} = … else { return … }\` or \`if let ${pattern} = … { … }\``,
  },
  for: { what: "the pattern of this `for`", help: () => "bind a name, and write `if let` or `match` in the loop" },
  parameter: { what: "the pattern of this parameter", help: () => "bind a name, and write `let … else` or `match` in the function" },
};

const MAX_SHOWN_PATTERN_LENGTH = 40;

/** Returns the source text of a pattern for messages. Returns a placeholder for a long pattern. */
export function patternText(checker: FunctionChecker, { span }: Pattern): string {
  const text = checker.scope.unit.text.slice(span.start, span.end);
  return text.length <= MAX_SHOWN_PATTERN_LENGTH && !text.includes("\n") ? text : "PATTERN";
}

/** Checks a pattern that must match every value of `type`, and declares its bindings. `subject` holds the value. */
export function checkIrrefutable(
  checker: FunctionChecker,
  pattern: Pattern,
  subject: Local,
  { place, isMutable }: { readonly place: BinderPlace; readonly isMutable: boolean },
): { readonly stmt: Destructuring; readonly bound: ReadonlyMap<string, Local> } {
  const { type } = subject;
  const { test, bound } = checkPatternTest(checker, pattern, type, {
    isMutable,
    whenDecided: (decided) => {
      const missed = missedValue(checker, pattern, type, decided);
      if (missed === null) return;
      const { what, help } = PLACES[place];
      const value = missed === "_" ? `other values of ${showType(type)}` : `\`${missed}\``;
      checker.error("E005", pattern.span, `${what} misses ${value}`, { help: help(patternText(checker, pattern)) });
    },
  });
  return { stmt: { kind: "destructure", subject, test, otherwise: null, span: pattern.span }, bound };
}

/** Checks a pattern that may not match, and declares its bindings. Warns, with `help`, if it matches every value. */
export function checkRefutable(
  checker: FunctionChecker,
  pattern: Pattern,
  subject: Local,
  { isMutable, help }: { readonly isMutable: boolean; readonly help: string },
): PatternMatch {
  const { type } = subject;
  const { test } = checkPatternTest(checker, pattern, type, {
    isMutable,
    whenDecided: (decided) => {
      if (missedValue(checker, pattern, type, decided) !== null) return;
      const t = prune(type);
      const isOption = pattern.kind === "name" && t.kind === "builtin" && t.name === "Option";
      checker.warning("W003", pattern.span, "this pattern matches every value", {
        help: isOption ? `the value is an Option: write \`Some(${pattern.name.text})\`` : help,
      });
    },
  });
  return { subject, test };
}

/** Checks the condition of an `if` or `while`. A pattern's bindings are declared in the current block. */
export function checkCondition(checker: FunctionChecker, { pattern, condition }: Condition): CheckedCondition {
  if (pattern === null) return { condition: checker.check(condition, BOOL, "the condition"), match: null };
  const type = freshVar();
  const value = checker.check(condition, type);
  const subject: Local = { name: "", type, isMutable: false, span: condition.span, isUsed: true };
  const help = `write \`let ${patternText(checker, pattern)} = …\``;
  return { condition: value, match: checkRefutable(checker, pattern, subject, { isMutable: false, help }) };
}

/** Checks the `let` of a pattern with an `else`, after its value. `otherwise` is the checked block. */
export function checkLetElse(
  checker: FunctionChecker,
  { pattern, isMutable, span }: { readonly pattern: Pattern; readonly isMutable: boolean; readonly span: Span },
  type: CheckedType,
  otherwise: Ir,
): Destructuring {
  if (!neverReturnsValue(otherwise)) {
    const brace = { start: otherwise.span.end - 1, end: otherwise.span.end };
    checker.error("E009", brace, "the `else` block of a `let` must leave, because the names of the pattern have no values after it", {
      help: "end it with `return`, `break`, `continue` or `panic(…)`",
    });
  }
  const subject: Local = { name: "", type, isMutable: false, span: pattern.span, isUsed: true };
  const match = checkRefutable(checker, pattern, subject, { isMutable, help: "remove the `else` block: it is never reached" });
  return { kind: "destructure", ...match, otherwise, span };
}

/** Returns whether control is known never to reach the end of the expression. */
function neverReturnsValue(ir: Ir): boolean {
  switch (ir.kind) {
    case "block":
      return ir.value === null ? neverEnds(ir.stmts.at(-1)) : neverReturnsValue(ir.value);
    case "if":
      return ir.otherwise !== null && neverReturnsValue(ir.otherwise) && ir.branches.every((b) => neverReturnsValue(b.body));
    case "match":
      return ir.arms.every((arm) => neverReturnsValue(arm.body));
    case "builtin":
      return ir.builtin.name === "panic";
    default:
      return false;
  }
}

/** Returns whether control is known never to reach the end of the statement. */
export function neverEnds(stmt: IrStmt | undefined): boolean {
  const kind = stmt?.kind;
  return kind === "return" || kind === "break" || kind === "continue" || (stmt?.kind === "while" && stmt.isEndless);
}

/** Declares the parameters of a function or lambda, and returns their bindings with the statements that take patterns apart. */
export function bindParams(
  checker: FunctionChecker,
  params: readonly Binder[],
  types: readonly CheckedType[],
): { readonly locals: readonly Local[]; readonly destructureParams: readonly IrStmt[] } {
  const names = new Set<string>();
  const destructureParams: IrStmt[] = [];
  const locals = params.map(({ name, pattern }, i): Local => {
    const local: Local = { name: name.text, type: types[i] ?? ERROR, isMutable: false, span: name.span, isUsed: true };
    const requireOwnName = (bound: Local): void => {
      if (names.has(bound.name) && bound.name !== "_") checker.error("E010", bound.span, `two parameters are named \`${bound.name}\``);
      names.add(bound.name);
    };
    if (pattern === null) {
      checker.context.nameRecorder?.addName(name.span, { kind: "local", local });
      checker.scope.declare(local);
      requireOwnName(local);
      return local;
    }
    const { stmt, bound } = checkIrrefutable(checker, pattern, local, { place: "parameter", isMutable: false });
    for (const inner of bound.values()) {
      inner.isUsed = true;
      requireOwnName(inner);
    }
    destructureParams.push(stmt);
    return local;
  });
  return { locals, destructureParams };
}
