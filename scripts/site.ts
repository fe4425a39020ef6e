/**
 * `npm run site` writes README.md, CHANGELOG.md, COMPATIBILITY.md, SECURITY.md and docs/ to dist/site/ as web pages for reading offline, and the playground
 * to dist/site/playground/. Only the search page has a script. Programs are highlighted with the editors' grammar, and open in the playground. A broken link is an error.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { Marked, type Token, type Tokens, type TokensList } from "marked";
import { createHighlighterCore, type HighlighterCore, type LanguageRegistration } from "shiki/core";
import { createOnigurumaEngine } from "shiki/engine/oniguruma";
import { grammar } from "./grammar.ts";
import { buildPlayground, playgroundLink } from "./playground.ts";
import { type IndexedPage, searchIndex } from "./search-index.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STYLE_FILE = "style.css";
const SEARCH_PAGE = "search.html";
const THEMES = { light: "github-light-default", dark: "github-dark-default" } as const;

/** A page of the site. Paths use `/` and are relative to the root of the repository or of the site. */
interface Page {
  /** The path of the Markdown file in the repository. */
  readonly path: string;
  /** The path of the HTML file in the site. */
  readonly sitePath: string;
  readonly title: string;
  readonly tokens: TokensList;
  /** The anchors of all headings outside quotes and lists, by heading. */
  readonly anchors: ReadonlyMap<Token, string>;
}

export interface Site {
  /** The text of each page and of the stylesheet, by path in the site. */
  readonly files: ReadonlyMap<string, string>;
  /** The paths of the images to copy. */
  readonly images: ReadonlySet<string>;
  /** Descriptions of the broken links, one line each. */
  readonly problems: readonly string[];
}

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Returns a Markdown parser that shows HTML as text and removes comments. */
function createMarkdownParser(): Marked {
  return new Marked({
    tokenizer: {
      html(source) {
        const raw = /^ {0,3}<!--[\s\S]*?-->[ \t]*(?:\n+|$)/.exec(source)?.[0];
        return raw === undefined ? undefined : { type: "html", raw, text: raw, pre: false, block: true };
      },
      tag: () => undefined,
    },
    renderer: { html: () => "" },
  });
}

function plainText(tokens: readonly Token[]): string {
  return tokens
    .map((token) => ("tokens" in token && token.tokens !== undefined ? plainText(token.tokens) : "text" in token ? String(token.text) : ""))
    .join("");
}

/** Returns the anchors that GitHub uses, so that links work there too: lower case, `-` for a space, no punctuation, `-1` for a second occurrence. */
function anchorsOf(headings: readonly Tokens.Heading[]): ReadonlyMap<Token, string> {
  const counts = new Map<string, number>();
  return new Map(
    headings.map((heading) => {
      const name = plainText(heading.tokens)
        .toLowerCase()
        .replace(/[^\p{L}\p{M}\p{N} _-]/gu, "")
        .replaceAll(" ", "-");
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      return [heading, count === 0 ? name : `${name}-${count}`];
    }),
  );
}

function readPage(root: string, path: string): Page {
  const tokens = createMarkdownParser().lexer(readFileSync(join(root, path), "utf8"));
  const headings = tokens.filter(isHeading);
  const first = headings[0];
  const sitePath = path.replace(/(^|\/)README\.md$/, "$1index.md").replace(/\.md$/, ".html");
  const title = first === undefined ? posix.basename(path) : plainText(first.tokens);
  return { path, sitePath, title, tokens, anchors: anchorsOf(headings) };
}

function isHeading(token: Token): token is Tokens.Heading {
  return token.type === "heading";
}

