/**
 * Writes assignments to a part of a local. A value on the path changes in place if the local owns it (see `value/owner.ts`). The text for
 * `next[id].stock += count`, with `next` in local 1, `id` in local 2 and `count` in local 3, is
 *
 *   stack1 = local1;
 *   if (stack1.isList && (stack2 = (stack1.exactArray[local2] ?? stack1.get(local2))) !== undefined && stack2.isRecord && … ) {
 *     temp = stack1.owner;
 *     if (temp !== undefined && temp.isAlive && stack2.owner === temp && … ) {
 *       if (temp.log !== undefined) temp.log.save(stack2);
 *       stack2.f1 = stack3;
 *     } else {
 *       temp = livingOwner(temp);
 *       stack3 = withField(meter, temp, stack2, 1, stack3);
 *       local1 = stack3 === stack2 && stack1.unpaidChanges === 0 ? stack1 : withElement(meter, temp, stack1, local2, stack3, 0);
 *     }
 *   } else local1 = updatePart(meter, local1, const0, [local2, local3]);
 *
 * `updatePart` handles all other paths and values. It also makes the traps.
 */
import { INDEX_STEP, type UpdatePath } from "../bytecode/update-path.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { fieldName, floatName, type FunctionBody, hasClass, notOfKind, type Operand, toBoxed, Unsupported } from "./body.ts";
import { writeViewClaim } from "./builtin-calls.ts";
import { elementKind, fieldKind, isBoxed, isFloatRecord, isMap, type ValueKind } from "./kinds.ts";
import { MAX_SAFE, OPERATORS } from "./numbers.ts";
import { WIDE_FIELDS } from "../value/value.ts";
import { updatedKind } from "./type-inference.ts";
import { uniqueFieldText, withUniqueFieldText } from "./uniqueness.ts";

/** The longest path for which `writePartChange` writes text. */
const MAX_WRITTEN_STEPS = 4;

/** Writes the instruction `Update`. `constant` is the constant with the path, and `count` the number of operands. */
export function writeUpdate(body: FunctionBody, local: number, constant: number, count: number): void {
  const operands = body.popMany(count);
  body.saveOperandsOf(local);
  writeViewClaim(body, local);
  const variable = `local${local}`;
  const kind = body.locals[local] ?? "any";
  const target = toBoxed({ code: variable, kind, local });
  const path = body.scope.updatePath(constant);
  if (path === undefined) throw new Unsupported("a constant that is no path");
  const boxed = operands.map((operand) => toBoxed(operand)).join(", ");
  const name = body.scope.pool.nameOf(path);
  const [step = 0] = path.steps;
  const isTrackedList = body.tracked.has(local) && step === INDEX_STEP;
  const call = `updatePart(meter, ${target}, ${name}, [${boxed}]${isTrackedList ? `, unique${local}` : ""})`;
  const kinds = containerKinds(body, local, path.steps);
  const isElement = path.steps.at(-1) === INDEX_STEP && !isMap(kinds.at(-1) ?? "any");
  const isWritten =
    isBoxed(kind) &&
    (isElement ? writeElementChange(body, local, path, operands, call) : writePartChange(body, local, path, operands, call));
  if (!isWritten) body.line(assignment(body, local, path, call));
  if (body.tracked.has(local) && step !== INDEX_STEP && path.steps.length === 1) {
    const uniqueness = path.operator === undefined ? (operands.at(-1)?.uniqueness ?? "0") : "0";
    body.line(`unique${local} = ${withUniqueFieldText(`unique${local}`, step, uniqueness)};`);
  }
  body.locals[local] = updatedKind(kind, path, operands.at(-1)?.kind ?? "any");
}

/** Returns the kinds of the values on the path: that of the local first, that of the changed value last. */
function containerKinds(body: FunctionBody, local: number, steps: readonly number[]): readonly ValueKind[] {
  const kinds = [body.locals[local] ?? "any"];
  for (const step of steps.slice(0, -1)) {
    const last = kinds.at(-1) ?? "any";
    kinds.push(step === INDEX_STEP ? elementKind(last) : fieldKind(body.scope.types, last, step));
  }
  return kinds;
}

