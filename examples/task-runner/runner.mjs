// A service that runs .ax programs as tasks. POST /tasks takes an envelope and answers what became of the task:
//
//   PORT=8090 OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 node runner.mjs
//
// client.mjs sends it a task, and its spans and this service's spans form one trace.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { compile, createRunnerTelemetry, loadPolicy, openSources, runTask, verifyModule } from "boruna";

const MAX_BODY_BYTES = 64 * 1024;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

function load(file) {
  const { source, resolve } = openSources(here(file));
  return verifyModule(compile(source, { resolve }).module);
}

// Everything that this service runs, compiled once: the action's name, its program, and what the program may do.
const ACTIONS = new Map([["invoices.total", { program: load("total.ax"), policy: loadPolicy(here("policy.json")), live: true }]]);

const telemetry = createRunnerTelemetry({ serviceName: "invoice-runner" });
await telemetry.start();

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

async function serve(request, response) {
  const answer = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.method !== "POST" || request.url !== "/tasks") return answer(404, { error: "POST a task to /tasks" });
  // An envelope that cannot be read is a task too: runTask rejects it, and the rejection has its span.
  const { outcome, execution, error } = await runTask(await readBody(request), {
    telemetry,
    find: ({ action }) => ACTIONS.get(action),
  });
  if (outcome === "rejected") return answer(400, { outcome, error: error.message });
  return answer(200, { outcome, value: execution?.value, error: execution?.error?.message });
}

const server = createServer((request, response) => {
  // A sender that hangs up in the middle of its task gets no answer.
  serve(request, response).catch(() => response.destroy());
});

server.listen(Number(process.env.PORT ?? 8090), "127.0.0.1", () => {
  process.stdout.write(`tasks on http://127.0.0.1:${server.address().port}/tasks\n`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close(() => void telemetry.stop().then(() => process.exit(0)));
    server.closeIdleConnections();
  });
}
