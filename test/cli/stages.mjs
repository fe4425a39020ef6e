// A process that uses the built library and stops at stages. Arguments: the URL of dist/index.js. At each stage it prints one
// line and blocks until it gets a line.
import { spawn } from "node:child_process";
import { readSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const { compile, execute } = await import(process.argv[2]);

let ids = [];
const stage = (name, child) => {
  writeSync(1, `${JSON.stringify({ name, ids, child })}\n`);
  readSync(0, Buffer.alloc(1));
};

const onStart = (span) => {
  const { traceId, spanId } = span.spanContext();
  if (span.name === "boruna.run") ids = [traceId, spanId];
};
const done = () => Promise.resolve();
new NodeTracerProvider({ spanProcessors: [{ onStart, onEnd: () => undefined, forceFlush: done, shutdown: done }] }).register();

const text = 'fn main() -> Int !{time.now} { let _ = debug("running") let t = time.now() let _ = debug("resumed") t }\n';
const handler = async () => {
  await setImmediate();
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  stage("waiting", child.pid);
  child.stdin.end();
  return 1;
};
// The first run opens the thread context.
await execute(compile({ name: "first.ax", text: "fn main() -> Int { 1 }\n" }));
stage("before");
await execute(compile({ name: "stages.ax", text }), {
  policy: "allow-all",
  handlers: { "time.now": handler },
  onDebug: (debugText) => stage(debugText.replaceAll('"', "")),
});
stage("after");
