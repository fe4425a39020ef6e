/** A distribution that builds a URL for usage events into the command. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startUsageSink, type Sink } from "../../telemetry/usage/sink.ts";
import type { UsageEvent } from "../../telemetry/usage/event.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { ROOT } from "../repo/imports.ts";

// In the repository, so that the command finds its packages.
const buildFolder = DEEP ? mkdtempSync(join(ROOT, "dist.test-")) : "";
const main = join(buildFolder, "dist", "bin", "boruna.js");
const state = temporaryFolder();
const events: UsageEvent[] = [];
let sink: Sink;

const build = (url: string): { status: number | null; stderr: string } =>
  spawnSync(process.execPath, [join(ROOT, "scripts", "build.mjs"), join(buildFolder, "dist")], {
    encoding: "utf8",
    env: { ...process.env, BORUNA_BUILD_TELEMETRY_URL: url },
  });

beforeAll(async () => {
  sink = await startUsageSink({ host: "127.0.0.1", port: 0, token: undefined, onEvent: (e) => events.push(e), onRefused: () => undefined });
  const { status, stderr } = build(`${sink.url}built-in`);
  if (status !== 0) throw new Error(stderr);
});
afterAll(async () => {
  rmSync(buildFolder, { recursive: true, force: true });
  await sink.close();
});

interface Finished {
  readonly code: number | null;
  readonly stderr: string;
  readonly sent: number;
}

async function runCommand(env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const before = events.length;
  const child = spawn(process.execPath, [main, "explain", "E007"], {
    env: { XDG_STATE_HOME: state, BORUNA_TELEMETRY_TIMEOUT_MS: "60000", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr, sent: events.length - before };
}

test.runIf(DEEP)("events are on by default, with the notice once and the opt-outs", async () => {
  expect(await runCommand({ DO_NOT_TRACK: "1" })).toEqual({ code: 0, stderr: "", sent: 0 });
  expect(await runCommand({ BORUNA_TELEMETRY_DISABLED: "1" })).toEqual({ code: 0, stderr: "", sent: 0 });
  expect(await runCommand({ BORUNA_TELEMETRY_ENABLED: "0" })).toEqual({ code: 0, stderr: "", sent: 0 });
  expect(await runCommand()).toEqual({ code: 0, stderr: expect.stringContaining(`for each command to ${sink.url}….`), sent: 1 });
  expect(await runCommand()).toEqual({ code: 0, stderr: "", sent: 1 });
  expect(await runCommand({ BORUNA_TELEMETRY_FILE: join(state, "usage.jsonl") })).toEqual({ code: 0, stderr: "", sent: 0 });
});

test.runIf(DEEP).each(["ftp://a.example/", "https://user@a.example/", "no URL"])(
  "a build with %s fails and leaves the old one",
  async (url) => {
    const { status, stderr } = build(url);
    expect(status).not.toBe(0);
    expect(stderr).toContain("BORUNA_BUILD_TELEMETRY_URL is not an http or https URL without a user name");
    expect(await runCommand()).toMatchObject({ code: 0, sent: 1 });
  },
);
