/**
 * No value of a program, its task or its host leaves the process through telemetry. Of the source, only names of functions, files and
 * capabilities do, and at detail `flow` the names of variables of `for` loops.
 */
import { afterEach, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { parseLog } from "../../replay/log/log-reader.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import { replayRun } from "../../replay/replay.ts";
import { runTask, type TaskProgram } from "../../runtime/task.ts";
import { GEN_AI_OPT_IN } from "../../telemetry/gen-ai.ts";
import { createRunnerTelemetry } from "../../telemetry/runner-telemetry.ts";
import { TRACE_DETAILS } from "../../telemetry/tracing.ts";
import { lastMetrics } from "./collected-metrics.ts";
import { startCollector } from "./collector.ts";

const SOURCE = `// SENTINEL comment
type SENTINELType { SENTINELField: String }
enum SENTINELEnum { SENTINELVariant(String), Other }

fn ask(sentinel_parameter: String) -> String !{net.fetch, fs.read} {
    let page = match try net.fetch("https://SENTINEL.example/path?q=1", "POST", sentinel_parameter, {"x": "SENTINEL-header"}) { Ok(t) => t, Err(sentinel_why) => sentinel_why }
    if page == "SENTINEL" { page } else { match try fs.read("/SENTINEL/path") { Ok(t) => t, Err(why) => why } }
}

fn main(note: String) -> String !{net.fetch, fs.read, fs.write, llm.call, ui.render} requires string.len(note) > 0 {
    let mut sentinel_local = SENTINELType { SENTINELField: note }
    let variant = SENTINELEnum::SENTINELVariant("SENTINEL")
    for item in ["SENTINEL-item"] { sentinel_local = SENTINELType { SENTINELField: item ++ ask(note) } }
    while string.len(sentinel_local.SENTINELField) < 3 {}
    let _ = debug("SENTINEL-debug")
    emit sentinel_local
    let answer = llm.call("SENTINEL-prompt" ++ sentinel_local.SENTINELField, "SENTINEL model")
    fs.write("SENTINEL-file", json.stringify(answer))
    match variant { SENTINELVariant(sentinel_text) => if note == "panic" { panic("SENTINEL-message") } else { "SENTINEL-result" }, Other => "" }
}
`;

const failing: Handler = () => {
  throw new CapabilityFailure("SENTINEL-message");
};
const answering: Handler = (_, { onModel }) => {
  onModel?.("the SENTINEL model", "a SENTINEL provider");
  return { text: "SENTINEL-answer", model: "SENTINEL model" };
};

afterEach(() => vi.unstubAllEnvs());

test.each(TRACE_DETAILS.flatMap((detail) => [[detail, ""] as const, [detail, GEN_AI_OPT_IN] as const]))(
  "at detail %s, opted in to %j: mock, live, replay, and tasks that are rejected",
  async (detail, optIn) => {
    const collector = await startCollector();
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      BORUNA_OTEL_SHUTDOWN_MS: "3600000",
      BORUNA_TRACE_DETAIL: detail,
      OTEL_SEMCONV_STABILITY_OPT_IN: optIn,
      BORUNA_TEST_SECRET: "SENTINEL-environment",
    };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const notices: string[] = [];
    const telemetry = createRunnerTelemetry({ onNotice: (line) => void notices.push(line) });
    await telemetry.start();

    const recorders: MemoryRecorder[] = [];
    const found: TaskProgram = {
      program: compile({ name: "/SENTINEL/home/ask.ax", text: SOURCE }),
      policy: "allow-all",
      env: { SECRET: "SENTINEL-secret" },
      baggage: "user=SENTINEL-baggage",
      runId: "run-1",
      handlers: { "net.fetch": failing, "fs.read": failing, "fs.write": () => true, "llm.call": answering },
      record: (description) => {
        const recorder = memoryRecorder(description);
        recorders.push(recorder);
        return recorder;
      },
    };
    const envelope = { id: "t1", action: "ask", args: { note: "SENTINEL-argument" }, signature: "SENTINEL-signature" };
    for (const live of [false, true]) {
      const ran = await runTask(envelope, { telemetry, find: () => ({ ...found, live }) });
      expect(ran).toMatchObject({ outcome: "success", execution: { value: "SENTINEL-result" } });
    }
    const trapped = await runTask({ ...envelope, args: { note: "panic" } }, { telemetry, find: () => found });
    expect(trapped).toMatchObject({ outcome: "program_error", execution: { error: { message: expect.stringContaining("SENTINEL") } } });
    for (const wrong of [{ ...envelope, args: { SENTINEL: 1 } }, { ...envelope, id: "SENTINEL id" }, "SENTINEL"])
      await runTask(wrong, { telemetry, find: () => found });
    await runTask(envelope, { telemetry, find: () => Promise.reject(new Error("SENTINEL-refusal")) });
    const [recorder] = recorders;
    const task = telemetry.startTask({ origin: {}, action: "replay", taskId: "t2" });
    if (recorder === undefined || task === undefined) throw new Error("nothing was recorded or nothing is traced");
    const log = parseLog(memorySource(recorder.bytes(), recorder.blobs));
    expect(await replayRun(log, { tracing: task.tracing, traceDetail: detail })).toMatchObject({ status: "identical" });
    task.end({ outcome: "success" });
    await telemetry.stop();
    await collector.close();

    // The collector got spans of all kinds, so the check for SENTINEL below sees them.
    const named = (name: string) => collector.spans().filter((span) => span.name === name);
    expect(named("action.run")).toHaveLength(8);
    expect(new Set(named("boruna.cap").map(({ attributes }) => attributes["cap.mode"]))).toEqual(new Set(["mock", "live", "replay"]));
    expect(named("chat")).toHaveLength(optIn === "" ? 0 : 4);
    expect(named("boruna.call").length > 0).toBe(detail !== "cap");
    const constructs = new Set(named("boruna.flow").map(({ attributes }) => attributes["flow.construct"]));
    expect(constructs.size).toBe(detail === "flow" ? 5 : 0);
    expect(lastMetrics(collector).map(({ metric }) => metric)).toContain("boruna.cap.duration");

    for (const word of ["SENTINEL", "sentinel"]) expect(collector.sent(word)).toBe(false);
    expect(notices).toEqual([]);
  },
);
