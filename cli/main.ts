#!/usr/bin/env node
import { invoke } from "./invoke.ts";
import { parseFast } from "./fast-parser.ts";

async function main(argv: readonly string[]): Promise<number> {
  const line = parseFast(argv);
  if (line !== undefined) return invoke(line.command, line.flags, line.args);
  return (await import("./full-parser.ts")).parseAndRun(argv, invoke);
}

// The exit is explicit: a keep-alive socket or a collector that hangs must not hold the process.
void main(process.argv.slice(2)).then((code) => process.exit(code));
