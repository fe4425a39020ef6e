/** Checks assignments to variables, `x = 1`, and to elements and fields inside variables, `grid[y][x].n = 1`. */
import type { AssignStep, Name, Span, Stmt } from "../ast.ts";
import { builtinType, type CheckedType, ERROR, freshVar, INT, prune, showType, STRING, unify } from "../check-types.ts";
import type { Ir, IrStmt, Local, UpdateStep } from "../ir.ts";
import { warnOfNegativeIndex } from "./collections.ts";
import type { FunctionChecker } from "./context.ts";
import { suggestMut } from "./suggest-mut.ts";
import { findField } from "./data.ts";
import { suggestNearest } from "./did-you-mean.ts";
import { checkRightSide } from "./operators.ts";
import { suggestDeclaration } from "./suggest-names.ts";

type Assign = Stmt & { kind: "assign" };

export function checkAssign(checker: FunctionChecker, stmt: Assign): IrStmt[] {
  const local = checker.scope.lookup(stmt.name.text);
  const isLocalFunction = local !== undefined && checker.context.localFunction(local) !== undefined;
  if (local === undefined || isLocalFunction) {
    reportUnknownTarget(checker, stmt, { isFunction: isLocalFunction || checker.scope.unit.functions.has(stmt.name.text) });
    return [];
  }
  checker.scope.assigned.add(local);
  checker.context.nameRecorder?.addName(stmt.name.span, { kind: "local", local });
  if (stmt.steps.length > 0) return [checkUpdate(checker, stmt, local)];
  const value = checkValue(checker, stmt, local.type, `\`${stmt.name.text}\``);
  if (!reportCaptured(checker, stmt.name, local) && !local.isMutable) {
    checker.warning("W002", stmt.name.span, `\`${stmt.name.text}\` is assigned to, but is not declared \`mut\``, {
      ...suggestMut(checker, local),
    });
  }
  if (stmt.operator === null) return [{ kind: "set", local, value, span: stmt.span }];
  const first: Ir = { kind: "local", local, span: stmt.name.span };
  const rest = [{ op: stmt.operator, type: local.type, operand: value, span: stmt.span }];
  return [{ kind: "set", local, value: { kind: "chain", first, rest, span: stmt.span }, span: stmt.span }];
}

/** Checks the value assigned to a variable, or to a part of one. `type` is the type of that target; `what` names it in messages. */
function checkValue(checker: FunctionChecker, { operator, value, span }: Assign, type: CheckedType, what: string): Ir {
  return operator === null ? checker.check(value, type, what) : checkRightSide(checker, operator, type, value, span).ir;
}

const UNDECLARED_HELP = "an assignment changes a variable that is declared before: `let mut x = 0`";

function reportUnknownTarget(
  checker: FunctionChecker,
  { name, steps, operator, value }: Assign,
  { isFunction }: { readonly isFunction: boolean },
): void {
  const { scope } = checker;
  const isDeclaration = !isFunction && steps.length === 0 && operator === null;
  checker.error(
    "E003",
    name.span,
    isFunction ? `\`${name.text}\` is a function, not a variable` : `unknown variable \`${name.text}\``,
    isDeclaration ? suggestDeclaration(scope, name) : suggestNearest(scope.unit, name, () => scope.names(), UNDECLARED_HELP),
  );
  for (const step of steps) if (step.kind === "index") checker.check(step.index, freshVar());
  checker.check(value, freshVar());
  // Bind the name, so that its later uses do not cause further errors.
  if (!isFunction) checker.bind(name, ERROR, { isMutable: true }).isUsed = true;
}

/** Reports an assignment to a captured binding. Returns whether it did. */
function reportCaptured(checker: FunctionChecker, name: Name, local: Local): boolean {
  if (!checker.scope.isCaptured(local)) return false;
  checker.error(
    "E009",
    name.span,
    `\`${name.text}\` belongs to the enclosing function: a lambda, or a branch of a \`par\`, has its own copy of what it captures`,
    {
      help: "return the new value instead",
    },
  );
  return true;
}

/** Checks an assignment to a part of a variable. The type of each step decides what the next one may be. */
function checkUpdate(checker: FunctionChecker, stmt: Assign, local: Local): IrStmt {
  const { name, operator, span } = stmt;
  if (!reportCaptured(checker, name, local) && !local.isMutable) {
    const message = `\`${name.text}\` is not declared \`mut\`, so its parts cannot be assigned`;
    checker.error("E017", name.span, message, suggestMut(checker, local));
  }
  let type = local.type;
  const steps = stmt.steps.map((step): UpdateStep => {
    const target = { start: name.span.start, end: step.span.start };
    const part = checkStep(checker, step, type, target);
    type = part.type;
    return part.step;
  });
  const text = checker.scope.unit.text.slice(name.span.start, stmt.steps.at(-1)?.span.end);
  const what = text.length <= 40 && !text.includes("\n") ? `\`${text}\`` : "this part";
  return { kind: "update", local, steps, operator, type, value: checkValue(checker, stmt, type, what), span };
}

/** Checks one step to a part, such as `[x]` in `grid[y][x]`. `type` is the type of the value before the step, `grid[y]`, and `target` its span. */
function checkStep(
  checker: FunctionChecker,
  step: AssignStep,
  type: CheckedType,
  target: Span,
): { readonly step: UpdateStep; readonly type: CheckedType } {
  if (step.kind === "field") {
    const field = findField(checker, type, target, step.name, { start: target.start, end: step.span.end }, null);
    return { step: { kind: "field", field: field?.index ?? 0 }, type: field?.type ?? ERROR };
  }
  // `prune` follows bound type variables.
  const t = prune(type);
  const item = freshVar();
  if (t.kind === "builtin" && t.name === "Map" && unify(t, builtinType("Map", STRING, item)))
    return { step: { kind: "index", index: checker.check(step.index, STRING, "a key") }, type: item };
  const isList = unify(t, builtinType("List", item));
  if (!isList) {
    const name = t.kind === "builtin" || t.kind === "primitive" ? t.name : "";
    checker.error("E009", target, `only elements of lists and maps can be assigned, found ${showType(t)}`, {
      help: INSTEAD_OF_UPDATE.get(name) ?? "a part of a record is assigned by its name, `p.x = …`",
    });
  }
  const index = checker.check(step.index, isList ? INT : freshVar(), "an index");
  if (isList) warnOfNegativeIndex(checker, step.index, target);
  return { step: { kind: "index", index }, type: isList ? item : ERROR };
}

/** The help that says what to do instead of an assignment to a part, by the name of the type. */
const INSTEAD_OF_UPDATE: ReadonlyMap<string, string> = new Map([
  ["String", "a String has no parts that change: build a new one, `string.slice(s, 0, i) ++ …`"],
  ["Option", "take it apart with `match`, and assign the variable a new Option"],
  ["Result", "take it apart with `match`, and assign the variable a new Result"],
  ["Json", "take it apart with `match j { Json::Object(m) => … }`, change the map, and make a new Json of it"],
]);
