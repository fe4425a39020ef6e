/** `boruna import mcp` with real servers, and the example in examples/mcp-notes. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { boruna, environment, EXAMPLES, MAIN } from "./boruna.ts";
import { isAlive, until } from "../until.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const serverScript = (name: string): string => join(ROOT, "node_modules/@modelcontextprotocol", `server-${name}`, "dist/index.js");
/** An MCP server that misbehaves as its arguments say. */
const MISBEHAVING = join(ROOT, "test/mcp-tools/server.mjs");

describe("the example", () => {
  const folder = temporaryFolder();
  const elsewhere = temporaryFolder();
  const run = (...args: readonly string[]) => boruna(args, { cwd: folder });
  const LIVE = ["run", "index.ax", "--capabilities", "mcp_notes.json", "--live"];

  beforeAll(() => {
    cpSync(join(EXAMPLES, "mcp-notes"), folder, { recursive: true });
    // npx takes the server from here.
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  });

  test("has the files that the command in its first lines makes", async () => {
    const [, line = ""] = /^\/\/ {3}boruna (import mcp .*)$/m.exec(readFileSync(join(folder, "index.ax"), "utf8")) ?? [];
    for (const file of ["mcp_notes.ax", "mcp_notes.json"]) rmSync(join(folder, file));
    expect(await run(...line.split(" "))).toEqual({
      code: 0,
      stdout: "",
      stderr:
        "14 tools: mcp_notes.ax, mcp_notes.json\nnote: notes_read_media_file: answer.content[] is Json: it has alternatives without a common tag\n",
    });
    for (const file of ["mcp_notes.ax", "mcp_notes.json"])
      expect(readFileSync(join(folder, file), "utf8")).toBe(readFileSync(join(EXAMPLES, "mcp-notes", file), "utf8"));
    expect(await run("fmt", "--check", "mcp_notes.ax")).toMatchObject({ code: 0, stdout: "" });
    expect(await run("check", "mcp_notes.ax", "--capabilities", "mcp_notes.json")).toMatchObject({ stderr: "mcp_notes.ax: ok\n" });
  });

  test("is tested and run on mocks without a server", async () => {
    const tested = await run("test", "index.ax", "--capabilities", "mcp_notes.json");
    expect(tested).toMatchObject({ code: 0, stdout: expect.stringContaining("1 passed, 0 failed") });
    const mocked = await run("run", "index.ax", "--capabilities", "mcp_notes.json", "--policy", "policy.json");
    expect(mocked).toMatchObject({ code: 0, stdout: 'Ok("0 notes")\n', stderr: expect.stringContaining("mocks answered 2 calls") });
    expect(await run("policy", "validate", "policy.json", "--capabilities", "mcp_notes.json")).toMatchObject({ code: 0 });
  });

  test.runIf(DEEP)("runs live; its log is replayed and verified where there is no server", async () => {
    const live = await run(...LIVE, "--policy", "policy.json", "--record", "run.jsonl");
    expect(live).toMatchObject({ code: 0, stdout: 'Ok("2 notes")\n', stderr: expect.stringMatching(/^recorded: run\.jsonl .*\n$/) });
    expect(readFileSync(join(folder, "notes/index.md"), "utf8")).toBe("- Bread (bread.txt)\n- Garden (garden.txt)\n");
    for (const file of ["run.jsonl", "run.jsonl.blobs"])
      if (existsSync(join(folder, file))) cpSync(join(folder, file), join(elsewhere, file), { recursive: true });
    const there = (...args: readonly string[]) => boruna(args, { cwd: elsewhere, env: { PATH: "" } });
    expect(await there("replay", "run.jsonl")).toMatchObject({ code: 0, stdout: expect.stringContaining("identical"), stderr: "" });
    expect(await there("verify", "run.jsonl", "--replay")).toMatchObject({ code: 0, stderr: "" });
  });

  test.runIf(DEEP)("is denied by argument, before the server hears of it", async () => {
    rmSync(join(folder, "notes/index.md"), { force: true });
    const policy = readFileSync(join(folder, "policy.json"), "utf8").replace('"index.md"', '"other.md"');
    writeFileSync(join(folder, "strict.json"), policy);
    const denied = await run(...LIVE, "--policy", "strict.json");
    expect(denied).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining('denied: args.path must be "other.md"') });
    expect(denied.stderr).toContain('rule: rules["mcp_notes.write_file"].where["args.path"]');
    expect(existsSync(join(folder, "notes/index.md"))).toBe(false);
  });

  test.runIf(DEEP)("a tool that has changed since the import is refused until it is imported again", async () => {
    const declaration = readFileSync(join(folder, "mcp_notes.json"), "utf8");
    const changed = declaration.replace(/("tool": "list_directory",\s+"capability": "[^"]+",\s+"pin": ")[0-9a-f]{4}/, "$10000");
    expect(changed).not.toBe(declaration);
    writeFileSync(join(folder, "mcp_notes.json"), changed);
    const refused = await run(...LIVE, "--policy", "policy.json");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /^runtime error: the tool of mcp_notes\.list_directory has changed since it was imported; import it again\n/,
    );
    const again = await run("import", "mcp", "--name", "notes", "--", "npx", "-y", "@modelcontextprotocol/server-filesystem", "notes");
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("\nchanged: mcp_notes.list_directory\n") });
    expect(await run(...LIVE, "--policy", "policy.json")).toMatchObject({ code: 0, stdout: 'Ok("2 notes")\n' });
  });
});

