/** Writes arithmetic and comparisons. */
import { OPCODES } from "../bytecode/opcodes.ts";
import { type FunctionBody, hasNotClass, type Operand, type Product, toBoxed } from "./body.ts";
import { isBoxed, type ValueKind } from "./kinds.ts";
import { DEOPTIMIZED, FREE_UNITS } from "./runtime.ts";
import { arithmeticKind, negationKind, SITE, wrongGuesses } from "./type-inference.ts";

export const MAX_SAFE = Number.MAX_SAFE_INTEGER;
/** JavaScript orders texts by code units. If those of one text are below the surrogates, that is the order of the language. */
const MAX_JS_ORDERED = 0xd7ff;

/** The runtime functions for operands of any kind, by opcode. */
const SLOW_ARITHMETIC: ReadonlyMap<number, string> = new Map([
  [OPCODES.Add.tag, "add"],
  [OPCODES.Sub.tag, "subtract"],
  [OPCODES.Mul.tag, "multiply"],
  [OPCODES.Div.tag, "divide"],
  [OPCODES.Mod.tag, "remainder"],
]);
export const OPERATORS: ReadonlyMap<number, string> = new Map([
  [OPCODES.Add.tag, "+"],
  [OPCODES.Sub.tag, "-"],
  [OPCODES.Mul.tag, "*"],
]);
const COMPARISONS: ReadonlyMap<number, { readonly operator: string; readonly slow: string }> = new Map([
  [OPCODES.Lt.tag, { operator: "<", slow: "less" }],
  [OPCODES.Lte.tag, { operator: "<=", slow: "lessOrEqual" }],
  [OPCODES.Gt.tag, { operator: ">", slow: "greater" }],
  [OPCODES.Gte.tag, { operator: ">=", slow: "greaterOrEqual" }],
]);
export function writeArithmetic(body: FunctionBody, pc: number, tag: number): void {
  const b = body.pop();
  const a = body.pop();
  const wrong = wrongGuesses(body.version, pc, SITE.operands);
  const kind = arithmeticKind(tag, a.kind, b.kind, wrong);
  if (kind === "float") return writeFloatArithmetic(body, pc, tag, a, b);
  if (kind === "safeInt" && wrong > 0 && isBoxed(a.kind)) return writeRemainderOfAny(body, a, b);
  const product = productOf(body, tag, a, b);
  if (kind === "safeInt" || (a.kind === "safeInt" && b.kind === "safeInt")) {
    body.checkGuess(
      pc,
      SITE.operands,
      [a, b].flatMap((o) => (o.kind === "safeInt" ? [] : [`typeof ${o.code} !== "number"`])),
    );
    const from = body.lines.length;
    writeIntArithmetic(body, pc, tag, a, b, kind);
    if (kind !== "safeInt" && product !== undefined)
      body.product = { ...product, from: product.added === "0" ? from : product.from, variable: body.top, to: body.lines.length };
    return;
  }
  if (kind === "string" && a.kind === "string" && b.kind === "string") return body.joinStrings(a, b);
  const slow = `${SLOW_ARITHMETIC.get(tag) ?? ""}(meter, ${toBoxed(a)}, ${toBoxed(b)})`;
  const operator = OPERATORS.get(tag);
  const isNumber = [a, b].flatMap((o) => (o.kind === "safeInt" ? [] : [`typeof ${o.code} === "number"`]));
  const mayBeInt = (o: Operand): boolean => o.kind === "safeInt" || isBoxed(o.kind);
  if (operator === undefined || !mayBeInt(a) || !mayBeInt(b)) return body.push(slow, kind);
  // An Int is never -0. Adding 0 turns -0 into 0.
  const zero = tag === OPCODES.Mul.tag ? " + 0" : "";
  body.push(
    `(${[...isNumber, `(temp = ${a.code} ${operator} ${b.code}${zero})`].join(" && ")} <= ${MAX_SAFE} && temp >= -${MAX_SAFE}) ? temp : ${slow}`,
    kind,
  );
  if (product !== undefined) body.product = { ...product, variable: body.top, to: body.lines.length };
}

/** Returns what the instruction computes, if it is a product or adds a number to the product that was made just before. */
function productOf(body: FunctionBody, tag: number, a: Operand, b: Operand): Pick<Product, "factors" | "added" | "from"> | undefined {
  const from = body.lines.length;
  if (tag === OPCODES.Mul.tag) return { factors: [a, b], added: "0", from };
  const { product } = body;
  if (tag !== OPCODES.Add.tag || b.kind !== "safeInt" || product === undefined || product.added !== "0") return undefined;
  return a.code === product.variable && product.to === from ? { ...product, added: b.code } : undefined;
}

