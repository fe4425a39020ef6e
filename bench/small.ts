/**
 * Measures small programs, whose time is that of starting and ending a run: from source to result, and from a verified program to result.
 * Each figure has a process of its own (`small-run.ts`), in processor time.
 */
import { childTimes } from "./child.ts";
import type { Table } from "./report.ts";
import { type Figure, figureOf } from "./statistics.ts";

export interface SmallPrograms {
  /** From source to result, for a program of one line. All figures are microseconds of processor time. */
  readonly line: Figure;
  /** From verified program to result, for the same line. */
  readonly program: Figure;
  /** From source to result, for a program of 100 lines. */
  readonly hundred: Figure;
}

export function smallPrograms(): SmallPrograms {
  const measured = (program: string): Figure => figureOf(childTimes("small-run", program));
  return { line: measured("line"), program: measured("program"), hundred: measured("hundred") };
}

export function smallTable({ line, program, hundred }: SmallPrograms): Table {
  return {
    title: "Small programs",
    note: "Warm, without a log and without a tracer provider, each in its own process. The one line maps a list with a lambda and sums it. Another virtual machine on the same core can double these times.",
    columns: ["µs of processor time"],
    rows: [
      { what: "one line, source to result", cells: [line] },
      { what: "one line, verified program to result", cells: [program] },
      { what: "100 lines, source to result", cells: [hundred] },
    ],
  };
}
