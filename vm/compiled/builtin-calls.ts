/** Writes calls of builtins. Some are written as expressions, without a call. */
import { BUILTIN_CODE } from "../builtins/builtin-code.ts";
import { typedCode } from "../builtins/typed-code.ts";
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { makesNewList, OWNERSHIP } from "../bytecode/ownership.ts";
import { BYTES, MAX_STRING_UNITS, UNITS, UNITS_PER_STEP } from "../cost.ts";
import { BARE_READERS, BARE_RESULTS, mayBeBare } from "./bare-options.ts";
import { type FunctionBody, hasClass, hasNotClass, kindOfOperand, type Operand, toBoxed, Unsupported } from "./body.ts";
import { isBoxed, type ValueKind } from "./kinds.ts";
import { MAX_SAFE } from "./numbers.ts";
import { DEOPTIMIZED } from "./runtime.ts";
import { builtinKind, fixedKind, SITE, wrongGuesses } from "./type-inference.ts";

/** The largest number of texts that are joined without a list. */
export const MAX_JOINED = 32;

/** Returns the writer of a builtin that rounds a Float. It guesses that the result is a safe Int. */
const roundingWriter =
  (method: string): InlineBuiltin["write"] =>
  (body, [a = ""], pc) => {
    body.push(`Math.${method}(${a}) + 0`, "safeInt");
    body.checkGuess(pc, SITE.part, [`!(${body.top} <= ${MAX_SAFE} && ${body.top} >= -${MAX_SAFE})`]);
  };

interface InlineBuiltin {
  readonly kind: ValueKind;
  readonly write: (body: FunctionBody, args: readonly string[], pc: number) => void;
}

/** The builtins that are written as an expression if all arguments have this kind. They charge no extra steps. */
const INLINE_BUILTINS: ReadonlyMap<string, InlineBuiltin> = new Map<string, InlineBuiltin>([
  ["int.to_float", { kind: "safeInt", write: (body, [a = ""]) => body.push(a, "float") }],
  ["int.min", { kind: "safeInt", write: (body, [a, b]) => body.push(`${a} < ${b} ? ${a} : ${b}`, "safeInt") }],
  ["int.max", { kind: "safeInt", write: (body, [a, b]) => body.push(`${a} > ${b} ? ${a} : ${b}`, "safeInt") }],
  ["int.abs", { kind: "safeInt", write: (body, [a]) => body.push(`${a} < 0 ? 0 - ${a} : ${a}`, "safeInt") }],
  [
    "int.to_string",
    {
      kind: "safeInt",
      write: (body, [a]) => {
        body.push(`"" + ${a}`, "string");
        body.allocateString(`${body.top}.length`);
      },
    },
  ],
  ["float.sqrt", { kind: "float", write: (body, [a]) => body.push(`Math.sqrt(${a})`, "float") }],
  ["float.abs", { kind: "float", write: (body, [a]) => body.push(`Math.abs(${a})`, "float") }],
  ["float.floor", { kind: "float", write: roundingWriter("floor") }],
  ["float.ceil", { kind: "float", write: roundingWriter("ceil") }],
  ["float.trunc", { kind: "float", write: roundingWriter("trunc") }],
]);

/**
 * Writes a join of texts whose list was made just before, as in `f"{a}: {b}"`. Removes the list, but still charges for it. If there is no such
 * list, writes nothing and returns false.
 */
function writeJoinedTexts(body: FunctionBody, [list, separator]: readonly Operand[]): boolean {
  const { texts } = body;
  body.texts = undefined;
  const [first] = texts?.operands ?? [];
  if (texts === undefined || first === undefined || list?.code !== body.operandName() || texts.line !== body.lines.length - 1) return false;
  if (separator === undefined || body.scope.pool.valueOf(separator.code) !== "") return false;
  body.lines.pop();
  body.line(`temp = ${texts.operands.map((operand) => body.lengthOf(operand)).join(" + ")};`);
  body.line(`if (temp > ${MAX_STRING_UNITS}) throw ${DEOPTIMIZED};`);
  const units = UNITS.value * texts.operands.length;
  body.line(`if (temp >= ${UNITS_PER_STEP - units})`);
  body.addSteps(`Math.floor((temp * ${UNITS.codeUnit} + ${units}) / ${UNITS_PER_STEP})`);
  body.allocateString("temp");
  body.push(texts.operands.map(({ code }) => code).join(" + "), "string");
  return true;
}

