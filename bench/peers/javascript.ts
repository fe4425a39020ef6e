import { sourceUrl } from "../sources.ts";
import type { Main, Peer } from "./peer.ts";

function hasMain(module: unknown): module is { readonly main: Main } {
  return typeof module === "object" && module !== null && "main" in module && typeof module.main === "function";
}

/** JavaScript in V8, which also runs this benchmark. */
export const JAVASCRIPT: Peer = {
  name: "JavaScript",
  start: () =>
    Promise.resolve(async (program) => {
      const module: unknown = await import(sourceUrl(`${program}.mjs`).href);
      if (!hasMain(module)) throw new Error(`${program}.mjs has no main`);
      return module.main;
    }),
};
