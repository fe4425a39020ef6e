/**
 * Finds many texts in one pass (Aho and Corasick, "Efficient string matching", 1975). A state is a node of the trie of
 * the texts, represented as an index into the arrays below. State 0 is the root.
 */
export class TextSearch {
  readonly #foldsCase: boolean;
  /** For each state: the code of the character that leads to it from its parent. */
  readonly #label: Uint8Array;
  /** The states form a tree. For each state: its first child, and the next child of its parent. */
  readonly #child: Int32Array;
  readonly #sibling: Int32Array;
  /** For each state: the state of its longest proper suffix that is also a state. */
  readonly #fallback: Int32Array;
  /** For each state: the index of the longest text that ends there. */
  readonly #longestText: Int32Array;
  #stateCount = 1;
  /** The children of the root by ASCII code; 0 means no child. */
  readonly #rootChildren = new Int32Array(128);

  /** `texts` are ASCII and not empty. With `foldsCase`, A to Z match a to z. */
  constructor(texts: readonly string[], foldsCase: boolean) {
    this.#foldsCase = foldsCase;
    const size = texts.reduce((sum, text) => sum + text.length, 1);
    this.#label = new Uint8Array(size);
    this.#child = new Int32Array(size).fill(NONE);
    this.#sibling = new Int32Array(size).fill(NONE);
    this.#fallback = new Int32Array(size);
    this.#longestText = new Int32Array(size).fill(NONE);
    for (const [index, text] of texts.entries()) this.#add(text, index);
    this.#computeFallbacks();
  }

  /** Calls `visit` for each position where a text ends, in order, with the index of the longest text that ends there. */
  visitMatches(text: string, visit: (end: number, index: number) => void): void {
    const rootChildren = this.#rootChildren;
    const longestText = this.#longestText;
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      const code = this.#fold(text.charCodeAt(i));
      // Fast path: most characters keep the search at the root.
      state = state === 0 ? (rootChildren[code] ?? 0) : this.#nextState(state, code);
      if (state === 0) continue;
      const index = longestText[state] ?? NONE;
      if (index !== NONE) visit(i + 1, index);
    }
  }

  #fold(code: number): number {
    return this.#foldsCase && code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
  }

  #add(text: string, index: number): void {
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      const code = this.#fold(text.charCodeAt(i));
      state = this.#childOf(state, code) ?? this.#addState(state, code);
    }
    if (this.#longestText[state] === NONE) this.#longestText[state] = index;
  }

  #childOf(state: number, code: number): number | undefined {
    if (state === 0) return this.#rootChildren[code] || undefined;
    let child = this.#child[state] ?? NONE;
    while (child !== NONE && this.#label[child] !== code) child = this.#sibling[child] ?? NONE;
    return child === NONE ? undefined : child;
  }

  #addState(parent: number, code: number): number {
    const state = this.#stateCount++;
    this.#label[state] = code;
    this.#sibling[state] = this.#child[parent] ?? NONE;
    this.#child[parent] = state;
    if (parent === 0) this.#rootChildren[code] = state;
    return state;
  }

  /** Computes the fallbacks, breadth first, because the fallback of a state is nearer to the root and must be known first. */
  #computeFallbacks(): void {
    const queue = [0];
    for (let i = 0; i < queue.length; i++) {
      const parent = queue[i] ?? 0;
      for (let state = this.#child[parent] ?? NONE; state !== NONE; state = this.#sibling[state] ?? NONE) {
        const fallback = parent === 0 ? 0 : this.#nextState(this.#fallback[parent] ?? 0, this.#label[state] ?? 0);
        this.#fallback[state] = fallback;
        if (this.#longestText[state] === NONE) this.#longestText[state] = this.#longestText[fallback] ?? NONE;
        queue.push(state);
      }
    }
  }

  /** Returns the state after the character `code` in state `from`. */
  #nextState(from: number, code: number): number {
    for (let state = from; ; state = this.#fallback[state] ?? 0) {
      const next = this.#childOf(state, code);
      if (next !== undefined) return next;
      if (state === 0) return 0;
    }
  }
}

const NONE = -1;
