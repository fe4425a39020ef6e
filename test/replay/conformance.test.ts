import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LOG_LIMITS } from "../../replay/log/log-limits.ts";
import { parseLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { replayLines } from "../../replay/report/replay-report.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { canonicalJson, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";
import { moduleFromJson } from "../../vm/bytecode/module-json.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";

const FOLDER = `${CONFORMANCE_ROOT}bytecode/`;

function member(data: JsonData, name: string): JsonData {
  const found = isJsonObject(data) ? data.get(name) : undefined;
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe("event logs that the Rust machine wrote replay here", () => {
  test.each(readdirSync(FOLDER).filter((name) => name.endsWith(".json")))("%s", async (name) => {
    const data = parseJson(readFileSync(`${FOLDER}${name}`, "utf8"));
    const program = verifyModule(moduleFromJson(member(data, "module")));
    const events = canonicalJson(member(member(data, "expect"), "events"));
    const report = await replayRun(parseLog(memorySource(new TextEncoder().encode(events)), LOG_LIMITS), { program, tracing: false });
    expect(replayLines(report)[0]).toMatch(/^replay: identical/);
    expect(report.result.outcome === "success").toBe(member(member(data, "expect"), "ok"));
  });
});
