// A service that runs programs which its tenants send. No tenant feels another: a program that takes long to compile, spins, fills its
// memory or calls all day only delays the other programs of its own tenant. The pool compiles and runs in its workers, so this process
// always answers.
//
//   PORT=8091 node server.mjs
//   curl -H 'x-tenant: ada' --data-binary @report.ax http://127.0.0.1:8091/run
//   curl http://127.0.0.1:8091/stats
import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { BorunaError, CompileError, createPool, createRegistry, defineCapability, loadPolicy, renderDiagnostic } from "boruna";

// A program of this size takes at most half a second to compile.
const MAX_BODY_BYTES = 64 * 1024;
const ORDERS = {
  ada: [1_250, 99, 4_000],
  bob: [300],
};

// The tenant whose request is being served. Handlers run in this process, in the context of their run.
const tenants = new AsyncLocalStorage();

const registry = createRegistry([
  defineCapability({
    name: "orders.list",
    version: "1",
    params: [],
    result: "List<Int>",
    mayRepeat: true,
    doc: "the amounts of the tenant's orders, in cents",
    handler: () => ORDERS[tenants.getStore()] ?? [],
  }),
]);
const policy = loadPolicy(fileURLToPath(new URL("policy.json", import.meta.url)), registry);
const pool = createPool({ threads: 2, maxQueuedPerTenant: 100 });

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Returns the status and the answer for one program. */
async function run(tenant, text, signal) {
  try {
    const program = { name: "program.ax", text };
    const { outcome, value, error, steps } = await pool.execute(program, { tenant, policy, registry, live: true, signal });
    return [200, { outcome, value, error: error?.message, steps }];
  } catch (error) {
    if (error instanceof CompileError)
      return [400, { error: error.diagnostics.map((one) => renderDiagnostic(one, (file) => error.sourceOf(file))).join("\n") }];
    if (error instanceof BorunaError && error.kind === "pool.full") return [429, { error: error.message }];
    if (error instanceof BorunaError && error.kind === "pool.compile") return [400, { error: error.message }];
    throw error;
  }
}

async function serve(request, response) {
  const answer = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
  if (request.url === "/stats") return answer(200, pool.stats());
  const tenant = request.headers["x-tenant"];
  if (request.method !== "POST" || request.url !== "/run" || typeof tenant !== "string")
    return answer(404, { error: "POST a program to /run, with the header x-tenant" });
  const text = await readBody(request);
  if (text === undefined) return answer(413, { error: `the program has more than ${MAX_BODY_BYTES} bytes` });
  // A client that hangs up cancels its program.
  const hangUp = new AbortController();
  response.on("close", () => hangUp.abort());
  const [status, body] = await tenants.run(tenant, () => run(tenant, text, hangUp.signal));
  answer(status, body);
}

const server = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
});

server.listen(Number(process.env.PORT ?? 8091), "127.0.0.1", () => {
  process.stdout.write(`programs to http://127.0.0.1:${server.address().port}/run\n`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    void pool.close();
  });
}
