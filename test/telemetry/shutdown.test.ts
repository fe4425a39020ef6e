import { afterAll, describe, expect, test } from "vitest";
import { DEEP, someOf } from "../cases.ts";
import { type Behavior, type Collector, refusingUrl, startCollector } from "./collector.ts";
import { type ChildEnd, runChild } from "./run-child.ts";

const BOUND_MS = 700;
/**
 * An hour, longer than any test. If all other time limits are an hour, a process that ends within the test proves that
 * the limit under test works, even on a slow machine.
 */
const HOUR_MS = "3600000";

const collectors: Collector[] = [];
afterAll(() => Promise.all(collectors.map((collector) => collector.close())));

async function urlOf(behavior: Behavior | "refuse"): Promise<string> {
  if (behavior === "refuse") return refusingUrl();
  const collector = await startCollector(behavior);
  collectors.push(collector);
  return collector.url;
}

function reportOf(end: ChildEnd): unknown {
  const line = end.stdout.split("\n").find((text) => text.startsWith("{"));
  return JSON.parse(line ?? "null");
}

describe("a collector that misbehaves", () => {
  test.each(
    someOf([
      ["refuse", /^the collector cannot be reached \(ECONNREFUSED\)$/],
      ["hang", /^the collector did not answer (in time|within 700 ms)$/],
      ["reset", /^the collector cannot be reached \(ECONNRESET\)$/],
      ["error", /^the collector answered 500$/],
      ["unavailable", /^the collector answered 503$/],
      ["drip", /^the collector did not answer (in time|within 700 ms)$/],
      ["slow-read", /^the collector did not answer (in time|within 700 ms)$/],
    ] as const),
  )("%s: the process ends in time, with its own exit code, and reports the loss in one line", async (behavior, reason) => {
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf(behavior),
      OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS,
      BORUNA_OTEL_SHUTDOWN_MS: String(BOUND_MS),
    };
    // The child does not call process.exit, so it ends only if no handle keeps it alive.
    const end = await runChild({ calls: 3, exitCode: 7 }, environment);
    expect(end.code).toBe(7);
    expect(reportOf(end)).toMatchObject({ ended: 4, lost: 4 });
    const [line = "", ...more] = end.stderr.trimEnd().split("\n");
    expect(more).toEqual([]);
    expect(line.startsWith("telemetry: 4 of 4 spans lost: ")).toBe(true);
    expect(line.slice("telemetry: 4 of 4 spans lost: ".length)).toMatch(reason);
  });

  test("a refused connection ends the process long before any bound", async () => {
    const end = await runChild(
      { calls: 3, exitCode: 7 },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf("refuse"),
        OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS,
        BORUNA_OTEL_SHUTDOWN_MS: HOUR_MS,
      },
    );
    expect(end).toMatchObject({ code: 7, stderr: "telemetry: 4 of 4 spans lost: the collector cannot be reached (ECONNREFUSED)\n" });
  });

  test.runIf(DEEP)("the bound is for all batches together", async () => {
    const batches = {
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5",
      OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS,
      BORUNA_OTEL_SHUTDOWN_MS: String(BOUND_MS),
    };
    for (const behavior of ["refuse", "hang"] as const) {
      const end = await runChild({ calls: 400 }, { ...batches, OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf(behavior) });
      expect(reportOf(end)).toMatchObject({ ended: 401, lost: 401 });
    }
  });

  test("a run waits for a hanging collector no longer than one batch may take", async () => {
    const end = await runChild(
      { calls: 1000, flags: ["wait"] },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf("hang"),
        OTEL_EXPORTER_OTLP_TIMEOUT: "500",
        OTEL_BSP_MAX_QUEUE_SIZE: "50",
        BORUNA_OTEL_SHUTDOWN_MS: String(BOUND_MS),
      },
    );
    expect(reportOf(end)).toMatchObject({ ended: 1001, lost: 1001 });
  });

  test.runIf(DEEP)("a bound of 0 does not wait at all", async () => {
    const end = await runChild(
      { calls: 1 },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf("hang"),
        OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS,
        BORUNA_OTEL_SHUTDOWN_MS: "0",
      },
    );
    expect(reportOf(end)).toMatchObject({ lost: 2 });
  });
});

test("with a healthy collector the shutdown ends as soon as it has answered", async () => {
  const end = await runChild(
    { calls: 3 },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf("healthy"),
      OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS,
      BORUNA_OTEL_SHUTDOWN_MS: HOUR_MS,
    },
  );
  expect(end).toMatchObject({ code: 0, stderr: "" });
  expect(reportOf(end)).toEqual({ ended: 4, lost: 0 });
});
