/** One instruction at a time: operands are popped and pushed as expressions, results go into variables. */
import { APPEND } from "../bytecode/string-append.ts";
import { BUILTIN_CODE } from "../builtins/builtin-code.ts";
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { BYTES, slotsCharge, UNITS, UNITS_PER_STEP } from "../cost.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { WRAPPERS } from "../bytecode/tags.ts";
import { FnRefValue, RecordValue } from "../value/value.ts";
import { asNumber, type Body, boxed, converted, type Operand, truth, Unsupported } from "./body.ts";
import { arithmeticKind, builtinKind, concatKind, type Kind, negationKind, type Part } from "./type-inference.ts";

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
const MAX_SMALL = 2 ** 30 - 1;

const TAKES_CONDITION: ReadonlySet<number> = new Set([OPCODES.JmpIf.tag, OPCODES.JmpIfNot.tag, OPCODES.Not.tag]);
const GENERIC: ReadonlyMap<number, string> = new Map([
  [OPCODES.Add.tag, "add"],
  [OPCODES.Sub.tag, "sub"],
  [OPCODES.Mul.tag, "mul"],
  [OPCODES.Div.tag, "div"],
  [OPCODES.Mod.tag, "mod"],
]);
const SIGNS: ReadonlyMap<number, string> = new Map([
  [OPCODES.Add.tag, "+"],
  [OPCODES.Sub.tag, "-"],
  [OPCODES.Mul.tag, "*"],
]);
const ORDERS: ReadonlyMap<number, { readonly sign: string; readonly generic: string }> = new Map([
  [OPCODES.Lt.tag, { sign: "<", generic: "lt" }],
  [OPCODES.Lte.tag, { sign: "<=", generic: "lte" }],
  [OPCODES.Gt.tag, { sign: ">", generic: "gt" }],
  [OPCODES.Gte.tag, { sign: ">=", generic: "gte" }],
]);
const LEGACY_BUILTINS: ReadonlyMap<number, string> = new Map(
  Object.values(OPCODES).flatMap((row) => ("builtin" in row ? [[row.tag, row.builtin] as const] : [])),
);
const ARITY: ReadonlyMap<number, number> = new Map(Object.values(OPCODES).map((row) => [row.tag, row.pops] as const));
const BUILTIN_IDS: ReadonlyMap<string, number> = new Map([...BUILTIN_BY_ID].map(([id, b]) => [b.name, id] as const));

/** The variable that holds a part's function. */
export const partName = (part: Part): string => `f${part.fn.index}_${part.start}`;

/** One instruction that is not control flow. `hasNext`: the next one belongs to the same block. */
export function writeInstruction(body: Body, pc: number, hasNext: boolean): void {
  const { code } = body.part.fn;
  const at = pc * CODE_STRIDE;
  const tag = code[at] ?? 0;
  const first = code[at + 1] ?? 0;
  const second = code[at + 2] ?? 0;
  const lazily = hasNext && TAKES_CONDITION.has(code[at + CODE_STRIDE] ?? 0);
  switch (tag) {
    case OPCODES.PushConst.tag:
      body.pushConstant(first);
      return;
    case OPCODES.LoadLocal.tag:
      if (body.appends.roles[pc] !== APPEND.load && body.mayBePending(first)) read(body, first);
      if (body.owned.locals.has(first) && !body.owned.lends.has(pc)) body.line(`o${first} = 0;`);
      body.stack.push({ code: `l${first}`, kind: body.locals[first] ?? "any", local: first });
      return;
    case OPCODES.StoreLocal.tag:
      store(body, first);
      if (body.owned.locals.has(first)) body.line(`o${first} = ${body.owned.pushes.has(pc - 1) ? 1 : 0};`);
      return flag(body, first, body.appends.roles[pc] === APPEND.store);
    case OPCODES.Pop.tag:
      body.pop();
      return;
    case OPCODES.Dup.tag:
      return duplicate(body);
    case OPCODES.Nop.tag:
      return;
    case OPCODES.Add.tag:
    case OPCODES.Sub.tag:
    case OPCODES.Mul.tag:
    case OPCODES.Div.tag:
    case OPCODES.Mod.tag:
    case OPCODES.FDiv.tag:
      return arithmetic(body, tag);
    case OPCODES.Neg.tag:
      return negate(body);
    case OPCODES.Concat.tag:
      return concat(body, body.appends.roles[pc] === APPEND.concat);
    case OPCODES.Lt.tag:
    case OPCODES.Lte.tag:
    case OPCODES.Gt.tag:
    case OPCODES.Gte.tag:
      return condition(body, order(body, tag), lazily);
    case OPCODES.Eq.tag:
    case OPCODES.Neq.tag:
      return condition(body, equality(body, tag === OPCODES.Eq.tag), lazily);
    case OPCODES.Not.tag:
      return condition(body, `!${truth(body.pop())}`, lazily);
    case OPCODES.And.tag:
    case OPCODES.Or.tag: {
      const b = truth(body.pop());
      const a = truth(body.pop());
      return body.push(`(${a} ${tag === OPCODES.And.tag ? "&&" : "||"} ${b})`, "bool");
    }
    case OPCODES.Call.tag:
      return call(body, first, second);
    case OPCODES.CallIndirect.tag:
      return callIndirect(body, first);
    default:
      making(body, pc, tag, first, second);
  }
}

