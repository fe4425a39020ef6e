#!/usr/bin/env node
import { main } from "./program.ts";

// The exit is explicit: a keep-alive socket or a collector that hangs must not hold the process.
process.exit(await main(process.argv.slice(2)));
