import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { portOf, startCollector } from "../telemetry/collector.ts";
import { boruna } from "./boruna.ts";

const folder = temporaryFolder();
writeFileSync(join(folder, "ask.ax"), 'fn main() -> String !{llm.call} { json.stringify(llm.call("SENTINEL prompt")) }\n');

test("a live llm.call with OTEL_SEMCONV_STABILITY_OPT_IN has a span of the GenAI conventions; no metric is sent by the command", async () => {
  const model = createServer((request, response) => {
    request.resume();
    const choices = [{ message: { content: "SENTINEL answer" }, finish_reason: "stop" }];
    response.end(JSON.stringify({ model: "local-2026", choices, usage: { prompt_tokens: 7, completion_tokens: 2 } }));
  });
  await new Promise<void>((resolve) => {
    model.listen(0, "127.0.0.1", resolve);
  });
  const collector = await startCollector();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SEMCONV_STABILITY_OPT_IN: "http,gen_ai_latest_experimental",
    BORUNA_LLM_URL: `http://127.0.0.1:${portOf(model.address())}/SENTINEL`,
    BORUNA_LLM_MODEL: "local",
  };
  const ended = await boruna(["run", "ask.ax", "--allow", "llm.call", "--live"], { cwd: folder, env });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  await collector.close();
  await new Promise((resolve) => model.close(resolve));
  const [chat] = collector.spans().filter(({ name }) => name === "chat");
  expect(chat).toMatchObject({
    kind: 3,
    parentSpanId: collector.spans().find(({ name }) => name === "boruna.cap")?.spanId,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "local",
      "gen_ai.response.model": "local-2026",
      "gen_ai.usage.input_tokens": 7,
      "gen_ai.usage.output_tokens": 2,
      "cap.mode": "live",
    },
  });
  expect(collector.spans()).toHaveLength(3);
  expect(collector.sent("SENTINEL")).toBe(false);
  expect(new Set(collector.requests.map(({ path }) => path))).toEqual(new Set(["/v1/traces"]));
});
