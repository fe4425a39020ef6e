/**
 * Ownership: which values a variable may change in place. An assignment to a part of a variable, such as `grid[y][x] = v`, copies the
 * values on the path to the part, and marks the copies with the variable's `Owner`. As long as the owner is alive, only one thing refers
 * to each marked value: the variable, or another marked value. So the next assignment changes marked values in place.
 *
 *     let old = grid      the owner dies: `old` and `grid` refer to the same list
 *     grid[0][1] = 5      copies the list and its row 0; both copies get a new owner
 *     grid[0][2] = 6      changes row 0 in place
 *     grid[1][0] = 7      copies row 1, changes the list in place
 *
 * The owner dies when the variable is read, unless the program reads only a part of it and that part is not marked. `bytecode/ownership.ts`
 * decides at which instructions the owner dies.
 *
 * A copy of a long list or of a map shares most of its storage with the original, and is charged only for what it does not share. So
 * its next changes are charged too, until they have paid for the rest of the storage. `unpaidChanges` counts the changes that are still to
 * be charged. A value without unpaid changes is paid for, and further changes are free.
 */

/** Marks the values that can be reached only through one variable. */
export class Owner {
  isAlive: boolean = true;
  /** Records the changes in place, if they may have to be undone. */
  log: ChangeLog | undefined = undefined;
}

/** A value that can have an owner: a list, a map or a record. */
export interface Owned {
  /** @internal */
  owner: Owner | undefined;
}

/** Whether the value has an owner that is alive. */
export const isOwned = (value: Owned): boolean => value.owner?.isAlive === true;

/** A list or a map whose changes in place can be undone. */
interface Restorable {
  restore(): void;
  /** Drops what `restore` needs. */
  forget(): void;
}

/** A small object whose changes in place can be undone: a record, or a node of a map. */
interface Copyable {
  copy(): Copyable;
  /** Takes the contents of a copy. */
  assign(copy: Copyable): void;
}

/** The lists, maps and records that were changed in place since the log began. Each list and map saves what it needs to undo its changes. */
export class ChangeLog {
  #changed: Restorable[] = [];
  /** A copy of each object before its first change. */
  readonly #copies = new Map<Copyable, Copyable>();
  /** The object that was saved last, which is often the next one to change. */
  #last: Copyable | undefined;

  /** Adds a value before its first change. */
  add(value: Restorable): void {
    this.#changed.push(value);
  }

  /** Saves an object before a change, unless it is saved. */
  save(object: Copyable): void {
    if (object === this.#last) return;
    this.#last = object;
    if (!this.#copies.has(object)) this.#copies.set(object, object.copy());
  }

  /** Undoes all changes, and forgets the log. */
  undo(): void {
    for (const value of this.#changed) value.restore();
    for (const [object, copy] of this.#copies) object.assign(copy);
    this.keep();
  }

  /** Forgets the log, so that the changes stay. */
  keep(): void {
    for (const value of this.#changed) value.forget();
    this.#changed = [];
    this.#copies.clear();
    this.#last = undefined;
  }
}
