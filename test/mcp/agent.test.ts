/** The agent of examples/mcp-agent: one program instead of a call for each note, over the real filesystem server. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "gpt-tokenizer";
import { expect, test } from "vitest";
import { describeTools, readToolModule, searchTools } from "../../mcp/tool-search.ts";
import { ALLOW_ALL, DENY_ALL } from "../../policy/policy.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { environment, EXAMPLES } from "../cli/boruna.ts";

test.runIf(DEEP)("a model searches, checks, repairs and runs a program, and reads a fraction of the schemas", async () => {
  const transcript = join(temporaryFolder(), "transcript.json");
  const child = spawn(process.execPath, [join(EXAMPLES, "mcp-agent/agent.mjs"), transcript], {
    env: environment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
  expect(JSON.parse(stdout.split("\n")[0] ?? "")).toEqual({
    outcome: "success",
    invoices: { ok: 10 },
    calls: 44,
    error: null,
    one_by_one: 10,
  });
  const texts: unknown = JSON.parse(readFileSync(transcript, "utf8"));
  const tokens = (name: "composed" | "single"): number =>
    typeof texts === "object" && texts !== null ? encode(String(Reflect.get(texts, name))).length : Number.NaN;
  expect(tokens("composed") * 3).toBeLessThan(tokens("single"));
});

const module = readToolModule(join(EXAMPLES, "mcp-notes/mcp_notes.json"));

test("a search finds functions by words of their names and descriptions, and says which ones the policy allows", () => {
  expect(module.functions.length).toBe(14);
  const found = searchTools([module], DENY_ALL, "write a FILE", 3);
  expect(found[0]).toMatchObject({
    name: "notes_write_file",
    signature: "fn notes_write_file(args: NotesWriteFileArgs) -> Result<NotesWriteFileAnswer, String> !{mcp_notes.write_file}",
    import: "./mcp_notes.ax",
    allowed: false,
  });
  expect(searchTools([module], ALLOW_ALL, "", 20).length).toBe(14);
  expect(searchTools([module], ALLOW_ALL, "xyzzy", 20)).toEqual([]);
});

test("a description has the types of arguments and answer, and no bodies", () => {
  const text = describeTools([module], ["notes_read_text_file"]);
  for (const part of [
    "type NotesReadTextFileArgs",
    "fn notes_read_text_file_args(path: String) -> NotesReadTextFileArgs",
    "type NotesReadTextFileAnswer",
  ])
    expect(text).toContain(part);
  expect(text).not.toContain("tool_answer");
  expect(() => describeTools([module], ["notes_read_text_fil"])).toThrow("there is no tool");
});
