/** Returns a function that makes a value on its first call. Use it for tables that few runs need, because work at import time delays every run. */
export function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
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
