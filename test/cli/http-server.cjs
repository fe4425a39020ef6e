// A Node program that is not Boruna's: an HTTP server under OpenTelemetry's own instrumentation. It answers one request, for which
// it makes a request itself and runs a program, and then ends.
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { resourceFromAttributes } = require("@opentelemetry/resources");

const instrumentation = new HttpInstrumentation();
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "shop" }),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
instrumentation.setTracerProvider(provider);
instrumentation.enable();

const http = require("node:http");

const read = (url) =>
  new Promise((resolve, reject) => {
    const request = http.get(url, (response) => response.resume().once("end", resolve));
    request.once("error", reject);
  });

async function main() {
  const { compile, execute, verifyModule } = await import("../../dist/index.js");
  const program = verifyModule(compile({ name: "price.ax", text: "fn main() -> Int !{time.now} { time.now() }\n" }).module);
  const server = http.createServer(async (request, response) => {
    if (request.url === "/checkout") {
      await read(`http://127.0.0.1:${server.address().port}/stock`);
      await execute(program, { policy: "allow-all" });
    }
    response.end("ok");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  await read(`http://127.0.0.1:${server.address().port}/checkout`);
  await provider.shutdown();
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