/** Writes the remainder of any Int by a safe Int, which is a safe Int. */
function writeRemainderOfAny(body: FunctionBody, a: Operand, b: Operand): void {
  const { product } = body;
  if (product !== undefined && product.variable === a.code && product.to === body.lines.length) {
    body.lines.length = product.from;
    const [x, y] = product.factors;
    if (!isLiteral(b) || b.code === "0") body.line(`if (${b.code} === 0) throw ${DEOPTIMIZED};`);
    return body.push(`remainderOfProduct(${x.code}, ${y.code}, ${product.added}, ${b.code})`, "safeInt");
  }
  if (!isLiteral(b) || b.code === "0") body.line(`if (${b.code} === 0) throw ${DEOPTIMIZED};`);
  body.push(`typeof ${a.code} === "number" ? ${remainderText(a, b)} : remainderOf(${a.code}, ${b.code})`, "safeInt");
}

/** Returns an expression for the remainder of safe Ints, which is fast for small integers and for others. */
function remainderText(a: Operand, b: Operand): string {
  const isSmall = isLiteral(b) ? "" : `(${b.code} | 0) === ${b.code} && `;
  return `${isSmall}(temp = ${a.code} | 0) === ${a.code} ? temp % ${b.code} + 0 : wideRemainder(${a.code}, ${b.code})`;
}

/** Returns an expression for the quotient of safe Ints. V8 divides two small integers as integers if the result is made a small integer. */
function quotientText(a: Operand, b: Operand): string {
  const isSmall = canBe("negative", b) ? `(${b.code} | 0) === ${b.code} && ${b.code} > 0 && ` : "";
  const divisor = isLiteral(b) ? b.code : `(${b.code} | 0)`;
  return `${isSmall}(temp = ${a.code} | 0) === ${a.code} ? temp / ${divisor} | 0 : Math.trunc(${a.code} / ${b.code}) + 0`;
}

function writeIntArithmetic(body: FunctionBody, pc: number, tag: number, a: Operand, b: Operand, kind: ValueKind): void {
  const operator = OPERATORS.get(tag);
  if (operator === undefined) {
    if (!isLiteral(b) || b.code === "0") body.line(`if (${b.code} === 0) throw ${DEOPTIMIZED};`);
    return body.push(tag === OPCODES.Div.tag ? quotientText(a, b) : remainderText(a, b), "safeInt");
  }
  const expression = `${a.code} ${operator} ${b.code}${tag === OPCODES.Mul.tag ? " + 0" : ""}`;
  if (kind !== "safeInt") {
    const slow = `${SLOW_ARITHMETIC.get(tag) ?? ""}(meter, ${a.code}, ${b.code})`;
    return body.push(`((temp = ${expression}) <= ${MAX_SAFE} && temp >= -${MAX_SAFE}) ? temp : ${slow}`, kind);
  }
  body.push(expression, "safeInt");
  const mayExceedMax = tag === OPCODES.Mul.tag || canBe(tag === OPCODES.Sub.tag ? "negative" : "positive", b);
  const mayExceedMin = tag === OPCODES.Mul.tag || canBe(tag === OPCODES.Sub.tag ? "positive" : "negative", b);
  // V8 makes this test of a small integer without converting it to a double.
  body.line(`if ((${body.top} | 0) !== ${body.top}) {`);
  body.checkGuess(pc, SITE.operands, [
    ...(mayExceedMax ? [`${body.top} > ${MAX_SAFE}`] : []),
    ...(mayExceedMin ? [`${body.top} < -${MAX_SAFE}`] : []),
  ]);
  body.line("}");
}

function writeFloatArithmetic(body: FunctionBody, pc: number, tag: number, a: Operand, b: Operand): void {
  const isDivision = tag === OPCODES.FDiv.tag;
  const wrong = wrongGuesses(body.version, pc, SITE.operands);
  // Two boxed operands are guessed to be Floats only after they were not Ints. `FDiv` has nothing else to guess.
  const isGuess = isDivision || a.kind === "float" || b.kind === "float" ? wrong === 0 : wrong === 1;
  if (isGuess)
    body.checkGuess(
      pc,
      SITE.operands,
      [a, b].flatMap((o) => (isBoxed(o.kind) ? [hasNotClass(o.code, "Float")] : [])),
    );
  const x = bareNumber(a, isGuess);
  const y = bareNumber(b, isGuess);
  if (tag === OPCODES.Div.tag) {
    const divisor = body.toVariable(y);
    body.line(`if (${divisor} === 0) throw ${DEOPTIMIZED};`);
    return body.push(`${x} / ${divisor}`, "float");
  }
  const operator = tag === OPCODES.FDiv.tag ? "/" : (OPERATORS.get(tag) ?? "+");
  body.push(`${x} ${operator} ${y}`, "float");
}

