import { expect, test } from "vitest";
import { type CollectedSpan, startCollector } from "../telemetry/collector.ts";
import { connect } from "./clients.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

test("a tool call has the span of OpenTelemetry's conventions, below the caller's span and above the run's, without content", async () => {
  let arrived = (): void => undefined;
  const collector = await startCollector((_, answer) => {
    answer(200);
    arrived();
  });
  const client = await connect("2026", { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "50" } });
  const source = 'fn main() -> String { "SENTINEL" }';
  await client.call("boruna_run", { source }, { meta: { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "v=1" } });
  await client.call("boruna_explain", { code: "E0" }, { meta: { traceparent: "garbage-SENTINEL" } });
  const spanOf = async (name: string): Promise<CollectedSpan> => {
    for (;;) {
      const span = collector.spans().find((one) => one.name === name);
      if (span !== undefined) return span;
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const [tool, run, explain] = [
    await spanOf("tools/call boruna_run"),
    await spanOf("boruna.run"),
    await spanOf("tools/call boruna_explain"),
  ];
  await client.close();
  await collector.close();
  expect(tool).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, kind: 2, status: { code: 0 } });
  expect(tool.attributes).toMatchObject({
    "mcp.method.name": "tools/call",
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "boruna_run",
    "network.transport": "pipe",
    "jsonrpc.request.id": expect.any(String),
  });
  expect(run).toMatchObject({ traceId: TRACE, parentSpanId: tool.spanId });
  expect(explain).toMatchObject({ parentSpanId: "", status: { code: 2 }, attributes: { "error.type": "usage" } });
  expect(collector.sent("SENTINEL")).toBe(false);
});
