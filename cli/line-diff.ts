/** Compares two texts line by line, for `fmt --diff`. */

/** The number of lines shown before and after a change. */
const CONTEXT_LINES = 3;

/** Maximum number of added and removed lines that are aligned. If there are more, all lines between the equal start and end are shown as changed. */
const MAX_DIFFERENCES = 2_000;

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Returns a unified diff, with the header of a patch; empty if the texts are equal. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const lines = compareLines(linesOf(before), linesOf(after));
  const output = [`--- ${name}`, `+++ ${name}`];
  let [oldLine, newLine] = [1, 1];
  for (let i = 0; i < lines.length; ) {
    const change = lines.findIndex(({ sign }, k) => k >= i && sign !== " ");
    if (change < 0) break;
    const start = Math.max(i, change - CONTEXT_LINES);
    oldLine += start - i;
    newLine += start - i;
    const end = endOfHunk(lines, change);
    const hunk = lines.slice(start, end);
    const [oldCount, newCount] = [hunk.filter(({ sign }) => sign !== "+").length, hunk.filter(({ sign }) => sign !== "-").length];
    output.push(`@@ -${oldLine},${oldCount} +${newLine},${newCount} @@`, ...hunk.map(({ sign, text }) => `${sign}${text}`));
    oldLine += oldCount;
    newLine += newCount;
    i = end;
  }
  return output.join("\n");
}

/** Splits a text into lines. If the last line has no line feed, adds the note that git adds. */
function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : [...lines.slice(0, -1), `${lines.at(-1) ?? ""}\n\\ No newline at end of file`];
}

/** Returns the end of the hunk whose first change is at `change`. A hunk ends where more than `2 * CONTEXT_LINES` equal lines follow. */
function endOfHunk(lines: readonly Line[], change: number): number {
  let last = change;
  for (let k = change; k < lines.length && k - last <= 2 * CONTEXT_LINES; k++) if (lines[k]?.sign !== " ") last = k;
  return Math.min(lines.length, last + CONTEXT_LINES + 1);
}

function compareLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const same = (text: string): Line => ({ sign: " ", text });
  return [
    ...before.slice(0, start).map(same),
    ...alignLines(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

/** Aligns lines with the greedy algorithm of Myers, "An O(ND) difference algorithm and its variations" (1986). */
function alignLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  const trace: ReadonlyMap<number, number>[] = [];
  const furthest = new Map([[1, 0]]);
  for (let distance = 0; distance <= Math.min(MAX_DIFFERENCES, before.length + after.length); distance++) {
    trace.push(new Map(furthest));
    for (let k = -distance; k <= distance; k += 2) {
      let x = takesInsertion(furthest, k, distance) ? (furthest.get(k + 1) ?? 0) : (furthest.get(k - 1) ?? 0) + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x += 1;
      furthest.set(k, x);
      if (x >= before.length && x - k >= after.length) return walkBack(trace, before, after);
    }
  }
  return [...before.map((text): Line => ({ sign: "-", text })), ...after.map((text): Line => ({ sign: "+", text }))];
}

/** Whether the furthest path on diagonal `k` comes from the diagonal above, by an insertion. */
const takesInsertion = (furthest: ReadonlyMap<number, number>, k: number, distance: number): boolean =>
  k === -distance || (k !== distance && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1));

/** Returns the lines of the path that `alignLines` found. `trace[d]` holds, for each diagonal, the furthest point after `d - 1` changes. */
function walkBack(trace: readonly ReadonlyMap<number, number>[], before: readonly string[], after: readonly string[]): readonly Line[] {
  const lines: Line[] = [];
  let [x, y] = [before.length, after.length];
  for (let distance = trace.length - 1; distance >= 0; distance--) {
    const furthest = trace[distance] ?? new Map<number, number>();
    const previousK = x - y + (takesInsertion(furthest, x - y, distance) ? 1 : -1);
    const previousX = distance === 0 ? 0 : (furthest.get(previousK) ?? 0);
    const previousY = distance === 0 ? 0 : previousX - previousK;
    for (; x > previousX && y > previousY; x -= 1, y -= 1) lines.push({ sign: " ", text: before[x - 1] ?? "" });
    if (distance === 0) break;
    lines.push(x === previousX ? { sign: "+", text: after[y - 1] ?? "" } : { sign: "-", text: before[x - 1] ?? "" });
    [x, y] = [previousX, previousY];
  }
  return lines.reverse();
}
