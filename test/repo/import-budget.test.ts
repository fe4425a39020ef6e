/** Limits on what the library and each command load at the start: files and bytes of source, which cost time at every start, and packages. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allImports, loadedBy, ROOT } from "./imports.ts";

const imports = allImports();
const CORE_PACKAGES = ["@noble/hashes/sha2.js", "@noble/hashes/utils.js", "jsonc-parser"];

interface Budget {
  readonly files: number;
  readonly kilobytes: number;
}

const LIBRARY: Budget = { files: 390, kilobytes: 3000 };
/** A command is in the first group that names it. The last group has the commands that run programs, which load the machine. */
const COMMANDS: readonly { readonly names: readonly string[] | undefined; readonly budget: Budget }[] = [
  { names: ["completion", "context", "keygen", "new", "runs", "telemetry"], budget: { files: 50, kilobytes: 300 } },
  { names: ["capability", "fmt", "mcp", "worker"], budget: { files: 120, kilobytes: 800 } },
  { names: ["check", "compile", "explain", "import", "inspect", "lsp", "submit"], budget: { files: 210, kilobytes: 1800 } },
  { names: undefined, budget: { files: 370, kilobytes: 3000 } },
];
/** Packages that a command loads besides the core's. */
const OWN_PACKAGES: ReadonlyMap<string, readonly string[]> = new Map([
  ["lsp", ["vscode-languageserver-textdocument", "vscode-languageserver/node"]],
]);

function measureLoaded(entries: readonly string[]): Budget & { readonly packages: readonly string[] } {
  const loaded = [...new Set(entries.flatMap((entry) => [...loadedBy(entry, imports)]))];
  const own = loaded.filter((path) => existsSync(join(ROOT, path)) && /\.tsx?$/.test(path));
  const bytes = own.reduce((sum, path) => sum + readFileSync(join(ROOT, path)).length, 0);
  const packages = loaded.filter((path) => !own.includes(path) && !path.startsWith("node:")).toSorted();
  return { files: own.length, kilobytes: Math.ceil(bytes / 1000), packages };
}

const commands = readdirSync(join(ROOT, "cli", "commands")).map((file) => file.replace(/\.ts$/, ""));

describe("what is loaded", () => {
  test("by the library", () => {
    const { files, kilobytes, packages } = measureLoaded(["index.ts"]);
    expect(files).toBeLessThanOrEqual(LIBRARY.files);
    expect(kilobytes).toBeLessThanOrEqual(LIBRARY.kilobytes);
    expect(packages).toEqual(CORE_PACKAGES);
  });

  test.each(commands)("by boruna %s", (name) => {
    const budget = COMMANDS.find(({ names }) => names === undefined || names.includes(name))?.budget;
    const { files, kilobytes, packages } = measureLoaded(["cli/command-line.ts", `cli/commands/${name}.ts`]);
    expect(files).toBeLessThanOrEqual(budget?.files ?? 0);
    expect(kilobytes).toBeLessThanOrEqual(budget?.kilobytes ?? 0);
    expect(packages.filter((path) => !CORE_PACKAGES.includes(path))).toEqual(OWN_PACKAGES.get(name) ?? []);
  });

  test("every command that a budget names exists", () => {
    expect(COMMANDS.flatMap(({ names = [] }) => names).filter((name) => !commands.includes(name))).toEqual([]);
  });
});
