/** Reads the files of `bench/` that are not TypeScript. These files are not copied to `dist/`. */
import { readFileSync } from "node:fs";

const bench = new URL(import.meta.url.endsWith(".ts") ? "./" : "../../bench/", import.meta.url);

export const sourceUrl = (path: string): URL => new URL(path, bench);

export const sourceText = (path: string): string => readFileSync(sourceUrl(path), "utf8");
