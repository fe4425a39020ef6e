const PAGE_BITS = 10;
const PAGE_MASK = 2 ** PAGE_BITS - 1;

/** A growing array in pages: growing copies none, and no page is so large that the host keeps it apart. */
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
