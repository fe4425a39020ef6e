#!/usr/bin/env node
import { loadCore } from "./code-cache.ts";

/** Their code is most of what any command needs. */
const KEPT_COMMANDS = ["run", "test"];

const keepCode = loadCore();

void import("./command-line.ts")
  .then(({ runCommandLine }) => runCommandLine(process.argv.slice(2)))
  .then((code) => {
    if (KEPT_COMMANDS.includes(process.argv[2] ?? "")) keepCode();
    // Exit explicitly, so that an open socket or an unresponsive collector cannot keep the process alive.
    process.exit(code);
  });
