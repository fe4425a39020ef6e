/** A map and a set of names that record every lookup. A result can be reused while each of its lookups would find the same. */

/** The names that were looked up, each with the result. */
export interface Lookups<V> {
  readonly found: Map<string, V | undefined>;
  /** Whether all names were listed, for example by a search for the nearest spelling. */
  listedAll: boolean;
}

export class TrackedMap<V> extends Map<string, V> {
  /** Where lookups are recorded now. Undefined if they are not recorded. */
  lookups: Lookups<V> | undefined = undefined;

  override get(name: string): V | undefined {
    const value = super.get(name);
    this.lookups?.found.set(name, value);
    return value;
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  override keys(): MapIterator<string> {
    this.#noteListing();
    return super.keys();
  }

  override values(): MapIterator<V> {
    this.#noteListing();
    return super.values();
  }

  override entries(): MapIterator<[string, V]> {
    this.#noteListing();
    return super.entries();
  }

  #noteListing(): void {
    if (this.lookups !== undefined) this.lookups.listedAll = true;
  }
}

/** A set of names that records which names are looked up. */
export class TrackedSet extends Set<string> {
  /** Where lookups are recorded now. Undefined if they are not recorded. */
  lookups: Map<string, boolean> | undefined = undefined;

  override has(name: string): boolean {
    const answer = super.has(name);
    this.lookups?.set(name, answer);
    return answer;
  }
}