export function writeBuiltin(body: FunctionBody, pc: number, id: number, argOperands: readonly Operand[]): void {
  const decl = BUILTIN_BY_ID.get(id);
  if (decl?.name === "self") return body.push("new ActorIdValue(meter.owner)", "any");
  const typed = typedCode(body.scope.types).get(decl?.name ?? "");
  const code = typed ?? BUILTIN_CODE.get(decl?.name ?? "");
  if (decl === undefined || code === undefined || (typed !== undefined && typed.arity !== argOperands.length))
    throw new Unsupported(`the builtin ${id}`);
  const [a] = argOperands;
  const args = [0, 1, 2].map((i) => {
    const arg = argOperands[i];
    return arg === undefined ? "UNIT" : toBoxed(arg);
  });
  if (decl.name === "string.join" && writeJoinedTexts(body, argOperands)) return;
  const kind = builtinKind(body.version, pc, id, argOperands.map(kindOfOperand));
  const inline = kind === "safeInt" || kind === "float" || kind === "string" ? INLINE_BUILTINS.get(decl.name) : undefined;
  if (inline !== undefined && argOperands.every((arg) => arg.kind === inline.kind))
    return inline.write(
      body,
      argOperands.map((arg) => arg.code),
      pc,
    );
  if (a !== undefined && body.version.textLists.calls.has(pc)) return writeTextList(body, pc, decl.name, a, kind);
  const call = `${body.scope.pool.nameOf(code.run)}(meter, ${args.join(", ")})`;
  if (decl.name === "list.push") return writePush(body, pc, call, argOperands, kind);
  if (decl.name === "list.take") return writeTake(body, pc, call, a, args[1], kind);
  if (decl.name === "list.slice") return writeTake(body, pc, call, a, args[1] === "0" ? args[2] : undefined, kind);
  if (decl.name === "list.set") {
    const unique = uniquenessOf(body, body.uniqueLists.changes.get(pc), a);
    body.push(unique === undefined ? call : `${unique} === 2 ? setUniqueElement(meter, ${args.join(", ")}) : ${call}`, kind);
    return unique === undefined ? undefined : body.setUnique(`fillsStorage(${body.top}) ? 2 : 0`);
  }
  if (decl.name === "map.set" || decl.name === "map.remove") return writeMapChange(body, pc, decl.name, call, argOperands, kind);
  const find = BARE_RESULTS.get(decl.name);
  const isBare = find !== undefined && mayBeBare(body, pc);
  const result = isBare
    ? `${find}(meter, ${args.join(", ")})`
    : a?.isBare === true
      ? (BARE_READERS.get(decl.name)?.(a.code, args[1] ?? "") ?? call)
      : call;
  if (fixedKind(id) === undefined) {
    const variable = body.operandName();
    body.line(`${variable} = ${body.roles[pc] === OWNERSHIP.take ? `endOwnership(${result})` : result};`);
    if (isBare) return void body.stack.push({ code: variable, kind, local: -1, isBare });
    body.pushPart(variable, kind, pc);
    return makesNewList(decl.name) ? body.setUnique("2") : undefined;
  }
  if (decl.name === "list.len" && a !== undefined && isBoxed(a.kind)) {
    const isGuess = wrongGuesses(body.version, pc, SITE.operands) === 0;
    if (isGuess) body.checkGuess(pc, SITE.operands, [hasNotClass(a.code, "List")]);
    return body.push(isGuess ? `${a.code}.length` : `${hasClass(a.code, "List")} ? ${a.code}.length : ${call}`, "safeInt");
  }
  body.push(kind === "float" ? `${result}.value` : result, kind);
}

/** Writes a call of `string.chars` or `string.codepoints`, which returns its argument and charges for the list (see `text-lists.ts`). */
function writeTextList(body: FunctionBody, pc: number, name: string, text: Operand, kind: ValueKind): void {
  const charge = name === "string.chars" ? "chargeCharacters" : "chargeCodePoints";
  const variable = body.operandName();
  body.line(`${variable} = ${text.code};`);
  const isOther = text.kind === "string" ? [] : [`typeof ${variable} !== "string"`];
  body.checkGuess(pc, SITE.operands, [...isOther, `${charge}(meter, ${variable}) !== ${variable}.length`]);
  body.stack.push({ code: variable, kind, local: -1 });
}

/**
 * Returns the expression for the uniqueness of the list that a builtin changes: a list in a local, or one that an operand has taken over. If
 * the list may be a view, first writes the line that claims its storage.
 */
