/** Returns a function that makes a value on its first call. Use it for tables that few runs need, because work at import time delays every run. */
export function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

/**
 * An object that holds the results which `memoizeInObject` caches for it. A WeakMap could hold them too, but V8 frees the entries of a WeakMap
 * late, which slows down a process that runs many small programs.
 */
export interface Keeper {
  /** The cached results. Only `memoizeInObject` uses this array. */
  readonly kept: unknown[];
}

/** The index in `Keeper.kept` of the next function that `memoizeInObject` returns. */
let nextIndex = 0;

/** Returns a function that caches the result of `make` for each object, in that object itself. `memoizePerObject` works for any object. */
export function memoizeInObject<K extends Keeper, T extends object>(make: (key: K) => T): (key: K) => T {
  /** A cached result. Each call of `memoizeInObject` has its own class, so that `instanceof` proves that the result has the type `T`. */
  class CacheEntry {
    readonly value: T;
    constructor(value: T) {
      this.value = value;
    }
  }
  const isEntry = (entry: unknown): entry is CacheEntry => entry instanceof CacheEntry;
  const index = nextIndex;
  nextIndex += 1;
  return (key) => {
    const cached = key.kept[index];
    if (isEntry(cached)) return cached.value;
    const value = make(key);
    key.kept[index] = new CacheEntry(value);
    return value;
  };
}

/** Returns a function that caches the result of `make` for each object, in a WeakMap. V8 frees the results later than those of `memoizeInObject`. */
export function memoizePerObject<K extends object, T extends object>(make: (key: K) => T): (key: K) => T {
  const values = new WeakMap<K, T>();
  return (key) => {
    const cachedValue = values.get(key);
    if (cachedValue !== undefined) return cachedValue;
    const value = make(key);
    values.set(key, value);
    return value;
  };
}

/** Adds a property to an object. Each access of the property calls `read`, which returns its text. */
export type AddText<N extends string> = <T extends object>(
  target: T,
  read: () => string,
) => asserts target is T & { readonly [K in N]: string };

/**
 * Returns a function that adds the property `name` to objects. All these objects share one getter, because V8 makes and collects an object
 * slowly if its literal contains a getter.
 */
export function textOnRead<N extends string>(name: N): AddText<N> {
  const source: unique symbol = Symbol(name);
  const property = {
    get(this: { readonly [source]: () => string }): string {
      return this[source]();
    },
    enumerable: true,
    configurable: true,
  };
  return (target, read) => {
    Object.defineProperty(target, source, { value: read });
    Object.defineProperty(target, name, property);
  };
}
