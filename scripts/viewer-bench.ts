/**
 * Measures the page of the viewer with a trace of 100,000 spans and a log of 1,000,000 events: `npm run bench:viewer`. Needs Chromium
 * and a build. Prints for each list the time to the first paint and to the first rows. Then scrolls through the list, and prints the most
 * rows in the document, the longest task (CPU time and wall clock), and the JavaScript heap afterwards. On a busy machine only the CPU time counts.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { startChromium } from "../test/chromium.ts";
import { ExampleRuns } from "../test/viewer/example-runs.ts";
import { sendSpans } from "../test/viewer/send-spans.ts";

const SPANS = 100_000;
const CALLS = 500_000;
const RUNS = 1_000;
const STEPS = 400;

const LIMITS = { max_steps: 100_000_000, max_alloc_bytes: 10_000_000_000, max_log_bytes: 1_000_000_000 };

const PROGRAM = `fn main() -> Int !{time.now} {
    let mut n = 0
    while n < ${CALLS} {
        let _time = time.now()
        n += 1
    }
    n
}
`;

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Duration in microseconds, by wall clock and by the CPU time of the thread. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

function isTrace(data: unknown): data is { readonly traceEvents: readonly TraceEvent[] } {
  return typeof data === "object" && data !== null && "traceEvents" in data && Array.isArray(data.traceEvents);
}

/** The longest task of the page's main thread in a trace, in milliseconds. */
function longestTask(trace: unknown): { readonly wall: number; readonly cpu: number } {
  if (!isTrace(trace)) throw new Error("Chromium wrote no trace");
  const { traceEvents } = trace;
  const mainThreads = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith("RunTask") && mainThreads.has(`${pid} ${tid}`));
  const most = (values: readonly (number | undefined)[]): number =>
    values.reduce<number>((max, value) => Math.max(max, (value ?? 0) / 1_000), 0);
  return { wall: most(tasks.map(({ dur }) => dur)), cpu: most(tasks.map(({ tdur }) => tdur)) };
}

async function measure(browser: Browser, url: string, text: string, view: string): Promise<Record<string, number | string>> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(600_000);
  await page.goto(url);
  if (text !== "") {
    await page.getByRole("searchbox", { name: "Text" }).fill(text);
    await page.getByText("1 of").waitFor();
    await page.getByRole("grid", { name: "Runs" }).getByRole("link").first().click();
    await page
      .getByRole("navigation", { name: "Views of the run" })
      .getByRole("link", { name: new RegExp(`^${view}`) })
      .click();
    await page.reload();
  }
  await page.locator(".rows .row:not(.rows-header) .cell:not(.loading)").first().waitFor();
  const first: unknown = await page.evaluate(
    "[performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0, performance.now()].map(Math.round)",
  );
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  const scrolled: unknown = await page.evaluate(`(async () => {
    const box = document.querySelector(".rows");
    let rows = 0;
    for (let i = 0; i <= ${STEPS}; i += 1) {
      box.scrollTop = (box.scrollHeight - box.clientHeight) * i / ${STEPS};
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      rows = Math.max(rows, document.querySelectorAll("[role=row]").length);
    }
    return [rows, Math.round(performance.memory.usedJSHeapSize / 1e6)];
  })()`);
  const task = longestTask(JSON.parse((await browser.stopTracing()).toString("utf8")));
  const last = await page.locator(".rows .row").last().textContent();
  await page.close();
  const [paint, rowsAt] = Array.isArray(first) ? first.map(Number) : [];
  const [rows, heap] = Array.isArray(scrolled) ? scrolled.map(Number) : [];
  return {
    list: view === "" ? "runs" : view,
    "first paint ms": paint ?? 0,
    "first rows ms": rowsAt ?? 0,
    "most rows": rows ?? 0,
    "longest task, CPU ms": Math.round(task.cpu),
    "longest task, wall ms": Math.round(task.wall),
    "heap MB": heap ?? 0,
    "last row": (last ?? "").slice(0, 30),
  };
}

const spansOf = (traceId: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    traceId,
    spanId: (i + 1).toString(16).padStart(16, "0"),
    parentSpanId: i === 0 ? "" : "1".padStart(16, "0"),
    name: i === 0 ? "a trace" : `span ${i}`,
    startTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(i) * 10_000n),
    endTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(i === 0 ? count : i + 3) * 10_000n),
    attributes: [],
    status: {},
  }));

const runs = new ExampleRuns();
await runs.start();
const browser = await startChromium();
const folder = mkdtempSync(join(tmpdir(), "boruna-viewer-bench-"));
try {
  await sendSpans(runs, Array.from({ length: RUNS }, (_, i) => spansOf((i + 1).toString(16).padStart(32, "0"), 2)).flat());
  await sendSpans(runs, spansOf("f".repeat(32), SPANS));
  writeFileSync(join(folder, "long.ax"), PROGRAM);
  writeFileSync(join(folder, "policy.json"), JSON.stringify({ schema_version: 1, default_allow: true, limits: LIMITS }));
  const args = ["run", "long.ax", "--policy", "policy.json", "--record", runs.log("live")];
  const code = await runs.command(args, folder, { OTEL_SDK_DISABLED: "true" });
  if (code !== 0) throw new Error(`the long run ended with ${code}`);
  for (const [text, view] of [["", ""] as const, ["f".repeat(32), "Waterfall"] as const, ["live.jsonl", "Events"] as const]) {
    const figures = Object.entries(await measure(browser, runs.pageUrl, text, view));
    process.stdout.write(`${figures.map(([name, value]) => `${name}: ${value}`).join(", ")}\n`);
  }
} finally {
  await browser.close();
  await runs.close();
  rmSync(folder, { recursive: true, force: true });
}