function making(body: Body, pc: number, tag: number, first: number, second: number): void {
  switch (tag) {
    case OPCODES.MakeRecord.tag: {
      const fields = body.drop(second).map((f) => boxed(f));
      body.bytes += slotsCharge(second);
      const { pool } = body.group;
      return body.push(second === 0 ? pool.name(new RecordValue(first, [])) : `new R(${first}, [${fields.join(", ")}])`, "any");
    }
    case OPCODES.MakeEnum.tag: {
      const payload = body.pop();
      body.bytes += BYTES.enumValue;
      const bare = payload.code === "U";
      return body.push(bare ? body.group.pool.bareVariant(first, second) : `new E(${first}, ${second}, ${boxed(payload)})`, "any");
    }
    case OPCODES.GetField.tag: {
      const record = body.pop();
      body.push(`${boxed(record)}.fields[${first}]`, "any");
      return body.line(`if (${body.top} === undefined) bail();`);
    }
    case OPCODES.MakeClosure.tag: {
      const captured = body.drop(second).map((c) => boxed(c));
      body.bytes += slotsCharge(second);
      if (second === 0) return body.push(body.group.pool.name(new FnRefValue(first)), "any");
      return body.push(`new C(${first}, [${captured.join(", ")}])`, "any");
    }
    case OPCODES.Wrap.tag: {
      const value = body.pop();
      body.bytes += BYTES.wrapper;
      return body.push(`new ${WRAPPERS[first] ?? "Some"}(${boxed(value)})`, "any");
    }
    case OPCODES.MakeList.tag: {
      const items = body.drop(first).map((i) => boxed(i));
      body.bytes += slotsCharge(first);
      body.extraSteps += Math.floor((first * UNITS.slot) / UNITS_PER_STEP);
      return body.push(first === 0 ? "L.EMPTY" : `L.of([${items.join(", ")}])`, "any");
    }
    case OPCODES.MakeMap.tag: {
      const flat = body.drop(first).map((i) => boxed(i));
      return body.push(`makeMap(m, [${flat.join(", ")}])`, "any");
    }
    case OPCODES.JsonKind.tag: {
      const value = body.pop();
      return body.push(`jsonKind(${boxed(value)})`, "num");
    }
    case OPCODES.ListGet.tag:
      return element(body);
    case OPCODES.Builtin.tag:
      return builtin(body, pc, first, body.drop(second));
    default: {
      const id = BUILTIN_IDS.get(LEGACY_BUILTINS.get(tag) ?? "");
      if (id === undefined) throw new Unsupported(`the instruction ${tag}`);
      builtin(body, pc, id, body.drop(ARITY.get(tag) ?? 0));
    }
  }
}

function store(body: Body, local: number): void {
  const value = body.pop();
  // Operands that stand for the old value are read before it goes.
  body.stack.forEach((operand, i) => {
    if (operand.local !== local) return;
    const slot = body.slot(i);
    body.line(`${slot} = ${operand.code};`);
    body.stack[i] = { code: slot, kind: operand.kind, local: -1 };
  });
  if (value.local !== local) body.line(`l${local} = ${asNumber(value)};`);
  body.locals[local] = value.kind;
}

/** Pays for the whole at once, since it may be as large as the limit. */
function read(body: Body, local: number): void {
  body.line(`if (c${local} === 1) {`);
  body.line(`c${local} = 0;`);
  body.line(`if ((m.allocBytes += ${BYTES.codeUnit} * l${local}.length) > m.maxAllocBytes) bail();`);
  body.line("}");
}

/** Whether the local that was stored is pending. */
function flag(body: Body, local: number, appended: boolean): void {
  if (body.appends.isAccumulator[local] !== 1) return;
  if (!appended || !body.mayBePending(local)) body.line(`c${local} = 0;`);
  else body.line(`c${local} = ${body.locals[local] === "str" ? "1" : `typeof l${local} === "string" ? 1 : 0`};`);
}

