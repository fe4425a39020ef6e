/** The documentation as web pages: complete, highlighted, safe, without broken links. In Chromium, if it is installed: accessible and searchable. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sourcesOf } from "../../playground/link.ts";
import { renderSite, type Site, writeSite } from "../../scripts/site.ts";
import { DEEP, someOf } from "../cases.ts";
import { CHROMIUM, startChromium } from "../chromium.ts";
import { ROOT } from "./imports.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-site-"));
const out = join(folder, "site");
let site: Site;
beforeAll(async () => {
  site = await renderSite(ROOT);
  writeSite(site, ROOT, out);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const unescapeHtml = (text: string): string =>
  text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const hrefs = (html: string): readonly string[] =>
  [...html.matchAll(/<(?:a|link)\s[^>]*href="([^"]*)"/g)].map(([, href = ""]) => unescapeHtml(href));
const ids = (html: string): readonly string[] => [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id = ""]) => unescapeHtml(id));

describe("this repository", () => {
  const pages = (): readonly string[] => [...site.files.keys()].filter((path) => path.endsWith(".html"));
  const read = (path: string): string => readFileSync(join(out, path), "utf8");

  test("the documentation has no broken links", () => expect(site.problems).toEqual([]));

  test("every file has a page", () => {
    const files = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".md"));
    expect(pages()).toEqual(expect.arrayContaining(["index.html", "docs/guide/tour.html", "docs/internals/adr/004-tail-calls.html"]));
    expect(pages().length).toBe(files.length + 5);
  });

  test("every link between pages leads to an existing file and anchor", () => {
    const anchors = new Map(pages().map((page) => [page, new Set(ids(read(page)))]));
    const broken = pages().flatMap((page) =>
      hrefs(read(page))
        .filter((href) => !/^https?:|playground\/index\.html#/.test(href))
        .filter((href) => {
          const [path = "", anchor] = href.split("#");
          const target = path === "" ? page : posix.join(posix.dirname(page), path);
          return !existsSync(join(out, target)) || (anchor !== undefined && anchors.get(target)?.has(anchor) !== true);
        })
        .map((href) => `${page}: ${href}`),
    );
    expect(broken).toEqual([]);
  });

  test("every program of the documentation opens in the playground", async () => {
    const programs = [...readFileSync(join(ROOT, "docs", "guide", "tour.md"), "utf8").matchAll(/^```ax\n([\s\S]*?)^```$/gm)]
      .map(([, program = ""]) => program)
      .filter((program) => program.includes("\nfn main("));
    const links = hrefs(read("docs/guide/tour.html")).filter((href) => href.includes("playground/index.html#"));
    expect(programs.length).toBeGreaterThan(20);
    expect(links.every((href) => href.startsWith("../../playground/index.html#"))).toBe(true);
    const opened = await Promise.all(links.map((href) => sourcesOf(href.slice(href.indexOf("#") + 1))));
    expect(opened.map((sources) => sources?.program)).toEqual(programs);
  });

  test("every page links to all pages and has a title and unique anchors", () => {
    for (const page of pages()) {
      const targets = hrefs(read(page)).map((href) => posix.join(posix.dirname(page), href));
      expect(pages().filter((other) => other !== "search.html" && !targets.includes(other))).toEqual([]);
      expect(read(page)).toMatch(/<title>[^<]+<\/title>/);
      expect(new Set(ids(read(page))).size).toBe(ids(read(page)).length);
    }
  });

  test("no page but the search page loads scripts, and none loads network resources", () => {
    expect([...read("search.html").matchAll(/<script[^>]*>/g)].map(([tag]) => tag)).toEqual([
      '<script src="search-index.js">',
      '<script src="search.js">',
    ]);
    for (const page of pages()) {
      if (page !== "search.html")
        expect(read(page)).not.toMatch(/<script|<iframe|<object|<[a-z][^>]*\son[a-z]+=|(href|src)="\s*javascript:/i);
      expect(read(page)).not.toMatch(/<(?:link|img)[^>]*(?:href|src)="(?:https?:)?\/\//);
    }
    expect(read("style.css")).not.toMatch(/@import|url\(/);
  });

  test("programs are highlighted in light and dark themes", () => {
    const program = /<pre class="shiki[^>]*>.*?<\/pre>/s.exec(read("docs/guide/tour.html"))?.[0] ?? "";
    const colour = (text: string): string | undefined => new RegExp(`<span style="([^"]*)">\\s*${text}\\s*</span>`).exec(program)?.[1];
    expect(colour("fn")).toMatch(/^--shiki-light:#\w{6};--shiki-dark:#\w{6}$/);
    expect(new Set(["fn", "main", "String"].map(colour)).size).toBe(3);
    expect(read("style.css")).toMatch(/prefers-color-scheme: dark/);
  });
});

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
  return `${pathToFileURL(join(out, file)).href}${query === undefined ? "" : `?${query}`}`;
};

describe.skipIf(CHROMIUM === undefined)("in Chromium, opened from files", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await startChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(0);
  });
  afterAll(() => browser.close());

  // Colors do not depend on the width.
  for (const { theme, widths } of someOf([
    { theme: "light" as const, widths: someOf([1280, 800, 400]) },
    { theme: "dark" as const, widths: [1280] },
  ])) {
    test.each(someOf(PAGES))(`${theme}: axe finds no violation on %s, and nothing is wider than the page`, async (path) => {
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

describe("a test repository", () => {
  async function siteOf(name: string, files: Readonly<Record<string, string>>): Promise<Site> {
    const root = join(folder, name);
    for (const [path, text] of Object.entries({ "docs/a.md": "# A", ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return renderSite(root);
  }
  const body = (site: Site, path: string): string => /<main>\n(.*)<\/main>/s.exec(site.files.get(path) ?? "")?.[1] ?? "";

  test("a broken link is reported with its page and the reason", async () => {
    const { problems } = await siteOf("broken", {
      "README.md":
        "# R\n\n[one](docs/b.md) [two](docs/a.md#b) [three](#no) [four](../out.md) [five](javascript:x) [six](%zz) [seven](/etc/passwd)\n",
      "docs/a.md": "# A\n\n| x |\n|---|\n| [eight](a.html) |\n\n![nine](none.png)\n\n![ten](https://example.com/a.png)\n",
    });
    expect(problems).toEqual([
      "README.md: [one](docs/b.md): no file docs/b.md",
      "README.md: [two](docs/a.md#b): no heading #b in docs/a.md",
      "README.md: [three](#no): no heading #no in README.md",
      "README.md: [four](../out.md): no file ../out.md",
      "README.md: [five](javascript:x): neither a relative path nor a web address",
      "README.md: [six](%zz): its percent-encoding is malformed",
      "README.md: [seven](/etc/passwd): neither a relative path nor a web address",
      "docs/a.md: [eight](a.html): no file docs/a.html",
      "docs/a.md: ![nine](none.png): not an image in the repository",
      "docs/a.md: ![ten](https://example.com/a.png): not an image in the repository",
    ]);
  });

  test("links between pages are rewritten; other files are named", async () => {
    const site = await siteOf("links", {
      "README.md":
        "# R\n\n[a](docs/a.md) [deep](docs/std/index.md#some-name) [folder](docs/std/) [mine](LICENSE) [web](https://example.com/?a=1&b=2)\n",
      "docs/std/index.md": "# Std\n\n## Some `name`!\n\n[home](../../README.md) [up](../a.md) [here](#some-name)\n",
      LICENSE: "",
    });
    expect(site.problems).toEqual([]);
    expect(hrefs(body(site, "index.html")).slice(1)).toEqual([
      "docs/a.html",
      "docs/std/index.html#some-name",
      "docs/std/index.html",
      "https://example.com/?a=1&b=2",
    ]);
    expect(body(site, "index.html")).toContain('<span class="file" title="LICENSE in the repository">mine</span>');
    expect(hrefs(body(site, "docs/std/index.html")).slice(2)).toEqual(["../../index.html", "../a.html", "#some-name"]);
  });

  test("anchors are the same as on GitHub", async () => {
    const site = await siteOf("anchors", { "README.md": "# `a.b` & C_d: é-1?\n\n## Two\n\n## Two\n\n## [x](docs/a.md) **y**\n" });
    expect(ids(body(site, "index.html"))).toEqual(["ab--c_d-é-1", "two", "two-1", "x-y"]);
  });

  test("HTML in Markdown is shown as text, and comments are removed", async () => {
    const site = await siteOf("html", {
      "README.md":
        '# <b>R</b>\n\n<!-- made\nby hand -->\n\n<script>alert("1")</script>\n\n<div onclick="x()">\n\nhi <img src=x onerror=alert(1)> <kbd><i</kbd> `<u>` &lt;b> &amp;\n\n```html\n<script>\n```\n',
    });
    const html = body(site, "index.html");
    expect(html).not.toMatch(/<(script|b|div|img|kbd|i|u)\b|made/);
    expect(html).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(site.files.get("index.html")).toContain("<title>&lt;b&gt;R&lt;/b&gt;</title>");
  });

  test("images of the repository are copied", async () => {
    const site = await siteOf("images", {
      "README.md": "# R\n",
      "docs/a.md": '# A\n\n![a "picture"](img/a.svg)\n',
      "docs/img/a.svg": "<svg/>",
    });
    expect(site.problems).toEqual([]);
    expect(body(site, "docs/a.html")).toContain('<img src="img/a.svg" alt="a &quot;picture&quot;">');
    writeSite(site, join(folder, "images"), join(folder, "images-out"));
    expect(readFileSync(join(folder, "images-out", "docs", "img", "a.svg"), "utf8")).toBe("<svg/>");
  });
});
