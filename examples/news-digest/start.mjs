// `npm start`: the life of a run in a minute, on this machine alone. Each step is a command that you could type, with its real output.
//
//   node examples/news-digest/start.mjs [--view] [FOLDER]
//
// `--view` keeps the viewer open until Ctrl-C. FOLDER gets the logs and spans, in place of .boruna/start.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "./server.mjs";

const HEADER_BYTES = 65536;
const root = fileURLToPath(new URL("../../", import.meta.url));
const boruna = join(root, "dist", "bin", "boruna.js");
const staysOpen = process.argv.includes("--view");
const folder = process.argv.slice(2).find((arg) => arg !== "--view") ?? ".boruna/start";
const log = `${folder}/post.jsonl`;
const spans = `${folder}/spans.jsonl`;
const say = (text) => process.stdout.write(`${text}\n`);
const children = new Set();

/** Starts a command in the root of the repository. */
function start(args, env, stdout) {
  say(`$ boruna ${args.join(" ")}`);
  const child = spawn(process.execPath, [boruna, ...args], {
    cwd: root,
    stdio: ["ignore", stdout, "inherit"],
    env: { ...process.env, ...env },
  });
  children.add(child);
  const ended = new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => done(signal ?? code));
  }).finally(() => children.delete(child));
  return { child, ended };
}

/** Runs a command, which must end with this exit code or signal. */
async function run(title, args, expected, env, onStart = () => undefined) {
  say(`\n# ${title}`);
  const { child, ended } = start(args, env, "inherit");
  onStart(child);
  const end = await ended;
  if (end !== 0) say(typeof end === "string" ? `(killed by ${end})` : `(exit code ${end})`);
  if (end !== expected) throw new Error(`\`boruna ${args[0]}\` should have ended with ${expected}`);
}

/** Starts the viewer, and resolves to the variables for senders of spans once it listens. */
async function startViewer() {
  say("\n# The viewer receives spans and watches the folder of logs.");
  const { child, ended } = start(["view", folder, "--store", spans, "--port", "0"], {}, "pipe");
  let text = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    process.stdout.write(chunk);
    text += chunk;
    const [, endpoint, headers] =
      /^ {2}export OTEL_EXPORTER_OTLP_ENDPOINT=(.*)\n {2}export OTEL_EXPORTER_OTLP_HEADERS=(.*)\n/m.exec(text) ?? [];
    if (headers !== undefined) {
      return { child, ended, env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } };
    }
  }
  throw new Error("the viewer did not start");
}

/** A board that knows each post by its idempotency key, so a repeated request posts once. `onPost` gets each response to send. */
function startBoard(onPost) {
  const posts = new Set();
  const board = createServer((request, response) => {
    request.resume().once("end", () => {
      posts.add(request.headers["idempotency-key"]);
      onPost(response);
    });
  });
  return new Promise((done) => board.listen(0, "127.0.0.1", () => done({ board, posts })));
}

/** Returns the run id in the header of the log. */
function runId() {
  const file = openSync(resolve(root, log));
  const bytes = Buffer.alloc(HEADER_BYTES);
  const text = bytes.toString("utf8", 0, readSync(file, bytes));
  closeSync(file);
  return /"run_id":"(\w+)"/.exec(text)?.[1];
}

rmSync(resolve(root, folder), { recursive: true, force: true });
mkdirSync(resolve(root, folder), { recursive: true });
const answer = (response) => response.end("posted");
let onPost = answer;
const { board, posts } = await startBoard((response) => onPost(response));
const services = await startServer();
let requests = 0;
services.on("request", () => (requests += 1));
const news = `http://127.0.0.1:${services.address().port}`;
say(`A news API and a model listen on ${news}, a board on http://127.0.0.1:${board.address().port}.`);

try {
  const viewer = await startViewer();
  const live = { ...viewer.env, BORUNA_LLM_URL: `${news}/v1`, BORUNA_LLM_MODEL: "local-summarizer", BORUNA_OTEL_SHUTDOWN_MS: "60000" };
  const program = [
    "run",
    "examples/news-digest/post.ax",
    "--policy",
    "examples/news-digest/post.jsonc",
    "--live",
    "--arg",
    `url=${news}/stories`,
  ];

  const elsewhere = ["--arg", "board=https://elsewhere.example/board", "--record", `${folder}/denied.jsonl`];
  await run("The program is told to post elsewhere. The policy denies that: no byte leaves.", [...program, ...elsewhere], 3, live);

  requests = 0;
  const here = ["--arg", `board=http://127.0.0.1:${board.address().port}/`, "--record", log];
  await run(
    "It fetches the stories side by side, asks the model, and waits: a person must approve the post.",
    [...program, ...here],
    7,
    live,
  );
  await run("What it did, as a trace: the calls for the stories overlap.", ["trace", "show", runId(), "--store", spans], 0);
  await run("A person approves.", ["approve", log, "--call", "8", "--by", "ada"], 0);

  await run("The run goes on, and its process is killed while the board gets the post.", ["resume", log], "SIGKILL", live, (child) => {
    onPost = () => child.kill("SIGKILL");
  });
  onPost = answer;
  await run("It goes on again. No story is fetched twice; the post carries the same key.", ["resume", log], 0, live);
  say(`(the news API and the model got ${requests} requests in all, and the board has ${posts.size} post)`);
  if (requests !== 7 || posts.size !== 1) throw new Error("there should be 7 requests and 1 post");

  for (const server of [services, board]) {
    server.close();
    server.closeAllConnections();
  }
  await run("The services are gone. The log alone is enough to run the program again, bit for bit.", ["replay", log], 0);
  await run("Is the log whole, and what this program does?", ["verify", log, "--replay"], 0);

  if (staysOpen) say("\nThe viewer is open until Ctrl-C, at the address above.");
  else viewer.child.kill("SIGTERM");
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => viewer.child.kill("SIGTERM"));
  await viewer.ended;
  say(`\n# See it all in the browser:\n$ node dist/bin/boruna.js view ${folder} --store ${spans}`);
} catch (error) {
  process.stderr.write(`\nThe example has failed: ${error.message}.\n`);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill();
  for (const server of [services, board]) {
    server.close();
    server.closeAllConnections();
  }
}
