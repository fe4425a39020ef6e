/** The files of `bench/` that are not TypeScript: they stay where they are when the rest is built. */
import { readFileSync } from "node:fs";

const bench = new URL("../../bench/", import.meta.url);

export const sourceUrl = (path: string): URL => new URL(path, bench);

export const sourceText = (path: string): string => readFileSync(sourceUrl(path), "utf8");
