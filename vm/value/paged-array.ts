const PAGE_BITS = 10;
const PAGE_MASK = 2 ** PAGE_BITS - 1;

/** A growing array that consists of pages. Growth copies nothing, and no page is so large that V8 puts it into its large-object space. */
export class Pages<T> {
  readonly #pages: T[][] = [[]];
  #lastPage: T[] = this.#pages[0] ?? [];
  length: number = 0;

  push(item: T): void {
    if (this.#lastPage.length > PAGE_MASK) {
      this.#lastPage = [];
      this.#pages.push(this.#lastPage);
    }
    this.#lastPage.push(item);
    this.length += 1;
  }

  pop(): void {
    if (this.#lastPage.length === 0 && this.#pages.length > 1) {
      this.#pages.pop();
      this.#lastPage = this.#pages.at(-1) ?? this.#lastPage;
    }
    this.#lastPage.pop();
    this.length -= 1;
  }

  /** Replaces the item at `index`, which must be in range. */
  set(index: number, item: T): void {
    const page = this.#pages[index >>> PAGE_BITS];
    if (page !== undefined) page[index & PAGE_MASK] = item;
  }

  get(index: number): T | undefined {
    return this.#pages[index >>> PAGE_BITS]?.[index & PAGE_MASK];
  }
}
