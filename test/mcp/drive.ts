/** Calls every tool, and checks each answer against the schema of its tool. */
import { expect } from "vitest";
import { TOOLS as ALL_TOOLS } from "../../mcp/tool-table.ts";
import { readSchema } from "../../vm/json-schema/schema.ts";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import type { Answer, TestClient } from "./clients.ts";

/** The tools of a server that runs without the tools of other MCP servers. */
const TOOLS = ALL_TOOLS.filter(({ needsTools }) => needsTools !== true);

export const POLICY_JSON = JSON.stringify({
  rules: { "net.fetch": { allow: true, budget: 5 } },
  limits: { max_steps: 1_000_000_000_000, max_wall_ms: 600_000 },
});

/** Fails if the answer does not match the declared schema of its tool. */
export function expectValid(name: string, answer: Answer): Answer {
  const tool = TOOLS.find((one) => one.name === name);
  expect(readSchema(jsonFromJs(tool?.outputSchema)).mismatchOf(jsonFromJs(answer.content), name)).toBeUndefined();
  expect(answer.content["protocol_version"]).toBe(1);
  return answer;
}

export const FETCHES = `fn main(n: Int) -> List<Int> !{net.fetch} {
    list.map(list.range(0, n), fn(i) !{net.fetch} { string.len(net.fetch("https://example.com/" ++ int.to_string(i))) })
}`;
export const ENDLESS = "fn main() -> Int {\n    let mut i = 0\n    while true { i = (i + 1) % 1000 }\n    i\n}";

/** Uses every tool, prompt and resource of the server once, and checks the answers. */
export async function driveEveryTool({ call, tools, resources, read, prompt }: TestClient): Promise<void> {
  const used = new Set<string>();
  const ask = async (name: string, args: Readonly<Record<string, unknown>>, options?: Parameters<typeof call>[2]): Promise<Answer> => {
    used.add(name);
    return expectValid(name, await call(name, args, options));
  };
  expect((await tools()).map(({ name }) => name)).toEqual(TOOLS.map(({ name }) => name));

  const broken = await ask("boruna_check", { source: FETCHES.replace("-> List<Int> !{net.fetch}", "-> List<Int>") });
  expect(broken.content).toMatchObject({ ok: false, diagnostics: [{ code: "E007", fixes: [{ edits: [{ text: " !{net.fetch}" }] }] }] });
  expect((await ask("boruna_check", { source: FETCHES })).content).toMatchObject({
    ok: true,
    calls: [
      {
        capability: "net.fetch",
        place: { line: 2 },
        verdict: "can_be_denied",
        reasons: expect.arrayContaining([expect.objectContaining({ rule: expect.stringContaining("budget") })]),
      },
    ],
  });
  expect((await ask("boruna_check", { source: FETCHES, allow: [] })).content).toMatchObject({
    calls: [{ capability: "net.fetch", verdict: "denied" }],
  });
  expect(
    (
      await ask("boruna_check", {
        source: 'import "./lib/n.ax"\nfn main() -> Int { n() }',
        files: { "lib/n.ax": "export fn n() -> Int { 1 }" },
      })
    ).content,
  ).toMatchObject({
    ok: true,
  });

  const progress: string[] = [];
  const ran = await ask("boruna_run", { source: FETCHES, args: { n: 3 } }, { onprogress: (p) => void progress.push(p.message ?? "") });
  expect(ran.content).toMatchObject({
    outcome: "success",
    value: [expect.any(Number), expect.any(Number), expect.any(Number)],
    counters: { total: 3 },
  });
  // A client drops progress that arrives together with the answer.
  for (const message of progress) expect(message).toMatch(/^call [1-3] of net\.fetch: ok$/);
  const log = String(ran.content["log"]);
  expect((await ask("boruna_replay", { log })).content).toMatchObject({ status: "identical" });
  const shown = await ask("boruna_log_show", { log, from: 2 });
  expect(shown.content).toMatchObject({ run: { outcome: "success" }, calls: [{ call: 2, capability: "net.fetch" }, { call: 3 }] });
  expect((await ask("boruna_log_show", { log, value: true, start: 1 })).content).toMatchObject({ value_length: expect.any(Number) });

  expect((await ask("boruna_explain", { code: "e007" })).content).toMatchObject({ code: "E007", reachable: true });
  expect((await ask("boruna_policy_validate", { policy: '{ "default_allow": false }' })).content).toMatchObject({ ok: true });
  expect((await ask("boruna_capability_list", {})).content["capabilities"]).toContainEqual(
    expect.objectContaining({ name: "net.fetch", allowed: true }),
  );
  expect((await ask("boruna_docs", {})).content["text"]).toContain("fn main");
  expect([...used].toSorted()).toEqual(TOOLS.map(({ name }) => name).toSorted());

  expect(await resources()).toContain("boruna://docs/guide/tour");
  expect(await read("boruna://docs/guide/tour")).toContain("fn main");
  expect(await prompt("count words")).toContain("count words");
  await expect(prompt(undefined)).rejects.toThrow("task");
}
