/**
 * Ownership: which values a variable may change in place. An assignment to a part of a variable, such as `grid[y][x] = v`, copies the
 * values on the path to the part, and marks the copies with the variable's `Owner`. As long as the owner is alive, each marked value
 * is held by one place only: the variable, or one marked value. So the next assignment changes marked values in place.
 *
 *     let old = grid      the owner dies: `old` and `grid` hold the same list
 *     grid[0][1] = 5      copies the list and its row 0; both copies get a new owner
 *     grid[0][2] = 6      changes row 0 in place
 *     grid[1][0] = 7      copies row 1, changes the list in place
 *
 * The owner dies when the variable is read for anything but a part that is not marked itself. `bytecode/ownership.ts` says at which
 * instructions that happens.
 *
 * A copy of a long list or of a map shares most of its storage with the original, and is charged only for what it does not share. So
 * its next changes must pay for the rest of the storage before a change is free. `unpaid` counts the changes that are still to be charged.
 */
export class Owner<T> {
  isAlive: boolean = true;
  /** Records the changes in place, if they may have to be undone. */
  log: ChangeLog<T> | undefined = undefined;
}

/** A value that can have an owner: a list, a map or a record. `T` is the type of its parts. */
export interface Owned<T> {
  owner: Owner<T> | undefined;
}

/** Whether the value may be changed in place. */
export const isOwned = <T>(value: Owned<T>): boolean => value.owner?.isAlive === true;

/** A list whose changes in place can be undone. */
interface ChangedList<T> {
  /** Puts back an element, or removes the last one if `value` is undefined. */
  restore(index: number, value: T | undefined): void;
}

/** A log with fewer entries is never compacted. */
const MIN_COMPACTED = 500_000;

/** The changes in place of some lists, oldest first. */
export class ChangeLog<T> {
  readonly #lists: ChangedList<T>[] = [];
  readonly #indices: number[] = [];
  readonly #values: (T | undefined)[] = [];
  /** The number of entries at which the log is compacted. */
  #compactAt = MIN_COMPACTED;

  /** Records that an element replaces `value`, or that it was appended if `value` is undefined. */
  record(list: ChangedList<T>, index: number, value: T | undefined): void {
    this.#lists.push(list);
    this.#indices.push(index);
    this.#values.push(value);
    if (this.#lists.length >= this.#compactAt) this.#compact();
  }

  /** Undoes the changes, newest first, and forgets them. */
  undo(): void {
    for (let i = this.#lists.length - 1; i >= 0; i--) this.#lists[i]?.restore(this.#indices[i] ?? 0, this.#values[i]);
    this.#truncate(0);
  }

  /** Drops the later changes of each element, so that the log has at most twice as many entries as the lists have elements. */
  #compact(): void {
    const changed = new Map<ChangedList<T>, Set<number>>();
    let kept = 0;
    for (const [i, list] of this.#lists.entries()) {
      const index = this.#indices[i] ?? 0;
      const indices = changed.get(list) ?? new Set();
      changed.set(list, indices);
      if (indices.has(index)) continue;
      indices.add(index);
      this.#lists[kept] = list;
      this.#indices[kept] = index;
      this.#values[kept] = this.#values[i];
      kept += 1;
    }
    this.#truncate(kept);
    this.#compactAt = Math.max(MIN_COMPACTED, 2 * kept);
  }

  #truncate(length: number): void {
    for (const array of [this.#lists, this.#indices, this.#values]) array.length = length;
  }
}