function duplicate(body: Body): void {
  const top = body.pop();
  body.stack.push(top, top);
}

function condition(body: Body, expression: string, lazily: boolean): void {
  if (lazily) body.stack.push({ code: `(${expression})`, kind: "bool", local: -1 });
  else body.push(expression, "bool");
}

function arithmetic(body: Body, tag: number): void {
  const b = body.pop();
  const a = body.pop();
  const kind = arithmeticKind(tag, a.kind, b.kind, body.part.generic);
  if (kind === "float") return floatArithmetic(body, tag, a, b);
  if (kind === "num" || (a.kind === "num" && b.kind === "num")) {
    body.guess([a, b].flatMap((o) => (o.kind === "num" ? [] : [`typeof ${o.code} !== "number"`])));
    return intArithmetic(body, tag, a, b, kind);
  }
  if (kind === "str" && a.kind === "str" && b.kind === "str") return body.joinStrings(a, b);
  const generic = `${GENERIC.get(tag) ?? ""}(m, ${boxed(a)}, ${boxed(b)})`;
  const sign = SIGNS.get(tag);
  const isNumber = [a, b].flatMap((o) => (o.kind === "num" ? [] : [`typeof ${o.code} === "number"`]));
  const maybe = (o: Operand): boolean => o.kind === "num" || o.kind === "any";
  if (sign === undefined || !maybe(a) || !maybe(b)) return body.push(generic, kind);
  const zero = tag === OPCODES.Mul.tag ? " + 0" : "";
  body.push(
    `(${isNumber.join(" && ")} && (t = ${a.code} ${sign} ${b.code}${zero}) <= ${MAX_SAFE} && t >= -${MAX_SAFE}) ? t : ${generic}`,
    kind,
  );
}

function intArithmetic(body: Body, tag: number, a: Operand, b: Operand, kind: Kind): void {
  const sign = SIGNS.get(tag);
  if (sign === undefined) {
    if (!isLiteral(b) || b.code === "0") body.line(`if (${b.code} === 0) bail();`);
    body.push(tag === OPCODES.Div.tag ? `Math.trunc(${a.code} / ${b.code}) + 0` : `${a.code} % ${b.code} + 0`, "num");
    return;
  }
  const expression = `${a.code} ${sign} ${b.code}${tag === OPCODES.Mul.tag ? " + 0" : ""}`;
  if (kind !== "num") {
    const checked = `${GENERIC.get(tag) ?? ""}(m, ${a.code}, ${b.code})`;
    return body.push(`((t = ${expression}) <= ${MAX_SAFE} && t >= -${MAX_SAFE}) ? t : ${checked}`, kind);
  }
  body.push(expression, "num");
  // First against a small integer, which the host compares without making a double of the sum.
  const tests = (limit: number): readonly string[] => [
    ...(rises ? [`${body.top} > ${limit}`] : []),
    ...(falls ? [`${body.top} < -${limit}`] : []),
  ];
  const rises = tag === OPCODES.Mul.tag || canBe(tag === OPCODES.Sub.tag ? "negative" : "positive", b);
  const falls = tag === OPCODES.Mul.tag || canBe(tag === OPCODES.Sub.tag ? "positive" : "negative", b);
  body.line(`if (${tests(MAX_SMALL).join(" || ")}) {`);
  body.guess(tests(MAX_SAFE));
  body.line("}");
}

function floatArithmetic(body: Body, tag: number, a: Operand, b: Operand): void {
  const x = numeric(a);
  const y = numeric(b);
  if (tag === OPCODES.Div.tag) {
    const divisor = body.named(y);
    body.line(`if (${divisor} === 0) bail();`);
    return body.push(`${x} / ${divisor}`, "float");
  }
  const sign = tag === OPCODES.FDiv.tag ? "/" : (SIGNS.get(tag) ?? "+");
  body.push(`${x} ${sign} ${y}`, "float");
}

function negate(body: Body): void {
  const a = body.pop();
  if (a.kind === "num") body.push(`0 - ${a.code}`, "num");
  else if (a.kind === "float") body.push(`-${a.code}`, "float");
  else body.push(`neg(${a.code})`, negationKind(a.kind));
}

function concat(body: Body, appends: boolean): void {
  const b = body.pop();
  const a = body.pop();
  if (a.kind === "str" && b.kind === "str") return appends ? body.appendString(a, b) : body.joinStrings(a, b);
  body.push(`${appends ? "append" : "concat"}(m, ${boxed(a)}, ${boxed(b)})`, concatKind(a.kind, b.kind));
}