/** Returns the paths of all pages. README.md is first, and the index of a folder is before its other pages. */
function pagePaths(root: string): readonly string[] {
  const docs = readdirSync(join(root, "docs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
  const sortName = (path: string): string => (/(^|\/)(README|index)\.md$/.test(path) ? "" : posix.basename(path));
  const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
  docs.sort((a, b) => compare(posix.dirname(a), posix.dirname(b)) || compare(sortName(a), sortName(b)));
  const firstPages = ["README.md", "CHANGELOG.md", "COMPATIBILITY.md", "SECURITY.md"].filter((path) => existsSync(join(root, path)));
  return [...firstPages, ...docs];
}

/** The target of a link, relative to the page that contains the link. */
type Target =
  | { readonly kind: "link"; readonly href: string }
  /** A file or folder of the repository that is not a page. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "broken"; readonly why: string };

/** Decodes percent-encoding; returns undefined if it is malformed. */
function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function resolveLink(root: string, pages: ReadonlyMap<string, Page>, from: Page, href: string): Target {
  if (/^(https?:\/\/|mailto:)/i.test(href)) return { kind: "link", href };
  if (/^([a-z][a-z0-9+.-]*:|\/)/i.test(href)) return { kind: "broken", why: "neither a relative path nor a web address" };
  const [file = "", anchor] = href.split("#", 2).map(decodePercent);
  if (href.includes("%") && decodePercent(href) === undefined) return { kind: "broken", why: "its percent-encoding is malformed" };
  const path = file === "" ? from.path : posix.join(posix.dirname(from.path), file).replace(/\/$/, "");
  const page = pages.get(path) ?? pages.get(`${path}/README.md`) ?? pages.get(`${path}/index.md`);
  if (page === undefined) {
    const isInRepository = path !== ".." && !path.startsWith("../");
    return isInRepository && existsSync(join(root, path)) ? { kind: "file", path } : { kind: "broken", why: `no file ${path}` };
  }
  if (anchor !== undefined && ![...page.anchors.values()].includes(anchor)) {
    return { kind: "broken", why: `no heading #${anchor} in ${page.path}` };
  }
  const relativePath = file === "" ? "" : posix.relative(posix.dirname(from.sitePath), page.sitePath);
  return { kind: "link", href: `${relativePath}${anchor === undefined ? "" : `#${anchor}`}` };
}

function isLanguage(value: unknown): value is LanguageRegistration {
  return typeof value === "object" && value !== null && "scopeName" in value && "patterns" in value;
}

async function createHighlighter(): Promise<HighlighterCore> {
  const ax: unknown = JSON.parse(grammar());
  if (!isLanguage(ax)) throw new Error("scripts/grammar.ts returned no grammar");
  return createHighlighterCore({
    engine: createOnigurumaEngine(import("shiki/wasm")),
    langs: [
      ax,
      import("shiki/langs/sh.mjs"),
      import("shiki/langs/console.mjs"),
      import("shiki/langs/json.mjs"),
      import("shiki/langs/jsonc.mjs"),
      import("shiki/langs/ts.mjs"),
    ],
    themes: [import("shiki/themes/github-light-default.mjs"), import("shiki/themes/github-dark-default.mjs")],
  });
}

function renderPage(
  page: Page,
  highlighter: HighlighterCore,
  targetOf: (href: string) => Target,
  imageSource: (path: string) => string | undefined,
  reportProblem: (text: string) => void,
): string {
  const languages = new Set(highlighter.getLoadedLanguages());
  const marked = createMarkdownParser();
  marked.use({
    renderer: {
      heading(token) {
        const text = this.parser.parseInline(token.tokens);
        const anchor = page.anchors.get(token);
        if (anchor === undefined) return `<h${token.depth}>${text}</h${token.depth}>\n`;
        const link = `<a class="anchor" href="#${escapeHtml(anchor)}" aria-label="Link to this section">#</a>`;
        return `<h${token.depth} id="${escapeHtml(anchor)}">${text} ${link}</h${token.depth}>\n`;
      },
      code({ text, lang = "" }) {
        const name = /^\S*/.exec(lang)?.[0] ?? "";
        const code = highlighter.codeToHtml(text, { lang: languages.has(name) ? name : "text", themes: THEMES, defaultColor: false });
        return `${code}\n${lang === "ax" && PROGRAM.test(text) ? openInPlayground(page, text) : ""}`;
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        const target = targetOf(href);
        switch (target.kind) {
          case "link":
            return `<a href="${escapeHtml(target.href)}">${text}</a>`;
          case "file":
            return `<span class="file" title="${escapeHtml(target.path)} in the repository">${text}</span>`;
          case "broken":
            reportProblem(`[${plainText(tokens)}](${href}): ${target.why}`);
            return text;
        }
      },
      image({ href, text }) {
        const source = imageSource(href);
        if (source === undefined) reportProblem(`![${text}](${href}): not an image in the repository`);
        return source === undefined ? escapeHtml(text) : `<img src="${escapeHtml(source)}" alt="${escapeHtml(text)}">`;
      },
    },
  });
  // A wide table scrolls, so the keyboard must reach it. An empty corner cell is not a header.
  return marked
    .parser(page.tokens)
    .replaceAll("<table>", '<table tabindex="0">')
    .replaceAll(/<th( align="\w+")?><\/th>/g, "<td></td>");
}

/** A program that can run, in contrast to a library. */
const PROGRAM = /^fn main\(/m;

function openInPlayground({ sitePath }: Page, program: string): string {
  const href = posix.relative(posix.dirname(sitePath), playgroundLink(`${program}\n`));
  return `<p class="open"><a href="${escapeHtml(href)}">Open in the playground</a></p>\n`;
}

function navigationHtml(pages: readonly Page[], current: Pick<Page, "sitePath">): string {
  const folders = new Map<string, Page[]>();
  for (const page of pages) folders.set(posix.dirname(page.path), [...(folders.get(posix.dirname(page.path)) ?? []), page]);
  return [...folders]
    .map(([folder, members]) => {
      const items = members.map((page) => {
        const href = escapeHtml(posix.relative(posix.dirname(current.sitePath), page.sitePath));
        return `<li><a href="${href}"${page.sitePath === current.sitePath ? ' aria-current="page"' : ""}>${escapeHtml(page.title)}</a></li>`;
      });
      return `${folder === "." ? "" : `<h2>${escapeHtml(folder)}</h2>\n`}<ul>\n${items.join("\n")}\n</ul>`;
    })
    .join("\n");
}

/** The form on every page. It opens the search page with the query in the address. */
function searchForm(sitePath: string): string {
  const action = posix.relative(posix.dirname(sitePath), SEARCH_PAGE);
  return `<form role="search" action="${action}"><input type="search" name="q" aria-label="Search" placeholder="Search"></form>`;
}

const SEARCH_BODY = `<h1>Search</h1>
<p id="status" role="status"></p>
<noscript><p>The search needs JavaScript.</p></noscript>
<ul id="results"></ul>
<script src="search-index.js"></script>
<script src="search.js"></script>
`;

function documentHtml(page: Pick<Page, "sitePath" | "title">, pages: readonly Page[], body: string): string {
  const site = pages[0]?.title ?? "";
  const title = page.title === site ? site : `${page.title} · ${site}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${posix.relative(posix.dirname(page.sitePath), STYLE_FILE)}">
</head>
<body>
<div class="side">
<header>${searchForm(page.sitePath)} <a href="#pages">All pages</a></header>
<nav id="pages" aria-label="Pages">
${navigationHtml(pages, page)}
</nav>
</div>
<main>
${body}</main>
</body>
</html>
`;
}

const STYLE = `:root {
  color-scheme: light dark;
  --text: #1f2328; --soft: #59636e; --back: #ffffff; --panel: #f6f8fa; --line: #d1d9e0; --link: #0550ae;
}
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --soft: #9198a1; --back: #0d1117; --panel: #161b22; --line: #3d444d; --link: #79c0ff; }
}
* { box-sizing: border-box; }
body { margin: 0; display: flex; align-items: flex-start; color: var(--text); background: var(--back); font: 1rem/1.6 system-ui, sans-serif; }
a { color: var(--link); text-underline-offset: 0.15em; }
.side { flex: 0 0 16rem; position: sticky; top: 0; max-height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; border-right: 1px solid var(--line); font-size: 0.9rem; }
header { margin-bottom: 1rem; }
header a { display: none; }
nav h2 { margin: 1.2rem 0 0.3rem; font-size: 0.8rem; color: var(--soft); }
header input { width: 100%; padding: 0.3rem 0.5rem; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--soft); border-radius: 0.3rem; }
nav ul { margin: 0; padding: 0; list-style: none; }
nav a { display: block; padding: 0.15rem 0.5rem; border-radius: 0.3rem; text-decoration: none; }
nav a[aria-current] { color: var(--text); background: var(--panel); font-weight: 600; }
main { flex: 1 1 0; min-width: 0; max-width: 56rem; padding: 1.5rem 2rem 6rem; }
h1, h2, h3, h4 { line-height: 1.25; margin: 2em 0 0.6em; scroll-margin-top: 1rem; }
h1 { margin-top: 0.5em; }
.anchor { visibility: hidden; color: var(--soft); font-weight: 400; text-decoration: none; }
:is(h1, h2, h3, h4):hover .anchor, .anchor:focus { visibility: visible; }
#results p { margin: 0.1rem 0 0.8rem; color: var(--soft); overflow-wrap: anywhere; }
.open { margin-top: -0.6rem; font-size: 0.875rem; }
.file { text-decoration: underline dotted; text-underline-offset: 0.15em; }
code, pre { font: 0.875em/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
:not(pre) > code { padding: 0.1em 0.3em; border-radius: 0.3em; background: var(--panel); overflow-wrap: anywhere; }
pre { padding: 0.8rem 1rem; border: 1px solid var(--line); border-radius: 0.4rem; background: var(--back); overflow-x: auto; }
pre code { font-size: 1em; }
.shiki span { color: var(--shiki-light); }
@media (prefers-color-scheme: dark) {
  .shiki span { color: var(--shiki-dark); }
}
table { display: block; overflow-x: auto; border-collapse: collapse; }
th, td { padding: 0.35rem 0.7rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--panel); }
td > code { overflow-wrap: normal; }
blockquote { margin: 1em 0; padding-left: 1rem; border-left: 0.25rem solid var(--line); color: var(--soft); }
img { max-width: 100%; }
@media (max-width: 50rem) {
  body { flex-direction: column; align-items: stretch; }
  .side { display: contents; }
  header { display: flex; gap: 1rem; align-items: center; margin: 0; padding: 1rem 1rem 0; }
  header form { flex: 1; }
  header a { display: inline; }
  main { order: 1; }
  nav { order: 2; padding: 1rem; border-top: 1px solid var(--line); }
  main { padding: 1rem 1rem 4rem; }
}
@media print {
  .side, .anchor { display: none; }
}
`;

/** Renders the pages of a repository. Writes no files. */
export async function renderSite(root: string): Promise<Site> {
  const pages = pagePaths(root).map((path) => readPage(root, path));
  const byPath = new Map(pages.map((page) => [page.path, page]));
  const highlighter = await createHighlighter();
  const images = new Set<string>();
  const problems: string[] = [];
  const files = new Map([[STYLE_FILE, STYLE]]);
  const indexed: IndexedPage[] = [];
  for (const page of pages) {
    const imageSource = (href: string): string | undefined => {
      const target = resolveLink(root, byPath, page, href);
      if (target.kind !== "file" || !statSync(join(root, target.path)).isFile()) return undefined;
      images.add(target.path);
      return posix.relative(posix.dirname(page.sitePath), target.path);
    };
    const body = renderPage(
      page,
      highlighter,
      (href) => resolveLink(root, byPath, page, href),
      imageSource,
      (text) => problems.push(`${page.path}: ${text}`),
    );
    files.set(page.sitePath, documentHtml(page, pages, body));
    indexed.push({ path: page.sitePath, title: page.title, body });
  }
  highlighter.dispose();
  files.set(SEARCH_PAGE, documentHtml({ sitePath: SEARCH_PAGE, title: "Search" }, pages, SEARCH_BODY));
  files.set("search-index.js", searchIndex(indexed));
  files.set("search.js", readFileSync(new URL("search-page.js", import.meta.url), "utf8"));
  return { files, images, problems };
}

/** Writes a site to a folder. Other files in the folder are kept. */
export function writeSite(site: Site, root: string, folder: string): void {
  const pathInNewFolder = (path: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  for (const [path, text] of site.files) writeFileSync(pathInNewFolder(path), text);
  for (const path of site.images) copyFileSync(join(root, path), pathInNewFolder(path));
}

if (import.meta.url === new URL(process.argv[1] ?? "", "file:").href) {
  const site = await renderSite(ROOT);
  const folder = join(ROOT, "dist", "site");
  if (site.problems.length === 0) {
    rmSync(folder, { recursive: true, force: true });
    writeSite(site, ROOT, folder);
    await buildPlayground(join(folder, "playground"));
    process.stdout.write(
      `${[...site.files.keys()].filter((path) => path.endsWith(".html")).length} pages: ${join("dist", "site", "index.html")}\n`,
    );
    process.stdout.write(`the playground: ${join("dist", "site", "playground", "index.html")}, to be served over HTTP\n`);
  } else {
    process.stderr.write(`${site.problems.join("\n")}\n`);
    process.exitCode = 1;
  }
}
