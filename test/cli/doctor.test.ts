/** `boruna doctor` against servers on loopback: each part works, is refused, or is not set up. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeFinding, OLDEST_NODE } from "../../cli/commands/doctor.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { startCollector } from "../telemetry/collector.ts";
import { boruna } from "./boruna.ts";

/** Answers `/v1/models` for the key `right`, and everything else with 404. */
const server: Server = createServer(({ url, headers }, response) => {
  const isKnown = url === "/v1/models";
  const status = !isKnown ? 404 : headers.authorization === "Bearer right" ? 200 : 401;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ data: [{ id: "small" }, { id: "large" }] }));
});
let base = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const POLICY = {
  schema_version: 1,
  default_allow: false,
  rules: { "llm.call": { allow: true, budget: 1 }, "net.fetch": { allow: true, budget: 1 } },
  net_policy: { allowed_domains: ["api.example"] },
  secrets: { TOKEN: { env: "MY_TOKEN", hosts: ["api.example"] } },
};

function projectFolder(policy: object | string | undefined): string {
  const cwd = temporaryFolder();
  if (policy !== undefined) writeFileSync(join(cwd, "policy.json"), typeof policy === "string" ? policy : JSON.stringify(policy));
  return cwd;
}

/** Returns the printed line of each checked part, by the name of the part. */
const linesOf = (stdout: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    stdout
      .split("\n")
      .flatMap((line) => /^(?:ok|FAIL|-) +(\w+) /.exec(line)?.[1] ?? [])
      .map((name, i) => [name, stdout.split("\n")[i] ?? ""]),
  );

describe("boruna doctor", () => {
  test("an empty folder: nothing is set up, and nothing fails or is written", async () => {
    const { code, stdout, stderr } = await boruna(["doctor"], { cwd: projectFolder(undefined) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = linesOf(stdout);
    expect(Object.keys(lines)).toEqual(["node", "policy", "endpoint", "model", "collector", "database"]);
    expect(lines["node"]).toMatch(/^ok {4}node {7}\d+\.\d+\.\d+, Boruna \d/);
    for (const name of ["policy", "endpoint", "model", "collector", "database"]) expect(lines[name]).toMatch(/^- /);
  });

  test.runIf(DEEP)("everything works", async () => {
    const collector = await startCollector();
    const env = {
      BORUNA_LLM_URL: `${base}/v1`,
      BORUNA_LLM_KEY: "right",
      BORUNA_LLM_MODEL: "small",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      BORUNA_DB: "memory",
      MY_TOKEN: "x",
    };
    const { code, stdout } = await boruna(["doctor"], { cwd: projectFolder(POLICY), env });
    await collector.close();
    const lines = linesOf(stdout);
    expect(lines["policy"]).toMatch(/^ok {4}policy {5}policy\.json, sha256:/);
    expect(lines["endpoint"]).toContain("it has 2 models");
    expect(lines["model"]).toBe("ok    model      small");
    expect(lines["collector"]).toContain("accepts spans");
    expect(lines["database"]).toMatch(/^ok {4}database {3}PostgreSQL \d+/);
    expect(code).toBe(0);
    expect(collector.spans()).toEqual([]);
  });

  test.each(
    someOf([
      ["a wrong key", { BORUNA_LLM_URL: "BASE/v1", BORUNA_LLM_KEY: "wrong" }, POLICY, "endpoint", /HTTP 401: the endpoint refuses the key/],
      [
        "a model that the endpoint lacks",
        { BORUNA_LLM_URL: "BASE/v1", BORUNA_LLM_KEY: "right", BORUNA_LLM_MODEL: "huge" },
        POLICY,
        "model",
        /no model huge/,
      ],
      [
        "a model that the policy forbids",
        { BORUNA_LLM_MODEL: "huge" },
        { ...POLICY, llm_policy: { allowed_models: ["small"] } },
        "model",
        /allowed_models/,
      ],
      ["no endpoint, and the policy allows llm.call", {}, POLICY, "endpoint", /BORUNA_LLM_URL is not set, and the policy allows llm\.call/],
      ["an endpoint that is no URL", { BORUNA_LLM_URL: "models" }, undefined, "endpoint", /not a URL/],
      ["a port where nothing listens", { BORUNA_LLM_URL: "http://127.0.0.1:1/v1" }, undefined, "endpoint", /refused/],
      ["a secret without a value", {}, POLICY, "policy", /TOKEN has no value: MY_TOKEN is not set/],
      ["a policy that is no JSON", {}, "{", "policy", /policy\.json: 1:/],
      ["a collector that answers 404", { OTEL_EXPORTER_OTLP_ENDPOINT: "BASE" }, undefined, "collector", /the collector answered 404/],
      [
        "a collector of another protocol",
        { OTEL_EXPORTER_OTLP_ENDPOINT: "BASE", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
        undefined,
        "collector",
        /grpc/,
      ],
      [
        "a database that is not there",
        { DATABASE_URL: "postgres://u:SECRET@127.0.0.1:1/d" },
        undefined,
        "database",
        /cannot be reached \(ECONNREFUSED\)/,
      ],
    ]),
  )("%s", async (_, variables, policy, name, line) => {
    const env = Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, value.replace("BASE", base)]));
    const { code, stdout } = await boruna(["doctor"], { cwd: projectFolder(policy), env });
    expect(linesOf(stdout)[name]).toMatch(/^FAIL /);
    expect(linesOf(stdout)[name]).toMatch(line);
    expect(stdout).not.toContain("SECRET");
    expect(code).toBe(1);
  });

  test("an endpoint without a list of models works", async () => {
    const { stdout } = await boruna(["doctor"], { cwd: projectFolder(undefined), env: { BORUNA_LLM_URL: `${base}/other` } });
    expect(linesOf(stdout)["endpoint"]).toContain("ok    endpoint   answers; it has no list of models");
  });

  test("--json has the same findings", async () => {
    const { code, stdout } = await boruna(["doctor", "--json"], { cwd: projectFolder("{") });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      checks: [{ name: "node", status: "ok" }, { name: "policy", status: "failed" }, {}, {}, {}, {}],
    });
  });

  test("the oldest Node is that of package.json", () => {
    expect(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))).toMatchObject({
      engines: { node: `>=${OLDEST_NODE.replace(/\.0$/, "")}` },
    });
    expect(nodeFinding("20.18.9").status).toBe("failed");
    expect(nodeFinding("18.99.0").status).toBe("failed");
    expect(nodeFinding("20.19.0").status).toBe("ok");
    expect(nodeFinding("22.0.0").status).toBe("ok");
  });
});
