#!/usr/bin/env node
import { invoke } from "./invoke.ts";
import { parseFast } from "./fast-parser.ts";

async function main(argv: readonly string[]): Promise<number> {
  const line = parseFast(argv);
  if (line !== undefined) return invoke(line.command, line.flags, line.args);
  return (await import("./full-parser.ts")).parseAndRun(argv, invoke);
}

// Exit explicitly, so that an open socket or an unresponsive collector cannot keep the process alive.
void main(process.argv.slice(2)).then((code) => process.exit(code));
