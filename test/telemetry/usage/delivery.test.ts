/** Tests of the file that gets usage events. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { deliver, openEventFile } from "../../../telemetry/usage/delivery.ts";
import { usageLine } from "../../../telemetry/usage/event.ts";
import { EVENT } from "./event.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-delivery-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "events.jsonl");

test.each(["", `${usageLine(EVENT)}\n`, `${usageLine(EVENT).replace('"os"', '"later_field":1,"os"')}\n`])(
  "an event is appended to a file with %j",
  async (content) => {
    writeFileSync(path, content);
    expect(await deliver(EVENT, { kind: "file", path })).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe(`${content}${usageLine(EVENT)}\n`);
  },
);

test.each(["x", "\n", '{"schema_version":1}\n', '{"schema_version":"1","name":"a"}\n', '{"schema_version":"1","ts":"now"}'])(
  "a file with %j stays as it is",
  async (content) => {
    writeFileSync(path, content);
    expect(await deliver(EVENT, { kind: "file", path })).toBe("it holds something else than usage events");
    expect(readFileSync(path, "utf8")).toBe(content);
  },
);

test.runIf(process.platform === "linux")("a file that cannot be read is closed", () => {
  const openFiles = (): number => readdirSync("/proc/self/fd").length;
  const before = openFiles();
  // The memory of the process is a regular file, of which nothing can be read at 0.
  for (let i = 0; i < 20; i++) expect(() => openEventFile("/proc/self/mem")).toThrow("EIO");
  expect(openFiles()).toBeLessThan(before + 20);
});
