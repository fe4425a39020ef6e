/**
 * `npm run otelcol` builds the OpenTelemetry Collector for the tests, from scripts/otelcol/ and the modules that its go.sum
 * pins. The binary is kept outside of the repository, and built again only if one of these files changes. Without Go, or if
 * the build fails, one line says that the tests with this collector are skipped.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE_FOLDER = fileURLToPath(new URL("otelcol", import.meta.url));
/** A first build downloads some 300 modules and compiles for two minutes on two cores. */
const MAX_BUILD_MS = 900_000;
const SKIPPED = "the tests with the OpenTelemetry Collector are skipped";

/** Returns where the binary is or will be. */
export function collectorBinary(): string {
  const sources = ["main.go", "go.mod", "go.sum"].map((name) => readFileSync(join(SOURCE_FOLDER, name), "utf8"));
  const version = /go\.opentelemetry\.io\/collector\/otelcol v(\S+)/.exec(sources.join("\n"))?.[1] ?? "unknown";
  const hash = createHash("sha256").update(sources.join("\0")).digest("hex").slice(0, 12);
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "boruna", `otelcol-${version}-${hash}`);
}

/** Builds into a temporary folder and renames the binary, so that no process sees a partial one. Returns why the build failed, if it did. */
function build(go: string, binary: string): string | undefined {
  mkdirSync(dirname(binary), { recursive: true });
  const folder = mkdtempSync(`${binary}.`);
  try {
    const run = spawnSync(go, ["build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", join(folder, "otelcol"), "."], {
      cwd: SOURCE_FOLDER,
      encoding: "utf8",
      env: { ...process.env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off" },
      timeout: MAX_BUILD_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (run.error !== undefined) return run.error.message;
    if (run.status !== 0) return run.stderr.trim().split("\n").at(-1) ?? "";
    renameSync(join(folder, "otelcol"), binary);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds the binary unless it is there. Returns one line that says what happened. */
function prepare(): string {
  const binary = collectorBinary();
  if (existsSync(binary)) return `OpenTelemetry Collector: ${binary}`;
  const go = ["go", "/usr/local/go/bin/go"].find((name) => spawnSync(name, ["version"]).status === 0);
  if (go === undefined) return `no go: ${SKIPPED}`;
  const start = performance.now();
  const problem = build(go, binary);
  if (problem !== undefined) return `go build failed (${problem}): ${SKIPPED}`;
  return `OpenTelemetry Collector: ${binary}, built in ${Math.round((performance.now() - start) / 1_000)} s`;
}

if (import.meta.url === new URL(process.argv[1] ?? "", "file:").href) process.stdout.write(`${prepare()}\n`);
