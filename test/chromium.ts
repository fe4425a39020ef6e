/** Finds Chromium for the tests that need a real browser, and starts it. Without one, those tests are skipped. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * The path of Chromium: `BORUNA_CHROMIUM`, or the first program of `NAMES` on the PATH. `.ci/run` installs one. Undefined if there is none.
 */
export const CHROMIUM =
  process.env["BORUNA_CHROMIUM"] ??
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));

/** Start flags that keep Chromium from any request of its own. */
export const QUIET_FLAGS = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--disable-background-networking",
  "--disable-component-update",
];

export function startChromium(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("no Chromium");
  return chromium.launch({ executablePath: CHROMIUM, args: QUIET_FLAGS, timeout: 600_000 });
}
