import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { execute } from "../../runtime/execute.ts";
import { verifyLog, type VerifyOptions } from "../../replay/verify.ts";
import { verifyLines } from "../../replay/report/verify-report.ts";
import { BorunaError } from "../../vm/error.ts";
import { editLine } from "./mend.ts";
import { READS_TWICE } from "./programs.ts";

let folder = "";
let path = "";
let head = "";
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "boruna-verify-"));
  path = join(folder, "run.jsonl");
  const handlers = { "fs.read": () => "x".repeat(70_000) };
  const run = await execute(READS_TWICE, { policy: "allow-all", tracing: false, handlers, record: path });
  head = run.log?.head ?? "";
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const changeFile = (from: (bytes: Buffer) => Uint8Array): void => writeFileSync(path, from(readFileSync(path)));

describe("verify", () => {
  test("a good log, and what its verification proves", async () => {
    const result = await verifyLog(path, { replay: true, expectHead: `sha256:${head.toUpperCase()}` });
    expect(result).toMatchObject({ ok: true, head, events: 4, outcome: "success" });
    expect(result.checks.map(({ name, ok }) => [name, ok])).toEqual(
      ["chain", "end", "blobs", "module", "policy", "head", "replay"].map((name) => [name, true]),
    );
    expect(result.proves).toHaveLength(4);
    expect(result.doesNotProve).toHaveLength(1);
    expect(verifyLines(result)).toEqual([
      `verify: ok; one chain of 4 events, head ${head}`,
      "signature: none; the head is the one that you expect",
      "replay: the replay did exactly what the log says",
    ]);
    const explained = verifyLines(result, true);
    expect(explained.slice(3, 5)).toEqual([expect.stringMatching(/^ {2}chain: /), expect.stringMatching(/^ {2}end: /)]);
    expect(explained.filter((line) => line.endsWith(":"))).toEqual(["This proves:", "It does not prove:"]);
    expect(verifyLines(await verifyLog(path))).toEqual([
      `verify: ok; one chain of 4 events, head ${head}`,
      "signature: none; whoever can write this file could have written all of it",
      "replay: not made; --replay checks that the program does what the log says",
    ]);
    expect((await verifyLog(path)).doesNotProve.join(" ")).toContain("rewritten completely");
  });

  test.each<[string, (bytes: Buffer) => Uint8Array, string, string, number | undefined, VerifyOptions?]>([
    ["a changed byte", (b) => Buffer.from(b.toString().replace("index.txt", "index.tat")), "chain", "log.hash", 2],
    ["a cut", (b) => b.subarray(0, b.length - 20), "end", "log.cut", 6],
    ["no end record", (b) => b.subarray(0, b.lastIndexOf('{"end"')), "end", "log.no_end", 6],
    ["another head", (b) => b, "head", "log.head", 6, { expectHead: "0".repeat(64) }],
    ["an event log", () => Buffer.from('{"version":2,"events":[]}'), "chain", "log.no_chain", 1],
    ["rubbish", () => Buffer.from("\u0000\u0001"), "chain", "log.no_chain", 1],
    ["nothing", () => Buffer.from(""), "chain", "log.empty", undefined],
    ["another policy", (b) => editLine(b, 1, /"policy_hash":"sha256:.{4}/, '"policy_hash":"sha256:0000'), "policy", "log.policy_hash", 1],
    ["another module", (b) => editLine(b, 1, /"module_hash":"sha256:.{4}/, '"module_hash":"sha256:0000'), "module", "log.module_hash", 1],
    [
      "wrong steps with a recomputed chain",
      (b) => editLine(b, 6, /"steps":\d+/, '"steps":1'),
      "replay",
      "log.divergence",
      6,
      { replay: true },
    ],
  ])("%s", async (_name, from, check, kind, line, options = {}) => {
    changeFile(from);
    const result = await verifyLog(path, options);
    expect(result).toMatchObject({ ok: false, proves: [], failure: { check, kind } });
    expect(result.failure?.line).toBe(line);
    expect(verifyLines(result)[0]).toMatch(/^verify: failed/);
    expect(result.checks.at(-1)).toMatchObject({ name: check, ok: false });
  });

  test("a verification that fails proves nothing, and makes no further checks", async () => {
    changeFile((b) => b.subarray(0, b.lastIndexOf('{"end"')));
    const result = await verifyLog(path, { replay: true, expectHead: head });
    expect(result).toMatchObject({ ok: false, failure: { check: "end" }, proves: [] });
    expect(result.doesNotProve).toHaveLength(3);
  });

  test("a completely rewritten log verifies unless a head is expected", async () => {
    changeFile((bytes) => editLine(bytes, 2, "index.txt", "index.tat"));
    expect((await verifyLog(path)).ok).toBe(true);
    expect((await verifyLog(path, { expectHead: head })).ok).toBe(false);
    expect((await verifyLog(path, { replay: true })).failure).toMatchObject({ kind: "log.divergence", line: 2 });
  });

  test("a changed or missing blob", async () => {
    const blobs = readdirSync(`${path}.blobs`).map((name) => join(`${path}.blobs`, name));
    const long = blobs.find((name) => readFileSync(name).length === 70_000 + '{"String":""}'.length) ?? "";
    const good = readFileSync(long);
    writeFileSync(long, good.fill("y", 100, 101));
    expect((await verifyLog(path)).failure).toMatchObject({ check: "blobs", kind: "log.blob_hash", line: 3 });
    rmSync(long);
    expect((await verifyLog(path)).failure).toMatchObject({ check: "blobs", kind: "log.blob_missing", line: 3 });
  });

  test("a missing file and a wrong option are errors, not results", async () => {
    const kindOf = (promise: Promise<unknown>): Promise<unknown> =>
      promise.catch((error: unknown) => (error instanceof BorunaError ? error.kind : error));
    expect(await kindOf(verifyLog(join(folder, "none")))).toBe("log.io_error");
    expect(await kindOf(verifyLog(folder))).toBe("log.io_error");
    expect(await kindOf(verifyLog(path, { expectHead: "abc" }))).toBe("usage");
  });
});