function order(body: Body, tag: number): string {
  const b = body.pop();
  const a = body.pop();
  const { sign, generic } = ORDERS.get(tag) ?? { sign: "<", generic: "lt" };
  if (a.kind === b.kind && (a.kind === "num" || a.kind === "float")) return `${a.code} ${sign} ${b.code}`;
  const slow = `${generic}(m, ${boxed(a)}, ${boxed(b)})`;
  const unsure = [a, b].filter((o) => o.kind !== "num");
  if (unsure.some((o) => o.kind !== "any")) return slow;
  return `(${unsure.map((o) => `typeof ${o.code} === "number"`).join(" && ")}) ? ${a.code} ${sign} ${b.code} : ${slow}`;
}

function equality(body: Body, equal: boolean): string {
  const b = body.pop();
  const a = body.pop();
  const same = equal ? "===" : "!==";
  const bare = (kind: Kind): boolean => kind === "num" || kind === "bool";
  if (a.kind === "float" && b.kind === "float") return `${a.code} ${same} ${b.code}`;
  // An Int or a Bool is equal to nothing but itself, and neither form of an Int is an object.
  if (bare(a.kind) || bare(b.kind)) return `${boxed(a)} ${same} ${boxed(b)}`;
  const slow = `equal(m, ${boxed(a)}, ${boxed(b)})`;
  return equal ? slow : `!${slow}`;
}

function call(body: Body, index: number, count: number): void {
  const callee = body.group.part(index);
  const given = body.drop(count);
  const args = callee.entry.locals.slice(0, callee.fn.def.arity).map((kind, i) => {
    const arg = given[i];
    return arg === undefined ? "U" : converted(arg, kind);
  });
  const kind = callee.result === "never" ? "any" : callee.result;
  const sign = body.hasLoop && (kind === "num" || kind === "float") ? "+" : "";
  body.pushCall(`${sign}${partName(callee)}(${["m", "d + 1", ...args].join(", ")})`, kind);
}

function callIndirect(body: Body, count: number): void {
  const target = body.pop();
  const args = body.drop(count).map((arg) => boxed(arg));
  const name = count <= 3 ? `invoke${count}` : "invoke";
  const list = count <= 3 ? args : [`[${args.join(", ")}]`];
  body.pushCall(`${name}(${["m", "d + 1", boxed(target), ...list].join(", ")})`, "any");
}

function element(body: Body): void {
  const index = body.pop();
  const list = body.pop();
  if (index.kind === "float") return body.push(`elementAt(${boxed(list)}, ${boxed(index)})`, "any");
  const whole = index.kind === "num" ? "" : ` && typeof ${index.code} === "number"`;
  const slow = `elementAt(${boxed(list)}, ${boxed(index)})`;
  body.line(`t = ${list.code} instanceof L${whole} ? ${list.code}.get(${index.code}) : undefined;`);
  body.push(`t === undefined ? ${slow} : t`, "any");
}

function builtin(body: Body, pc: number, id: number, given: readonly Operand[]): void {
  const decl = BUILTIN_BY_ID.get(id);
  const code = BUILTIN_CODE.get(decl?.name ?? "");
  if (decl === undefined || code === undefined) throw new Unsupported(`the builtin ${id}`);
  const [a] = given;
  if (decl.name === "int.to_float" && a?.kind === "num") return body.push(a.code, "float");
  if (decl.name === "float.sqrt" && a?.kind === "float") return body.push(`Math.sqrt(${a.code})`, "float");
  const args = [0, 1, 2].map((i) => {
    const arg = given[i];
    return arg === undefined ? "U" : boxed(arg);
  });
  const call = `${body.group.pool.name(code.run)}(m, ${args.join(", ")})`;
  const kind = builtinKind(id);
  const holder = body.owned.pushes.get(pc);
  if (holder !== undefined) return body.push(`o${holder} === 1 ? grow(m, ${args[0]}, ${args[1]}) : ${call}`, kind);
  if (decl.name === "list.len" && a !== undefined) return body.push(`${a.code} instanceof L ? ${a.code}.length : ${call}`, "num");
  body.push(kind === "float" ? `${call}.value` : call, kind);
}

const isLiteral = ({ code }: Operand): boolean => /^(\d+|\(-\d+\))$/.test(code);

function canBe(sign: "positive" | "negative", operand: Operand): boolean {
  if (!isLiteral(operand)) return true;
  return operand.code.startsWith("(") === (sign === "negative");
}

/** The operand as a bare number. */
function numeric({ code, kind }: Operand): string {
  return kind === "float" || kind === "num" ? code : `numeric(${code})`;
}
