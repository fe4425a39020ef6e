/** A log verifies only with exactly the bytes that were recorded; a cut log is read up to the cut. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readLog } from "../../../replay/log/log-reader.ts";
import { replayRun } from "../../../replay/replay.ts";
import { execute } from "../../../runtime/execute.ts";
import { verifyLog } from "../../../replay/verify.ts";
import { BorunaError } from "../../../vm/error.ts";
import { linesOf } from "../mend.ts";
import { READS_TWICE } from "../programs.ts";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "boruna-exact-"));
  path = join(folder, "run.jsonl");
  // Lines: 1 header, 2 and 3 the first call and its answer, 4 and 5 the second, 6 end.
  const handlers = { "fs.read": () => 'é"/\n' };
  await execute(READS_TWICE, { policy: "allow-all", tracing: false, handlers, record: path });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Recomputes the hash chain without changing the form of the lines, like a forger who thinks that only hashes are checked. */
function chained(lines: readonly string[]): string {
  let previous: Uint8Array = Buffer.alloc(32);
  return lines
    .map((line) => {
      const [, before = "", after = ""] = /^(.*),\s*"hash"\s*:\s*"[0-9a-f]{64}"(.*)$/.exec(line) ?? [];
      previous = createHash("sha256")
        .update(previous)
        .update(before + after)
        .digest();
      return `${before},"hash":"${Buffer.from(previous).toString("hex")}"${after}\n`;
    })
    .join("");
}
const editLine = (line: number, from: string | RegExp, to: string): string[] => {
  const lines = linesOf(readFileSync(path, "utf8"));
  const edited = lines.map((text, i) => (i === line - 1 ? text.replace(from, to) : text));
  expect(edited).not.toEqual(lines);
  return edited;
};

