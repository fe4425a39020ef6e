/** Builds the playground into a folder with Vite: one HTML file, the script of the page, the script of its worker, a stylesheet and an icon. */
import { deflateRawSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { LINK_VERSION, type Sources } from "../playground/messages.ts";

export async function buildPlayground(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: fileURLToPath(new URL("../playground/", import.meta.url)),
    base: "./",
    publicDir: false,
    logLevel: "warn",
    worker: { format: "es", plugins: () => [replaceModules] },
    build: { outDir: folder, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
}

/** What the page leaves out, and what replaces it. */
const REPLACED: Readonly<Record<string, string>> = {
  // The policy of the page forbids `eval`, which this engine needs.
  "/compiled/engine.ts": "no-engine.ts",
  "/snapshot/snapshot.ts": "no-snapshots.ts",
  // The exact conversions do the same in more time.
  "/json-usual.ts": "no-json-usual.ts",
};

/** Tables whose descriptions only the pages of the reference show. */
const DESCRIBED_IN_REFERENCE = ["/bytecode/opcodes.ts", "/vm/outcome.ts", "/telemetry/attributes.ts", "/compiler/diagnostics.ts"];

const replaceModules = {
  name: "replace modules",
  // Before Vite resolves the file itself.
  enforce: "pre" as const,
  resolveId(source: string): string | undefined {
    const ending = Object.keys(REPLACED).find((end) => source.endsWith(end));
    return ending === undefined ? undefined : fileURLToPath(new URL(`../playground/${REPLACED[ending] ?? ""}`, import.meta.url));
  },
  /** Drops texts that only the pages of the reference show. */
  transform(code: string, file: string): string | undefined {
    return DESCRIBED_IN_REFERENCE.some((end) => file.endsWith(end)) ? code.replace(/\b(doc|stack): "[^"]*"/g, '$1: ""') : undefined;
  },
};

/** Returns the address of the playground with a program of the documentation, which may do everything. */
export function playgroundLink(program: string): string {
  const sources: Sources = { program, policy: ALLOW_ALL, inputs: "{}\n" };
  return `playground/index.html#${LINK_VERSION}${deflateRawSync(JSON.stringify(sources)).toString("base64url")}`;
}

const ALLOW_ALL = `{
  "schema_version": 1,
  "default_allow": true,
  "fs_policy": { "read": ["."], "write": ["."] }
}
`;
