/**
 * Checks `test` blocks. The `answer` statements at the start of a test reply to its capability calls. The other statements become a
 * function that may use every capability.
 */
import type { CapabilityDecl, CapabilitySignature } from "../../vm/capabilities.ts";
import type { Answer, Block, Span, TestItem } from "../ast.ts";
import type { Callable, Local } from "../ir.ts";
import { rowItemName } from "../rows.ts";
import { FunctionScope, type SourceUnit } from "../scope.ts";
import { UNIT_TYPE } from "../check-types.ts";
import type { CheckContext } from "./context.ts";
import { suggestNearest } from "./did-you-mean.ts";
import { ExpressionChecker } from "./expressions.ts";

/**
 * An `answer` of a test. If the capability has several signatures, the answer serves the calls of only one of them: the first with at least
 * as many parameters as the answer. Its callable is a pure function of all parameters of that signature. The mock serves the calls of the
 * other signatures (`gateway/test-run.ts`).
 */
interface CheckedAnswer {
  readonly capability: string;
  readonly callable: Callable;
}

export interface CheckedTest {
  readonly name: string;
  readonly span: Span;
  readonly callable: Callable;
  /** The answers at the start of the test, in source order. */
  readonly answers: readonly CheckedAnswer[];
}

/** Checks a `test` block. */
export function checkTest(context: CheckContext, unit: SourceUnit, item: TestItem): CheckedTest {
  const { stmts, span } = item.body;
  const firstOther = stmts.findIndex((stmt) => stmt.kind !== "answer");
  const answerCount = firstOther < 0 ? stmts.length : firstOther;
  const answers = stmts.slice(0, answerCount).flatMap((stmt) => (stmt.kind === "answer" ? checkAnswer(context, unit, stmt) : []));
  // The effect row of a test: every capability.
  const row = context.registry.all.map((c) => c.name);
  const callable: Callable = { ...EMPTY_CALLABLE, name: `test ${JSON.stringify(item.name.text)}`, file: unit, row };
  checkFunction(context, unit, callable, [], returningUnit({ stmts: stmts.slice(answerCount), span }));
  return { name: item.name.text, span: item.name.span, callable, answers };
}

/** Returns the block, with `()` added if its last statement is an expression, because a test has no value. */
function returningUnit({ stmts, span }: Block): Block {
  const end = { start: span.end, end: span.end };
  return stmts.at(-1)?.kind === "expr"
    ? { stmts: [...stmts, { kind: "expr", value: { kind: "unit", span: end }, span: end }], span }
    : { stmts, span };
}

/** The defaults of the callables of tests and answers; each use overrides some. */
const EMPTY_CALLABLE = { item: null, typeParams: [], params: [], result: UNIT_TYPE, message: null, row: [], body: null } as const;

/** Checks the body of a test or an answer, stores its IR in the callable, and returns its scope. */
function checkFunction(context: CheckContext, unit: SourceUnit, callable: Callable, params: readonly Local[], body: Block): FunctionScope {
  const scope = new FunctionScope(unit, callable, callable.result, body.span);
  for (const local of params) {
    // For editors. A parameter with the name `_` is not recorded: the answer leaves it out, so that it has no place in the text, or writes `_`.
    if (local.name !== "_") context.nameRecorder?.addName(local.span, { kind: "local", local });
    if (scope.declare(local) !== undefined && local.name !== "_")
      unit.diagnostics.error("E010", local.span, `the parameter \`${local.name}\` is declared twice`);
  }
  const value = new ExpressionChecker(scope, context).block(body, callable.result, `the result of \`${callable.name}\``);
  context.nameRecorder?.addScope(
    body.span,
    scope.bindings().filter(({ name }) => name !== "_"),
  );
  callable.body = { params, destructureParams: [], requires: [], ensures: [], result: null, value, intent: null };
  return scope;
}

/** Checks an answer. It is a separate function that the host calls. Its body sees the answer's parameters, but no binding of the test. */
function checkAnswer(context: CheckContext, unit: SourceUnit, answer: Answer): readonly CheckedAnswer[] {
  const capability = answerableCapability(context, unit, answer);
  const signature = capability?.signatures.find((s) => answer.params.length <= s.params.length);
  if (capability === undefined) return [];
  if (signature === undefined) {
    const [name, lastSpan] = [capability.name, answer.params.at(-1)?.span ?? answer.span];
    unit.diagnostics.error("E011", lastSpan, `\`${name}\` does not take ${answer.params.length} arguments`, {
      help: `it is called as ${capability.call}`,
    });
    return [];
  }
  const callable: Callable = {
    ...EMPTY_CALLABLE,
    name: `answer ${capability.name}`,
    file: unit,
    params: signature.params.map((p) => context.fromModuleType(p.type)),
    result: context.fromModuleType(signature.result),
  };
  const scope = checkFunction(context, unit, callable, paramLocals(answer, signature, callable), answer.body);
  for (const [used, { span }] of scope.uses) {
    unit.diagnostics.error("E007", span, `an answer must be pure, but this may use \`${rowItemName(used)}\``, {
      help: "compute the answer from its parameters",
    });
  }
  return [{ capability: capability.name, callable }];
}

/** Returns the capability that an answer names. Reports an unknown or internal capability. */
function answerableCapability(context: CheckContext, unit: SourceUnit, { capability: name }: Answer): CapabilityDecl | undefined {
  const capability = context.capability(name.text);
  const names = context.registry.all.flatMap((c) => (c.internal === true ? [] : [c.name]));
  if (capability === undefined) {
    const more = suggestNearest(unit, name, () => names, `the capabilities are ${names.join(", ")}`);
    unit.diagnostics.error("E007", name.span, `unknown capability \`${name.text}\``, more);
  } else if (capability.internal === true) {
    unit.diagnostics.error("E007", name.span, `\`${capability.name}\` is not answered by a handler, so a test cannot answer it`, {
      help: `a test can answer ${names.join(", ")}`,
    });
  } else return capability;
  return undefined;
}

/** Returns a binding for each parameter of the signature, named `_` if the answer leaves the parameter out. */
function paramLocals(answer: Answer, signature: CapabilitySignature, callable: Callable): readonly Local[] {
  return signature.params.map((_, i): Local => {
    const name = answer.params[i] ?? { text: "_", span: answer.capability.span };
    return { name: name.text, type: callable.params[i] ?? UNIT_TYPE, isMutable: false, span: name.span, isUsed: true };
  });
}