export function writeNegation(body: FunctionBody): void {
  const a = body.pop();
  if (a.kind === "safeInt") body.push(`0 - ${a.code}`, "safeInt");
  else if (a.kind === "float") body.push(`-${a.code}`, "float");
  else body.push(`negate(${a.code})`, negationKind(a.kind));
}

export function comparisonText(body: FunctionBody, pc: number, tag: number): string {
  const b = body.pop();
  const a = body.pop();
  const { operator, slow: name } = COMPARISONS.get(tag) ?? { operator: "<", slow: "less" };
  if (a.kind === b.kind && (a.kind === "safeInt" || a.kind === "float")) return `${a.code} ${operator} ${b.code}`;
  const wrong = wrongGuesses(body.version, pc, SITE.operands);
  const boxed = [a, b].filter(({ kind }) => isBoxed(kind));
  const other = [a, b].find(({ kind }) => !isBoxed(kind))?.kind;
  if (boxed.length > 0 && wrong === 0 && (other === undefined || other === "safeInt")) {
    body.checkGuess(
      pc,
      SITE.operands,
      boxed.map(({ code }) => `typeof ${code} !== "number"`),
    );
    return `${a.code} ${operator} ${b.code}`;
  }
  if (boxed.length > 0 && (other === "float" ? wrong === 0 : other === undefined && wrong === 1)) {
    body.checkGuess(
      pc,
      SITE.operands,
      boxed.map(({ code }) => hasNotClass(code, "Float")),
    );
    return `${bareNumber(a, true)} ${operator} ${bareNumber(b, true)}`;
  }
  const mayBeTexts = [a, b].every(({ kind }) => kind === "string" || isBoxed(kind));
  if (mayBeTexts && [a, b].some((operand) => isShortText(body, operand, MAX_JS_ORDERED))) {
    if (wrong === 0)
      body.checkGuess(
        pc,
        SITE.operands,
        boxed.map(({ code }) => `typeof ${code} !== "string"`),
      );
    if (wrong === 0 || boxed.length === 0) return `${a.code} ${operator} ${b.code}`;
  }
  const slow = `${name}(meter, ${toBoxed(a)}, ${toBoxed(b)})`;
  if (boxed.length === 0 || (other !== undefined && other !== "safeInt")) return slow;
  return `(${boxed.map((operand) => `typeof ${operand.code} === "number"`).join(" && ")}) ? ${a.code} ${operator} ${b.code} : ${slow}`;
}

/** Returns whether the operand is a constant text that is compared without a charge, and whose code units are at most `maxUnit`. */
function isShortText(body: FunctionBody, { code }: Operand, maxUnit = Number.POSITIVE_INFINITY): boolean {
  const text = body.scope.pool.valueOf(code);
  if (typeof text !== "string" || text.length > FREE_UNITS) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > maxUnit) return false;
  return true;
}

export function equalityText(body: FunctionBody, equal: boolean): string {
  const b = body.pop();
  const a = body.pop();
  const operator = equal ? "===" : "!==";
  const isPrimitive = (kind: ValueKind): boolean => kind === "safeInt" || kind === "bool";
  if (a.kind === "float" && b.kind === "float") return `${a.code} ${operator} ${b.code}`;
  // A safe Int or a Bool equals only the identical JavaScript value.
  if (isPrimitive(a.kind) || isPrimitive(b.kind)) return `${toBoxed(a)} ${operator} ${toBoxed(b)}`;
  // A short text is compared without a charge, and equals only the identical JavaScript value.
  if ([a, b].some((operand) => isShortText(body, operand))) return `${toBoxed(a)} ${operator} ${toBoxed(b)}`;
  const slow = `equal(meter, ${toBoxed(a)}, ${toBoxed(b)})`;
  if (a.kind === "float" || b.kind === "float" || a.kind === "string" || b.kind === "string") return equal ? slow : `!${slow}`;
  const test = `(typeof ${a.code} === "number" ? ${a.code} === ${b.code} : ${slow})`;
  return equal ? test : `!${test}`;
}

export const isLiteral = ({ code }: Operand): boolean => /^(\d+|\(-\d+\))$/.test(code);

/** Returns whether the operand may have this sign. Only for a literal the answer can be no. */
export function canBe(sign: "positive" | "negative", operand: Operand): boolean {
  if (!isLiteral(operand)) return true;
  return operand.code.startsWith("(") === (sign === "negative");
}

/** Returns an expression for the operand as an unboxed number. `isFloat` says whether a boxed value is known to be a Float. */
function bareNumber({ code, kind }: Operand, isFloat: boolean): string {
  if (kind === "float" || kind === "safeInt") return code;
  return isFloat && isBoxed(kind) ? `${code}.value` : `toNumber(${code})`;
}
