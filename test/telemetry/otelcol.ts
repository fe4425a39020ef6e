/**
 * Starts the OpenTelemetry Collector as a process. It writes spans to a file, which the tests decode, and prints them.
 * `npm run otelcol` builds the Collector; without the binary, its tests are skipped.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectorBinary } from "../../scripts/otelcol.ts";
import { type CollectedSpan, refusingUrl, spansOf } from "./collector.ts";

const BINARY = collectorBinary();
export const HAS_OTELCOL = existsSync(BINARY);

export interface OtelcolOptions {
  /** Settings of the collector's HTTP server in addition to the endpoint. */
  readonly http?: Readonly<Record<string, unknown>>;
  /** Processors by name, in this order. The batch processor is always added. */
  readonly processors?: Readonly<Record<string, unknown>>;
  /** Whether the Collector prints the spans. Default: it prints only their number. */
  readonly prints?: boolean;
}

export interface Otelcol {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** Returns what the Collector has printed since it was started. */
  printed(): string;
  /** Resolves when the Collector has printed the text. */
  hasPrinted(text: string): Promise<void>;
  /** Starts the Collector again after `stop`, at the same URL and with the same file. */
  start(): Promise<void>;
  /** Stops the Collector with SIGTERM, as an operator does. It exports what it has accepted before it exits. */
  stop(): Promise<void>;
  /** Returns the spans in the Collector's file. They are complete after `stop`. */
  spans(): readonly CollectedSpan[];
  /** Stops the Collector and removes its files. */
  close(): Promise<void>;
}

export async function startOtelcol(options: OtelcolOptions = {}): Promise<Otelcol> {
  const folder = mkdtempSync(join(tmpdir(), "boruna-otelcol-"));
  const file = join(folder, "spans.jsonl");
  const config = join(folder, "config.json");
  let url = "";
  let child: ChildProcess | undefined;
  let exited: Promise<unknown> = Promise.resolve();
  let printed = "";
  const waiting = new Set<() => void>();

  const hasPrinted = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!printed.includes(text)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  /** Starts the process. Resolves to true when it is ready, and to false if another process has taken the port in the meantime. */
  const launch = async (): Promise<boolean> => {
    printed = "";
    const process = spawn(BINARY, ["--config", config], { stdio: ["ignore", "pipe", "pipe"] });
    child = process;
    for (const stream of [process.stdout, process.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        for (const check of waiting) check();
      });
    }
    exited = new Promise((resolve, reject) => process.once("error", reject).once("close", resolve));
    const isReady = await Promise.race([hasPrinted("Everything is ready").then(() => true), exited.then(() => false)]);
    if (!isReady && !printed.includes("address already in use")) throw new Error(`the collector did not start:\n${printed}`);
    return isReady;
  };
  const stop = async (): Promise<void> => {
    child?.kill("SIGTERM");
    await exited;
  };

  do {
    url = await refusingUrl();
    writeFileSync(config, JSON.stringify(configOf(url.slice("http://".length), file, options)));
  } while (!(await launch()));
  return {
    url,
    printed: () => printed,
    hasPrinted,
    start: async () => {
      while (!(await launch()));
    },
    stop,
    spans: () => {
      const lines = readFileSync(file, "utf8").split("\n");
      return lines.filter((line) => line !== "").flatMap((line) => spansOf(Buffer.from(line), "application/json"));
    },
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configOf(endpoint: string, file: string, { http, processors = {}, prints = false }: OtelcolOptions): unknown {
  return {
    receivers: { otlp: { protocols: { http: { ...http, endpoint } } } },
    processors: { ...processors, batch: {} },
    exporters: { file: { path: file, append: true }, debug: { verbosity: prints ? "detailed" : "basic" } },
    service: {
      telemetry: { metrics: { level: "none" } },
      pipelines: { traces: { receivers: ["otlp"], processors: [...Object.keys(processors), "batch"], exporters: ["file", "debug"] } },
    },
  };
}
