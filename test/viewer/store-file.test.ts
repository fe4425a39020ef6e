import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startViewer } from "../../viewer/server.ts";
import { readStoreFile, StoreFile } from "../../viewer/store-file.ts";
import { temporaryFolder } from "../after-file.ts";
import { spanId, testViewer, TRACE, traceId, traceRequest } from "./test-viewer.ts";

const folder = temporaryFolder();
const pathOf = (name: string): string => join(folder, name);
const RUN = {
  "boruna.run.id": "r1",
  "boruna.program.name": "p",
  "boruna.run.mode": "live",
  "boruna.run.outcome": "denied",
  "boruna.run.calls.total": 2,
};

describe("the file of a store", () => {
  test("keeps spans unchanged over a restart", async () => {
    const storeFile = pathOf("restart.jsonl");
    const first = await testViewer({ storeFile });
    const call = { "cap.name": "fs.read", "cap.call": 1, "cap.allowed": false, "error.kind": "denied" };
    await first.send(
      traceRequest([
        { spanId: spanId(1), name: "boruna.run", attributes: RUN, end: 9 },
        { spanId: spanId(2), parentSpanId: spanId(1), name: "boruna.cap", attributes: call, status: 2 },
      ]),
    );
    await first.send(traceRequest([{ traceId: traceId(7), spanId: spanId(1), name: 'ä\n"' }]));
    const paths = ["/api/runs", `/api/runs/${TRACE}`, `/api/runs/${TRACE}/spans`, `/api/runs/${TRACE}/spans/${spanId(2)}`];
    const before = await Promise.all(paths.map(async (path) => (await first.get(path)).body));
    await first.close();
    const second = await testViewer({ storeFile });
    expect(await Promise.all(paths.map(async (path) => (await second.get(path)).body))).toEqual(before);
    expect(before[0]).toMatchObject({ total: 2 });
    expect(statSync(storeFile).mode & 0o777).toBe(0o600);
    await second.close();
  });

  test("an incomplete last line is ignored; a file of another kind is refused and not changed", async () => {
    const storeFile = pathOf("cut.jsonl");
    const viewer = await testViewer({ storeFile });
    await viewer.send(traceRequest([{ spanId: spanId(1) }, { spanId: spanId(2) }]));
    await viewer.close();
    const whole = readFileSync(storeFile, "utf8");
    writeFileSync(storeFile, whole.slice(0, -20));
    expect([...readStoreFile(storeFile)].flat().map((span) => span.spanId)).toEqual([spanId(1)]);
    for (const text of [
      "notes\n",
      '{"boruna_spans":2}\n',
      `${whole}{}\n`,
      whole.replace(TRACE, "<script>"),
      whole.replace('"detail":"', '"detail":"x'),
    ]) {
      const other = pathOf("other.txt");
      writeFileSync(other, text);
      await expect(startViewer({ port: 0, logs: [], limitBytes: 2 ** 20, storeFile: other })).rejects.toMatchObject({ kind: "usage" });
      expect(readFileSync(other, "utf8")).toBe(text);
    }
  });

  test("spans that follow an incomplete line begin on a new line", async () => {
    const storeFile = pathOf("append.jsonl");
    const first = await testViewer({ storeFile });
    await first.send(traceRequest([{ spanId: spanId(1) }]));
    await first.close();
    appendFileSync(storeFile, '{"traceId":');
    const second = await testViewer({ storeFile });
    await second.send(traceRequest([{ spanId: spanId(2) }]));
    await second.close();
    expect([...readStoreFile(storeFile)].flat().map((span) => span.spanId)).toEqual([spanId(1), spanId(2)]);
  });

  test("does not grow without end", async () => {
    const storeFile = pathOf("bounded.jsonl");
    const viewer = await testViewer({ storeFile, limitBytes: 2 ** 20 });
    for (let n = 1; n <= 40; n++) {
      const spans = Array.from({ length: 100 }, (_, i) => ({
        traceId: traceId(n),
        spanId: spanId(i + 1),
        attributes: { a: "x".repeat(1_000) },
      }));
      await viewer.send(traceRequest(spans));
      expect(statSync(storeFile).size).toBeLessThan(5 * 2 ** 20);
    }
    const { body } = await viewer.get("/api/runs");
    await viewer.close();
    const again = await testViewer({ storeFile, limitBytes: 2 ** 20 });
    expect((await again.get("/api/runs")).body).toEqual(body);
  });

  test("two viewers cannot write the same file", async () => {
    const storeFile = pathOf("locked.jsonl");
    const file = new StoreFile(storeFile, () => undefined);
    await expect(startViewer({ port: 0, logs: [], limitBytes: 2 ** 20, storeFile })).rejects.toMatchObject({ kind: "log.locked" });
    file.close();
  });
});