/** Returns the statement that sets a local to its changed value. A list that is not the same as before is a new version that only the local holds. */
function assignment(body: FunctionBody, local: number, { steps }: UpdatePath, changed: string): string {
  const variable = `local${local}`;
  if (!body.tracked.has(local) || steps[0] !== INDEX_STEP) return `${variable} = ${changed};`;
  return `{ temp = ${variable}; ${variable} = ${changed}; if (temp !== ${variable}) unique${local} = fillsStorage(${variable}) ? 2 : 1; }`;
}

/**
 * Writes an assignment to an element of a list that the local owns, which changes in place. `call` returns the changed value in all other cases.
 * Returns false if the path is not of that form.
 */
function writeElementChange(body: FunctionBody, local: number, path: UpdatePath, operands: readonly Operand[], call: string): boolean {
  const { steps, operator } = path;
  const value = operands.at(-1);
  if (value === undefined || (operator !== undefined && !OPERATORS.has(operator))) return false;
  if (operator !== undefined && value.kind !== "float" && value.kind !== "safeInt" && !isBoxed(value.kind)) return false;
  if (operands.slice(0, -1).some(({ kind }) => kind !== "safeInt" && !isBoxed(kind))) return false;
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
  const isInRange = [hasClass(list, "List"), ...intTests(operands.slice(0, -1)), `${index} >= 0`, `${index} < ${list}.length`];
  const changed =
    operator === undefined && steps.length === 1 && body.tracked.has(local)
      ? `${isInRange.join(" && ")} ? withElement(meter, livingOwner(${list}.owner), ${list}, ${index}, ${toBoxed(value)}, unique${local}) : ${call}`
      : call;
  body.open(`if (!(${tests.join(" && ")})) {`);
  // The list may be unique, although the local does not own it.
  const isInRecord = body.tracked.has(local) && steps.length === 2 && steps[0] !== INDEX_STEP;
  if (!isInRecord || !writePartChange(body, local, path, operands, call)) body.line(assignment(body, local, path, changed));
  body.close();
  return true;
}

/**
 * Writes an assignment to a field of a record, to an entry of a map, or to a list in a record that may be unique. `call` returns the changed
 * value in all other cases. Returns false if the path has another form.
 */