describe("real servers", () => {
  const folder = temporaryFolder();
  const run = (...args: readonly string[]) => boruna(args, { cwd: folder });
  const DECLARATIONS = ["--capabilities", "mcp_every.json", "--capabilities", "mcp_mem.json"];

  test.runIf(DEEP)("everything and memory are imported and called by one program", async () => {
    const everything = await run("import", "mcp", "--name", "every", "--", "node", serverScript("everything"));
    expect(everything).toMatchObject({
      code: 0,
      stderr: "12 tools: mcp_every.ax, mcp_every.json\nleft out: simulate-research-query: it can only be called as a task\n",
    });
    const memory = ["import", "mcp", "--name", "mem", "--env", "MEMORY_FILE_PATH", "--", "node", serverScript("memory")];
    const env = { MEMORY_FILE_PATH: join(folder, "memory.jsonl") };
    expect(await boruna(memory, { cwd: folder, env })).toMatchObject({ code: 0, stderr: "9 tools: mcp_mem.ax, mcp_mem.json\n" });
    const program = `import "./mcp_every.ax"
import "./mcp_mem.ax"

fn main() -> Result<List<String>, String> !{mcp_every.echo, mcp_every.get_sum, mcp_every.get_structured_content, mcp_mem.create_entities, mcp_mem.search_nodes} {
    let weather = every_get_structured_content(every_get_structured_content_args(EveryGetStructuredContentArgsLocation::NewYork))?
    let ada = MemCreateEntitiesArgsEntitiesItem { name: "Ada", entity_type: "person", observations: ["writes programs"] }
    mem_create_entities(mem_create_entities_args([ada]))?
    let found = mem_search_nodes(mem_search_nodes_args("programs"))?.entities
    Ok([
        every_echo(every_echo_args("hi"))?.text,
        every_get_sum(every_get_sum_args(2.0, 3.5))?.text,
        weather.conditions,
        string.join(list.map(found, fn(node) { node.entity_type }), ","),
    ])
}
`;
    writeFileSync(join(folder, "app.ax"), program);
    expect(await run("check", "app.ax", ...DECLARATIONS)).toMatchObject({ code: 0, stderr: "app.ax: ok\n" });
    const live = ["run", "app.ax", ...DECLARATIONS, "--policy", "allow-all", "--live", "--record", "run.jsonl"];
    const ended = await boruna(live, { cwd: folder, env });
    expect(ended).toMatchObject({ code: 0, stdout: 'Ok(["Echo: hi", "The sum of 2 and 3.5 is 5.5.", "Cloudy", "person"])\n' });
    expect(await run("replay", "run.jsonl")).toMatchObject({ code: 0, stdout: expect.stringContaining("identical") });
    // Without the variable, the memory server does not start.
    const missing = await run(...live.slice(0, -2));
    expect(missing).toMatchObject({
      code: 0,
      stdout: 'Err("the server of mcp_mem needs the environment variable MEMORY_FILE_PATH, which is not set")\n',
    });
  });
});

