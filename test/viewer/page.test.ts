/** The page of `boruna view` in Chromium, if it is installed, beside real runs of the examples. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DEEP } from "../cases.ts";
import { CHROMIUM, startChromium } from "../chromium.ts";
import { ExampleRuns } from "./example-runs.ts";
import { sendSpans, type SpanJson } from "./send-spans.ts";

const PAGE = fileURLToPath(new URL("../../dist/viewer/page/", import.meta.url));
const MAX_GZIPPED_BYTES = 80_000;
const MAX_ROWS = 200;
/** A time limit that is reached only if the page never gets into the state. */
const POLL = { timeout: 600_000 };
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 400, height: 800 };

describe("the built page", () => {
  const files = readdirSync(PAGE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

  test("is small", () => {
    const sizes = files.map((file) => gzipSync(readFileSync(file)).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_GZIPPED_BYTES);
  });

  test("has no inline script or style, and names no other host", () => {
    const html = readFileSync(join(PAGE, "index.html"), "utf8");
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    for (const file of files) expect(readFileSync(file, "utf8").replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\//);
  });
});

describe.skipIf(CHROMIUM === undefined)("the page in Chromium", () => {
  const runs = new ExampleRuns();
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the browser reported as an error, and requests to other hosts. */
  let problems: string[] = [];

  beforeAll(async () => {
    await runs.start();
    await runs.makeAll();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await runs.close();
  });
  beforeEach(async () => {
    problems = [];
    context = await browser.newContext({ viewport: WIDE });
    context.setDefaultTimeout(600_000);
    page = await context.newPage();
    const { origin } = new URL(runs.pageUrl);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("dialog", (dialog) => problems.push(`a dialog: ${dialog.message()}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`)) problems.push(`a request to ${request.url()}`);
    });
  });
  afterEach(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });

  const fragment = (): string => new URL(page.url()).hash;
  const row = (text: string | RegExp) => page.getByRole("row").filter({ hasText: text });
  const view = (name: string) =>
    page.getByRole("navigation", { name: "Views of the run" }).getByRole("link", { name: new RegExp(`^${name}`) });

  /** Opens the list, then the run of a log. */
  async function open(log: string): Promise<void> {
    await page.goto(runs.pageUrl);
    await page.getByRole("searchbox", { name: "Text" }).fill(`${log}.jsonl`);
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    await page.locator("p", { hasText: "1 of" }).waitFor();
    await page.getByRole("grid", { name: "Runs" }).getByRole("link").first().click();
    await page.getByRole("heading", { level: 1 }).waitFor();
  }

  test("the filters find a run, which leads to a span, its event and its source line", async () => {
    await page.goto(runs.pageUrl);
    await page.getByText("4 runs").waitFor();
    expect(fragment()).toBe("#/");
    await page.getByLabel("Outcome").selectOption({ label: "success (2)" });
    await page.getByText("2 of 4 runs").waitFor();
    await page.getByLabel("Capability").selectOption("llm.call");
    await page.getByRole("searchbox", { name: "Text" }).fill("news.jsonl");
    await page.getByText("1 of 4 runs").waitFor();
    await page.getByRole("link", { name: "digest" }).click();

    await row("net.fetch").filter({ hasText: "call 3" }).click();
    const span = page.getByRole("complementary", { name: "Span" });
    await span.getByText("digest.ax:18").waitFor();
    await span.locator(".line.marked", { hasText: "try net.fetch(url)" }).waitFor();
    await page.waitForURL(/span=[0-9a-f]{16}/);
    // The page requests values only when the user asks for them.
    expect(await span.getByText("/stories/1").count()).toBe(0);
    await span.getByRole("button", { name: "Show values" }).click();
    await span.getByText("/stories/1").first().waitFor();
    await span.getByText("A map of every bridge").waitFor();

    await span.getByRole("link", { name: "Go to the event" }).click();
    const event = page.getByRole("complementary", { name: "Event" });
    await event.getByRole("heading", { name: "Event 4" }).waitFor();
    await page.locator(".row.selected", { hasText: "CapCall" }).waitFor();
    await event.getByRole("link", { name: "digest.ax:18" }).click();
    await page.locator(".row.selected", { hasText: "try net.fetch(url)" }).waitFor();
    await page.waitForURL(/line=18/);
  });

  test.runIf(DEEP)("a permalink opens the span again", async () => {
    await open("news");
    await row("net.fetch").first().waitFor();
    await page.keyboard.press("End");
    await page.getByRole("complementary", { name: "Span" }).getByRole("heading", { name: "llm.call" }).waitFor();
    const link = page.url();
    const other = await context.newPage();
    await other.goto(link);
    await other.getByRole("complementary", { name: "Span" }).getByRole("heading", { name: "llm.call" }).waitFor();
    await other.locator(".row.selected", { hasText: "llm.call" }).waitFor();
  });

  test.runIf(DEEP)("branches that overlap have separate lanes", async () => {
    await open("news");
    await page.getByText("lane 5 of 5").first().waitFor();
    await row("branch 4").first().waitFor();
  });

  test.runIf(DEEP)("keys that follow each other faster than the page paints all count", async () => {
    await open("news");
    await row("call 1").waitFor();
    await page.evaluate(`(async () => {
      for (let i = 0; i < 4; i += 1) {
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
        for (let j = 0; j < 10; j += 1) await undefined;
      }
    })()`);
    await page.locator("[role=row][aria-selected=true][aria-rowindex='5']").waitFor();
    await page.getByRole("button", { name: "Show values" }).waitFor();
  });

  test.runIf(DEEP)("keys can do everything that the mouse can", async () => {
    await page.goto(runs.pageUrl);
    await page.getByText("4 runs").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("news.jsonl");
    await page.getByText("1 of 4 runs").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await row("call 1").waitFor();
    for (let i = 0; i < 4; i += 1) await page.keyboard.press("ArrowDown");
    await page.getByRole("complementary", { name: "Span" }).getByText("digest.ax:64").waitFor();
    const marks = page.getByRole("columnheader", { name: /^Time/ });
    const all = (await marks.getAttribute("aria-label")) ?? "";
    await page.keyboard.press("+");
    await page.locator(`[role=columnheader][aria-label^=Time]:not([aria-label="${all}"])`).waitFor();
    await page.keyboard.press("0");
    await page.getByRole("columnheader", { name: all, exact: true }).waitFor();
    await page.getByRole("button", { name: "Show values" }).waitFor();
    await page.keyboard.press("v");
    await page.getByText("/stories").first().waitFor();
    await page.keyboard.press("e");
    await page.getByRole("heading", { name: "Event 1" }).waitFor();
    await page.getByText("digest.ax:64").waitFor();
    await page.keyboard.press("s");
    await page.locator(".row.selected", { hasText: "match try net.fetch(url)" }).waitFor();
    await page.keyboard.press("4");
    await page.getByText("6 of 21 calls used, 15 left").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.getByRole("grid", { name: "Runs" }).waitFor();
  });

  test.runIf(DEEP)("keys mark two runs and compare them", async () => {
    await page.goto(runs.pageUrl);
    await page.getByText("4 runs").waitFor();
    for (const key of ["j", "x", "j", "x", "c"]) await page.keyboard.press(key);
    await page.getByRole("heading", { name: "Comparison" }).waitFor();
  });

  test.runIf(DEEP)("a refused run shows the rule that decided", async () => {
    await open("refused");
    await page.getByRole("link", { name: 'Rule rules["net.fetch"].allow' }).click();
    const denials = page.getByRole("region", { name: "Denials" });
    await denials.getByRole("heading", { name: "net.fetch was refused" }).waitFor();
    await denials.locator(".line.marked", { hasText: '"allow": false' }).waitFor();
    await denials.getByRole("link", { name: "net.fetch, call 2" }).click();
    await page.getByRole("complementary", { name: "Span" }).getByText("exfiltrate.ax:5").waitFor();
  });

  test.runIf(DEEP)("a run that waits shows the call and the command that approves it", async () => {
    await open("cleanup");
    const waiting = page.getByRole("status").filter({ hasText: "Waits for an approval" });
    await waiting.getByRole("link", { name: "call 2, net.fetch" }).waitFor();
    await waiting.getByText(`boruna approve ${runs.log("cleanup")} --call 2`, { exact: true }).waitFor();
    await waiting.getByText("--deny").waitFor();
  });

  test.runIf(DEEP)("a run and its replay made the same calls", async () => {
    await open("news");
    await page.getByRole("link", { name: "Compare the executions" }).click();
    await page.getByText("The executions made the same 7 calls").waitFor();
    await page.locator(".row.pair.same").nth(6).waitFor();
    expect(await page.locator(".row.pair.same").count()).toBe(7);
  });

  test.runIf(DEEP)("a run and a run of an edited program are compared event by event", async () => {
    await page.goto(runs.pageUrl);
    await page.getByRole("searchbox", { name: "Text" }).fill("digest");
    await page.getByText("2 of 4 runs").waitFor();
    for (const box of await page.getByRole("checkbox").all()) await box.check();
    await page.getByRole("button", { name: "Compare the two marked runs" }).click();
    await page.getByText("differences,").waitFor();
    await page.getByRole("button", { name: "Next difference" }).click();
    const selected = page.locator(".row.selected");
    await selected.getByText("other arguments").waitFor();
    // The row names the capability only after the events have loaded.
    await selected.getByText("llm.call").first().waitFor();
    expect(await page.getByText("Quiet engines").count()).toBe(0);
    await page.getByRole("article").filter({ hasText: "other arguments" }).getByRole("button", { name: "Show values" }).click();
    await page.getByText("Quiet engines").first().waitFor();
  });

  test.runIf(DEEP)("a what-if tries another policy and another answer on the log", async () => {
    await open("news");
    await view("What if").click();
    const form = page.getByRole("region", { name: "What if" });
    await expect.poll(() => form.getByRole("textbox", { name: "Policy" }).inputValue(), POLL).toContain('"budget": 21');
    await form.getByRole("button", { name: "deny-all" }).click();
    await form.getByRole("button", { name: "Run" }).click();
    await form.getByRole("heading", { name: "The run would be different." }).waitFor();
    await form.getByRole("heading", { name: "7 of 7 recorded calls would be refused" }).waitFor();
    await form.getByRole("button", { name: "Recorded policy" }).click();
    await form.getByRole("button", { name: "Change an answer" }).click();
    await form.getByRole("spinbutton", { name: "Call" }).fill("7");
    await form.getByRole("textbox", { name: "Answer as JSON" }).fill("{");
    await form.getByRole("button", { name: "Run" }).click();
    await form.getByText("The answer to call 7 is not JSON.").waitFor();
    await form.getByRole("textbox", { name: "Answer as JSON" }).fill('{"CapError": {"kind": "runtime_error", "message": "HTTP 500"}}');
    await form.getByRole("button", { name: "Run" }).click();
    await form.getByRole("heading", { name: "No recorded call would be refused (7 judged)" }).waitFor();
    await form.getByText("HTTP 500").first().waitFor();
  });

  test.runIf(DEEP)("a run of the news example appears while it is running", async () => {
    await page.goto(runs.pageUrl);
    await page.getByText("4 runs").waitFor();
    const { done, open: answer } = runs.news("live", "/stories/3");
    try {
      await row("running").filter({ hasText: "log" }).getByRole("link").click();
      await view("Events").click();
      // The answers to the stories before it are in the log, those after it wait for their turn.
      await page.getByText("10 events").waitFor();
      await page.getByRole("heading", { level: 1, name: "running" }).waitFor();
    } finally {
      answer();
    }
    expect(await done).toBe(0);
    await page.getByText("15 events").waitFor();
    await page.getByRole("heading", { level: 1, name: "success" }).waitFor();
    await view("Waterfall").click();
    await page.getByText("34 spans").waitFor();
  });

  const VIEWS = ["", "Waterfall", "Events", "Denials", "Budgets", "Source", "What if"];

  for (const [theme, viewport] of [["light", WIDE] as const, ["dark", WIDE] as const, ["light", NARROW] as const]) {
    test.runIf(DEEP)(`axe finds no violation, ${theme}, ${viewport.width} px wide, and nothing is wider than the page`, async () => {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize(viewport);
      const check = async (name: string): Promise<void> => {
        await page.evaluate(axe.source);
        const found: unknown = await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html).join(' ')))",
        );
        expect({ name, found }).toEqual({ name, found: [] });
        expect({ name, width: await page.evaluate("document.documentElement.scrollWidth") }).toEqual({ name, width: viewport.width });
      };
      for (const log of ["news", "refused", "cleanup"] as const) {
        await open(log);
        for (const name of VIEWS) {
          if (name !== "") await view(name).click();
          await page.locator("main").waitFor();
          if (name === "Waterfall") await row("net.fetch").first().click();
          if (name === "Events") await row("CapCall").first().click();
          if (name === "Waterfall") await page.getByText("Go to the event").or(page.getByText("The log has no event")).first().waitFor();
          if (name === "Events") await page.locator(".excerpt .marked").waitFor();
          await check(`${log} ${name}`);
        }
      }
      await page.keyboard.press("?");
      await check("help");
      await page.keyboard.press("Escape");
      await page.keyboard.press("g");
      await row("digest").first().waitFor();
      await page.keyboard.press("j");
      await check("runs");
      for (const key of ["x", "j", "x", "c"]) await page.keyboard.press(key);
      await page.getByRole("grid", { name: "Aligned events" }).waitFor();
      await check("compare");
    });
  }

  test.runIf(DEEP)("without the token there is no data, and the page asks for it", async () => {
    const { origin } = new URL(runs.pageUrl);
    await page.goto(`${origin}/`);
    await page.getByRole("heading", { name: "The viewer asks for its token" }).waitFor();
    expect(await page.getByRole("row").count()).toBe(0);
    await page.getByLabel("Token").fill(runs.pageUrl.split("token=")[1] ?? "");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("link", { name: "digest" }).first().waitFor();
    // The browser itself reports the refused requests.
    expect(problems.filter((text) => !text.includes("401"))).toEqual([]);
    problems = [];
  });

  test.runIf(DEEP)("names of spans are shown as text, whatever they contain", async () => {
    const script = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    const hostile: SpanJson[] = ["1", "2", "3"].map((id) => ({
      traceId: "b".repeat(32),
      spanId: id.repeat(16),
      // The second and the third span are each other's parent.
      parentSpanId: id === "1" ? "" : (id === "2" ? "3" : "2").repeat(16),
      name: id === "1" ? script : `javascript:alert(${id})\u202e\u0007`,
      startTimeUnixNano: "1000",
      endTimeUnixNano: id === "1" ? "18446744073709551615" : "0",
      attributes: [{ key: script, value: { stringValue: `${script}\u0000` } }],
      status: { code: 2, message: script },
    }));
    await sendSpans(runs, hostile);
    await page.goto(runs.pageUrl);
    await page.getByRole("link", { name: script }).click();
    await page.getByRole("row").filter({ hasText: script }).click();
    const span = page.getByRole("complementary", { name: "Span" });
    await span.getByText(`${script}\\u{0}`).waitFor();
    await row("javascript:alert(2)\\u{202e}\\u{7}").waitFor();
    expect(await page.locator("main img, main script, main iframe").count()).toBe(0);
  });

  test.runIf(DEEP)("a long trace never has more than 200 rows in the document", async () => {
    const spans = Array.from({ length: 20_000 }, (_, i) => ({
      traceId: "c".repeat(32),
      spanId: (i + 1).toString(16).padStart(16, "0"),
      parentSpanId: i === 0 ? "" : "1".padStart(16, "0"),
      name: i === 0 ? "long trace" : `span ${i}`,
      startTimeUnixNano: String(i * 1_000),
      endTimeUnixNano: String(i === 0 ? 20_000_000 : i * 1_000 + 900),
      attributes: [],
      status: {},
    }));
    await sendSpans(runs, spans);
    await page.goto(runs.pageUrl);
    await page.getByRole("link", { name: "long trace" }).click();
    await row("span 1").first().waitFor();
    for (const share of [0.1, 0.33, 0.5, 0.77, 1]) {
      const shown: unknown = await page.evaluate(`(async () => {
        const box = document.querySelector(".rows");
        box.scrollTop = (box.scrollHeight - box.clientHeight) * ${share};
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        return document.querySelectorAll("[role=row]").length;
      })()`);
      expect(shown).toBeGreaterThan(10);
      expect(shown).toBeLessThanOrEqual(MAX_ROWS);
    }
    await row("span 19999").waitFor();
    await page.keyboard.press("Home");
    await page.locator(".row.selected", { hasText: "long trace" }).waitFor();
    await page.keyboard.press("End");
    await page.locator(".row.selected", { hasText: "span 19999" }).waitFor();
  });

  test("a redacted value is marked as redacted, and the rest of its run is shown", async () => {
    await runs.redacted();
    await open("redacted");
    await view("Events").click();
    await row("CapResult").click();
    const event = page.getByRole("complementary", { name: "Event" });
    await event.getByRole("button", { name: "Show values" }).click();
    await event.getByText(/^\(redacted or lost, SHA-256 [0-9a-f]{64}\)$/).waitFor();
    await event.getByText("exfiltrate.ax:4").first().waitFor();
    await view("What if").click();
    const form = page.getByRole("region", { name: "What if" });
    await form.getByRole("button", { name: "Run" }).click();
    await form.getByRole("alert").filter({ hasText: "the answer of call 1 is redacted or lost" }).waitFor();
    // The browser itself reports the answer 422.
    expect(problems.filter((text) => !text.includes("422"))).toEqual([]);
    problems = [];
  });
});
