/**
 * Assigns to a part of a value: `grid[y][x] = v`. Both engines use this for the instruction `Update`. A value on the path changes in
 * place, at no cost, if the variable owns it and earlier charges have paid for its storage. Any other value is copied, and the copy is
 * charged (see `value/owner.ts`).
 */
import { indexInto } from "../builtins/list-code.ts";
import { chargeKey, missingKey } from "../builtins/map-code.ts";
import { expectString } from "../builtins/code.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { INDEX_STEP, type UpdatePath } from "../bytecode/update-path.ts";
import { BYTES, listChangeCharge, unpaidListChanges, mapChangeCharge, unpaidMapChanges, slotsCharge } from "../cost.ts";
import { type Meter, typeTrap } from "../meter.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { Owner } from "../value/owner.ts";
import { type FloatRecord, RecordValue, type Value } from "../value/value.ts";
import { applyBinary, expectDefined, fieldOf } from "./operations.ts";
import { BINARY } from "./register-ops.ts";

/** The operations of compound assignments, by opcode. */
const OPERATIONS: ReadonlyMap<number, number> = new Map([
  [OPCODES.Add.tag, BINARY.add],
  [OPCODES.Sub.tag, BINARY.subtract],
  [OPCODES.Mul.tag, BINARY.multiply],
  [OPCODES.Concat.tag, BINARY.concat],
]);

/**
 * Returns the value of a variable after an assignment to the part at the end of the path. `target` is its value before the assignment.
 * `operands` are the indices and keys of the path, and then the assigned value. Traps if an index is out of range, or if the path leads
 * through a missing key. `uniqueness` is that of `target`, if it is a list or a map (see `withElement`).
 */
export function updatePart(meter: Meter, target: Value, path: UpdatePath, operands: readonly Value[], uniqueness: number = 0): Value {
  if (changeInPlace(target, path, operands)) return target;
  const [index, value] = operands;
  // `xs[i] = v` is frequent, so it has a path of its own.
  if (path.steps.length === 1 && path.steps[0] === INDEX_STEP && path.operator === undefined && target instanceof ListValue)
    if (typeof index === "number" && value !== undefined && index >= 0 && index < target.length)
      return withElement(meter, livingOwner(target.owner), target, index, value, uniqueness);
  const owner = target instanceof ListValue || target instanceof MapValue || target instanceof RecordValue ? target.owner : undefined;
  return new Update(meter, path, operands, livingOwner(owner), target, uniqueness).apply(target, 0, 0);
}

/** Returns the owner if it is alive, otherwise a new owner. */
export const livingOwner = (owner: Owner | undefined): Owner => (owner?.isAlive === true ? owner : new Owner());

/**
 * Returns the list with another element at an index, which is in range. Changes the list in place if `owner` owns it and has paid for it.
 * Otherwise copies the list, and `owner` owns the copy.
 *
 * `uniqueness` is what compiled code knows about the list (`compiled/unique-lists.ts`). The charge does not depend on it. If it is 2, nothing
 * else uses the storage of the list, which changes in place. If it is at least 1, nothing else holds the list, so that the charges for its
 * changes add up, until they have paid for storage of its own.
 */
export function withElement(meter: Meter, owner: Owner, target: ListValue, at: number, part: Value, uniqueness: number): ListValue {
  // Short, so that V8 inlines it in compiled code.
  const isOwned = target.owner === owner;
  if (isOwned && target.setInPlace(at, part)) return target;
  meter.allocateList(target.length, listChangeCharge(target.length));
  const unpaidChanges = (isOwned ? target.unpaidChanges : unpaidListChanges(target.length)) - 1;
  if (uniqueness === 2 && target.setUnique(at, part)) {
    target.owner = owner;
    target.unpaidChanges = unpaidChanges;
    return target;
  }
  const result = copyWithElement(target, at, part, unpaidChanges, uniqueness);
  result.owner = owner;
  result.unpaidChanges = unpaidChanges;
  return result;
}

function copyWithElement(target: ListValue, at: number, part: Value, unpaidChanges: number, uniqueness: number): ListValue {
  const paidChanges = (uniqueness > 0 ? target.paidChanges : 0) + 1;
  // With the last payment, `copyWith` gives the list a buffer of its own. Later changes are made in that buffer.
  if (unpaidChanges === 0 || paidChanges >= unpaidListChanges(target.length)) return target.copyWith(at, part);
  const result = target.set(at, part);
  result.paidChanges = paidChanges;
  return result;
}

/** Returns the record with another value for a field that it has. Changes the record in place if `owner` owns it, otherwise copies it for `owner`. */
export function withField(meter: Meter, owner: Owner, target: RecordValue, field: number, part: Value): RecordValue {
  const isOwned = target.owner === owner;
  if (isOwned) {
    owner.log?.save(target);
    if (target.put(field, part)) return target;
  } else meter.allocate(slotsCharge(target.size));
  const result = target.with(field, part);
  result.owner = owner;
  return result;
}

/** Does the same as `withField` for a field of a `FloatRecord`. */
export function withFloat(meter: Meter, owner: Owner, target: FloatRecord, field: number, part: number): FloatRecord {
  if (target.owner === owner) {
    owner.log?.save(target);
    target.floats[field + 1] = part;
    return target;
  }
  meter.allocate(slotsCharge(target.size));
  const result = target.copy();
  result.floats[field + 1] = part;
  result.owner = owner;
  return result;
}

