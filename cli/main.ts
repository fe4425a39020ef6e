#!/usr/bin/env node
import { invoke } from "./invoke.ts";
import { plainCommandLine } from "./plain.ts";

async function main(argv: readonly string[]): Promise<number> {
  const line = plainCommandLine(argv);
  if (line !== undefined) return invoke(line.command, line.flags, line.args);
  return (await import("./program.ts")).runProgram(argv, invoke);
}

// The exit is explicit: a keep-alive socket or a collector that hangs must not hold the process.
void main(process.argv.slice(2)).then((code) => process.exit(code));
