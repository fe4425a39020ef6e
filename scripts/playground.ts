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
    worker: { format: "es", plugins: () => [interpreterOnly] },
    build: { outDir: folder, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
}

/** The policy of the page forbids `eval`, so the engine that needs it is left out. */
const interpreterOnly = {
  name: "interpreter only",
  // Before Vite resolves the file itself.
  enforce: "pre" as const,
  resolveId: (source: string): string | undefined =>
    source.endsWith("/compiled/engine.ts") ? fileURLToPath(new URL("../playground/no-engine.ts", import.meta.url)) : undefined,
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