/**
 * Returns the map with another value for a key. Changes the map in place if `owner` owns it and its storage is paid for, otherwise makes a
 * version for `owner`. `mayAdd` says whether the map may lack the key. The caller charges for finding it. `uniqueness` is what compiled code
 * knows about the map (`compiled/unique-lists.ts`): if it is above 0, nothing else refers to the map, which changes in place.
 */
export function withEntry(
  meter: Meter,
  owner: Owner,
  target: MapValue,
  key: string,
  newPart: Value,
  mayAdd: boolean,
  uniqueness: number,
): MapValue {
  const isOwned = target.owner === owner;
  const isPaid = isOwned && target.unpaidChanges === 0;
  if (!isPaid) meter.allocate(mapChangeCharge(target.size));
  else {
    if (mayAdd && !target.has(key)) meter.allocate(BYTES.mapEntry);
    if (target.setInPlace(key, newPart)) return target;
  }
  const unpaidChanges = isPaid ? 0 : (isOwned ? target.unpaidChanges : unpaidMapChanges(target.size)) - 1;
  const result = uniqueness > 0 ? target : target.set(key, newPart);
  if (uniqueness > 0) target.setUnique(key, newPart);
  result.owner = owner;
  result.unpaidChanges = unpaidChanges;
  return result;
}

/**
 * Changes an element in place if the path leads through lists and records to a list that the variable owns. Returns whether it did. This
 * frequent case is free. Only the last list is checked: if it is owned, so is every value before it on the path.
 */
function changeInPlace(target: Value, { steps, operator }: UpdatePath, operands: readonly Value[]): boolean {
  const last = steps.length - 1;
  if (operator !== undefined || steps[last] !== INDEX_STEP) return false;
  let part: Value | undefined = target;
  let operand = 0;
  for (let i = 0; i < last; i++) {
    const step = steps[i];
    if (step !== INDEX_STEP) part = part instanceof RecordValue ? part.get(step ?? 0) : undefined;
    else {
      const index = operands[operand++];
      part = part instanceof ListValue && typeof index === "number" ? part.get(index) : undefined;
    }
  }
  const [index, value] = [operands[operand], operands[operand + 1]];
  return part instanceof ListValue && typeof index === "number" && value !== undefined && part.setInPlace(index, value);
}

/** One assignment, whose path may have several steps. */
class Update {
  readonly #meter: Meter;
  readonly #path: UpdatePath;
  readonly #operands: readonly Value[];
  readonly #owner: Owner;
  /** The variable's value, and its uniqueness. */
  readonly #root: Value;
  readonly #uniqueness: number;
  /** Whether a record or a map was changed in place. The values around it are still set, because setting a part of a list or map may be charged. */
  #changedInside = false;

  constructor(meter: Meter, path: UpdatePath, operands: readonly Value[], owner: Owner, root: Value, uniqueness: number) {
    this.#meter = meter;
    this.#path = path;
    this.#operands = operands;
    this.#owner = owner;
    this.#root = root;
    this.#uniqueness = uniqueness;
  }

  /** Returns the updated value. `step` is the number of path steps that lead to `target`; `operand` is how many of these are indices or keys. */
  apply(target: Value, step: number, operand: number): Value {
    const { steps, operator } = this.#path;
    if (step === steps.length) {
      const value = expectDefined(this.#operands[operand]);
      return operator === undefined ? value : applyBinary(this.#meter, OPERATIONS.get(operator) ?? BINARY.add, target, value);
    }
    const field = expectDefined(steps[step]);
    if (field !== INDEX_STEP) return this.#field(target, field, step, operand);
    const index = expectDefined(this.#operands[operand]);
    if (target instanceof MapValue) return this.#entry(target, expectString(index), step, operand);
    if (!(target instanceof ListValue)) throw typeTrap("List", target);
    const at = indexInto(target, index);
    const part = expectDefined(target.get(at));
    const newPart = this.apply(part, step + 1, operand + 1);
    if (this.#isInPlace(part, newPart, step)) return target;
    return withElement(this.#meter, this.#owner, target, at, newPart, target === this.#root ? this.#uniqueness : 0);
  }

  /** Whether an inner value was changed in place, so that the value around it stays as it is. */
  #isInPlace(part: Value, newPart: Value, step: number): boolean {
    return part === newPart && step < this.#path.steps.length - 1 && !this.#changedInside;
  }

  #field(target: Value, field: number, step: number, operand: number): Value {
    const part = fieldOf(target, field);
    const newPart = this.apply(part, step + 1, operand);
    if (!(target instanceof RecordValue)) throw typeTrap("Record", target);
    if (this.#isInPlace(part, newPart, step)) return target;
    const result = withField(this.#meter, this.#owner, target, field, newPart);
    this.#changedInside ||= result === target;
    return result;
  }

  #entry(target: MapValue, key: string, step: number, operand: number): Value {
    chargeKey(this.#meter, target.size, key);
    const { steps, operator } = this.#path;
    const part = target.get(key);
    const mayAdd = step === steps.length - 1 && operator === undefined;
    if (part === undefined && !mayAdd) {
      throw missingKey(key, "set the key first, or use map.update");
    }
    const newPart = mayAdd ? expectDefined(this.#operands[operand + 1]) : this.apply(expectDefined(part), step + 1, operand + 1);
    if (part !== undefined && this.#isInPlace(part, newPart, step)) return target;
    const result = withEntry(
      this.#meter,
      this.#owner,
      target,
      key,
      newPart,
      part === undefined,
      target === this.#root ? this.#uniqueness : 0,
    );
    this.#changedInside ||= result === target;
    return result;
  }
}
