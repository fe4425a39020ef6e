/**
 * Finds many texts in one pass (Aho and Corasick, "Efficient string matching", 1975). A state is a node of the trie of
 * the texts; it is an index into the arrays below. State 0 is the root.
 */
export class TextSearch {
  readonly #foldsCase: boolean;
  /** For each state: the character that leads to it, its first child, its next sibling. */
  readonly #label: Uint8Array;
  readonly #child: Int32Array;
  readonly #sibling: Int32Array;
  /** For each state: the state of its longest proper suffix that is a prefix of some text. */
  readonly #fallback: Int32Array;
  /** For each state: the index of the longest text that ends there. */
  readonly #found: Int32Array;
  #states = 1;
  /** The children of the root by ASCII code; 0 is none. */
  readonly #first = new Int32Array(128);

  /** `texts` are ASCII and not empty. With `foldsCase`, A to Z match a to z. */
  constructor(texts: readonly string[], foldsCase: boolean) {
    this.#foldsCase = foldsCase;
    const size = texts.reduce((sum, text) => sum + text.length, 1);
    this.#label = new Uint8Array(size);
    this.#child = new Int32Array(size).fill(NONE);
    this.#sibling = new Int32Array(size).fill(NONE);
    this.#fallback = new Int32Array(size);
    this.#found = new Int32Array(size).fill(NONE);
    for (const [index, text] of texts.entries()) this.#add(text, index);
    this.#connect();
  }

  /** Calls `visit` for each position where a text ends, in order, with the index of the longest text that ends there. */
  each(text: string, visit: (end: number, index: number) => void): void {
    const first = this.#first;
    const found = this.#found;
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      const code = this.#fold(text.charCodeAt(at));
      // Fast path: most characters keep the search at the root.
      state = state === 0 ? (first[code] ?? 0) : this.#after(state, code);
      if (state === 0) continue;
      const index = found[state] ?? NONE;
      if (index !== NONE) visit(at + 1, index);
    }
  }

  #fold(code: number): number {
    return this.#foldsCase && code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
  }

  #add(text: string, index: number): void {
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      const code = this.#fold(text.charCodeAt(at));
      state = this.#childOf(state, code) ?? this.#grow(state, code);
    }
    if (this.#found[state] === NONE) this.#found[state] = index;
  }

  #childOf(state: number, code: number): number | undefined {
    if (state === 0) return this.#first[code] || undefined;
    let child = this.#child[state] ?? NONE;
    while (child !== NONE && this.#label[child] !== code) child = this.#sibling[child] ?? NONE;
    return child === NONE ? undefined : child;
  }

  #grow(parent: number, code: number): number {
    const state = this.#states++;
    this.#label[state] = code;
    this.#sibling[state] = this.#child[parent] ?? NONE;
    this.#child[parent] = state;
    if (parent === 0) this.#first[code] = state;
    return state;
  }

  /** Computes the fallbacks, breadth first: the fallback of a state is nearer to the root, so it is known by then. */
  #connect(): void {
    const queue = [0];
    for (let i = 0; i < queue.length; i++) {
      const parent = queue[i] ?? 0;
      for (let state = this.#child[parent] ?? NONE; state !== NONE; state = this.#sibling[state] ?? NONE) {
        const fallback = parent === 0 ? 0 : this.#after(this.#fallback[parent] ?? 0, this.#label[state] ?? 0);
        this.#fallback[state] = fallback;
        if (this.#found[state] === NONE) this.#found[state] = this.#found[fallback] ?? NONE;
        queue.push(state);
      }
    }
  }

  /** The state after the character `code` in state `from`. */
  #after(from: number, code: number): number {
    for (let state = from; ; state = this.#fallback[state] ?? 0) {
      const next = this.#childOf(state, code);
      if (next !== undefined) return next;
      if (state === 0) return 0;
    }
  }
}

const NONE = -1;