describe("what goes wrong at an import", () => {
  const folder = temporaryFolder();
  const run = (...args: readonly string[]) => boruna(["import", "mcp", ...args], { cwd: folder });

  test.each(
    someOf<readonly [readonly string[], string]>([
      [["--", "boruna-no-such-server"], "boruna-no-such-server: there is no such command"],
      [["--", "node", MISBEHAVING, "stillborn"], "ended (exit code 5)"],
      [["--name", "Notes", "--", "node", MISBEHAVING], "--name Notes: expected a name in lower case"],
      [["--rename", "gone=here", "--", "node", MISBEHAVING], "--rename gone: the server has no tool with this name"],
      [["--rename", "ask", "--", "node", MISBEHAVING], "--rename ask: expected OLD=NEW"],
      [["--rename", "ask=count", "--", "node", MISBEHAVING], 'the tools "ask" and "count" would have the same name'],
      [["--name", "parse", "--rename", "count=int", "--", "node", MISBEHAVING], "would have a warning: `parse_int` hides the builtin"],
      [["--header", "X=Y", "--", "node", MISBEHAVING], "--header is for a URL"],
      [["--env", "A", "http://127.0.0.1:1/"], "--env is for a command"],
      [["http://user:word@127.0.0.1:1/"], "without a user name"],
      [["http://127.0.0.1:1/", "more"], "expected one URL"],
      [["http://127.0.0.1:1/mcp"], "could not be reached"],
      [["-o", "gone", "--", "node", MISBEHAVING], "there is no such folder"],
    ]),
  )("%j", async (args, message) => {
    expect(await run(...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
    expect(existsSync(join(folder, "mcp_test.ax"))).toBe(false);
  });

  test("the end of the server's stderr says why it did not start", async () => {
    expect((await run("--", "node", MISBEHAVING, "stillborn")).stderr).toContain("cannot open the database");
  });

  test("a name is taken from the server; a file that somebody else has written stays", async () => {
    const made = await run("--json", "--rename", "count=total", "--", "node", MISBEHAVING);
    expect(JSON.parse(made.stdout)).toMatchObject({
      ok: true,
      module: "mcp_test.ax",
      tools: [{ capability: "mcp_test.ask" }, { tool: "count", capability: "mcp_test.total" }],
    });
    mkdirSync(join(folder, "other"));
    writeFileSync(join(folder, "other/mcp_test.ax"), "// mine\n");
    expect(await run("-o", "other", "--", "node", MISBEHAVING)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("has not written it"),
    });
    expect(readFileSync(join(folder, "other/mcp_test.ax"), "utf8")).toBe("// mine\n");
  });

  test.each(
    someOf([
      ['{"format": "other"}', 'format: expected "boruna-mcp-1"'],
      ["{", "mcp_bad.json"],
      [
        '{"format": "boruna-mcp-1", "name": "mcp_bad", "server": {"command": [], "env": []}}',
        "server.command: expected the words of a command",
      ],
    ]),
  )("a declaration file that is damaged: %s", async (text, message) => {
    writeFileSync(join(folder, "mcp_bad.json"), text);
    writeFileSync(join(folder, "app.ax"), "fn main() -> Int { 1 }");
    const ended = await boruna(["run", "app.ax", "--capabilities", "mcp_bad.json"], { cwd: folder });
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
  });
});

test("an interrupted run ends its server", async () => {
  const folder = temporaryFolder();
  const traces = temporaryFolder();
  await boruna(["import", "mcp", "--name", "t", "--", "node", MISBEHAVING, "second", traces], { cwd: folder });
  rmSync(join(traces, "trace"));
  const text =
    'import "./mcp_t.ax"\nfn main() -> Result<String, String> !{mcp_t.ask} {\n    debug(t_ask(t_ask_args("the first answer"))?.text)\n    Ok(t_ask(t_ask_args("hi"))?.text)\n}\n';
  writeFileSync(join(folder, "app.ax"), text);
  const run = ["run", "app.ax", "--capabilities", "mcp_t.json", "--policy", "allow-all", "--live"];
  const ended = await boruna(run, { cwd: folder, signalAfter: { text: "the first answer", signal: "SIGTERM" } });
  expect(ended).toMatchObject({ code: 143, stdout: "" });
  const [, pid = ""] = /^started (\d+)$/m.exec(readFileSync(join(traces, "trace"), "utf8")) ?? [];
  expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
});

test.runIf(DEEP)("a call that waits for an approval is made by a resumed run, if the tools are those of the log", async () => {
  const folder = temporaryFolder();
  const run = (...args: readonly string[]) => boruna(args, { cwd: folder });
  const importing = ["import", "mcp", "--name", "t", "--", "node", MISBEHAVING];
  await run(...importing);
  const text = 'import "./mcp_t.ax"\nfn main() -> Result<String, String> !{mcp_t.ask} { Ok(t_ask(t_ask_args("hi"))?.text) }\n';
  writeFileSync(join(folder, "app.ax"), text);
  writeFileSync(
    join(folder, "policy.json"),
    '{ "schema_version": 1, "rules": { "mcp_t.ask": { "allow": true, "approval": "required" } } }',
  );
  const live = ["run", "app.ax", "--capabilities", "mcp_t.json", "--policy", "policy.json", "--live", "--record", "run.jsonl"];
  expect(await run(...live)).toMatchObject({ code: 7, stdout: "" });
  expect(await run("approve", "run.jsonl", "--call", "1", "--by", "ada")).toMatchObject({ code: 0 });
  expect(await run("resume", "run.jsonl")).toMatchObject({ code: 2, stderr: expect.stringContaining("mcp_t.ask had a handler") });
  // After an import of changed tools, the capabilities are not those of the log.
  await run(...importing, "changed");
  const resume = ["resume", "run.jsonl", "--capabilities", "mcp_t.json"];
  expect(await run(...resume)).toMatchObject({ code: 2, stderr: expect.stringContaining("another set of capabilities") });
  await run(...importing);
  expect(await run(...resume)).toMatchObject({ code: 0, stdout: 'Ok("hi")\n' });
});

/** Resolves to the process id that a test server has written to the folder, once it is there. */
async function startedIn(traces: string): Promise<number> {
  const trace = join(traces, "trace");
  const pid = (): string | undefined => (existsSync(trace) ? /^started (\d+)$/m.exec(readFileSync(trace, "utf8"))?.[1] : undefined);
  await until(() => pid() !== undefined);
  return Number(pid());
}

test.runIf(DEEP)("an interrupted import ends its server", async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [MAIN, "import", "mcp", "--", "node", MISBEHAVING, "mute", folder], {
    cwd: folder,
    env: environment(),
    stdio: "ignore",
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const pid = await startedIn(folder);
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  await until(() => !isAlive(pid));
});

test.runIf(DEEP)("a host that forgets to close its tools ends by itself, and so does the server", async () => {
  const folder = temporaryFolder();
  symlinkSync(ROOT, join(folder, "boruna"));
  await boruna(["import", "mcp", "--name", "t", "--", "node", MISBEHAVING, "stubborn", folder], { cwd: folder });
  rmSync(join(folder, "trace"));
  const text = 'import "./mcp_t.ax"\nfn main() -> Result<String, String> !{mcp_t.ask} { Ok(t_ask(t_ask_args("hi"))?.text) }\n';
  writeFileSync(join(folder, "app.ax"), text);
  const host = `import { compile, createRegistry, execute, openImportedTools, openSources } from "./boruna/dist/index.js";
const tools = openImportedTools("mcp_t.json");
const registry = createRegistry(tools.capabilities);
const { source, resolve } = openSources("app.ax");
const run = await execute(compile(source, { resolve, registry }), { registry, policy: "allow-all", live: true });
console.log(JSON.stringify(run.value));
`;
  writeFileSync(join(folder, "host.mjs"), host);
  const ended = spawnSync(process.execPath, ["host.mjs"], { cwd: folder, env: environment(), encoding: "utf8" });
  expect(ended).toMatchObject({ status: 0, stdout: '{"ok":"hi"}\n', stderr: "" });
  const pid = await startedIn(folder);
  await until(() => !isAlive(pid));
});
