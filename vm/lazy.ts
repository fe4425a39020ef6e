/** A table that only some runs look at is made when the first one does: importing a file costs every run. */
export function lazily<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
