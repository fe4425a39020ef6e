/** Runs `examples/task-runner`: two services and a collector, each a process or server of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { EXAMPLES } from "../cli/boruna.ts";
import { type CollectedSpan, startCollector } from "../telemetry/collector.ts";

interface ServiceProcess {
  readonly child: ChildProcess;
  /** Resolves to everything written to stdout and stderr when the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  /** Resolves when the process has written a line that matches. */
  line(pattern: RegExp): Promise<string>;
}

function start(script: string, args: readonly string[], environment: Readonly<Record<string, string>>): ServiceProcess {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: `${EXAMPLES}task-runner`,
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const waiting = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
    for (const check of waiting) check();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return {
    child,
    ended: once(child, "close").then(() => ({ code: child.exitCode, output })),
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = pattern.exec(output)?.[1];
          if (found !== undefined) resolve(found);
        };
        waiting.add(check);
        child.once("close", () => reject(new Error(`the service ended: ${output}`)));
        check();
      }),
  };
}

describe("examples/task-runner", () => {
  test("a client and a runner make one trace of three resources; a rejected task is in it too", async () => {
    const collector = await startCollector();
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const runner = start("runner.mjs", [], { ...variables, PORT: "0" });
    const url = await runner.line(/tasks on (\S+)\n/);
    const client = (action: string): ServiceProcess => start("client.mjs", [url, action], { ...variables, OTEL_SERVICE_NAME: "shop" });

    const accepted = await client("invoices.total").ended;
    expect(accepted.code).toBe(0);
    expect(JSON.parse(accepted.output)).toEqual({
      outcome: "success",
      value: { customer: "Ada", cents: 2_599, at: expect.any(Number) },
    });
    expect(await client("invoices.burn").ended).toEqual({
      code: 0,
      output: '{"outcome":"rejected","error":"there is no action \\"invoices.burn\\""}\n',
    });
    const garbage = await fetch(url, { method: "POST", body: "{" });
    expect([garbage.status, await garbage.json()]).toMatchObject([400, { outcome: "rejected" }]);
    runner.child.kill("SIGTERM");
    expect(await runner.ended).toMatchObject({ code: 0, output: `tasks on ${url}\n` });
    await collector.close();

    const named = (name: string, of: readonly CollectedSpan[]): readonly CollectedSpan[] => of.filter((span) => span.name === name);
    const traces = named("checkout", collector.spans()).map((checkout) => {
      const spans = collector.spans().filter(({ traceId }) => traceId === checkout.traceId);
      const names = new Map(spans.map((span) => [span.spanId, span.name]));
      return spans
        .map((span) => `${span.name} of ${String(span.resource["service.name"])}, below ${names.get(span.parentSpanId) ?? "nothing"}`)
        .toSorted(compareUtf8);
    });
    expect(traces).toEqual([
      [
        "action.run of invoice-runner, below checkout",
        "boruna.cap of boruna, below boruna.run",
        "boruna.run of boruna, below action.run",
        "checkout of shop, below nothing",
      ],
      ["action.run of invoice-runner, below checkout", "checkout of shop, below nothing"],
    ]);
    expect(named("action.run", collector.spans()).map(({ attributes }) => attributes)).toEqual(
      expect.arrayContaining([
        { "action.fqn": "invoices.total", "task.id": "order-4711", "action.outcome": "success" },
        { "action.fqn": "invoices.burn", "task.id": "order-4711", "action.outcome": "rejected", "error.type": "task.unknown_action" },
        { "action.outcome": "rejected", "error.type": "task.malformed" },
      ]),
    );
    expect(collector.sent("Ada")).toBe(false);
  });
});
