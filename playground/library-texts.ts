/// <reference types="vite/types/importMeta.d.ts" />
/** The texts of the shipped libraries by file. The build puts them into a separate script, which is loaded when a program imports a library. */
export const TEXTS: Readonly<Record<string, unknown>> = import.meta.glob("../std/*/src/*.ax", {
  query: "?raw",
  import: "default",
  eager: true,
});
