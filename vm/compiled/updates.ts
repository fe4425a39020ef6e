/**
 * Writes assignments to a part of a local. A value on the path changes in place if the local owns it (see `value/owner.ts`). The text for
 * `next[id].stock += count`, with `next` in local 1, `id` in local 2 and `count` in local 3, is
 *
 *   stack1 = local1;
 *   if (stack1.tag === "List" && (stack2 = stack1.get(local2)) !== undefined && stack2.tag === "Record" && typeof (stack3 = stack2.f1) === "number" && … ) {
 *     temp = livingOwner(stack1.owner);
 *     stack3 = withField(meter, temp, stack2, 1, stack3);
 *     local1 = stack3 === stack2 && stack1.unpaid === 0 ? stack1 : withElement(meter, temp, stack1, local2, stack3, false);
 *   } else local1 = updatePart(meter, local1, const0, [local2, local3]);
 *
 * `updatePart` handles all other paths and values. It also makes the traps.
 */
import { INDEX_STEP, type UpdatePath } from "../bytecode/update-path.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { fieldName, type FunctionBody, hasClass, type Operand, toBoxed, Unsupported } from "./body.ts";
import { claimView } from "./builtin-calls.ts";
import { isBoxed } from "./kinds.ts";
import { MAX_SAFE, OPERATORS } from "./numbers.ts";
import { updatedKind } from "./type-inference.ts";

/** The longest path for which `changeField` writes text. */
const MAX_WRITTEN_STEPS = 4;

/** Writes the instruction `Update`. `constant` is the constant with the path, and `count` the number of operands. */
export function update(body: FunctionBody, local: number, constant: number, count: number): void {
  const operands = body.popMany(count);
  body.saveOperandsOf(local);
  claimView(body, local);
  const variable = `local${local}`;
  const kind = body.locals[local] ?? "any";
  const target = toBoxed({ code: variable, kind, local });
  const path = body.scope.updatePath(constant);
  if (path === undefined) throw new Unsupported("a constant that is no path");
  const boxed = operands.map((operand) => toBoxed(operand)).join(", ");
  const name = body.scope.pool.nameOf(path);
  const call = body.tracked.has(local)
    ? `{ temp = ${target}; ${variable} = updatePart(meter, temp, ${name}, [${boxed}], unique${local} === 2); if (temp !== ${variable}) unique${local} = ownsStorage(${variable}) ? 2 : 0; }`
    : `${variable} = updatePart(meter, ${target}, ${name}, [${boxed}]);`;
  const isWritten =
    isBoxed(kind) &&
    operands.slice(0, -1).every((index) => index.kind === "safeInt" || isBoxed(index.kind)) &&
    (path.steps.at(-1) === INDEX_STEP ? changeElement(body, local, path, operands, call) : changeField(body, local, path, operands, call));
  if (!isWritten) body.line(call);
  body.locals[local] = updatedKind(kind, path, operands.at(-1)?.kind ?? "any");
}

/**
 * Writes an assignment to an element of a list that the local owns, which changes in place. `call` is the statement for all other cases.
 * Returns false if the path is not of that form.
 */
function changeElement(
  body: FunctionBody,
  local: number,
  { steps, operator }: UpdatePath,
  operands: readonly Operand[],
  call: string,
): boolean {
  const value = operands.at(-1);
  if (value === undefined || (operator !== undefined && !OPERATORS.has(operator))) return false;
  if (operator !== undefined && value.kind !== "float" && value.kind !== "safeInt" && !isBoxed(value.kind)) return false;
  // The variables above those of the operands are free.
  const list = body.operandName(body.stack.length + operands.length);
  const result = body.operandName(body.stack.length + operands.length + 1);
  body.line(`${list} = local${local};`);
  let taken = 0;
  for (const step of steps.slice(0, -1)) {
    const read =
      step === INDEX_STEP
        ? `${hasClass(list, "List")} ? ${list}.get(${operands[taken++]?.code})`
        : `${hasClass(list, "Record")} ? ${list}.${fieldName(step)}`;
    body.line(`${list} = ${read} : UNIT;`);
  }
  const index = operands[taken]?.code ?? "0";
  const tests = [...intTests(operands.slice(0, -1)), hasClass(list, "List")];
  if (operator === undefined) tests.push(`${list}.setInPlace(${index}, ${toBoxed(value)})`);
  else {
    tests.push(...combiningTests(result, `${list}.get(${index})`, operator, value));
    tests.push(`${list}.setInPlace(${index}, ${value.kind === "float" ? `new FloatValue(${result})` : result})`);
  }
  body.line(`if (!(${tests.join(" && ")})) ${call}`);
  return true;
}

