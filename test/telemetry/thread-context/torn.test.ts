import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readIds } from "../../../telemetry/thread-context/reader.ts";
import type { SpanIds } from "../../../telemetry/thread-context/slot.ts";
import { BorunaError } from "../../../vm/error.ts";
import { scaledRuns } from "../../cases.ts";

const TSX = fileURLToPath(import.meta.resolve("tsx"));
const WRITER = fileURLToPath(new URL("slot-writer.ts", import.meta.url));

/** Returns whether all ids are of the same record of `slot-writer.ts`. */
function isWhole({ traceId, spanId, traceFlags }: SpanIds): boolean {
  const byte = traceFlags.toString(16).padStart(2, "0");
  return traceId === byte.repeat(16) && spanId === byte.repeat(8);
}

/** Reads the slot once. A slot that stays busy is no failure: on a busy machine, the writer may be stopped in the middle of a write. */
function readOnce(file: number): string {
  try {
    const ids = readIds(file, 1);
    if (ids === undefined) return "invalid";
    return isWhole(ids) ? "whole" : `torn: ${ids.traceId} ${ids.spanId} ${ids.traceFlags}`;
  } catch (error) {
    if (error instanceof BorunaError && error.kind === "telemetry.slot_busy") return "busy";
    throw error;
  }
}

test("a reader never takes a torn record from a slot that another process writes without a pause", async () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-torn-"));
  const writer = spawn(process.execPath, ["--import", TSX, WRITER, folder], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(writer.stdout, "data");
    const file = openSync(join(folder, `boruna-ctx-${writer.pid}-${writer.pid}`), "r");
    const seen = new Map<string, number>();
    const hasBoth = (): boolean => seen.has("invalid") && seen.has("whole");
    // Read on until both were seen: on a busy machine, the writer may not run for a while.
    for (let i = scaledRuns(1_000_000); i > 0 || !hasBoth(); i--) {
      const kind = readOnce(file);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
    closeSync(file);
    seen.delete("busy");
    expect([...seen.keys()].toSorted()).toEqual(["invalid", "whole"]);
  } finally {
    writer.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
