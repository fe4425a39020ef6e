const PAGE_BITS = 10;
const PAGE_MASK = 2 ** PAGE_BITS - 1;

/** A growing array in pages. Growth copies nothing, and no page is large enough for V8's large-object space. */
export class Pages<T> {
  readonly #pages: T[][] = [[]];
  #last: T[] = this.#pages[0] ?? [];
  length: number = 0;

  push(item: T): void {
    if (this.#last.length > PAGE_MASK) {
      this.#last = [];
      this.#pages.push(this.#last);
    }
    this.#last.push(item);
    this.length += 1;
  }

  get(index: number): T | undefined {
    return this.#pages[index >>> PAGE_BITS]?.[index & PAGE_MASK];
  }
}