function writePartChange(body: FunctionBody, local: number, path: UpdatePath, operands: readonly Operand[], call: string): boolean {
  const { steps, operator } = path;
  const value = operands.at(-1);
  if (value === undefined || steps.length > MAX_WRITTEN_STEPS) return false;
  const isText = value.kind === "string" && (operator === OPCODES.Concat.tag || operator === OPCODES.Add.tag);
  if (operator !== undefined && !isText && (!OPERATORS.has(operator) || value.kind === "string" || value.kind === "bool")) return false;
  const written = writtenSteps(body, local, steps, operands, operator === undefined);
  if (written === undefined) return false;
  const isUnboxed = written.at(-1)?.isFloat === true;
  const result = body.operandName(body.stack.length + operands.length + steps.length);
  const tests: string[] = [];
  /** For each step, the expression for its container after the change. */
  const changes: string[] = [];
  for (const [i, { container, tag, test, read, change }] of written.entries()) {
    tests.push(hasClass(container, tag), ...test);
    const part = written[i + 1]?.container;
    // A part that nothing else refers to changes in place, but the record around it may have to be charged.
    const isKept = part !== undefined && written[i + 1]?.uniqueness === "0";
    if (part !== undefined) tests.push(`(${part} = ${read}) !== undefined`);
    else if (isText) tests.push(`typeof (${result} = ${read}) === "string"`);
    else if (operator !== undefined) tests.push(...combiningTests(result, read, operator, value, isUnboxed));
    else if (tag !== "Map") tests.push(`${read} !== undefined`);
    // A part that changed in place stays where it is. Then the values around it are owned too, but a list or map may have to be charged.
    const isDone = `${result} === ${part}${tag === "Record" ? "" : ` && ${container}.unpaidChanges === 0`}`;
    changes.push(isKept ? `${isDone} ? ${container} : ${change(result)}` : change(result));
  }
  const [root] = written;
  body.line(`${root?.container} = local${local};`);
  body.line(`if (${tests.join(" && ")}) {`);
  for (const { container, key } of written) if (key !== undefined) body.line(`chargeKey(meter, ${container}.size, ${key});`);
  if (operator === undefined) body.line(`${result} = ${isUnboxed ? value.code : toBoxed(value)};`);
  else if (isText) body.line(`${result} = concat(meter, ${result}, ${value.code});`);
  else if (value.kind === "float" && !isUnboxed) body.line(`${result} = new FloatValue(${result});`);
  body.line(`temp = ${root?.container}.owner;`);
  const inPlace = fieldChange(written, result);
  if (inPlace !== undefined) body.open(`if (${inPlace.tests.join(" && ")}) { ${inPlace.change} } else {`);
  body.line("temp = livingOwner(temp);");
  for (const change of changes.slice(1).reverse()) body.line(`${result} = ${change};`);
  const [field = 0] = steps;
  const [, part] = written;
  // A part that is not the same as before is a new version that only the record holds.
  if (part !== undefined && part.uniqueness !== "0") {
    const uniqueness = part.tag === "Map" ? "1" : `fillsStorage(${result}) ? 2 : 1`;
    body.line(`if (${result} !== ${part.container}) unique${local} = ${withUniqueFieldText(`unique${local}`, field, uniqueness)};`);
  }
  body.line(`local${local} = ${changes[0]};`);
  if (body.tracked.has(local) && steps[0] === INDEX_STEP)
    body.line(`if (local${local} !== ${root?.container}) unique${local} = fillsStorage(local${local}) ? 2 : 1;`);
  if (inPlace !== undefined) body.close();
  body.line(`} else ${assignment(body, local, path, call)}`);
  return true;
}

/**
 * Returns the text that changes a field of a record in place, and the tests that the owner in `temp` allows it at no charge. It calls as few
 * functions as possible, because V8 inlines only some calls of a function. Returns undefined if the path does not end at such a field.
 */
function fieldChange(
  written: readonly WrittenStep[],
  value: string,
): { readonly tests: readonly string[]; readonly change: string } | undefined {
  const last = written.at(-1);
  if (last?.tag !== "Record" || last.field === undefined || last.field >= WIDE_FIELDS) return undefined;
  const record = last.container;
  const around = written.slice(0, -1);
  return {
    tests: [
      "temp !== undefined && temp.isAlive",
      ...(written.length > 1 ? [`${record}.owner === temp`] : []),
      ...around.flatMap(({ tag, container }) =>
        tag === "Record" ? [] : [`${container}.owner === temp && ${container}.unpaidChanges === 0`],
      ),
      // A record of more fields holds them in an array, too.
      ...(last.isFloat === true ? [] : [`${record}.all === undefined`]),
    ],
    change: `if (temp.log !== undefined) temp.log.save(${record}); ${record}.${last.isFloat === true ? floatName(last.field) : fieldName(last.field)} = ${value};`,
  };
}

/** One step of a path, as text. */
interface WrittenStep {
  /** The variable of the value that the step leads from, and the class that this value must have. */
  readonly container: string;
  readonly tag: "List" | "Map" | "Record";
  /** The index of the field, if the value is a record. */
  readonly field?: number;
  /** Whether the part is an unboxed number in a record that is probably a `FloatRecord`. */
  readonly isFloat?: boolean;
  /** The expression for the uniqueness of that value, if it is a list or a map. */
  readonly uniqueness: string;
  /** The key, if the value is a map. */
  readonly key?: string;
  /** The tests of the index or key. */
  readonly test: readonly string[];
  /** The expression that reads the part. */
  readonly read: string;
  /** Returns the expression of the container with another part. */
  readonly change: (part: string) => string;
}

