/** The package of the VS Code extension: it has the files that it names, and its code starts the server. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "./imports.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-vsix-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the files of a ZIP file whose files are stored. */
function unzip(zip: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = zip.length - 22;
  expect(zip.readUInt32LE(end)).toBe(0x06054b50);
  let entry = zip.readUInt32LE(end + 16);
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    expect(zip.readUInt32LE(entry)).toBe(0x02014b50);
    const nameLength = zip.readUInt16LE(entry + 28);
    const name = zip.subarray(entry + 46, entry + 46 + nameLength).toString();
    const start = zip.readUInt32LE(entry + 42) + 30 + nameLength;
    const data = zip.subarray(start, start + zip.readUInt32LE(entry + 20));
    expect(crc32(data)).toBe(zip.readUInt32LE(entry + 16));
    files.set(name, data);
    entry += 46 + nameLength;
  }
  expect(entry).toBe(end);
  return files;
}

/** Loads the code with a stand-in for VS Code in which every member is a class with any static method, and activates it. */
const ACTIVATE = `
const Module = require("node:module");
const commands = [];
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));
const vscode = new Proxy({}, {
  get: (_, key) => (key === "version" ? "1.91.0" : member()),
  ownKeys: () => ["commands", "debug", "tasks", "window", "workspace"],
  getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
});
function member() {
  return new Proxy(class {}, {
    get: (target, key) => key in target || typeof key === "symbol" ? target[key] : key === "registerCommand" ? (command) => { commands.push(command); return {}; } : key === "then" ? undefined : () => ({ get: (_, value) => value }),
  });
}
const extension = require(process.argv[1]);
extension.activate({ subscriptions: [] }).catch(() => {}).finally(() => { console.log(JSON.stringify(commands)); process.exit(0); });
`;

test("the package has every file that it names, and its code registers the commands", () => {
  const file = join(folder, "ax.vsix");
  execFileSync(process.execPath, [join(ROOT, "scripts", "vsix.mjs"), file]);
  const files = unzip(readFileSync(file));
  const manifest: unknown = JSON.parse(files.get("extension/package.json")?.toString() ?? "");
  const names = [...JSON.stringify(manifest).matchAll(/"\.\/([^"]+)"/g)].map(([, name = ""]) => `extension/${name}`);
  expect(names.length).toBeGreaterThan(2);
  expect([...files.keys()]).toEqual(expect.arrayContaining([...names, "extension.vsixmanifest", "[Content_Types].xml"]));
  expect(files.get("extension.vsixmanifest")?.toString()).toContain('Id="ax"');

  const code = join(folder, "extension.cjs");
  writeFileSync(code, files.get("extension/dist/extension.cjs") ?? "");
  const registered: unknown = JSON.parse(
    execFileSync(process.execPath, ["-e", ACTIVATE, code], { encoding: "utf8" }).trim().split("\n").at(-1) ?? "",
  );
  const declared = [...JSON.stringify(manifest).matchAll(/"command":"(boruna\.\w+)"/g)].map(([, name = ""]) => name);
  expect(registered).toEqual(expect.arrayContaining(declared));

  const again = join(folder, "again.vsix");
  execFileSync(process.execPath, [join(ROOT, "scripts", "vsix.mjs"), again]);
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
});
