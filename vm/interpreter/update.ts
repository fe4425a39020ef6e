/** Assigns to a part of a value: `grid[y][x] = v`. Both engines use this for the instruction `Update`. */
import { indexInto, setElement } from "../builtins/list-code.ts";
import { chargeKey, setEntry } from "../builtins/map-code.ts";
import { text } from "../builtins/code.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { INDEX_STEP, type UpdatePath } from "../bytecode/update-path.ts";
import { slotsCharge } from "../cost.ts";
import { MachineTrap, type Meter, typeTrap } from "../meter.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { RecordValue, type Value } from "../value/value.ts";
import { applyBinary, expectDefined, fieldOf } from "./operations.ts";
import { BINARY } from "./register-ops.ts";

/** The operations of compound assignments, by opcode. */
const OPERATIONS: ReadonlyMap<number, number> = new Map([
  [OPCODES.Add.tag, BINARY.add],
  [OPCODES.Sub.tag, BINARY.subtract],
  [OPCODES.Mul.tag, BINARY.multiply],
  [OPCODES.Concat.tag, BINARY.concat],
]);

/** The longest part of a key that a trap message shows, in code units. */
const MAX_SHOWN_KEY = 40;

/**
 * Returns `target` with another value in the part at the end of the path. `operands` are the indices and keys of the path, and then the
 * assigned value. Traps if an index is out of range or a key is missing on the way.
 */
export function updatePart(meter: Meter, target: Value, path: UpdatePath, operands: readonly Value[]): Value {
  return new Update(meter, path, operands).at(target, 0, 0);
}

class Update {
  readonly #meter: Meter;
  readonly #path: UpdatePath;
  readonly #operands: readonly Value[];

  constructor(meter: Meter, path: UpdatePath, operands: readonly Value[]) {
    this.#meter = meter;
    this.#path = path;
    this.#operands = operands;
  }

  /** Returns the updated value. `step` is the number of steps that lead to `target`, and `operand` how many of these are indices or keys. */
  at(target: Value, step: number, operand: number): Value {
    const { steps, operator } = this.#path;
    if (step === steps.length) {
      const value = expectDefined(this.#operands[operand]);
      return operator === undefined ? value : applyBinary(this.#meter, OPERATIONS.get(operator) ?? BINARY.add, target, value);
    }
    const field = expectDefined(steps[step]);
    if (field !== INDEX_STEP) return this.#field(target, field, step, operand);
    const index = expectDefined(this.#operands[operand]);
    if (target instanceof MapValue) return this.#entry(target, text(index), step, operand);
    if (!(target instanceof ListValue)) throw typeTrap("List", target);
    const at = indexInto(target, index);
    const part = this.at(expectDefined(target.get(at)), step + 1, operand + 1);
    return setElement(this.#meter, target, at, part);
  }

  #field(target: Value, field: number, step: number, operand: number): Value {
    const part = this.at(fieldOf(target, field), step + 1, operand);
    if (!(target instanceof RecordValue)) throw typeTrap("Record", target);
    this.#meter.allocate(slotsCharge(target.fields.length));
    const fields = target.fields.slice();
    fields[field] = part;
    return new RecordValue(target.typeId, fields);
  }

  #entry(target: MapValue, key: string, step: number, operand: number): Value {
    const { steps, operator } = this.#path;
    if (step === steps.length - 1 && operator === undefined)
      return setEntry(this.#meter, target, key, expectDefined(this.#operands[operand + 1]));
    chargeKey(this.#meter, target.size, key);
    const part = target.get(key);
    if (part !== undefined) return setEntry(this.#meter, target, key, this.at(part, step + 1, operand + 1));
    const shownKey = JSON.stringify(key.length <= MAX_SHOWN_KEY ? key : `${key.slice(0, MAX_SHOWN_KEY)}…`);
    const help = "set the key first, or use map.update";
    throw new MachineTrap("index_out_of_bounds", `the map has no key ${shownKey}, so there is no value to change: ${help}`);
  }
}