/** Returns the text for the uniqueness of the list or map from which a step of a path leads: that in the local, or in a field of the record there. */
function uniquenessAt(local: number, [field = INDEX_STEP]: readonly number[], step: number): string {
  if (step === 0) return `unique${local}`;
  return step === 1 && field !== INDEX_STEP ? uniqueFieldText(`unique${local}`, field) : "0";
}

/** Returns the steps of a path as text. `mayAdd` says whether the last step may add a key. Returns undefined if an index or a key certainly has the wrong kind. */
function writtenSteps(
  body: FunctionBody,
  local: number,
  steps: readonly number[],
  operands: readonly Operand[],
  mayAdd: boolean,
): readonly WrittenStep[] | undefined {
  const written: WrittenStep[] = [];
  const kinds = containerKinds(body, local, steps);
  let taken = 0;
  for (const [i, step] of steps.entries()) {
    // The variables above those of the operands are free.
    const container = body.operandName(body.stack.length + operands.length + i);
    if (step !== INDEX_STEP) {
      const isFloat = i === steps.length - 1 && operands.at(-1)?.kind === "float" && isFloatRecord(body.scope.types, kinds[i] ?? "any");
      const change = (part: string): string => `${isFloat ? "withFloat" : "withField"}(meter, temp, ${container}, ${step}, ${part})`;
      const read = `${container}.${isFloat ? floatName(step) : fieldName(step)}`;
      written.push({ container, tag: "Record", field: step, isFloat, uniqueness: "0", test: [], read, change });
      continue;
    }
    const index = operands[taken++];
    const tag = isMap(kinds[i] ?? "any") ? "Map" : "List";
    const indexKind = tag === "Map" ? "string" : "safeInt";
    if (index === undefined || (index.kind !== indexKind && !isBoxed(index.kind))) return undefined;
    const test = notOfKind(index.code, indexKind);
    // Most lists have the element in `exactArray`.
    const get = `${container}.get(${index.code})`;
    const read = tag === "List" ? `(${container}.exactArray[${index.code}] ?? ${get})` : get;
    const uniqueness = body.tracked.has(local) ? uniquenessAt(local, steps, i) : "0";
    const addsKey = mayAdd && i === steps.length - 1;
    written.push({
      container,
      tag,
      uniqueness,
      ...(tag === "Map" ? { key: index.code } : {}),
      test: index.kind === indexKind || test === undefined ? [] : [`!(${test})`],
      read,
      change: (part) =>
        tag === "List"
          ? `withElement(meter, temp, ${container}, ${index.code}, ${part}, ${uniqueness})`
          : `withEntry(meter, temp, ${container}, ${index.code}, ${part}, ${addsKey}, ${uniqueness})`,
    });
  }
  return written;
}

/** Returns the tests that show whether these operands are safe Ints. */
const intTests = (operands: readonly Operand[]): string[] =>
  operands.flatMap(({ code, kind }) => (kind === "safeInt" ? [] : [`typeof ${code} === "number"`]));

/**
 * Returns tests that also combine a part with a number: with a Float if `value` is a Float, otherwise with a safe Int. If all tests are true,
 * the variable `result` holds the number that the operation makes. `isUnboxed` says whether the part is a number that is known to be a Float.
 */
function combiningTests(result: string, part: string, operator: number, value: Operand, isUnboxed = false): readonly string[] {
  const symbol = OPERATORS.get(operator) ?? "+";
  if (value.kind === "float")
    return [
      `(${result} = ${part}) !== undefined`,
      ...(isUnboxed ? [] : [hasClass(result, "Float")]),
      `((${result} = ${result}${isUnboxed ? "" : ".value"} ${symbol} ${value.code}), true)`,
    ];
  const number = `${result} ${symbol} ${value.code}${operator === OPCODES.Mul.tag ? " + 0" : ""}`;
  return [
    ...intTests([value]),
    `typeof (${result} = ${part}) === "number"`,
    `(${result} = ${number}) <= ${MAX_SAFE}`,
    `${result} >= -${MAX_SAFE}`,
  ];
}
