/** Runs the examples in TypeScript of a page, and compares what they print with the comments behind their `console.log`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { context, propagation, trace } from "@opentelemetry/api";
import { expect, onTestFinished, vi } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { ROOT } from "./imports.ts";

export interface TsBlock {
  /** The title of its section. */
  readonly title: string;
  readonly file: string;
  readonly text: string;
}

/** Returns the examples of a page in `docs/`. */
export function tsBlocks(page: string): readonly TsBlock[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ index, 1: block = "" }, i) => ({
    title: /^## (.*)$/m.exec(text.slice(text.lastIndexOf("\n## ", index)))?.[1] ?? "",
    file: `example-${i}.ts`,
    text: block,
  }));
}

/** Runs an example. Fails unless it prints what its comments say. */
export async function expectPrinted({ file, text }: TsBlock): Promise<void> {
  const printed: string[] = [];
  const log = vi
    .spyOn(console, "log")
    .mockImplementation((...values) => void printed.push(values.map((value) => value ?? String(value)).join(" ")));
  onTestFinished(() => {
    log.mockRestore();
    // What an example registers must not reach other tests.
    trace.disable();
    context.disable();
    propagation.disable();
  });
  const path = join(temporaryFolder(), file);
  // The temporary folder has no node_modules.
  const fromHere = text.replaceAll(
    /from "(@opentelemetry\/[\w-]+)"/g,
    (_, name: string) => `from ${JSON.stringify(import.meta.resolve(name))}`,
  );
  writeFileSync(path, fromHere.replaceAll('from "boruna"', `from ${JSON.stringify(pathToFileURL(join(ROOT, "index.ts")).href)}`));
  await import(path);
  const expected = [...text.matchAll(/console\.log\(.*\)[;,] \/\/ (.*)$/gm)].map(([, comment = ""]) => comment);
  // A call that prints several lines has them all in its comment.
  const lines = expected.flatMap((line) => (printed.includes(line) ? [line] : line.split(", ")));
  expect(printed.toSorted()).toEqual(lines.toSorted());
  expect(expected.length).toBeGreaterThan(0);
}
