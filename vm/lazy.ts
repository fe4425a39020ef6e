/** Returns a function that makes a value on its first call. Use it for tables that few runs need, because work at import time delays every run. */
export function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

/**
 * An object that holds the values which `keptBy` derives from it. A WeakMap could hold them too, but V8 collects its entries late, which
 * slows down a process that runs many small programs.
 */
export interface Keeper {
  readonly kept: unknown[];
}

let keptKinds = 0;

/** Returns a function that caches the result of `make` in the object itself. */
export function keptBy<K extends Keeper, T extends object>(make: (key: K) => T): (key: K) => T {
  /** Holds a result of this `make`, so that `instanceof` proves the type of what an object keeps. */
  class Kept {
    readonly value: T;
    constructor(value: T) {
      this.value = value;
    }
  }
  const isKept = (kept: unknown): kept is Kept => kept instanceof Kept;
  const index = keptKinds;
  keptKinds += 1;
  return (key) => {
    const cached = key.kept[index];
    if (isKept(cached)) return cached.value;
    const value = make(key);
    key.kept[index] = new Kept(value);
    return value;
  };
}

/** Returns a function that caches the result of `make` for each object, as long as the object exists. */
export function oncePer<K extends object, T extends object>(make: (key: K) => T): (key: K) => T {
  const values = new WeakMap<K, T>();
  return (key) => {
    const cachedValue = values.get(key);
    if (cachedValue !== undefined) return cachedValue;
    const value = make(key);
    values.set(key, value);
    return value;
  };
}

/** Adds a property to an object. `read` returns its text. It is called whenever the property is read. */
export type AddText<N extends string> = <T extends object>(
  target: T,
  read: () => string,
) => asserts target is T & { readonly [K in N]: string };

/**
 * Returns a function that adds the property `name` to objects. All of them share one getter. With a getter in an object literal, V8 makes
 * the object slowly and collects it late.
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