/** Writes an assignment to a field of a record. `call` is the statement for all other cases. Returns false if the path has another form. */
function changeField(
  body: FunctionBody,
  local: number,
  { steps, operator }: UpdatePath,
  operands: readonly Operand[],
  call: string,
): boolean {
  const value = operands.at(-1);
  if (value === undefined || steps.length > MAX_WRITTEN_STEPS) return false;
  const isText = value.kind === "string" && (operator === OPCODES.Concat.tag || operator === OPCODES.Add.tag);
  if (operator !== undefined && !isText && (!OPERATORS.has(operator) || value.kind === "string" || value.kind === "bool")) return false;
  // The variables above those of the operands are free.
  const parts = [...steps, undefined].map((_, i) => body.operandName(body.stack.length + operands.length + i));
  const part = (i: number): string => parts[i] ?? "";
  const result = part(steps.length);
  const tests = intTests(operands.slice(0, -1));
  /** For each step, the expression for the changed list or record from which the step leads on. */
  const changes: string[] = [];
  let taken = 0;
  for (const [i, step] of steps.entries()) {
    const isLast = i === steps.length - 1;
    tests.push(hasClass(part(i), step === INDEX_STEP ? "List" : "Record"));
    const index = step === INDEX_STEP ? (operands[taken++]?.code ?? "0") : String(step);
    const read = step === INDEX_STEP ? `${part(i)}.get(${index})` : `${part(i)}.${fieldName(step)}`;
    if (!isLast || operator === undefined) tests.push(`(${part(i + 1)} = ${read}) !== undefined`);
    else if (isText) tests.push(`typeof (${result} = ${read}) === "string"`);
    else tests.push(...combiningTests(result, read, operator, value));
    // A part that changed in place stays where it is. Then the values around it are owned too, but a list may have to be charged.
    const isSame = isLast ? "" : `${result} === ${part(i + 1)}`;
    const isUnique = i === 0 && body.tracked.has(local) ? `unique${local} === 2` : "false";
    const change =
      step === INDEX_STEP
        ? `withElement(meter, temp, ${part(i)}, ${index}, ${result}, ${isUnique})`
        : `withField(meter, temp, ${part(i)}, ${index}, ${result})`;
    const isDone = step === INDEX_STEP ? `${isSame} && ${part(i)}.unpaid === 0` : isSame;
    changes.push(isLast ? change : `${isDone} ? ${part(i)} : ${change}`);
  }
  body.line(`${part(0)} = local${local};`);
  body.line(`if (${tests.join(" && ")}) {`);
  body.line(`temp = livingOwner(${part(0)}.owner);`);
  if (operator === undefined) body.line(`${result} = ${toBoxed(value)};`);
  else if (isText) body.line(`${result} = concat(meter, ${result}, ${value.code});`);
  else if (value.kind === "float") body.line(`${result} = new FloatValue(${result});`);
  for (const change of changes.slice(1).reverse()) body.line(`${result} = ${change};`);
  body.line(`local${local} = ${changes[0]};`);
  if (body.tracked.has(local)) body.line(`if (local${local} !== ${part(0)}) unique${local} = ownsStorage(local${local}) ? 2 : 0;`);
  body.line(`} else ${call}`);
  return true;
}

/** Returns the tests that show whether these operands are safe Ints. */
const intTests = (operands: readonly Operand[]): string[] =>
  operands.flatMap(({ code, kind }) => (kind === "safeInt" ? [] : [`typeof ${code} === "number"`]));

/**
 * Returns tests that also combine a part with a number: with a Float if `value` is a Float, otherwise with a safe Int. If all tests are true,
 * the variable `result` holds the number that the operation makes.
 */
function combiningTests(result: string, part: string, operator: number, value: Operand): readonly string[] {
  const symbol = OPERATORS.get(operator) ?? "+";
  if (value.kind === "float")
    return [
      `(${result} = ${part}) !== undefined`,
      hasClass(result, "Float"),
      `((${result} = ${result}.value ${symbol} ${value.code}), true)`,
    ];
  const number = `${result} ${symbol} ${value.code}${operator === OPCODES.Mul.tag ? " + 0" : ""}`;
  return [
    ...intTests([value]),
    `typeof (${result} = ${part}) === "number"`,
    `(${result} = ${number}) <= ${MAX_SAFE}`,
    `${result} >= -${MAX_SAFE}`,
  ];
}
