/** Combines the writes of many runs into few statements. */
import { isTransient } from "./database.ts";

/** Maximum number of items in one statement. */
const MAX_ITEMS = 200;

interface Waiting<Item, Result> {
  readonly key: string;
  readonly item: Item;
  readonly resolve: (result: Result | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Executes one statement at a time. Items that are added while it runs go into the next statement. So a busy worker needs few statements,
 * and in an idle worker an item does not wait.
 */
export class Batches<Item, Result> {
  readonly #keyOf: (item: Item) => string;
  readonly #write: (items: readonly Item[]) => Promise<ReadonlyMap<string, Result>>;
  #waiting: Waiting<Item, Result>[] = [];
  #isWriting = false;

  /** `write` gets at most one item of each key, and returns results by key. */
  constructor(keyOf: (item: Item) => string, write: (items: readonly Item[]) => Promise<ReadonlyMap<string, Result>>) {
    this.#keyOf = keyOf;
    this.#write = write;
  }

  /** Resolves to the item's result, undefined if `write` returned none. Rejects with what `write` throws for the item. */
  add(item: Item): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key: this.#keyOf(item), item, resolve, reject });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) await this.#writeBatch(this.#takeBatch());
    this.#isWriting = false;
  }

  /** Takes the first items. Leaves a second item with the same key for the next statement. */
  #takeBatch(): readonly Waiting<Item, Result>[] {
    const batch = new Map<string, Waiting<Item, Result>>();
    const rest: Waiting<Item, Result>[] = [];
    for (const waiting of this.#waiting)
      if (batch.size === MAX_ITEMS || batch.has(waiting.key)) rest.push(waiting);
      else batch.set(waiting.key, waiting);
    this.#waiting = rest;
    return [...batch.values()];
  }

  async #writeBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#write(batch.map(({ item }) => item));
      for (const { key, resolve } of batch) resolve(results.get(key));
    } catch (error) {
      // A row that the database refuses must not fail the other items.
      if (batch.length > 1 && !isTransient(error)) for (const waiting of batch) await this.#writeBatch([waiting]);
      else for (const { reject } of batch) reject(error);
    }
  }
}