function uniquenessOf(body: FunctionBody, local: number | undefined, list: Operand | undefined): string | undefined {
  if (local !== undefined && body.tracked.has(local)) {
    writeViewClaim(body, local);
    return `unique${local}`;
  }
  const unique = list?.uniqueness;
  if (list !== undefined && unique?.startsWith("flag") === true && body.uniqueLists.views.size > 0) writeClaim(body, unique, list.code);
  return unique;
}

/** Writes the line that claims the storage of the list in a local, if it is a view. */
export function writeViewClaim(body: FunctionBody, local: number): void {
  if (body.uniqueLists.viewLocals.has(local) && body.tracked.has(local)) writeClaim(body, `unique${local}`, `local${local}`);
}

const writeClaim = (body: FunctionBody, unique: string, list: string): void =>
  body.line(`if (${unique} === 3) ${unique} = claimStorage(${list});`);

/**
 * Writes a call of `list.take` or `list.slice`. `call` makes a list that shares the storage of the list. `length` is undefined for a slice
 * that does not begin at 0.
 */
function writeTake(
  body: FunctionBody,
  pc: number,
  call: string,
  list: Operand | undefined,
  length: string | undefined,
  kind: ValueKind,
): void {
  const { views, changes } = body.uniqueLists;
  const from = views.get(pc);
  const unique = from !== undefined && body.tracked.has(from) ? `unique${from}` : uniquenessOf(body, changes.get(pc), list);
  if (unique === undefined || length === undefined || list === undefined) return body.push(call, kind);
  const args = `(meter, ${toBoxed(list)}, ${length})`;
  if (from !== undefined) {
    body.push(`${unique} === 2 ? viewList${args} : ${call}`, kind);
    return body.setUnique(`${unique} === 2 ? 3 : 0`);
  }
  body.push(`${unique} === 2 ? shortenList${args} : ${unique} > 0 ? takeOfUnique${args} : ${call}`, kind);
  body.setUnique(`${unique} === 1 && ownsArray(${body.top}) ? 2 : ${unique}`);
}

/** Writes a call of `map.set` or `map.remove`, which changes the map in place if it is unique. `call` makes a new version of the map. */
function writeMapChange(body: FunctionBody, pc: number, name: string, call: string, operands: readonly Operand[], kind: ValueKind): void {
  const [map] = operands;
  const unique = uniquenessOf(body, body.uniqueLists.changes.get(pc), map);
  const args = operands.map((operand) => toBoxed(operand)).join(", ");
  const inPlace = `${name === "map.set" ? "setUniqueEntry" : "removeUniqueEntry"}(meter, ${args})`;
  // A map without the key is its own result.
  const isKept = name === "map.remove";
  if (isKept) body.line(`temp = ${map === undefined ? "UNIT" : toBoxed(map)};`);
  body.push(unique === undefined ? call : `${unique} > 0 ? ${inPlace} : ${call}`, kind);
  body.setUnique(isKept ? `${body.top} !== temp ? 1 : ${unique ?? 0}` : "1");
}

/** Returns the text for the uniqueness of a list after a push, unless it was 2 before. The result is a new version, or the unique list from before. */
export const pushedUniqueness = (list: string): string => `ownsArray(${list}) ? 2 : 1`;

/** Writes a push, which changes the list in place if it is unique. `call` makes a new version of the list. */
function writePush(body: FunctionBody, pc: number, call: string, [list, value]: readonly Operand[], kind: ValueKind): void {
  const args = [list, value].map((operand) => (operand === undefined ? "UNIT" : toBoxed(operand))).join(", ");
  const local = body.uniqueLists.pushes.get(pc);
  const unique = uniquenessOf(body, local, list);
  const isOwned = body.roles[pc] === OWNERSHIP.push;
  const pushed = isOwned ? `pushOwned(meter, ${args})` : call;
  if (unique === undefined) body.push(pushed, kind);
  else if (isOwned) body.push(`${unique} > 0 ? pushUnique(meter, ${args}) : ${pushed}`, kind);
  else {
    const [xs, item] = [list, value].map((operand) => (operand === undefined ? "UNIT" : toBoxed(operand)));
    const inArray = `${unique} === 2 && ${xs}.pushInArray(${item}) ? (meter.allocBytes += ${BYTES.push}, ${xs})`;
    body.push(`${inArray} : ${unique} > 0 ? growList(meter, ${args}) : ${pushed}`, kind);
  }
  // A store to the local of the list sets that local's variable.
  if (local === undefined)
    body.setUnique(unique === undefined ? pushedUniqueness(body.top) : `${unique} === 2 ? 2 : ${pushedUniqueness(body.top)}`);
}
