import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";

const folder = temporaryFolder();
writeFileSync(
  join(folder, "warns.json"),
  '{\n  "rules": { "random": { "allow": true, "budget": 0 } },\n  "net_policy": { "allowed_domains": ["a.example"] }\n}\n',
);
writeFileSync(join(folder, "random.ax"), "fn main() -> Float !{random} { random() }\n");

test("policy validate prints warnings, and exits with 0", async () => {
  const { code, stdout, stderr } = await boruna(["policy", "validate", "warns.json"], { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr.split("\n")).toEqual([
    "warns.json:2:41: warning: rules.random.budget: 0 is no limit. Leave it out to say so, or set allow to false to allow no call.",
    "warns.json:3:3: warning: net_policy: it has no effect, since no rule allows net.fetch.",
    expect.stringMatching(/^warns\.json: ok, sha256:[0-9a-f]{64}$/),
    "",
  ]);
});

test("policy validate --json lists them", async () => {
  const { code, stdout } = await boruna(["policy", "validate", "warns.json", "--json"], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    warnings: [
      { file: "warns.json", line: 2, column: 41, path: "rules.random.budget", message: expect.stringContaining("0 is no limit") },
      { file: "warns.json", line: 3, column: 3, path: "net_policy", message: "it has no effect, since no rule allows net.fetch." },
    ],
  });
  expect(JSON.parse((await boruna(["policy", "validate", "allow-all", "--json"], { cwd: folder })).stdout).warnings).toEqual([]);
});

test("run --allow CAP=0 is refused", async () => {
  const { code, stderr } = await boruna(["run", "random.ax", "--allow", "random=0"], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toContain("--allow has random=0: the budget must be a whole number, 1 or more");
});
