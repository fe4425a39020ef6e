/** Maps and sets of names that note which names are looked up, so that a result can be reused until one of them means something else. */

/** The names that were looked up, each with what was found. */
export interface Lookups<V> {
  readonly found: Map<string, V | undefined>;
  /** Whether all names were listed, as a search for the nearest spelling does. */
  listed: boolean;
}

export class TrackedMap<V> extends Map<string, V> {
  /** Where lookups are noted at present; undefined if nothing is noted. */
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
    if (this.lookups !== undefined) this.lookups.listed = true;
  }
}

/** A set of names that notes which names are asked for. */
export class TrackedSet extends Set<string> {
  /** Where the answers are noted at present; undefined if they are not. */
  asked: Map<string, boolean> | undefined = undefined;

  override has(name: string): boolean {
    const answer = super.has(name);
    this.asked?.set(name, answer);
    return answer;
  }
}
