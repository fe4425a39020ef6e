/**
 * Checks the form of the deployment files in `docs/guide/operations.md`. They are neither built nor applied: there is no Docker, cluster or
 * systemd here.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boruna } from "../cli/boruna.ts";
import { codeBlocksOf, wordsOf } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const page = readFileSync(join(ROOT, "docs/guide/operations.md"), "utf8");
const blocks = codeBlocksOf(page);
const onlyBlock = (language: string): string => {
  const found = blocks.filter((block) => block.language === language);
  expect(found).toHaveLength(1);
  return found[0]?.text ?? "";
};
const linesOf = (text: string): readonly string[] => text.trimEnd().split("\n");

/** The default of `--drain-ms`, in seconds. A supervisor must wait longer. */
const DRAIN_S = 30;

/** Runs `boruna` with the arguments of a deployment file. Accepted arguments lead to the error of the next step: an invalid database address. */
async function expectAccepted(args: readonly string[]): Promise<void> {
  const ended = await boruna([...args, "--database-url", "none"]);
  expect(ended.stderr).toContain("the address of the database has another form");
}

const stringList = (text: string | undefined): readonly string[] => {
  const list: unknown = JSON.parse(text ?? "null");
  expect(list).toEqual(expect.any(Array));
  return Array.isArray(list) ? list.map(String) : [];
};

/**
 * Returns the scalars and flow values of block YAML by path, such as `spec.containers.0.name`. Understands only lines like those of the
 * manifest. Throws for any other line.
 */
function yamlValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const path: { readonly indent: number; readonly key: string }[] = [];
  const counts = new Map<string, number>();
  const enter = (indent: number, key: string): string => {
    while ((path.at(-1)?.indent ?? -1) >= indent) path.pop();
    path.push({ indent, key });
    return path.map((part) => part.key).join(".");
  };
  for (const line of linesOf(text)) {
    if (/^ *#/.test(line)) continue;
    const [, spaces = "", dash, key, value] = /^((?: {2})*)(- )?([A-Za-z_]\w*):(?: (\S.*))?$/.exec(line) ?? [];
    if (key === undefined) throw new Error(`not understood: ${line}`);
    let indent = spaces.length;
    if (dash !== undefined) {
      while ((path.at(-1)?.indent ?? -1) >= indent) path.pop();
      const list = path.map((part) => part.key).join(".");
      const index = counts.get(list) ?? 0;
      counts.set(list, index + 1);
      enter(indent, String(index));
      indent += 2;
    }
    const name = enter(indent, key);
    if (values.has(name)) throw new Error(`twice: ${name}`);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

describe("the deployment files of docs/guide/operations.md", () => {
  test("the Dockerfile", async () => {
    const lines = linesOf(onlyBlock("dockerfile"));
    const instructions = lines.map((line) => /^([A-Z]+) \S/.exec(line)?.[1]);
    expect(instructions).toEqual(["FROM", "RUN", "USER", "WORKDIR", "EXPOSE", "ENTRYPOINT"]);
    const [image, install, user, , port, entry = ""] = lines.map((line) => line.slice(line.indexOf(" ") + 1));
    const version = /^node:(\d+)-slim$/.exec(image ?? "")?.[1];
    expect(Number(version)).toBeGreaterThanOrEqual(20);
    expect(install).toContain(`useradd --create-home ${user}`);
    const [program, ...args] = stringList(entry);
    expect(program).toBe("boruna");
    expect(args).toContain(`0.0.0.0:${port}`);
    await expectAccepted(args);
  });

  test("the Kubernetes manifest fits the image", async () => {
    const values = yamlValues(onlyBlock("yaml"));
    const pod = "spec.template.spec";
    const container = `${pod}.containers.0`;
    expect([values.get("apiVersion"), values.get("kind")]).toEqual(["apps/v1", "Deployment"]);
    expect(values.get("spec.selector.matchLabels")).toBe(values.get("spec.template.metadata.labels"));
    for (const name of ["metadata.name", `${container}.name`]) expect(values.get(name)).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
    expect(values.get(`${container}.image`)).toMatch(/^[\w.-]+\/[\w-]+:\w+$/);
    expect(Number(values.get(`${pod}.terminationGracePeriodSeconds`))).toBeGreaterThan(DRAIN_S);
    const port = /^EXPOSE (\d+)$/m.exec(onlyBlock("dockerfile"))?.[1];
    expect(values.get(`${container}.ports.0.containerPort`)).toBe(port);
    expect(values.get(`${container}.readinessProbe.httpGet`)).toBe(`{ path: /readyz, port: ${port} }`);
    expect(values.get(`${container}.livenessProbe.httpGet`)).toBe(`{ path: /healthz, port: ${port} }`);
    expect(values.get(`${container}.env.0.name`)).toBe("DATABASE_URL");
    await expectAccepted(["worker", ...stringList(values.get(`${container}.args`))]);
    // The keys that Kubernetes defines for the objects of this manifest.
    const known =
      /^(apiVersion|kind|metadata\.name|spec\.(replicas|selector\.matchLabels|template\.(metadata\.labels|spec\.(terminationGracePeriodSeconds|containers\.\d\.(name|image|args|env\.\d\.(name|valueFrom)|ports\.\d\.containerPort|(readiness|liveness)Probe\.httpGet|resources\.(requests|limits))))))$/;
    expect([...values.keys()].filter((key) => !known.test(key))).toEqual([]);
  });

  test("the systemd unit", async () => {
    const sections = onlyBlock("ini")
      .split(/^\[(\w+)\]$/m)
      .slice(1);
    expect(sections.filter((_, i) => i % 2 === 0)).toEqual(["Unit", "Service", "Install"]);
    const settings = linesOf(onlyBlock("ini")).flatMap((line) =>
      line === "" || line.startsWith("[") ? [] : [/^([A-Z]\w+)=(\S.*)$/.exec(line)],
    );
    const values = new Map(settings.map((match) => [match?.[1], match?.[2]]));
    expect([...values.keys()]).toEqual([
      "Description",
      "After",
      "EnvironmentFile",
      "ExecStart",
      "Restart",
      "RestartSec",
      "KillSignal",
      "TimeoutStopSec",
      "DynamicUser",
      "WantedBy",
    ]);
    expect(Number(values.get("TimeoutStopSec"))).toBeGreaterThan(DRAIN_S);
    expect(values.get("KillSignal")).toBe("SIGTERM");
    const [program, ...args] = wordsOf(values.get("ExecStart") ?? "");
    expect(program).toMatch(/^\/.*\/boruna$/);
    await expectAccepted(args);
  });

  test("the page says that they were not built", () => {
    expect(page).toContain("The files below are checked for their form, and were not built or applied here.");
  });
});
