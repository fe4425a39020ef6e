import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openRecorder } from "../../../replay/log/file-recorder.ts";
import { memoryRecorder, type RecorderOptions } from "../../../replay/log/recorder.ts";
import { readLog } from "../../../replay/log/log-reader.ts";
import { loadValue } from "../../../replay/log/blob-values.ts";
import { BorunaError } from "../../../vm/error.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { sampleDescription, successfulRunEnd, recordEvents, SAMPLE_EVENTS } from "../sample.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-record-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const logPath = (): string => join(folder, "run.jsonl");

function write(options: RecorderOptions = {}, events: readonly RunEvent[] = SAMPLE_EVENTS): string | undefined {
  const recorder = openRecorder(logPath(), sampleDescription(), options);
  for (const event of events) recorder.append(event);
  return recorder.finish(successfulRunEnd(events.length)).head;
}
function kindOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
  return "nothing was thrown";
}

describe("a log on disk", () => {
  test.each([false, true])("has the same bytes as a log in memory (durable: %s)", (durable) => {
    const head = write({ durable });
    const bytes = readFileSync(logPath());
    expect(bytes.equals(recordEvents(SAMPLE_EVENTS).bytes())).toBe(true);
    expect(bytes.toString()).toContain(`"hash":"${head}"}\n`);
    expect(readLog(logPath())).toMatchObject({ format: "log", head, file: logPath() });
  });

  test("a log in memory can be read while the run goes on", () => {
    const written = write();
    const recorder = memoryRecorder(sampleDescription());
    for (const event of SAMPLE_EVENTS) {
      recorder.append(event);
      recorder.bytes();
    }
    expect(recorder.finish(successfulRunEnd(SAMPLE_EVENTS.length)).head).toBe(written);
    expect(readFileSync(logPath()).equals(recorder.bytes())).toBe(true);
    const empty = memoryRecorder(sampleDescription());
    const { head } = empty.finish(successfulRunEnd(0));
    expect(new TextDecoder().decode(empty.bytes())).toContain(`"hash":"${head}"}\n`);
  });

  test("only the owner may read the log and its blobs", () => {
    write({}, [{ type: "UiEmit", tree: "x".repeat(70_000) }]);
    expect(statSync(logPath()).mode & 0o777).toBe(0o600);
    const blobs = readdirSync(`${logPath()}.blobs`);
    expect(blobs).toHaveLength(2);
    for (const blob of blobs) expect(statSync(join(`${logPath()}.blobs`, blob)).mode & 0o777).toBe(0o600);
  });

  test("every event is in the file before the next one happens", () => {
    const recorder = openRecorder(logPath(), sampleDescription());
    for (const [i, event] of SAMPLE_EVENTS.entries()) {
      recorder.append(event);
      expect(readLog(logPath()).eventCount).toBe(i + 1);
    }
    recorder.abandon();
    expect(readLog(logPath())).toMatchObject({ end: undefined });
    expect(kindOf(() => recorder.append({ type: "UiEmit", tree: 1 }))).toBe("log.closed");
  });

  test("long values are read from their blobs; a missing or changed blob is an error", () => {
    const tree = "ü".repeat(50_000);
    write({}, [{ type: "UiEmit", tree }]);
    const log = readLog(logPath());
    const [event] = log.events;
    const load = (): unknown => (event?.event.type === "UiEmit" ? loadValue(event.event.tree, log.blobs) : undefined);
    expect(load()).toBe(tree);
    const blob = readdirSync(`${logPath()}.blobs`).map((name) => join(`${logPath()}.blobs`, name));
    const long = blob.find((name) => statSync(name).size > 1000) ?? "";
    writeFileSync(long, readFileSync(long, "utf8").replace("ü", "ö"));
    expect(kindOf(load)).toBe("log.blob_hash");
    rmSync(long);
    expect(kindOf(load)).toBe("log.blob_missing");
    mkdirSync(long);
    expect(kindOf(load)).toBe("log.io_error");
  });

  test("an existing log is overwritten only with force", () => {
    write({}, [{ type: "UiEmit", tree: "x".repeat(70_000) }]);
    expect(kindOf(() => openRecorder(logPath(), sampleDescription()))).toBe("log.exists");
    expect(readLog(logPath()).eventCount).toBe(1);
    write({ force: true });
    expect(readLog(logPath()).eventCount).toBe(5);
    expect(readdirSync(`${logPath()}.blobs`)).toHaveLength(1);
    write({ force: true, format: "eventlog" });
    expect(readLog(logPath()).format).toBe("eventlog");
    write({ force: true });
  });

  test("if two runs record to one file, the later one keeps it and the earlier one throws", () => {
    const long: RunEvent = { type: "UiEmit", tree: "x".repeat(70_000) };
    write();
    const earlier = openRecorder(logPath(), sampleDescription(), { force: true });
    earlier.append(long);
    const later = openRecorder(logPath(), sampleDescription(), { force: true });
    later.append(long);
    earlier.append({ type: "UiEmit", tree: 1 });
    expect(kindOf(() => earlier.finish(successfulRunEnd(2)))).toBe("log.replaced");
    earlier.abandon();
    later.finish(successfulRunEnd(1));
    const log = readLog(logPath());
    expect(log.eventCount).toBe(1);
    const [event] = log.events;
    expect(event?.event.type === "UiEmit" ? loadValue(event.event.tree, log.blobs) : undefined).toBe("x".repeat(70_000));
  });

  test("a recorder whose log another run has replaced removes no file of that run", () => {
    const recorder = openRecorder(logPath(), sampleDescription());
    write({ force: true });
    recorder.abandon();
    expect(readLog(logPath())).toHaveProperty("end");
  });

  test("force overwrites a cut log, but no other file", () => {
    write();
    writeFileSync(logPath(), readFileSync(logPath()).subarray(0, 200));
    write({ force: true });
    writeFileSync(logPath(), "");
    write({ force: true });
    for (const text of ["fn main() { }", "{}", '{"args": 1}\n', "\u0000"]) {
      writeFileSync(logPath(), text);
      expect(kindOf(() => openRecorder(logPath(), sampleDescription(), { force: true }))).toBe("log.exists");
      expect(readFileSync(logPath(), "utf8")).toBe(text);
    }
  });

  test("a path that cannot be written is one clear error", () => {
    expect(kindOf(() => openRecorder(join(folder, "no", "run.jsonl"), sampleDescription()))).toBe("log.io_error");
    expect(kindOf(() => openRecorder(folder, sampleDescription()))).toBe("log.exists");
    expect(kindOf(() => openRecorder(folder, sampleDescription(), { force: true }))).toBe("log.io_error");
    writeFileSync(`${logPath()}.blobs`, "in the way");
    expect(kindOf(() => openRecorder(logPath(), sampleDescription()))).toBe("log.io_error");
    expect(readdirSync(folder)).toEqual(["run.jsonl.blobs"]);
  });

  test("a run that failed before its first event leaves no log", () => {
    openRecorder(logPath(), sampleDescription()).abandon();
    expect(readdirSync(folder)).toEqual([]);
    const recorder = openRecorder(logPath(), sampleDescription());
    recorder.finish(successfulRunEnd(0));
    recorder.abandon();
    expect(readLog(logPath())).toHaveProperty("end");
  });

  test.skipIf(process.getuid?.() === 0)("a folder without permission", () => {
    chmodSync(folder, 0o500);
    expect(kindOf(() => openRecorder(logPath(), sampleDescription()))).toBe("log.io_error");
    chmodSync(folder, 0o700);
  });

  test("a path without a log is one clear error", () => {
    expect(kindOf(() => readLog(logPath()))).toBe("log.io_error");
    expect(kindOf(() => readLog(folder))).toBe("log.io_error");
    if (spawnSync("mkfifo", [logPath()]).status === 0) expect(kindOf(() => readLog(logPath()))).toBe("log.io_error");
  });
});
