/** The site in Chromium, if it is installed, opened from files: accessible in light and dark at three widths, and searchable. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderSite, writeSite } from "../../scripts/site.ts";
import { DEEP, sampled } from "../cases.ts";
import { CHROMIUM, startChromium } from "../chromium.ts";
import { ROOT } from "./imports.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-site-page-"));
const PAGES = [
  "index.html",
  "docs/guide/index.html",
  "docs/guide/tour.html",
  "docs/guide/viewer.html",
  "docs/guide/threat-model.html",
  "docs/reference/builtins.html",
  "docs/reference/api.html",
  "docs/internals/adr/index.html",
  "search.html?q=approval",
];
const address = (path: string): string => {
  const [file = "", query] = path.split("?");
  return `${pathToFileURL(join(folder, file)).href}${query === undefined ? "" : `?${query}`}`;
};

describe.skipIf(CHROMIUM === undefined)("the site", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    writeSite(await renderSite(ROOT), ROOT, folder);
    browser = await startChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(0);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // Colors do not depend on the width.
  for (const { theme, widths } of sampled([
    { theme: "light" as const, widths: sampled([1280, 800, 400]) },
    { theme: "dark" as const, widths: [1280] },
  ])) {
    test.each(sampled(PAGES))(`${theme}: axe finds no violation on %s, and nothing is wider than the page`, async (path) => {
      await page.emulateMedia({ colorScheme: theme });
      await page.goto(address(path));
      await page.evaluate(axe.source);
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        const found: unknown = await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map((node) => node.html).join(' ')))",
        );
        expect({ width, found }).toEqual({ width, found: [] });
        expect({ width, scrolls: await page.evaluate("document.documentElement.scrollWidth") }).toEqual({ width, scrolls: width });
      }
    });
  }

  test.runIf(DEEP)("a search from any page finds sections by words and their beginnings, and leads to them", async () => {
    await page.goto(address("docs/guide/tour.html"));
    await page.getByRole("searchbox", { name: "Search" }).fill("in doubt");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Resume a run: 2. A call in doubt" }).click();
    expect(page.url()).toBe(`${address("docs/guide/resume.html")}#2-a-call-in-doubt`);

    await page.goto(address("search.html?q=idempot"));
    expect(await page.locator("#results li").count()).toBeGreaterThan(2);
    await page.goto(address("search.html?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"));
    expect(await page.locator("img").count()).toBe(0);
    await page.goto(address("search.html?q=zzzz"));
    expect(await page.getByRole("status").textContent()).toBe("Nothing has “zzzz”.");
    for (const word of ["constructor", "__proto__", "toString"]) {
      await page.goto(address(`search.html?q=${word}`));
      expect(await page.getByRole("status").textContent()).toContain(`“${word}”`);
    }
  });
});
