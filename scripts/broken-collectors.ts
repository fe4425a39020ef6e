/**
 * Prints, for each broken collector, how much longer a traced run takes than a run without telemetry. It may take longer by the time limit
 * for shutdown, and by 300 ms for the SDK and the spans. Needs dist/. Run it on a quiet machine: `npx tsx scripts/broken-collectors.ts`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { figureOf } from "../bench/statistics.ts";
import { BROKEN_COLLECTORS } from "../test/telemetry/broken-collectors.ts";

const BOUND_MS = 1_000;
const MARGIN_MS = 300;
const ROUNDS = 3;
const COMMAND = fileURLToPath(new URL("../dist/bin/boruna.js", import.meta.url));
const PROGRAM = "fn main() -> Int !{time.now} { for n in list.range(0, 100) { if n % 2 == 0 { let _ = time.now() } } 0 }\n";

const folder = mkdtempSync(join(tmpdir(), "boruna-broken-"));
const file = join(folder, "main.ax");
writeFileSync(file, PROGRAM);

/** Returns the median milliseconds of a run, and its exit code. */
async function run(env: Readonly<Record<string, string>>): Promise<{ readonly ms: number; readonly code: number | null }> {
  const times: number[] = [];
  let code: number | null = null;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const args = [COMMAND, "run", file, "--policy", "allow-all"];
    const child = spawn(process.execPath, args, { env: { PATH: process.env["PATH"], ...env }, stdio: "ignore" });
    await once(child, "close");
    code = child.exitCode;
    times.push(performance.now() - start);
  }
  return { ms: figureOf(times).median, code };
}

const plain = await run({});
process.stdout.write(`without telemetry: ${plain.ms.toFixed(0)} ms; bound ${BOUND_MS} ms; load ${loadavg()[0]?.toFixed(1)}\n`);
for (const { what, start } of BROKEN_COLLECTORS) {
  const collector = await start();
  const { ms, code } = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    BORUNA_OTEL_SHUTDOWN_MS: String(BOUND_MS),
    BORUNA_TRACE_DETAIL: "flow",
  });
  await collector.close();
  const more = ms - plain.ms;
  const verdict = code !== plain.code ? `exit code ${String(code)}` : more <= BOUND_MS + MARGIN_MS ? "ok" : "too long";
  process.stdout.write(`${verdict.padEnd(10)} ${more.toFixed(0).padStart(5)} ms more: a collector that ${what}\n`);
}
rmSync(folder, { recursive: true });
