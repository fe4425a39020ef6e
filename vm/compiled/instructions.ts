/**
 * Writes the instructions of a basic block that are not control flow. For each instruction, it pops expressions from the
 * symbolic stack, writes lines, and pushes the variable that holds the result.
 */
import { OWNERSHIP } from "../bytecode/ownership.ts";
import { APPEND } from "../bytecode/string-append.ts";
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { BYTES, slotsCharge, UNITS, UNITS_PER_STEP } from "../cost.ts";
import { OPCODE_BY_TAG, OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { WRAPPERS } from "../bytecode/tags.ts";
import { FnRefValue, NARROW_FIELDS, NO_INTEGER, RecordValue, WIDE_FIELDS } from "../value/value.ts";
import {
  asNumber,
  fieldName,
  floatName,
  type FunctionBody,
  hasClass,
  hasNotClass,
  kindOfOperand,
  notOfKind,
  toBoxed,
  toKind,
  type Operand,
  truthOf,
  Unsupported,
} from "./body.ts";
import { isUsedAsNumber } from "./consumers.ts";
import {
  elementKind,
  fieldKind,
  functionKind,
  isBoxed,
  isFloatRecord,
  isList,
  knownFunction,
  listKind,
  recordKind,
  tagOfKind,
  enumKind,
  mapKind,
  isMap,
  mayBeFloatRecord,
  mayBeUnique,
  wrapperKind,
  type ValueKind,
} from "./kinds.ts";
import { pushedUniqueness, writeBuiltin, writeViewClaim, MAX_JOINED } from "./builtin-calls.ts";
import { ELEMENT_BYTES, ELEMENT_STEPS, ENUMERATE_STEPS, type Enumeration, PAIR_STEPS, ZIP_STEPS } from "./enumerations.ts";
import { writeArithmetic, canBe, comparisonText, equalityText, isLiteral, writeNegation } from "./numbers.ts";
import { DEOPTIMIZED } from "./runtime.ts";
import { concatKind, type FunctionVersion, guessedPart, SITE, trackedLists, wrongGuesses } from "./type-inference.ts";
import { newRecordText, uniqueFieldText, withUniqueFieldText } from "./uniqueness.ts";
import { writeUpdate } from "./updates.ts";

/** Instructions that consume a condition. A comparison directly before such an instruction is not stored in a variable. */
const READS_CONDITION: ReadonlySet<number> = new Set([OPCODES.JmpIf.tag, OPCODES.JmpIfNot.tag, OPCODES.Not.tag]);
const BUILTIN_IDS: ReadonlyMap<string, number> = new Map([...BUILTIN_BY_ID].map(([id, b]) => [b.name, id] as const));

/** Returns the name of a version's JavaScript function: function index, first instruction, number. The name appears in CPU profiles. */
export const versionName = (version: FunctionVersion): string => `f${version.fn.index}_${version.start}_${version.number}`;

/** Writes one instruction that is not control flow. `hasNext` says whether another instruction follows in the same block. */
export function writeInstruction(body: FunctionBody, pc: number, hasNext: boolean): void {
  if (body.skipped.has(pc)) return;
  const { code } = body.version.fn;
  // `CODE_STRIDE` is the number of words per instruction.
  const at = pc * CODE_STRIDE;
  const tag = code[at] ?? 0;
  const first = code[at + 1] ?? 0;
  const second = code[at + 2] ?? 0;
  const isConsumed = hasNext && READS_CONDITION.has(code[at + CODE_STRIDE] ?? 0);
  switch (tag) {
    case OPCODES.PushConst.tag:
      body.pushConstant(first);
      return;
    case OPCODES.LoadLocal.tag:
      if (body.appends.roles[pc] !== APPEND.load && body.mayBePending(first)) writePendingCharge(body, first);
      if (body.roles[pc] === OWNERSHIP.release) writeEndOwnership(body, `local${first}`, body.locals[first]);
      return writeLoad(body, first, pc);
    case OPCODES.StoreLocal.tag:
      writeStore(body, first, body.uniqueLists.pushes.has(pc - 1));
      if (body.roles[pc] === OWNERSHIP.begin) body.line(`beginOwnership(local${first});`);
      return writePendingFlag(body, first, body.appends.roles[pc] === APPEND.store);
    case OPCODES.Update.tag:
      return writeUpdate(body, first, second, code[at + 3] ?? 0);
    case OPCODES.Pop.tag:
      body.pop();
      return;
    case OPCODES.Dup.tag:
      return writeDuplicate(body);
    case OPCODES.Nop.tag:
      return;
    case OPCODES.Add.tag:
    case OPCODES.Sub.tag:
    case OPCODES.Mul.tag:
    case OPCODES.Div.tag:
    case OPCODES.Mod.tag:
    case OPCODES.FDiv.tag:
      return writeArithmetic(body, pc, tag);
    case OPCODES.Neg.tag:
      return writeNegation(body);
    case OPCODES.Concat.tag:
      return writeConcat(body, body.appends.roles[pc] === APPEND.concat);
    case OPCODES.Lt.tag:
    case OPCODES.Lte.tag:
    case OPCODES.Gt.tag:
    case OPCODES.Gte.tag:
      return pushCondition(body, comparisonText(body, pc, tag), isConsumed);
    case OPCODES.Eq.tag:
    case OPCODES.Neq.tag:
      return pushCondition(body, equalityText(body, tag === OPCODES.Eq.tag), isConsumed);
    case OPCODES.Not.tag:
      return pushCondition(body, `!${truthOf(body.pop())}`, isConsumed);
    case OPCODES.And.tag:
    case OPCODES.Or.tag: {
      const b = truthOf(body.pop());
      const a = truthOf(body.pop());
      return body.push(`(${a} ${tag === OPCODES.And.tag ? "&&" : "||"} ${b})`, "bool");
    }
    case OPCODES.Call.tag:
      return writeCall(body, pc, second);
    case OPCODES.CallIndirect.tag:
      return writeIndirectCall(body, pc, first);
    default:
      writeOther(body, pc, tag, first, second);
  }
}

/** Writes an instruction that creates or reads an object value, or calls a builtin. */
function writeOther(body: FunctionBody, pc: number, tag: number, first: number, second: number): void {
  switch (tag) {
    case OPCODES.MakeRecord.tag: {
      const operands = body.popMany(second);
      body.fixedBytes += slotsCharge(second);
      const { pool, types } = body.scope;
      const kind = recordKind(types, first, operands.map(kindOfOperand));
      if (isFloatRecord(types, kind) && writeFloatRecord(body, pc, first, operands, kind)) return;
      const fields = operands.map((f) => toBoxed(f));
      body.push(second === 0 ? pool.nameOf(new RecordValue(first)) : newRecord(first, fields), kind);
      return body.setUnique(
        newRecordText(operands.map(({ uniqueness = "0", kind: part }) => ({ uniqueness, isList: isList(part) || isMap(part) }))),
      );
    }
    case OPCODES.MakeEnum.tag: {
      const payload = body.pop();
      body.fixedBytes += BYTES.enumValue;
      const isEmpty = payload.code === "UNIT";
      body.push(
        isEmpty ? body.scope.pool.emptyVariant(first, second) : `new EnumValue(${first}, ${second}, ${toBoxed(payload)})`,
        enumKind(body.scope.types, first, second, payload.kind),
      );
      if (payload.uniqueness !== undefined) body.setUnique(payload.uniqueness);
      return;
    }
    case OPCODES.GetField.tag: {
      const record = body.pop();
      const ofTuple = body.version.enumerations.fields.get(pc);
      if (ofTuple?.isZip === false)
        return ofTuple.field === 0 ? body.push(`index${ofTuple.tuple}`, "safeInt") : void body.stack.push(record);
      const kind = guessedPart(body.version, pc, fieldKind(body.scope.types, record.kind, first));
      const variable = body.operandName();
      if (ofTuple === undefined && kind === "float" && isFloatRecord(body.scope.types, record.kind)) {
        body.line(`${variable} = ${toBoxed(record)}.${floatName(first)};`);
        body.checkGuess(pc, SITE.part, [`${variable} === undefined`]);
        return void body.stack.push({ code: variable, kind, local: -1 });
      }
      const read = ofTuple === undefined ? `${toBoxed(record)}.${fieldName(first)}` : `${first === 0 ? "first" : "second"}${ofTuple.tuple}`;
      body.line(`${variable} = ${read};`);
      // For any other kind, the check of the kind also fails for undefined.
      const mayBeFloat = ofTuple === undefined && mayBeFloatRecord(body.scope.types, record.kind);
      if (isBoxed(kind) || kind === "never") {
        const unboxed = mayBeFloat ? `${variable} = floatField(${toBoxed(record)}, ${first})` : `throw ${DEOPTIMIZED}`;
        body.line(`if (${variable} === undefined) ${unboxed};`);
      } else if (kind === "float" && mayBeFloat) body.checkGuess(pc, SITE.part, [`${variable} === undefined`]);
      if (body.roles[pc] === OWNERSHIP.take) writeEndOwnership(body, variable, kind);
      body.pushPart(variable, kind, pc);
      return isBoxed(kind) ? writeFieldUniqueness(body, pc, record, first) : undefined;
    }
    case OPCODES.MakeClosure.tag: {
      const operands = body.popMany(second);
      const captured = operands.map((c) => toBoxed(c));
      body.fixedBytes += slotsCharge(second);
      const kind = functionKind(first, operands.map(kindOfOperand));
      if (second === 0) return body.push(body.scope.pool.nameOf(new FnRefValue(first)), kind);
      return body.push(`new ClosureValue(${first}, [${captured.join(", ")}])`, kind);
    }
    case OPCODES.Wrap.tag: {
      const value = body.pop();
      body.fixedBytes += BYTES.wrapper;
      const wrapper = WRAPPERS[first] ?? "Some";
      body.push(`new ${wrapper}Value(${toBoxed(value)})`, wrapperKind(wrapper, value.kind));
      return value.uniqueness === undefined ? undefined : body.setUnique(value.uniqueness);
    }
    case OPCODES.MakeList.tag: {
      const operands = body.popMany(first);
      const items = operands.map((i) => toBoxed(i));
      body.fixedBytes += slotsCharge(first);
      body.extraSteps += Math.floor((first * UNITS.slot) / UNITS_PER_STEP);
      const kind = listKind(operands.map(kindOfOperand));
      if (first <= MAX_JOINED && operands.every((operand) => operand.kind === "string")) body.texts = { line: body.lines.length, operands };
      body.push(first === 0 ? "ListValue.EMPTY" : `ListValue.of([${items.join(", ")}])`, kind);
      return body.setUnique("2");
    }
    case OPCODES.MakeMap.tag: {
      const operands = body.popMany(first);
      const flat = operands.map((i) => toBoxed(i));
      body.push(`makeMap(meter, [${flat.join(", ")}])`, mapKind(operands.map(kindOfOperand).filter((_, i) => i % 2 === 1)));
      // All empty maps that instructions make are one object.
      return body.setUnique(first === 0 ? "0" : "1");
    }
    case OPCODES.JsonKind.tag: {
      const value = body.pop();
      return body.push(`jsonKind(${toBoxed(value)})`, "safeInt");
    }
    case OPCODES.ListGet.tag:
      return writeElement(body, pc);
    case OPCODES.Builtin.tag:
      return writeBuiltin(body, pc, first, body.popMany(second));
    default: {
      if (body.version.textLists.lengths.has(pc)) return body.push(`${body.pop().code}.length`, "safeInt");
      const zip = body.version.enumerations.lengths.get(pc);
      if (zip !== undefined) return body.push(zipLength(body.pop().code, zip.list), "safeInt");
      const row = OPCODE_BY_TAG.get(tag);
      const id = BUILTIN_IDS.get(row?.builtin ?? "");
      if (row === undefined || id === undefined) throw new Unsupported(`the instruction ${tag}`);
      writeBuiltin(body, pc, id, body.popMany(row.pops));
    }
  }
}

/** Writes the uniqueness of a field that was just read from a record, and of that record, to which something else may now refer. */
function writeFieldUniqueness(body: FunctionBody, pc: number, { local, uniqueness }: Operand, field: number): void {
  if (uniqueness !== undefined) return body.setUnique(uniqueFieldText(uniqueness, field));
  if (!body.tracked.has(local)) return;
  const record = `unique${local}`;
  // Where the code leaves its frame, the interpreter would find the moved list in the record.
  if (body.uniqueLists.moves.has(pc) && !body.version.leaves) return body.setUnique(uniqueFieldText(record, field));
  if (!body.uniqueLists.borrows.has(pc)) body.line(`${record} = ${withUniqueFieldText(record, field, "0")};`);
}

/** Writes the creation of a record whose fields are probably all Floats. Returns false if one of them certainly is none. */
function writeFloatRecord(body: FunctionBody, pc: number, type: number, operands: readonly Operand[], kind: ValueKind): boolean {
  const boxed = operands.filter((operand) => operand.kind !== "float");
  if (!boxed.every((operand) => isBoxed(operand.kind)) || (boxed.length > 0 && wrongGuesses(body.version, pc, SITE.operands) > 0))
    return false;
  body.checkGuess(
    pc,
    SITE.operands,
    boxed.map(({ code }) => hasNotClass(code, "Float")),
  );
  const floats = operands.map((operand) => (operand.kind === "float" ? operand.code : `${operand.code}.value`));
  body.push(`new FloatRecord(${type}, [${[NO_INTEGER, ...floats].join(", ")}])`, kind);
  return true;
}

/** Returns the expression that makes a record (see `RecordValue`). */
function newRecord(type: number, fields: readonly string[]): string {
  if (fields.length <= NARROW_FIELDS) return `new RecordValue(${[type, ...fields].join(", ")})`;
  const all = fields.length <= WIDE_FIELDS ? [] : [`[${fields.join(", ")}]`];
  return `new WideRecord(${[type, ...fields.slice(0, WIDE_FIELDS), ...all].join(", ")})`;
}

/** Writes the end of the ownership of a value to which something else now refers. Only a value of a boxed kind can have an owner. */
function writeEndOwnership(body: FunctionBody, variable: string, kind: ValueKind = "safeInt"): void {
  if (!isBoxed(kind)) return;
  const isObject = `typeof ${variable} === "object"`;
  const tag = tagOfKind(body.scope.types, kind);
  if (tag === undefined) return body.line(`if (${isObject}) endOwnership(${variable});`);
  if (tag === "Enum") return body.line(`if (${hasNotClass(variable, tag)} && ${isObject}) endOwnership(${variable});`);
  body.line(`if (${hasClass(variable, tag)}) { if (${variable}.owner !== undefined) ${variable}.owner.isAlive = false; }`);
  body.line(`else if (${isObject}) endOwnership(${variable});`);
}

function writeLoad(body: FunctionBody, local: number, pc: number): void {
  const operand = { code: `local${local}`, kind: body.locals[local] ?? "any", local };
  if (!body.tracked.has(local)) return void body.stack.push(operand);
  const { borrows, moves, splits } = body.uniqueLists;
  if (moves.has(pc)) {
    for (const field of splits.get(pc) ?? [])
      if (isBoxed(fieldKind(body.scope.types, operand.kind, field)))
        body.line(`unique${local} = ${withUniqueFieldText(`unique${local}`, field, "0")};`);
    writeViewClaim(body, local);
    return void body.stack.push({ ...operand, uniqueness: `unique${local}` });
  }
  if (!borrows.has(pc)) body.line(`unique${local} = 0;`);
  body.stack.push(operand);
}

/** Writes a store to a local. `isPush` says whether the value is the list of that local after a push. */
function writeStore(body: FunctionBody, local: number, isPush: boolean): void {
  const value = body.pop();
  body.saveOperandsOf(local);
  if (value.local !== local) body.line(`local${local} = ${asNumber(value)};`);
  body.locals[local] = value.kind;
  if (!body.tracked.has(local)) return;
  if (!isPush) body.line(`unique${local} = ${value.uniqueness ?? 0};`);
  else body.line(`if (unique${local} !== 2) unique${local} = ${pushedUniqueness(`local${local}`)};`);
}

/**
 * Writes the charge for the pending String in a local that is about to be read. The bytes go to the meter at once, since the
 * String may be as large as the limit.
 */
function writePendingCharge(body: FunctionBody, local: number): void {
  body.line(`if (pending${local} === 1) {`);
  body.line(`pending${local} = 0;`);
  body.line(`if ((meter.allocBytes += ${BYTES.codeUnit} * local${local}.length) > meter.maxAllocBytes) throw ${DEOPTIMIZED};`);
  body.line("}");
}

/** Writes the assignment that records whether the String just stored in a local is pending. */
function writePendingFlag(body: FunctionBody, local: number, appended: boolean): void {
  if (body.appends.isAppendTarget[local] !== 1) return;
  if (!appended || !body.mayBePending(local)) body.line(`pending${local} = 0;`);
  else body.line(`pending${local} = ${body.locals[local] === "string" ? "1" : `typeof local${local} === "string" ? 1 : 0`};`);
}

function writeDuplicate(body: FunctionBody): void {
  const { uniqueness: _, ...top } = body.pop();
  body.stack.push(top, top);
}

function pushCondition(body: FunctionBody, expression: string, isConsumed: boolean): void {
  if (isConsumed) body.stack.push({ code: `(${expression})`, kind: "bool", local: -1 });
  else body.push(expression, "bool");
}

function writeConcat(body: FunctionBody, appends: boolean): void {
  const b = body.pop();
  const a = body.pop();
  if (a.kind === "string" && b.kind === "string") return appends ? body.appendString(a, b) : body.joinStrings(a, b);
  body.push(`${appends ? "append" : "concat"}(meter, ${toBoxed(a)}, ${toBoxed(b)})`, concatKind(a.kind, b.kind));
}

function writeCall(body: FunctionBody, pc: number, count: number): void {
  const callee = body.version.calls.get(pc);
  if (callee === undefined) throw new Unsupported("a call to an unknown function");
  const enumeration = body.version.enumerations.calls.get(pc);
  if (enumeration !== undefined)
    return enumeration.isZip ? writeZip(body, enumeration, callee.result) : writeEnumerate(body, pc, body.pop());
  writeVersionCall(body, callee, body.popMany(count));
}

/** Writes a call of `list.enumerate`, which returns its argument and charges for the tuples (see `enumerations.ts`). */
function writeEnumerate(body: FunctionBody, pc: number, list: Operand): void {
  body.push(toBoxed(list), isBoxed(list.kind) ? list.kind : "any");
  if (!body.version.textLists.enumerateCalls.has(pc)) body.line(`if (${hasNotClass(body.top, "List")}) throw ${DEOPTIMIZED};`);
  body.addSteps(`${ENUMERATE_STEPS} + ${ELEMENT_STEPS} * ${body.top}.length`);
  body.line(`if ((meter.allocBytes += ${ELEMENT_BYTES} * ${body.top}.length) > meter.maxAllocBytes) throw ${DEOPTIMIZED};`);
}

/** Writes a call of `list.zip`, which returns the first list, sets the variable of the second one, and charges for the tuples. */
function writeZip(body: FunctionBody, { list }: Enumeration, kind: ValueKind): void {
  const second = toBoxed(body.pop());
  const first = toBoxed(body.pop());
  body.line(`zipped${list} = ${second};`);
  body.push(first, kind === "never" ? "any" : kind);
  body.line(`if (${hasNotClass(body.top, "List")} || ${hasNotClass(`zipped${list}`, "List")}) throw ${DEOPTIMIZED};`);
  body.line(`temp = ${zipLength(body.top, list)};`);
  body.addSteps(`${ZIP_STEPS} + ${PAIR_STEPS} * temp`);
  body.line(`if ((meter.allocBytes += ${ELEMENT_BYTES} * temp) > meter.maxAllocBytes) throw ${DEOPTIMIZED};`);
}

const zipLength = (first: string, list: number): string =>
  `${first}.length < zipped${list}.length ? ${first}.length : zipped${list}.length`;

/** Writes the read of a tuple of `list.zip`, which sets the variables of its elements. */
function writeZipElement(body: FunctionBody, { list, tuple }: Enumeration, index: Operand, kind: ValueKind): void {
  if (index.kind !== "safeInt") body.line(`if (typeof ${index.code} !== "number") throw ${DEOPTIMIZED};`);
  body.line(`first${tuple} = local${list}.get(${index.code}); second${tuple} = zipped${list}.get(${index.code});`);
  body.line(`if (first${tuple} === undefined || second${tuple} === undefined) throw ${DEOPTIMIZED};`);
  // Nothing reads the tuple itself.
  body.stack.push({ code: "UNIT", kind, local: -1 });
}

function writeVersionCall(body: FunctionBody, callee: FunctionVersion, operands: readonly Operand[]): void {
  const args = callee.entry.locals.slice(0, callee.fn.def.arity).map((kind, i) => {
    const arg = operands[i];
    return arg === undefined ? "UNIT" : toKind(arg, kind);
  });
  const kind = callee.result === "never" ? "any" : callee.result;
  const flags = trackedParams(callee).map((i) => operands[i]?.uniqueness ?? "0");
  // The `+` tells V8 that the result is a number. See `asNumber`.
  const plus = body.hasLoop && (kind === "safeInt" || kind === "float") ? "+" : "";
  body.pushCall(`${plus}${versionName(callee)}(${["meter", "depth + 1", ...args, ...flags].join(", ")})`, kind);
  if (mayBeUnique(callee.types, callee.result)) body.setUnique("meter.returnedUniqueness");
}

/** Returns the parameters of a version for which a call passes the uniqueness of the argument. */
export const trackedParams = (version: FunctionVersion): readonly number[] =>
  [...trackedLists(version)].filter((local) => !version.isFrame && local < version.fn.def.arity);

function writeIndirectCall(body: FunctionBody, pc: number, count: number): void {
  const target = body.pop();
  const operands = body.popMany(count);
  const callee = body.version.calls.get(pc);
  const known = knownFunction(target.kind);
  if (callee !== undefined && known !== undefined) return writeKnownCall(body, pc, callee, target, known.captured, operands);
  const args = operands.map((arg) => toBoxed(arg));
  const name = count <= 3 ? `callValue${count}` : "callValue";
  const passed = count <= 3 ? args : [`[${args.join(", ")}]`];
  body.pushCall(`${name}(${["meter", "depth + 1", toBoxed(target), ...passed].join(", ")})`, "any");
}

/** Writes the call of a function value that is guessed to be a certain function with captured values of certain kinds. */
function writeKnownCall(
  body: FunctionBody,
  pc: number,
  callee: FunctionVersion,
  target: Operand,
  capturedKinds: readonly ValueKind[],
  operands: readonly Operand[],
): void {
  const className = capturedKinds.length === 0 ? "FnRef" : "Closure";
  if (!(body.scope.pool.valueOf(target.code) instanceof FnRefValue))
    body.checkGuess(pc, SITE.operands, [hasNotClass(target.code, className), `${target.code}.index !== ${callee.fn.index}`]);
  const captured = capturedKinds.map((kind, i): Operand => {
    // The variables above those of the operands and the target are free.
    const variable = body.operandName(body.stack.length + operands.length + 1 + i);
    body.line(`${variable} = ${target.code}.captured[${i}];`);
    const failure = notOfKind(variable, kind);
    if (failure !== undefined) body.checkGuess(pc, SITE.operands, [failure]);
    return kind === "float" ? { code: `${variable}.value`, kind, local: -1, boxed: variable } : { code: variable, kind, local: -1 };
  });
  writeVersionCall(body, callee, [...captured, ...operands]);
}

/** Writes the read of an element of a text that is used in place of a list (see `text-lists.ts`). */
function writeCharacter(body: FunctionBody, { code: text }: Operand, index: Operand, isCodePoint: boolean): void {
  const isInt = index.kind === "safeInt" ? "" : `typeof ${index.code} === "number" && `;
  body.line(`if (!(${isInt}${index.code} >= 0 && ${index.code} < ${text}.length)) throw ${DEOPTIMIZED};`);
  body.push(`${text}.${isCodePoint ? "charCodeAt" : "charAt"}(${index.code})`, isCodePoint ? "safeInt" : "string");
}

/**
 * Writes the read of an element that is used as a number. `temp` is the list. After as many such reads as the list is long, it gets an array of its
 * numbers, from which V8 reads several times faster than from objects.
 */
function writeNumberElement(body: FunctionBody, pc: number, variable: string, index: Operand): void {
  body.line(`if (${index.code} >= 0 && ${index.code} < temp.numbers.length) ${variable} = temp.numbers[${index.code}];`);
  body.open("else {");
  body.line(`${variable} = temp.exactArray[${index.code}];`);
  body.checkGuess(pc, SITE.operands, [`${variable} === undefined`]);
  body.checkGuess(pc, SITE.part, [hasNotClass(variable, "Float")]);
  body.line(`${variable} = ${variable}.value;`);
  body.line("if ((temp.numberReads += 1) > temp.length) takeNumbers(temp);");
  body.close();
  body.stack.push({ code: variable, kind: "float", local: -1 });
}

/** Returns the end of the block that contains an instruction. */
const blockEnd = ({ version: { graph } }: FunctionBody, pc: number): number =>
  graph.find(({ start, end }) => pc >= start && pc < end)?.end ?? pc;

function writeElement(body: FunctionBody, pc: number): void {
  const index = body.pop();
  const list = body.pop();
  const variable = body.operandName();
  const enumeration = body.version.enumerations.gets.get(pc);
  const kind = guessedPart(body.version, pc, elementKind(list.kind));
  if (enumeration?.isZip === true) return writeZipElement(body, enumeration, index, kind);
  if (enumeration !== undefined) body.line(`index${enumeration.tuple} = ${index.code};`);
  const isCodePoint = body.version.textLists.gets.get(pc);
  if (isCodePoint !== undefined) return writeCharacter(body, list, index, isCodePoint);
  if (!isBoxed(list.kind) || (index.kind !== "safeInt" && !isBoxed(index.kind)))
    return body.push(`elementAt(${toBoxed(list)}, ${toBoxed(index)})`, "any");
  const isInt = index.kind === "safeInt" ? [] : [`typeof ${index.code} === "number"`];
  const wrong = wrongGuesses(body.version, pc, SITE.operands);
  if (wrong <= 1) {
    // Guesses that the value is a list with the element in `exactArray`, or after 1 wrong guess, in `firstArray`. For any other value, a check
    // fails or a read throws.
    body.line(`temp = ${list.code};`);
    const isOutside = [
      ...(isLiteral(index) && canBe("positive", index) ? [] : [`!(${index.code} >= 0)`]),
      `!(${index.code} < temp.length)`,
    ];
    body.checkGuess(pc, SITE.operands, [...isInt.map((test) => `!(${test})`), ...(wrong === 0 ? [] : isOutside)]);
    if (kind === "float" && wrong === 0 && isUsedAsNumber(body.version.fn, pc, blockEnd(body, pc)))
      return writeNumberElement(body, pc, variable, index);
    body.line(`${variable} = ${wrong === 0 ? `temp.exactArray[${index.code}]` : `temp.firstArray[temp.offset + ${index.code}]`};`);
    const failure = kind === "float" ? undefined : notOfKind(variable, kind);
    // If the element has the guessed kind, it is there.
    if (failure !== undefined) body.open(`if (${failure}) {`);
    body.checkGuess(pc, SITE.operands, [`${variable} === undefined`]);
    if (failure !== undefined) {
      body.checkGuess(pc, SITE.part, ["true"]);
      body.close();
      body.stack.push({ code: variable, kind, local: -1 });
      return;
    }
  } else {
    const tests = [hasClass(list.code, "List"), ...isInt, `${index.code} >= 0`, `${index.code} < ${list.code}.length`];
    body.line(`temp = ${tests.join(" && ")} ? ${list.code}.firstArray[${list.code}.offset + ${index.code}] : undefined;`);
    body.line(`${variable} = temp === undefined ? elementAt(${toBoxed(list)}, ${toBoxed(index)}) : temp;`);
  }
  if (body.roles[pc] === OWNERSHIP.take) writeEndOwnership(body, variable, kind);
  body.pushPart(variable, kind, pc);
}
