#!/usr/bin/env node
import { loadCore } from "./code-cache.ts";

/**
 * Only these commands write the code cache. V8 caches only functions that have been called, and these commands call most of the functions
 * that any command needs.
 */
const CACHING_COMMANDS = ["run", "test"];

const writeCodeCache = loadCore();

void import("./command-line.ts")
  .then(({ runCommandLine }) => runCommandLine(process.argv.slice(2)))
  .then((code) => {
    if (CACHING_COMMANDS.includes(process.argv[2] ?? "")) writeCodeCache();
    // Exit explicitly, so that an open socket or an unresponsive collector cannot keep the process alive.
    process.exit(code);
  });
