import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PACKAGE as EMBEDDED_DATABASE } from "../../gateway/handlers/db-embedded.ts";
import { allImports, findCycle, type Import, importsOf, loadedBy, ROOT, roomOf, sourceFiles } from "./imports.ts";

/** The rooms that each room may import. `index.ts` is the public API: it imports the library, and no file imports it. */
const ALLOWED: ReadonlyMap<string, readonly string[]> = new Map([
  ["vm", []],
  ["compiler", ["vm"]],
  ["analysis", ["compiler", "policy", "vm"]],
  ["policy", ["vm"]],
  ["telemetry", ["vm"]],
  ["gateway", ["policy", "telemetry", "vm"]],
  ["replay", ["gateway", "policy", "telemetry", "vm"]],
  ["runtime", ["analysis", "compiler", "gateway", "policy", "replay", "telemetry", "vm"]],
  ["simulate", ["gateway", "policy", "replay", "runtime", "vm"]],
  ["mcp-tools", ["compiler", "gateway", "replay", "vm"]],
  ["viewer", ["gateway", "policy", "replay", "telemetry", "vm"]],
  ["viewer/page", ["viewer", "vm"]],
  ["playground", ["compiler", "examples", "gateway", "lsp", "policy", "replay", "telemetry", "viewer/page", "vm"]],
  [
    "cli",
    [
      "analysis",
      "compiler",
      "dap",
      "gateway",
      "lsp",
      "mcp",
      "mcp-tools",
      "policy",
      "repl",
      "replay",
      "runtime",
      "simulate",
      "telemetry",
      "viewer",
      "vm",
      "worker",
    ],
  ],
  ["dap", ["replay", "runtime", "vm"]],
  ["repl", ["compiler", "gateway", "lsp", "policy", "replay", "runtime", "vm"]],
  ["lsp", ["compiler", "runtime", "vm"]],
  ["mcp", ["analysis", "compiler", "gateway", "mcp-tools", "policy", "replay", "runtime", "telemetry", "vm"]],
  ["worker", ["gateway", "policy", "replay", "runtime", "telemetry", "vm"]],
  ["index.ts", ["analysis", "compiler", "gateway", "mcp-tools", "policy", "replay", "runtime", "simulate", "telemetry", "vm", "worker"]],
]);

