type OrUndefined<T> = { readonly [K in keyof T]: T[K] | undefined };

/**
 * Returns the options that are not undefined. Under `exactOptionalPropertyTypes` the options of the library may be absent but not
 * undefined. Name the type of the options, so that unknown names are errors: `omitUndefined<RunOptions>({ … })`.
 */
export function omitUndefined<T>(options: OrUndefined<Partial<T>>): Partial<T>;
export function omitUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
