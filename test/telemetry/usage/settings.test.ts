import { describe, expect, test } from "vitest";
import type { Environment } from "../../../telemetry/variables.ts";
import { readUsageSettings } from "../../../telemetry/usage/settings.ts";

const FILE = { BORUNA_TELEMETRY_FILE: "~/usage.jsonl" };
const URL_ON = { BORUNA_TELEMETRY_ENABLED: "1", BORUNA_TELEMETRY_URL: "http://127.0.0.1:4319/" };
const BUILT_IN = "https://usage.example/v1";
const sendsTo = (url: string): object => ({ kind: "url", url, token: undefined, timeoutMs: 1_500 });

describe("usage events are off", () => {
  test.each<readonly [what: string, environment: Environment, reason: string]>([
    ["without any variable", {}, "BORUNA_TELEMETRY_ENABLED is not set"],
    ["with empty variables", { BORUNA_TELEMETRY_FILE: " ", BORUNA_TELEMETRY_ENABLED: "" }, "BORUNA_TELEMETRY_ENABLED is not set"],
    ["with a URL alone", { BORUNA_TELEMETRY_URL: "http://127.0.0.1/" }, "BORUNA_TELEMETRY_ENABLED is not set"],
    ["with another value than 1", { ...URL_ON, BORUNA_TELEMETRY_ENABLED: "0" }, "BORUNA_TELEMETRY_ENABLED is not 1"],
    [
      "without a destination",
      { BORUNA_TELEMETRY_ENABLED: "1" },
      "BORUNA_TELEMETRY_ENABLED is 1, but neither BORUNA_TELEMETRY_URL nor BORUNA_TELEMETRY_FILE is set",
    ],
    ...["ftp://a.example/", "a.example", "http://user:SENTINEL@a.example/"].map(
      (url) =>
        [
          `with the URL ${url}`,
          { ...URL_ON, BORUNA_TELEMETRY_URL: url },
          "BORUNA_TELEMETRY_URL is not an http or https URL without a user name",
        ] as const,
    ),
    ["with a token that is no token", { ...URL_ON, BORUNA_TELEMETRY_TOKEN: "a\r\nb" }, "BORUNA_TELEMETRY_TOKEN is not a bearer token"],
  ])("%s", (_what, environment, reason) => {
    expect(readUsageSettings(environment)).toEqual({ destination: undefined, reason, tenant: undefined, warnings: [] });
  });

  test.each(["1", "0", "false", " "])("with an opt-out of %j, whatever else is set", (value) => {
    for (const name of ["BORUNA_TELEMETRY_DISABLED", "DO_NOT_TRACK"]) {
      const settings = readUsageSettings({ ...FILE, ...URL_ON, [name]: value }, BUILT_IN);
      expect(settings).toMatchObject({ destination: undefined, reason: `${name} is set` });
    }
  });

  test("but an empty opt-out is none", () => {
    expect(readUsageSettings({ ...FILE, BORUNA_TELEMETRY_DISABLED: "", DO_NOT_TRACK: "" }).destination).toBeDefined();
  });
});

describe("usage events are on", () => {
  test.each([
    ["a file is asking", FILE, undefined, { kind: "file", path: "~/usage.jsonl" }],
    ["the file wins over the URL", { ...URL_ON, ...FILE }, BUILT_IN, { kind: "file", path: "~/usage.jsonl" }],
    ["enabled, with a URL", URL_ON, undefined, sendsTo("http://127.0.0.1:4319/")],
    ["a URL that is built in", {}, BUILT_IN, sendsTo(BUILT_IN)],
    ["the URL wins over one that is built in", { BORUNA_TELEMETRY_URL: "http://127.0.0.1/" }, BUILT_IN, sendsTo("http://127.0.0.1/")],
  ])("%s", (_what, environment, builtInUrl, destination) => {
    expect(readUsageSettings(environment, builtInUrl)).toMatchObject({ destination, warnings: [] });
  });

  test("with a build that turns them on, 0 turns them off", () => {
    expect(readUsageSettings({ BORUNA_TELEMETRY_ENABLED: "0" }, BUILT_IN).destination).toBeUndefined();
  });

  test.each([
    ["250", 250, 0],
    ["999999999", 60_000, 0],
    ["0", 1_500, 1],
    ["-5", 1_500, 1],
    ["1.5", 1_500, 1],
    ["soon", 1_500, 1],
  ])("a time limit of %s is %i ms", (text, timeoutMs, noticeCount) => {
    const settings = readUsageSettings({ ...URL_ON, BORUNA_TELEMETRY_TIMEOUT_MS: text });
    expect(settings.destination).toMatchObject({ timeoutMs });
    expect(settings.warnings).toHaveLength(noticeCount);
  });

  test.each(["a".repeat(64), "team-7", "Acme.eu_west"])("the tenant %s is accepted", (tenant) => {
    expect(readUsageSettings({ ...FILE, BORUNA_TELEMETRY_TENANT: tenant })).toMatchObject({ tenant, warnings: [] });
  });

  test.each(["a".repeat(65), "two words", "a@b.example", "/home/ada", "-x", "é"])(
    "the tenant %s is ignored, and not repeated",
    (tenant) => {
      const { tenant: used, warnings, destination } = readUsageSettings({ ...FILE, BORUNA_TELEMETRY_TENANT: tenant });
      expect({ used, destination: destination !== undefined }).toEqual({ used: undefined, destination: true });
      expect(warnings).toEqual([expect.stringContaining("BORUNA_TELEMETRY_TENANT is ignored")]);
      expect(warnings.join("")).not.toContain(tenant === "-x" ? "-x " : tenant);
    },
  );
});
