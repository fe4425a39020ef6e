/** The fast parser of command lines against commander. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Flags } from "../../cli/command-spec.ts";
import { COMMANDS, COMMON_OPTIONS } from "../../cli/command-table.ts";
import { parseFast } from "../../cli/fast-parser.ts";
import { parseAndRun } from "../../cli/full-parser.ts";
import { scaledRuns } from "../cases.ts";

interface ParsedCommand {
  readonly name: string;
  readonly flags: Flags;
  readonly args: readonly string[];
}

async function parseWithCommander(argv: readonly string[]): Promise<ParsedCommand | undefined> {
  let read: ParsedCommand | undefined;
  await parseAndRun(argv, async (command, flags, args) => {
    read = { name: command.name, flags: { ...flags }, args };
    return 0;
  });
  return read;
}

function parseWithFastParser(argv: readonly string[]): ParsedCommand | undefined {
  const line = parseFast(argv);
  return line === undefined ? undefined : { name: line.command.name, flags: line.flags, args: line.args };
}

const VALUES = ["", "a", "json", "auto", "never", "compiled", "a=b", "a b", "12", "run", "show", "help", "policy", "é"];
const words = COMMANDS.flatMap((command) => [...COMMON_OPTIONS, ...command.options])
  .flatMap((option) => option.flags.replace(/ <.*$/, "").split(", "))
  .concat(["-", "--", "-V", "-h", "--help", "--version", "-x", "--unknown", "-1", "--policy=a", "--json=a", "-ofile"]);

const argv = fc.constantFrom(...COMMANDS).chain((command) => {
  const own = [...COMMON_OPTIONS, ...command.options].map((option) => option.flags.replace(/ <.*$/, "").split(", "));
  const option = fc.constantFrom(...own.flat());
  const parts = fc.oneof(
    { arbitrary: fc.constantFrom(...VALUES), weight: 4 },
    { arbitrary: option, weight: 4 },
    { arbitrary: fc.constantFrom(...words), weight: 1 },
  );
  return fc.array(parts, { maxLength: 8 }).map((rest) => [...command.name.split(" "), ...rest]);
});

test("what the fast parser accepts, commander reads the same way", async () => {
  await fc.assert(
    fc.asyncProperty(argv, async (given) => {
      const fast = parseWithFastParser(given);
      if (fast === undefined) return;
      expect(await parseWithCommander(given)).toEqual(fast);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});

test.each([
  [["run", "a.ax", "--policy", "p.json", "--live", "--arg", "a=1", "--arg", "b=2", "--json"]],
  [["run", "--engine", "compiled", "--max-steps", "9", "a.ax"]],
  [["compile", "a.ax", "-o", "b.axbc", "--strip"]],
  [["test"]],
  [["fmt", "a.ax", "b.ax", "--check"]],
  [["replay", "run.jsonl", "a.ax"]],
  [["policy", "show", "allow-all"]],
  [["capability", "list", "--json"]],
])("reads %j fast", async (given) => {
  expect(parseWithFastParser(given)).toBeDefined();
  expect(await parseWithCommander(given)).toEqual(parseWithFastParser(given));
});

test.each([
  [[]],
  [["run"]],
  [["run", "a.ax", "b.ax"]],
  [["run", "a.ax", "--engine", "fast"]],
  [["run", "a.ax", "--arg"]],
  [["run", "a.ax", "--arg", "--live"]],
  [["run", "a.ax", "-h"]],
  [["run", "a.ax", "--", "--live"]],
  [["policy"]],
  [["policy", "help"]],
  [["help", "run"]],
  [["fmt"]],
])("leaves %j to commander", (given) => {
  expect(parseFast(given)).toBeUndefined();
});