/** The only files that may import a package. With `lazy`, only by dynamic import. */
const OWNERS: readonly { readonly pattern: RegExp; readonly files: RegExp; readonly lazy: boolean }[] = [
  {
    pattern: /^@opentelemetry\/(core|sdk-|otlp-|resources)/,
    files: /^telemetry\/(sdk|span-export|metric-export|runner-export|delivery|otlp-sender|console)\.ts$/,
    lazy: true,
  },
  { pattern: /^@opentelemetry\/api$/, files: /^telemetry\//, lazy: false },
  { pattern: /^undici$/, files: /^gateway\/handlers\//, lazy: true },
  { pattern: /^pg$/, files: /^gateway\/handlers\/db-/, lazy: true },
  { pattern: /^pg$/, files: /^worker\//, lazy: false },
  { pattern: /^@dbos-inc\/dbos-sdk$/, files: /^worker\/engine\.ts$/, lazy: false },
  { pattern: /^@modelcontextprotocol\/client$/, files: /^mcp-tools\/client\/mcp-client\.ts$/, lazy: false },
  { pattern: /^@vscode\/debug(adapter|protocol)$/, files: /^dap\//, lazy: false },
  { pattern: /^vscode-languageserver/, files: /^(lsp|playground)\//, lazy: false },
  { pattern: /^jsonc-parser$/, files: /^policy\/parse\.ts$/, lazy: false },
  { pattern: /^commander$/, files: /^cli\/full-parser\.ts$/, lazy: false },
  { pattern: /^@noble\/hashes\//, files: /^(vm|policy)\/|^gateway\/digest\.ts$/, lazy: false },
  { pattern: /^@modelcontextprotocol\/(server|node)(\/stdio)?$/, files: /^mcp\/(server|http)\.ts$/, lazy: false },
  { pattern: /^preact(\/hooks)?$/, files: /^(viewer\/page|playground)\//, lazy: false },
  { pattern: /^@(codemirror|lezer)\//, files: /^playground\//, lazy: false },
];

const imports = allImports();
const packages = imports.filter((edge) => !edge.own && !edge.to.startsWith("node:"));
const show = ({ from, to, kind }: Import): string => `${from} → ${to} (${kind})`;
const packageOf = (specifier: string): string => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

describe("architecture", () => {
  test("every relative import names an existing file, with its extension", () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.filter((edge) => edge.own && !existsSync(join(ROOT, edge.to))).map(show)).toEqual([]);
  });

  test("rooms import in one direction", () => {
    const wrong = imports.filter(
      ({ from, to, own }) => own && roomOf(from) !== roomOf(to) && ALLOWED.get(roomOf(from))?.includes(roomOf(to)) !== true,
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("no import cycles, type and dynamic imports included", () => {
    expect(findCycle(imports)).toBeUndefined();
  });

  test("the pure rooms import nothing from Node", () => {
    const host = new Set(builtinModules);
    const wrong = imports.filter(
      ({ from, to, own }) =>
        !own && ["vm", "compiler", "policy", "analysis"].includes(roomOf(from)) && (to.startsWith("node:") || host.has(to)),
    );
    expect(wrong.map((edge) => edge.from).filter((file) => file !== "policy/load.ts")).toEqual([]);
  });

  test("only the files that own a package import it", () => {
    const wrong = packages.filter(
      ({ from, to, kind }) =>
        !OWNERS.some(({ pattern, files, lazy }) => pattern.test(to) && files.test(from) && (!lazy || kind !== "static")),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("the page of the viewer imports only itself, preact, the types of its API and pure tables", () => {
    const shared = /^(viewer\/api|vm\/(outcome|terminal-text))\.ts$/;
    const wrong = imports.filter(
      ({ from, to, own }) => own && roomOf(from) === "viewer/page" && roomOf(to) !== "viewer/page" && !shared.test(to),
    );
    expect(wrong.map(show)).toEqual([]);
    const users = imports.filter(({ from, to, own }) => own && roomOf(to) === "viewer/page" && roomOf(from) !== "viewer/page");
    expect(users.filter(({ from, to }) => roomOf(from) !== "playground" || !/\/(parts|format)\.tsx?$/.test(to)).map(show)).toEqual([]);
  });

  test("only handlers, servers, telemetry, the pool and the pager open sockets, processes and threads", () => {
    const sockets = /^node:(http|https|http2|net|tls|dgram|dns|child_process|worker_threads|inspector|vm)(\/|$)/;
    const wrong = imports.filter(
      ({ from, to, kind }) =>
        kind !== "type" &&
        sockets.test(to) &&
        !/^((gateway\/handlers|mcp-tools\/client|telemetry|viewer|mcp|worker|runtime\/pool)\/|cli\/(pager|code-cache)\.ts$)/.test(from),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("startup loads only the package of hash functions; the library loads no SDK, exporter or HTTP client", () => {
    const foreign = (entry: string): readonly string[] =>
      [...loadedBy(entry, imports)].filter((to) => !to.endsWith(".ts") && !to.startsWith("node:"));
    expect(foreign("cli/command-line.ts").filter((to) => !to.startsWith("@noble/hashes/"))).toEqual([]);
    expect(foreign("index.ts").filter((to) => !/^(jsonc-parser|@noble\/hashes\/)/.test(to))).toEqual([]);
  });

  test("the packages used are the packages declared", () => {
    const declared: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(declared).toMatchObject({ dependencies: expect.any(Object), peerDependencies: expect.any(Object) });
    const names = (group: "dependencies" | "peerDependencies" | "optionalDependencies"): string[] => {
      const table =
        typeof declared === "object" && declared !== null ? Object.entries(declared).find(([key]) => key === group)?.[1] : undefined;
      return typeof table === "object" && table !== null ? Object.keys(table) : [];
    };
    // The build bundles the packages of the pages.
    const used = packages.filter(({ from }) => !["viewer/page", "playground"].includes(roomOf(from))).map((edge) => packageOf(edge.to));
    const all = [...names("dependencies"), ...names("peerDependencies"), ...names("optionalDependencies")];
    // The thread of the embedded database imports it by its address.
    expect(all.toSorted()).toEqual([...new Set([...used, EMBEDDED_DATABASE])].toSorted());
  });

  test("no file has more than 600 lines, except the interpreter's loop and a bundle of a library", () => {
    const long = sourceFiles().filter((file) => readFileSync(join(ROOT, file), "utf8").split("\n").length > 600);
    expect(long).toEqual(["vm/interpreter/interpreter.ts", "vm/value/elementary-functions.ts"]);
  });
});

describe("the import parser", () => {
  test("distinguishes static, type and dynamic imports", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "../vm/b.ts";',
      'import { type C, type D } from "./c.ts";',
      'import { type E, f } from "./e.ts";',
      'import "./side.ts";',
      'export { g } from "./g.ts";',
      "import {",
      "  h,",
      '} from "node:fs";',
      'const late = await import("./late.ts");',
      'let shape: typeof import("undici");',
      '  const text = `import "std-json"`;',
      'export const from = "./not.ts";',
    ].join("\n");
    expect(importsOf("room/x.ts", text).map(show)).toEqual([
      "room/x.ts → room/a.ts (static)",
      "room/x.ts → vm/b.ts (type)",
      "room/x.ts → room/c.ts (type)",
      "room/x.ts → room/e.ts (static)",
      "room/x.ts → room/side.ts (static)",
      "room/x.ts → room/g.ts (static)",
      "room/x.ts → node:fs (static)",
      "room/x.ts → room/late.ts (dynamic)",
      "room/x.ts → undici (type)",
    ]);
  });

  test("finds an import cycle, through type and dynamic imports too", () => {
    const edge = (from: string, to: string, kind: Import["kind"] = "static"): Import => ({ from, to, own: true, kind });
    expect(findCycle([edge("a", "b"), edge("b", "c"), edge("c", "a")])).toEqual(["a", "b", "c", "a"]);
    expect(findCycle([edge("a", "b"), edge("b", "a", "type")])).toEqual(["a", "b", "a"]);
    expect(findCycle([edge("a", "b"), edge("b", "a", "dynamic")])).toEqual(["a", "b", "a"]);
    expect(findCycle([edge("a", "b"), edge("a", "c"), edge("b", "c")])).toBeUndefined();
  });
});
