/** The playground: its size, and the page in Chromium, if it is installed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LINK_VERSION, type RunEnd, type Sources } from "../../playground/messages.ts";
import { runSources } from "../../playground/run.ts";
import { buildPlayground, playgroundLink } from "../../scripts/playground.ts";
import { DEEP } from "../cases.ts";
import { CHROMIUM, startChromium } from "../chromium.ts";
import { ROOT } from "../repo/imports.ts";

const MAX_GZIPPED_BYTES = 400_000;
/** The files that only some programs need: one for each library, and one for sines and the like. */
const LATER = /\/(core|elementary-functions)-/;
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 400, height: 800 };
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
/** The policy of the page, as a header, because a worker does not obey the one in the page. */
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

const folder = mkdtempSync(join(tmpdir(), "boruna-playground-"));
let files: ReadonlyMap<string, Buffer> = new Map();

beforeAll(async () => {
  await buildPlayground(folder);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  files = new Map(paths.map((path) => [`/${relative(folder, path).split(sep).join("/")}`, readFileSync(path)]));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the built page", () => {
  test("loads at most 400 kB, compressed, also if a program imports a library and computes a sine", () => {
    const sizes = [...files].map(([path, bytes]) => ({ path, size: gzipSync(bytes).length }));
    const [first, later] = [sizes.filter(({ path }) => !LATER.test(path)), sizes.filter(({ path }) => LATER.test(path))];
    expect(later.length).toBe(1 + readdirSync(join(ROOT, "std")).length);
    expect(first.length).toBeGreaterThan(3);
    const largest = later.map(({ size }) => size).toSorted((a, b) => b - a);
    expect([...first.map(({ size }) => size), ...largest.slice(0, 2)].reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_GZIPPED_BYTES);
  });

  test("has a policy without eval, no inline script, and no module of Node", () => {
    const html = String(files.get("/index.html"));
    const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)?.[1];
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain("unsafe-eval");
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    for (const [path, bytes] of files) {
      if (path.endsWith(".js"))
        expect(String(bytes)).not.toMatch(/(from|require\(|import\()\s*["'`]node:|browser-external|(?<![\w$])Function\(/);
    }
  });
});

const MISTAKE = `fn main() -> String {
    string.upper("a")
}
`;
const LOOP = `fn main() -> Int {
    let mut n = 0
    while true { n = (n + 1) % 1000 }
    n
}
`;
const HOSTILE = `/// <img src=x onerror=alert(1)><script>alert(2)</script>
// <b>bold</b> <img src=x onerror=alert(1)> [a](javascript:alert(3))
fn trap(text: String) -> String { text }

fn main() -> String {
    debug("<img src=x onerror=alert(4)>")
    trap("<script>alert(5)</script>")
}
`;

describe.skipIf(CHROMIUM === undefined)("the page in Chromium", () => {
  let server: Server;
  let origin = "";
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the browser reported as an error, and requests to other hosts. */
  let problems: string[] = [];

  beforeAll(async () => {
    server = createServer(({ url = "" }, response) => {
      const path = new URL(url, "http://localhost").pathname;
      const body = files.get(path === "/" ? "/index.html" : path);
      response.setHeader("content-security-policy", POLICY);
      response.writeHead(body === undefined ? 404 : 200, { "content-type": TYPES[extname(path)] ?? "text/html; charset=utf-8" }).end(body);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    origin = `http://127.0.0.1:${address.port}`;
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });
  beforeEach(async () => {
    problems = [];
    context = await browser.newContext({ viewport: WIDE });
    context.setDefaultTimeout(600_000);
    page = await newPage();
  });
  afterEach(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });

  async function newPage(): Promise<Page> {
    const opened = await context.newPage();
    opened.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    opened.on("pageerror", (error) => problems.push(error.message));
    opened.on("dialog", (dialog) => problems.push(`a dialog: ${dialog.message()}`));
    opened.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`)) problems.push(`a request to ${request.url()}`);
    });
    return opened;
  }

  const editor = (name: string) => page.getByRole("textbox", { name, exact: true });
  const show = (name: string) =>
    page
      .getByRole("group", { name: "Sources" })
      .getByRole("button", { name: new RegExp(`^${name}`) })
      .click();
  const view = (name: string) =>
    page
      .getByRole("group", { name: "Views of the run" })
      .getByRole("button", { name: new RegExp(`^${name}`) })
      .click();
  const run = () => page.getByRole("button", { name: "Run", exact: true }).click();
  const results = () => page.getByRole("region", { name: "Run" });
  const problemList = () => page.getByRole("list", { name: "Problems" });
  /** Writes a program whose `main` has no parameters. */
  const edit = async (program: string): Promise<void> => {
    await show("Inputs");
    await editor("Inputs").fill("{}");
    await show("Program");
    await editor("Program").fill(program);
  };
  const textOf = async (name: string): Promise<string> => {
    const lines = editor(name).locator(".cm-line");
    await lines.first().waitFor();
    return (await lines.allTextContents()).join("\n");
  };

  test.runIf(DEEP)("a mistake is shown while the user types, and its fix makes the program run", async () => {
    await page.goto(origin);
    await edit(MISTAKE);
    await problemList().getByText("unknown function `string.upper`").waitFor();
    await page.locator(".cm-lintRange-error").first().waitFor();
    await run();
    await results().getByText("The program did not start").waitFor();
    await problemList().getByRole("button", { name: /^Fix:/ }).first().click();
    await editor("Program").getByText("string.to_upper").waitFor();
    await problemList().getByRole("listitem").first().waitFor({ state: "detached" });
    await run();
    await results().getByText("success").waitFor();
    expect(await results().getByLabel("Value").textContent()).toBe('"A"');
  });

  test.runIf(DEEP)("the language server completes names and explains them", async () => {
    await page.goto(origin);
    await editor("Program").fill("fn main() -> Int {\n    list.ma\n}\n");
    await editor("Program").getByText("list.ma").click();
    await page.keyboard.press("End");
    await page.keyboard.type("p");
    await page.getByRole("option", { name: /^map/ }).first().waitFor();
    await page.keyboard.press("Escape");
    await editor("Program").fill("fn twice(n: Int) -> Int { n * 2 }\n\nfn main() -> Int { twice(21) }\n");
    await editor("Program")
      .getByText("twice", { exact: false })
      .last()
      .hover({ position: { x: 160, y: 8 } });
    await page.locator(".cm-lsp-hover-tooltip, .cm-tooltip-hover").getByText("fn twice(n: Int) -> Int").waitFor();
  });

  test("a call is denied by the rule of the policy, and allowed after a change, with the log and the spans of Node", async () => {
    await page.goto(origin);
    await run();
    await results().getByText("denied").first().waitFor();
    const call = page.getByRole("list", { name: "Calls" }).getByRole("listitem").first();
    expect(await call.textContent()).toContain('net.fetch("https://news.example/1")');
    await call.getByRole("button", { name: "Rule net_policy.allowed_domains, line 8" }).click();
    await editor("Policy").waitFor();
    await page.locator(".cm-activeLine", { hasText: "allowed_domains" }).waitFor();

    await editor("Policy").fill((await textOf("Policy")).replace("example.com", "news.example"));
    await run();
    await results().getByText("success").waitFor();
    expect(await results().getByLabel("Value").textContent()).toBe('["A MAP OF EVE", "QUIET ENGINE", "QUIET ENGINE"]');
    expect(await page.getByRole("list", { name: "Calls" }).getByRole("listitem").count()).toBe(3);
    await view("Output");
    expect(await page.getByLabel("Printed").textContent()).toBe('"page 1"\n"page 2"\n"page 3"');
    await view("Log");
    const log = page.getByRole("list", { name: "Log" });
    expect(await log.locator("strong").allTextContents()).toEqual([
      "header",
      ...Array.from({ length: 3 }, () => ["CapCall", "CapResult"]).flat(),
      "end",
    ]);
    await show("Program");
    const program = await textOf("Program");
    await show("Policy");
    const policy = await textOf("Policy");
    await show("Inputs");
    const end = await runInNode({ program, policy, inputs: await textOf("Inputs") });
    await results().getByText(end.head).waitFor();
    await view("Spans");
    const spans = page.getByRole("list", { name: "Spans" });
    expect(await spans.locator("strong").allTextContents()).toEqual(end.spans.map(({ name }) => name));
    expect(await spans.textContent()).toContain("cap.name=net.fetch");
  });

  test.runIf(DEEP)("mistakes in the policy and in the inputs are shown", async () => {
    await page.goto(origin);
    await show("Policy");
    await editor("Policy").fill('{ "default_allow": true, "rules": { "net.fetsh": { "allow": true } } }');
    await problemList().getByText("net.fetsh").waitFor();
    await show("Inputs");
    await editor("Inputs").fill('{ "answers": { "net.fetch": [5] } }');
    await problemList().getByText('answers["net.fetch"][0]: expected String').waitFor();
    await run();
    await results().getByText("The program did not start").waitFor();
  });

  test.runIf(DEEP)("a link opens the program, the policy and the inputs in another page", async () => {
    await page.goto(origin);
    await edit('fn main() -> String { "from a link: é😀" }\n');
    await page.getByRole("button", { name: "Share" }).click();
    const link = await page.getByLabel("This link holds").inputValue();
    expect(link).toBe(page.url());
    const first = page;
    page = await newPage();
    await page.goto(link);
    await editor("Program").getByText("from a link: é😀").waitFor();
    expect(await results().getByText("success").count()).toBe(0);
    await run();
    await results().getByText("success").waitFor();
    expect(await results().getByLabel("Value").textContent()).toBe('"from a link: é😀"');
    page = first;
  });

  test.runIf(DEEP)("a program imports a library, which is loaded only then", async () => {
    const loaded: string[] = [];
    page.on("request", (request) => loaded.push(request.url()));
    await page.goto(origin);
    await run();
    await results().getByText("denied").first().waitFor();
    expect(loaded.filter((url) => LATER.test(url))).toEqual([]);
    await edit('import "std-list"\n\nfn main() -> Int { list.len(take_last([1, 2, 3], 2)) }\n');
    await problemList().getByRole("listitem").filter({ hasText: "program" }).first().waitFor({ state: "detached" });
    await run();
    await results().getByText("success").waitFor();
    expect(await results().getByLabel("Value").textContent()).toBe("2");
  });

  test.runIf(DEEP)("a program of the documentation opens in it", async () => {
    const program = "fn main() -> Int !{time.now} { time.now() }\n";
    await page.goto(`${origin}/${playgroundLink(program).replace("playground/", "")}`);
    await editor("Program").getByText("time.now()").waitFor();
    await run();
    await results().getByText("success").waitFor();
    expect(await results().getByLabel("Value").textContent()).toBe("1700000000");
  });

  test.runIf(DEEP)("a program that does not end is stopped, and has a log", async () => {
    await page.goto(origin);
    await edit(LOOP);
    await show("Policy");
    await editor("Policy").fill('{ "default_allow": false, "limits": { "max_steps": 9000000000000000 } }');
    await run();
    await page.getByRole("button", { name: "Stop" }).click();
    await results().getByText("canceled").or(results().getByText("its worker was ended")).first().waitFor();
    await page.getByRole("button", { name: "Run", exact: true }).waitFor();
  });

  test.runIf(DEEP)("hostile texts stay texts", async () => {
    const sources: Sources = { program: HOSTILE, policy: '{ "default_allow": true }', inputs: "" };
    await page.goto(`${origin}/${await fragmentInPage(sources)}`);
    await editor("Program")
      .getByText("trap(", { exact: false })
      .last()
      .hover({ position: { x: 60, y: 8 } });
    await page.locator(".cm-tooltip-hover").getByText("fn trap").waitFor();
    await page.locator(".cm-tooltip-hover").getByText("<img src=x").first().waitFor();
    await run();
    await results().getByText("success").waitFor();
    expect(await results().getByLabel("Value").textContent()).toContain("<script>");
    await view("Output");
    await page.getByLabel("Printed").getByText("<img src=x").waitFor();
    expect(await page.locator("img, script:not([src]), iframe, #app a[href^=javascript]").count()).toBe(0);
  });

  test.runIf(DEEP).each([
    ["nonsense", "#1.!!!!"],
    ["another version", "#2.AAAA"],
    ["a cut link", `#${LINK_VERSION}${"A".repeat(41)}`],
    ["a link that is too long", `#${LINK_VERSION}${"A".repeat(70_000)}`],
  ])("a fragment that holds no program is said so: %s", async (_, fragment) => {
    await page.goto(`${origin}/${fragment}`);
    await page.getByRole("alert").getByText("The link holds no program").waitFor();
    await editor("Program").getByText("headline").first().waitFor();
  });

  /** Returns the fragment of a link, made in Node in the same way as those of the documentation. */
  async function fragmentInPage(sources: Sources): Promise<string> {
    const { fragmentOf } = await import("../../playground/link.ts");
    const made = await fragmentOf(sources);
    return "fragment" in made ? `#${made.fragment}` : expect.fail(made.problem);
  }

  for (const [theme, viewport] of [
    ["light", WIDE] as const,
    ["dark", WIDE] as const,
    ["light", NARROW] as const,
    ["dark", NARROW] as const,
  ]) {
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
      await page.goto(origin);
      await editor("Program").getByText("headline").first().waitFor();
      await check("start");
      await run();
      await results().getByText("denied").first().waitFor();
      for (const name of ["Calls", "Output", "Log", "Spans"]) {
        await view(name);
        await check(name);
      }
      for (const name of ["Policy", "Inputs"]) {
        await show(name);
        await check(name);
      }
      await show("Program");
      await edit(MISTAKE);
      await problemList().getByRole("button", { name: /^Fix:/ }).first().waitFor();
      await page.getByRole("button", { name: "Share" }).click();
      await page.getByLabel("This link holds").waitFor();
      await check("mistake and link");
    });
  }
});

/** Runs the sources in this process. */
async function runInNode(sources: Sources): Promise<RunEnd> {
  let end: RunEnd | undefined;
  const send: Parameters<typeof runSources>[1]["send"] = (message) => {
    if (message.kind === "ended") end = message.end;
  };
  await runSources(sources, { signal: new AbortController().signal, send });
  return end ?? expect.fail("the run did not end");
}
