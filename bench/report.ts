/** The tables of the benchmark, and their form in Markdown. */
import type { Figure } from "./statistics.ts";

export interface Row {
  readonly what: string;
  /** The figure for each column; undefined if there is nothing to measure. */
  readonly cells: readonly (Figure | undefined)[];
}

export interface Table {
  readonly title: string;
  /** The names of the columns, with units. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** A text that a reader needs to interpret the figures. */
  readonly note?: string;
}

const shortNumber = (value: number): string => (value >= 1_000 ? value.toFixed(0) : value.toPrecision(3));

/** Returns the median, with the quartiles in parentheses. */
export const figureText = (figure: Figure): string =>
  `${shortNumber(figure.median)} (${shortNumber(figure.lower)}–${shortNumber(figure.upper)})`;

export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function tableText({ title, columns, rows, note }: Table): string {
  const lines = rows.map((row) => [row.what, ...row.cells.map((cell) => (cell === undefined ? "" : figureText(cell)))]);
  return `## ${title}\n\n${note === undefined ? "" : `${note}\n\n`}${markdown(["", ...columns], lines)}\n`;
}