describe("verify refuses bytes that the recorder would not have written", () => {
  const EDITS: readonly (readonly [string, number, string | RegExp, string])[] = [
    ["a space after a colon", 3, '"n":2', '"n": 2'],
    ["a space at the end of a line", 3, /$/, " "],
    ["a tab in front", 2, /^/, "\t"],
    ["a carriage return", 4, /$/, "\r"],
    ["members in another order", 2, /\{"args":(.*?),"capability":"fs.read"\}/, '{"capability":"fs.read","args":$1}'],
    ["an escape where none is needed", 3, "é", "\\u00e9"],
    ["an escaped slash", 3, "/", "\\/"],
    ["a longer escape", 3, String.raw`\n`, String.raw`\u000a`],
    ["a number in another form", 6, /"steps":(\d)/, '"steps":$1.0'],
    ["a header with white space", 1, '"flags":[]', '"flags":[ ]'],
    ["a member written out with its default value", 1, ',"run_id"', ',"unserved":[],"run_id"'],
    ["an end with white space", 6, '"outcome":"success"', '"outcome" :"success"'],
  ];
  test.each(EDITS)("%s, with the old hashes", async (_name, line, from, to) => {
    writeFileSync(path, editLine(line, from, to).join("\n").concat("\n"));
    expect(await verifyLog(path)).toMatchObject({ ok: false, failure: { check: "chain", line } });
  });
  test.each(EDITS)("%s, with new hashes", async (_name, line, from, to) => {
    writeFileSync(path, chained(editLine(line, from, to)));
    expect(await verifyLog(path)).toMatchObject({ ok: false, failure: { check: "chain", line } });
  });

  test.each<[string, string, string]>([
    ["a Float without its point", '{"Float":1}', '{"Float":1.0}'],
    ["keys in another order", '{"Map":{"b":"Unit","a":"Unit"}}', '{"Map":{"a":"Unit","b":"Unit"}}'],
  ])("a value in another form: %s", async (_name, wrong, right) => {
    const result = (value: string): string[] => editLine(3, /"result":\{.*?\}/, `"result":${value}`);
    const good = result(right);
    writeFileSync(path, chained(result(wrong)));
    expect((await verifyLog(path)).failure).toMatchObject({ check: "chain", kind: "log.form", line: 3 });
    writeFileSync(path, chained(good));
    expect((await verifyLog(path)).ok).toBe(true);
  });

  test("a policy without a default", async () => {
    writeFileSync(path, chained(editLine(1, /,"secrets":\{\}/, "")));
    expect((await verifyLog(path)).failure).toMatchObject({ check: "policy", kind: "log.form", line: 1 });
  });

  test("CRLF on every line", async () => {
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("\n", "\r\n"));
    expect((await verifyLog(path)).failure).toMatchObject({ check: "chain", line: 1 });
  });

  test("no line feed at the end", async () => {
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect((await verifyLog(path)).failure).toMatchObject({ check: "end", kind: "log.cut", line: 6 });
  });

  test("an empty line at the end", async () => {
    writeFileSync(path, `${readFileSync(path, "utf8")}\n`);
    expect((await verifyLog(path)).failure).toMatchObject({ check: "chain", line: 7 });
  });

  test.each<[string, (blobs: string) => void]>([
    ["a file", (blobs) => writeFileSync(join(blobs, "notes.txt"), "x")],
    ["a folder", (blobs) => mkdirSync(join(blobs, "more"))],
    ["a temporary of a blob", (blobs) => writeFileSync(join(blobs, `${"0".repeat(64)}.tmp`), "")],
    ["a blob that no record names", (blobs) => writeFileSync(join(blobs, createHash("sha256").update("x").digest("hex")), "x")],
    [
      "a link in the place of a blob",
      (blobs) => {
        const [name = ""] = readdirSync(blobs);
        renameSync(join(blobs, name), join(folder, "elsewhere"));
        symlinkSync(join(folder, "elsewhere"), join(blobs, name));
      },
    ],
  ])("%s beside the blobs", async (_name, add) => {
    expect((await verifyLog(path)).ok).toBe(true);
    add(`${path}.blobs`);
    const { failure } = await verifyLog(path);
    expect(failure).toMatchObject({ check: "blobs", kind: "log.blob_unknown" });
    expect(failure?.reason).toContain(`${path}.blobs`);
  });

  test("a blob that is not canonical JSON", async () => {
    const long = "x".repeat(70_000);
    await execute(READS_TWICE, {
      policy: "allow-all",
      tracing: false,
      handlers: { "fs.read": () => long },
      record: { path, force: true },
    });
    expect((await verifyLog(path)).ok).toBe(true);
    const blob = (text: string): string => createHash("sha256").update(text).digest("hex");
    const [good, wrong] = [`{"String":"${long}"}`, `{"String": "${long}"}`];
    const text = readFileSync(path, "utf8").replaceAll(
      `{"bytes":${good.length},"sha256":"${blob(good)}"}`,
      `{"bytes":${wrong.length},"sha256":"${blob(wrong)}"}`,
    );
    renameSync(join(`${path}.blobs`, blob(good)), join(`${path}.blobs`, blob(wrong)));
    writeFileSync(join(`${path}.blobs`, blob(wrong)), wrong);
    writeFileSync(path, chained(linesOf(text)));
    expect((await verifyLog(path)).failure).toMatchObject({ check: "blobs", kind: "log.form", line: 3 });
  });
});

test("a log cut at any byte is read up to the cut and replays as incomplete", async () => {
  const whole = readFileSync(path);
  const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at);
  const [header = 0] = ends;
  // Cuts around every line feed and in the middle of every line. (`log-reader.test.ts` cuts a log at each byte.)
  const cuts = new Set(ends.flatMap((end, i) => [end - 1, end, end + 1, Math.floor((end + (ends[i - 1] ?? 0)) / 2)]));
  for (const cut of [...cuts].filter((at) => at < whole.length)) {
    writeFileSync(path, whole.subarray(0, cut));
    expect([cut, await cutLog()]).toEqual([cut, cut < header ? "log.cut" : "incomplete"]);
  }
  writeFileSync(path, whole);
  expect(await cutLog()).toBe("identical");
});

async function cutLog(): Promise<string> {
  try {
    return (await replayRun(readLog(path), { tracing: false })).status;
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
}
