// A scripted agent, without a model: it does what a model would do with `boruna mcp`, on the MCP filesystem server and 40 notes.
//   node examples/mcp-agent/agent.mjs
// It searches for tools, writes one program, repairs it by the fixes of the compiler, and runs it. Then it does the same task by calling
// the tools one by one, and prints how many characters a model would have read and written each way.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const NOTES = 40;
const examples = fileURLToPath(new URL("..", import.meta.url));
const boruna = fileURLToPath(new URL("../../dist/bin/boruna.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "boruna-agent-"));

/** Everything that a model would have read and written. */
class Transcript {
  texts = [];
  add(value) {
    this.texts.push(typeof value === "string" ? value : JSON.stringify(value));
  }
  get text() {
    return this.texts.join("\n");
  }
}

async function connect(command, args, transcript) {
  const client = new Client({ name: "agent", version: "1" });
  await client.connect(new StdioClientTransport({ command, args, cwd: folder, stderr: "inherit" }));
  const { tools } = await client.listTools();
  // A model reads names, descriptions and input schemas before it can call anything.
  transcript.add(tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })));
  const call = async (name, args_) => {
    transcript.add({ name, arguments: args_ });
    const { content, structuredContent } = await client.callTool({ name, arguments: args_ });
    transcript.add(content.map(({ text }) => text).join("\n"));
    return structuredContent ?? content[0].text;
  };
  return { call, close: () => client.close() };
}

/** Copies examples/mcp-notes into the folder, and adds notes. Returns the command of the server: the installed one, or npx if there is none. */
function prepare() {
  cpSync(join(examples, "mcp-notes"), folder, { recursive: true });
  // A run of that example leaves this file.
  rmSync(join(folder, "notes", "index.md"), { force: true });
  for (let i = 0; i < NOTES; i++) {
    const kind = i % 4 === 0 ? "invoice" : "letter";
    writeFileSync(
      join(folder, "notes", `note-${i}.txt`),
      `${kind} ${i}\n${"Some words that nobody needs to read for this task. ".repeat(30)}\n`,
    );
  }
  const path = join(folder, "mcp_notes.json");
  const declaration = JSON.parse(readFileSync(path, "utf8"));
  try {
    const server = createRequire(import.meta.url).resolve("@modelcontextprotocol/server-filesystem/dist/index.js");
    declaration.server.command = [process.execPath, server, "notes"];
    writeFileSync(path, JSON.stringify(declaration));
  } catch {
    // No server is installed. The command in the declaration asks npx for it.
  }
  return declaration.server.command;
}

/** The first draft forgets the effects of a function. */
const DRAFT = `import "./mcp_notes.ax"
import "std-list"

fn main() -> Result<Int, String> !{mcp_notes.list_directory, mcp_notes.read_text_file, mcp_notes.write_file} {
    let listing = notes_list_directory(notes_list_directory_args("."))?.content
    let names = filter_map(string.lines(listing), fn(line) { string.strip_prefix(line, "[FILE] ") })
    let invoices = list.filter(all_ok(par.map(names, first_line))?, fn(line) { string.starts_with(line, "invoice") })
    notes_write_file(notes_write_file_args("index.md", string.join(invoices, "\\n")))?
    Ok(list.len(invoices))
}

fn first_line(name: String) -> Result<String, String> {
    let head = NotesReadTextFileArgs { ..notes_read_text_file_args(name), head: Some(1.0) }
    Ok(string.trim(notes_read_text_file(head)?.content))
}
`;

/** Applies the edits of all fixes, the last in the text first. */
function repaired(source, diagnostics) {
  const edits = diagnostics.flatMap(({ fixes }) => fixes.flatMap((fix) => fix.edits)).toSorted((a, b) => b.start - a.start);
  return edits.reduce((text, { start, end, text: inserted }) => text.slice(0, start) + inserted + text.slice(end), source);
}

async function withBoruna(transcript) {
  const args = [boruna, "mcp", "--tools", "mcp_notes.json", "--policy", "policy.json", "--live", "--logs", "logs"];
  const { call, close } = await connect(process.execPath, args, transcript);
  const { tools } = await call("boruna_search", { query: "list directory, read text file, write file", limit: 4 });
  await call("boruna_describe", {
    names: tools.map(({ name }) => name).filter((name) => /list_directory$|read_text_file$|write_file$/.test(name)),
  });
  let source = DRAFT;
  let checked = await call("boruna_check", { source });
  for (let attempt = 0; !checked.ok && attempt < 5; attempt++) {
    source = repaired(source, checked.diagnostics);
    checked = await call("boruna_check", { source });
  }
  const run = await call("boruna_run", { source, live: true });
  await close();
  return run;
}

async function oneByOne(command, transcript) {
  const [program, ...args] = command;
  const { call, close } = await connect(program, args, transcript);
  const textOf = (answer) => answer.content ?? answer;
  const listing = textOf(await call("list_directory", { path: "." }));
  const lines = [];
  for (const [, name] of listing.matchAll(/\[FILE\] (\S+\.txt)/g)) {
    lines.push(textOf(await call("read_text_file", { path: name })).split("\n")[0]);
  }
  const invoices = lines.filter((line) => line.startsWith("invoice"));
  await call("write_file", { path: "index.md", content: invoices.join("\n") });
  await close();
  return invoices.length;
}

try {
  const command = prepare();
  const [composed, single] = [new Transcript(), new Transcript()];
  const run = await withBoruna(composed);
  const count = await oneByOne(command, single);
  console.log(
    JSON.stringify({ outcome: run.outcome, invoices: run.value, calls: run.counters?.total, error: run.error, one_by_one: count }),
  );
  console.log(`characters read and written: ${composed.text.length} with Boruna, ${single.text.length} one by one`);
  if (process.argv[2] !== undefined) writeFileSync(process.argv[2], JSON.stringify({ composed: composed.text, single: single.text }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
