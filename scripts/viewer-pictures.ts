/** Makes the pictures of the viewer in docs/images/viewer from runs of the examples: `npm run pictures`, or `npm run pictures -- NAME…` for some of them. Needs Chromium and a build. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { startChromium } from "../test/chromium.ts";
import { ExampleRuns } from "../test/viewer/example-runs.ts";

const FOLDER = fileURLToPath(new URL("../docs/images/viewer/", import.meta.url));

interface Picture {
  readonly name: string;
  readonly theme: "light" | "dark";
  readonly width: number;
  readonly height: number;
  readonly show: (page: Page) => Promise<void>;
}

/** Opens the run whose log has this name. */
async function openRun(page: Page, log: string): Promise<void> {
  await page.getByRole("searchbox", { name: "Text" }).fill(`${log}.jsonl`);
  await page.getByText("1 of").waitFor();
  await page.getByRole("grid", { name: "Runs" }).getByRole("link").first().click();
  await page.getByRole("row", { name: "net.fetch" }).first().waitFor();
}

async function openSpan(page: Page): Promise<void> {
  await openRun(page, "news");
  await page.getByRole("row", { name: "call 2" }).first().click();
  await page.getByText("Go to the event").waitFor();
}

/** Compares the two runs of the news example, and selects the first difference between their events. */
async function openDifference(page: Page): Promise<void> {
  await page.getByRole("searchbox", { name: "Text" }).fill("digest");
  await page.getByText("2 of").waitFor();
  for (const box of await page.getByRole("checkbox").all()) await box.check();
  await page.getByRole("button", { name: "Compare the two marked runs" }).click();
  await page.getByRole("button", { name: "Next difference" }).click();
}

const PICTURES: readonly Picture[] = [
  { name: "runs", theme: "light", width: 1000, height: 330, show: (page) => page.getByText("4 runs").waitFor() },
  { name: "waterfall", theme: "light", width: 1200, height: 760, show: openSpan },
  { name: "waterfall-dark", theme: "dark", width: 1200, height: 760, show: openSpan },
  { name: "narrow", theme: "light", width: 400, height: 760, show: openSpan },
  {
    name: "refused",
    theme: "light",
    width: 1000,
    height: 560,
    show: async (page) => {
      await openRun(page, "refused");
      await page.getByRole("link", { name: /^Rule/ }).click();
      await page.locator(".line.marked").waitFor();
    },
  },
  {
    name: "compare",
    theme: "light",
    width: 1000,
    height: 800,
    show: async (page) => {
      await openDifference(page);
      await page.locator(".row.selected").scrollIntoViewIfNeeded();
    },
  },
  {
    name: "divergence",
    theme: "light",
    width: 1000,
    height: 790,
    show: async (page) => {
      await openDifference(page);
      const chosen = page.locator(".card.difference").last();
      await chosen.getByRole("button", { name: "Show values" }).click();
      await page.locator(".row.selected").waitFor();
      // The page's head covers 60 pixels.
      await chosen.evaluate((card: { style: { scrollMarginTop: string }; scrollIntoView: () => void }) => {
        card.style.scrollMarginTop = "60px";
        card.scrollIntoView();
      });
    },
  },
];

const names = process.argv.slice(2);
const runs = new ExampleRuns();
await runs.start();
const browser = await startChromium();
try {
  await runs.makeAll();
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, theme, width, height, show } of PICTURES.filter((picture) => names.length === 0 || names.includes(picture.name))) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
    await page.goto(runs.pageUrl);
    await page.getByText("4 runs").waitFor();
    await show(page);
    await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled", caret: "hide" });
    await page.close();
  }
} finally {
  await browser.close();
  await runs.close();
}
