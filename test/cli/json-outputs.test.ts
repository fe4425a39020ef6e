/**
 * The members of what `--json` prints, with their types, as text in `test/repo/surface/json.txt`. COMPATIBILITY.md promises them. To accept a
 * change, run `npx vitest run test/cli/json-outputs.test.ts --update`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "../repo/imports.ts";
import { boruna } from "./boruna.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-json-"));
afterAll(() => rmSync(folder, { recursive: true }));

const FILES: Readonly<Record<string, string>> = {
  "app.ax": `import "std-testing"

fn main(n: Int) -> Int !{net.fetch} {
    let page = net.fetch("https://a.example/")
    string.len(page) / n
}
test "divides" {
    answer net.fetch() { "abcd" }
    assert(main(2) == 2, "two")
}
`,
  "changed.ax": 'fn main(n: Int) -> Int !{net.fetch} { string.len(net.fetch("https://b.example/")) / n }\n',
  "wrong.ax": 'fn main() -> Int { "a" }\n',
  "policy.json": '{ "schema_version": 1, "rules": { "net.fetch": { "allow": true, "budget": 2 } } }\n',
  "strict.json": '{ "schema_version": 1, "rules": {} }\n',
};

/** The commands, in an order in which each has the files that it reads, and the exit code of each. */
const COMMANDS: readonly (readonly [code: number, ...args: string[]])[] = [
  [0, "run", "app.ax", "--policy", "policy.json", "--arg", "n=2", "--record", "run.jsonl"],
  [1, "run", "app.ax", "--policy", "policy.json", "--arg", "n=0", "--record", "failed.jsonl"],
  [3, "run", "app.ax", "--policy", "strict.json", "--arg", "n=2"],
  [2, "run", "app.ax"],
  [2, "check", "wrong.ax"],
  [0, "test", "app.ax"],
  [0, "explain", "E007"],
  [0, "compile", "app.ax", "-o", "app.axbc"],
  [0, "inspect", "app.axbc"],
  [0, "capability", "list"],
  [0, "replay", "run.jsonl"],
  [5, "replay", "run.jsonl", "changed.ax"],
  [5, "replay", "run.jsonl", "--policy", "strict.json"],
  [0, "log", "show", "run.jsonl", "--events"],
  [0, "log", "show", "run.jsonl", "--call", "1"],
  [5, "diff", "run.jsonl", "failed.jsonl"],
  [0, "verify", "run.jsonl", "--replay"],
  [0, "keygen", "a.pem"],
  [0, "evidence", "pack", "run.jsonl", "--sign", "a.pem"],
  [0, "evidence", "verify", "run.evidence"],
  [0, "policy", "validate", "policy.json"],
  [0, "policy", "show", "policy.json"],
  [1, "policy", "check", "--program", "app.ax", "--policy", "strict.json"],
  [1, "policy", "diff", "strict.json", "policy.json"],
  [1, "policy", "diff", "--program", "app.ax", "changed.ax"],
  [0, "policy", "suggest", "run.jsonl", "--program", "app.ax"],
  [0, "telemetry", "status"],
  [0, "simulate", "changed.ax", "--arg", "n=1", "--runs", "50"],
  [1, "simulate", "app.ax", "--runs", "50"],
];

/** Maps each path of the members of `data` to the types that occur there. */
function collect(data: unknown, path: string, found: Map<string, Set<string>>): void {
  const type = data === null ? "null" : Array.isArray(data) ? "list" : typeof data;
  found.set(path, (found.get(path) ?? new Set()).add(type));
  if (Array.isArray(data)) for (const item of data) collect(item, `${path}[]`, found);
  else if (typeof data === "object" && data !== null)
    for (const [name, member] of Object.entries(data)) collect(member, `${path}.${name}`, found);
}

test("what --json prints has the promised members", async () => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  const lines: string[] = [];
  for (const [code, ...args] of COMMANDS) {
    const ended = await boruna([...args, "--json"], { cwd: folder });
    expect(ended, args.join(" ")).toMatchObject({ code });
    const found = new Map<string, Set<string>>();
    collect(JSON.parse(ended.stdout), "", found);
    lines.push(`boruna ${args.join(" ")}`);
    for (const [path, types] of found) if (path !== "") lines.push(`  ${path}: ${[...types].sort().join(" or ")}`);
  }
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(join(ROOT, "test", "repo", "surface", "json.txt"));
});
