/**
 * Runs all benchmarks (`npm run bench`). It measures the built package, which users run, and prints tables. With `--json` it
 * prints the figures as JSON instead. With `--write` it also writes the tables to `bench/RESULTS.md`. With `corpus` it only measures the
 * corpus and prints its tables.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { analysisTimes } from "./analysis.ts";
import { callCosts, callTable } from "./calls.ts";
import { compileTimes } from "./compiling.ts";
import { CORPUS } from "./corpus.ts";
import { growths, growthTables } from "./growth.ts";
import { overlapCosts, overlapTables } from "./overlap.ts";
import { coldTable, startRatio } from "./processes.ts";
import { EIGHT, programTables, programTimes } from "./programs.ts";
import { tableText } from "./report.ts";
import { smallPrograms, smallTable } from "./small.ts";
import { logCosts, logTables } from "./logs.ts";
import { sourceUrl } from "./sources.ts";
import { spanRatios } from "./spans.ts";
import { corpusTargets, targetsOf, targetsText } from "./targets.ts";

const WORDS = ["corpus", "--json", "--write"];
const words = process.argv.slice(2);
const unknownWord = words.find((word) => !WORDS.includes(word));
if (unknownWord !== undefined) {
  process.stderr.write(`unknown argument ${unknownWord}; the arguments are ${WORDS.join(", ")}\n`);
  process.exit(2);
}

/** Runs one part of the benchmark and prints its name and time on stderr, since the whole benchmark takes minutes. */
async function runPart<T>(what: string, body: () => T | Promise<T>): Promise<T> {
  process.stderr.write(`${what} … `);
  const start = performance.now();
  const result = await body();
  process.stderr.write(`${((performance.now() - start) / 1_000).toFixed(1)} s\n`);
  return result;
}

const corpus = await runPart("the corpus", () => programTimes(CORPUS));
if (words.includes("corpus")) {
  process.stdout.write([targetsText(corpusTargets(corpus)), ...programTables(CORPUS, corpus).map(tableText)].join("\n"));
  process.exit();
}

const start = await runPart("start of the command", startRatio);
const coldStarts = await runPart("cold starts", coldTable);
const times = await runPart("the eight programs", () => programTimes(EIGHT));
const growthResults = await runPart("growth", growths);
const calls = await runPart("capability calls", callCosts);
const overlap = await runPart("calls that overlap", overlapCosts);
const logs = await runPart("logs", logCosts);
const small = await runPart("small programs", smallPrograms);
const spans = await runPart("spans", spanRatios);
const compiling = await runPart("compiling", compileTimes);
const analysis = await runPart("analyses", analysisTimes);

const date = new Date().toISOString().slice(0, 10);
const host = `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}`;
const targets = targetsOf({ times, corpus, growths: growthResults, calls, overlap, logs, small, start, compiling, spans, analysis });
const tables = [
  ...programTables(EIGHT, times),
  ...programTables(CORPUS, corpus),
  ...growthTables(growthResults),
  callTable(calls),
  ...overlapTables(overlap),
  ...logTables(logs),
  smallTable(small),
  coldStarts,
];

const text = [
  `# Results\n\n${date}, ${host}. Written by \`npm run bench -- --write\`. Each figure is the median of several rounds, with the quartiles in parentheses. Ratios are computed round by round.\n`,
  targetsText(targets),
  ...tables.map(tableText),
].join("\n");
process.stdout.write(words.includes("--json") ? `${JSON.stringify({ date, host, targets, tables })}\n` : text);
if (words.includes("--write")) writeFileSync(sourceUrl("RESULTS.md"), text);
