/**
 * Evaluates expressions over the locals of a paused run, for a user's question or the condition of a breakpoint. They may contain names,
 * fields, elements, literals and operators. They call nothing, so they take little time and change nothing.
 */
import type { BinaryOp, Expr } from "../compiler/ast.ts";
import { Diagnostics } from "../compiler/diagnostics.ts";
import { parse } from "../compiler/parser/parse.ts";
import type { Condition } from "../replay/debugger/debugger.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import { BorunaError } from "../vm/error.ts";
import { applyBinary, applyComparison } from "../vm/interpreter/operations.ts";
import { BINARY, COMPARISON } from "../vm/interpreter/register-ops.ts";
import { MachineTrap, Meter } from "../vm/meter.ts";
import { MapValue } from "../vm/value/map.ts";
import { ErrValue, FloatValue, NONE, OkValue, RecordValue, SomeValue, UNIT, type Value } from "../vm/value/value.ts";

/** Evaluates the expression in a frame. `local` returns the value of a local by its name. Throws `usage`. */
export type Expression = (local: (name: string) => Value | undefined) => Value;

/** Limit on an expression, in UTF-16 code units. */
const MAX_UNITS = 4_096;
/** Limits on one evaluation, as for a run. */
const MAX_STEPS = 100_000;
const MAX_ALLOC_BYTES = 16 * 1024 * 1024;

const OPERATIONS: ReadonlyMap<BinaryOp, number> = new Map([
  ["+", BINARY.add],
  ["-", BINARY.subtract],
  ["*", BINARY.multiply],
  ["/", BINARY.divide],
  ["%", BINARY.remainder],
  ["++", BINARY.concat],
]);
const COMPARISONS: ReadonlyMap<BinaryOp, number> = new Map([
  ["==", COMPARISON.equal],
  ["!=", COMPARISON.unequal],
  ["<", COMPARISON.less],
  ["<=", COMPARISON.lessOrEqual],
  [">", COMPARISON.greater],
  [">=", COMPARISON.greaterOrEqual],
]);

/** Reads an expression. Throws `usage` if the text is not an expression, or if the debugger does not evaluate this form. */
export function readExpression(text: string, types: readonly TypeDef[]): Expression {
  const tree = parsed(text);
  return (local) => {
    const evaluation = new Evaluation(local, types);
    try {
      return evaluation.value(tree);
    } catch (error) {
      if (!(error instanceof MachineTrap) || error.kind === "internal") throw error;
      throw new BorunaError("usage", `${text}: ${error.message}`, { cause: error });
    }
  };
}

/** Reads the condition of a breakpoint. Throws as `readExpression` does. */
export function readCondition(text: string, types: readonly TypeDef[]): Condition {
  const expression = readExpression(text, types);
  return (local) => {
    const value = expression(local);
    if (typeof value === "boolean") return value;
    throw new BorunaError("usage", `${text}: a condition must be a Bool`);
  };
}

function parsed(text: string): Expr {
  if (text.length > MAX_UNITS) throw new BorunaError("usage", `an expression of more than ${MAX_UNITS} characters`);
  const diagnostics = new Diagnostics("expression");
  const { items } = parse({ name: "expression", text: `fn expression() {\n${text}\n}\n` }, diagnostics);
  const [problem] = diagnostics.sorted();
  if (problem !== undefined) throw new BorunaError("usage", `${text}: ${problem.message}`);
  const [item, ...more] = items;
  const [stmt, ...others] = item?.kind === "fn" ? item.body.stmts : [];
  if (stmt?.kind !== "expr" || more.length > 0 || others.length > 0) throw notEvaluated(text);
  return stmt.value;
}

const notEvaluated = (what: string): BorunaError =>
  new BorunaError("usage", `${what} is not evaluated by the debugger`, {
    hint: 'Use names, fields, elements, literals and operators, such as total > 10 && order.items[0] != "".',
  });

class Evaluation {
  readonly #local: (name: string) => Value | undefined;
  readonly #types: readonly TypeDef[];
  readonly #meter = new Meter(MAX_STEPS, MAX_ALLOC_BYTES);

  constructor(local: (name: string) => Value | undefined, types: readonly TypeDef[]) {
    this.#local = local;
    this.#types = types;
  }

  /** Evaluates an expression. Throws `usage` for one that the debugger does not evaluate. */
  value(expr: Expr): Value {
    switch (expr.kind) {
      case "float":
        return new FloatValue(expr.value);
      case "int":
      case "string":
      case "bool":
        return expr.value;
      case "unit":
        return UNIT;
      case "none":
        return NONE;
      case "someOkErr":
        return wrapped(expr.wrap, this.value(expr.value));
      case "name":
        return this.#named(expr.name.text);
      case "field":
        return this.#field(this.value(expr.target), expr.name.text);
      case "index":
        return this.#element(this.value(expr.target), this.value(expr.index));
      case "unary":
        return expr.op === "!" ? !this.#bool(expr.operand) : this.#negative(this.value(expr.operand));
      case "binary":
        return this.#binary(expr);
      default:
        throw notEvaluated(`a "${expr.kind}"`);
    }
  }

  #named(name: string): Value {
    const value = this.#local(name);
    if (value !== undefined) return value;
    throw new BorunaError("usage", `${name} is no local here`, { hint: "`locals` lists them." });
  }

  #field(target: Value, name: string): Value {
    const type = target instanceof RecordValue ? this.#types[target.typeId] : undefined;
    const index = type?.kind === "record" ? type.fields.findIndex((field) => field.name === name) : -1;
    const value = target instanceof RecordValue ? target.fields[index] : undefined;
    if (value === undefined) throw new BorunaError("usage", `the value has no field ${name}`);
    return value;
  }

  #element(target: Value, index: Value): Value {
    if (!(target instanceof MapValue) || typeof index !== "string") return applyBinary(this.#meter, BINARY.element, target, index);
    const value = target.get(index);
    if (value === undefined) throw new BorunaError("usage", `the map has no key ${JSON.stringify(index)}`);
    return value;
  }

  #negative(value: Value): Value {
    return value instanceof FloatValue ? new FloatValue(-value.value) : applyBinary(this.#meter, BINARY.subtract, 0, value);
  }

  #bool(expr: Expr): boolean {
    const value = this.value(expr);
    if (typeof value === "boolean") return value;
    throw new BorunaError("usage", "an operand of !, && or || must be a Bool");
  }

  #binary({ first, rest }: Expr & { readonly kind: "binary" }): Value {
    const isLogical = rest[0]?.op === "&&" || rest[0]?.op === "||";
    let value = isLogical ? this.#bool(first) : this.value(first);
    for (const { op, operand } of rest) {
      if (op === "&&") value = value === true && this.#bool(operand);
      else if (op === "||") value = value === true || this.#bool(operand);
      else value = this.#apply(op, value, this.value(operand));
    }
    return value;
  }

  #apply(op: BinaryOp, left: Value, right: Value): Value {
    const comparison = COMPARISONS.get(op);
    if (comparison !== undefined) return applyComparison(this.#meter, comparison, left, right);
    const operation = OPERATIONS.get(op);
    if (operation === undefined) throw notEvaluated(`the operator ${op}`);
    const isFloat = left instanceof FloatValue && operation === BINARY.divide;
    return applyBinary(this.#meter, isFloat ? BINARY.divideFloats : operation, left, right);
  }
}

function wrapped(wrap: "Some" | "Ok" | "Err", value: Value): Value {
  return wrap === "Some" ? new SomeValue(value) : wrap === "Ok" ? new OkValue(value) : new ErrValue(value);
}
