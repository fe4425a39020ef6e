/** Starts `boruna view` and makes runs of the examples, for the tests of the page and for its pictures. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/bin/boruna.js", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const NEWS_SERVER = join(EXAMPLES, "news-digest", "server.mjs");

/** The names of the runs. Their logs have the same names. */
export type RunName = "news" | "edited" | "refused" | "cleanup" | "live" | "redacted";

interface View {
  readonly page: string;
  readonly endpoint: string;
  readonly headers: string;
}

function isView(data: unknown): data is View {
  return typeof data === "object" && data !== null && "page" in data && "endpoint" in data && "headers" in data;
}

const environment = (own: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  TMPDIR: tmpdir(),
  ...own,
});

/** Starts a process of Node that goes on until it is killed. */
function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { env: environment({}), stdio: ["ignore", "pipe", "inherit"] });
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk);
    const [line, ...rest] = text.split("\n");
    if (line !== undefined && rest.length > 0) return line;
  }
  throw new Error(`a process ended after ${JSON.stringify(text)}`);
}

/** Starts a server on a free port. */
async function listen(listener: RequestListener): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { server, url: `http://127.0.0.1:${address.port}` };
}

export class ExampleRuns {
  readonly #folder = mkdtempSync(join(tmpdir(), "boruna-viewer-"));
  readonly #logs = join(this.#folder, "logs");
  readonly #servers: Server[] = [];
  readonly #children: ChildProcess[] = [];
  #view: View = { page: "", endpoint: "", headers: "" };
  /** Address of the news server, behind the gate. */
  #news = "";
  #model = "";
  #shop = "";
  /** The news server does not answer this path until the promise resolves. */
  #gate: { readonly path: string; readonly opened: Promise<void> } | undefined;

  get pageUrl(): string {
    return this.#view.page;
  }

  /** The address that spans are sent to. */
  get endpoint(): string {
    return this.#view.endpoint;
  }

  get senderToken(): string {
    return decodeURIComponent(this.#view.headers).replace("Authorization=Bearer ", "");
  }

  async start(): Promise<void> {
    mkdirSync(this.#logs);
    const view = start([MAIN, "view", this.#logs, "--port", "0", "--json"]);
    const news = start([NEWS_SERVER, "0"]);
    this.#children.push(view, news);
    const printed: unknown = JSON.parse(await firstLine(view));
    if (!isView(printed)) throw new Error(`boruna view printed ${JSON.stringify(printed)}`);
    this.#view = printed;
    const { origin } = new URL((await firstLine(news)).replace("news on ", ""));
    this.#model = `${origin}/v1`;
    const gate = await listen(({ method, url = "", headers }, response) => {
      const forward = (): void => {
        // Only requests without a body come through here.
        request(`${origin}${url}`, { method, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        }).end();
      };
      if (url === this.#gate?.path) void this.#gate.opened.then(forward);
      else forward();
    });
    const shop = await listen(({ url }, response) => void response.end(url === "/inactive" ? "ada\nbob" : "deleted"));
    this.#servers.push(gate.server, shop.server);
    this.#news = gate.url;
    this.#shop = shop.url;
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
      if (child.exitCode === null && child.kill("SIGTERM")) await ended;
    }
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The log of a run. */
  log(name: RunName): string {
    return join(this.#logs, `${name}.jsonl`);
  }

  /** Runs a command, which sends its spans to the viewer unless `own` says otherwise. Resolves to its exit code. */
  command(args: readonly string[], cwd: string, own: Readonly<Record<string, string>> = {}): Promise<number> {
    const env = environment({
      OTEL_EXPORTER_OTLP_ENDPOINT: this.#view.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: this.#view.headers,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      BORUNA_LLM_URL: this.#model,
      BORUNA_LLM_MODEL: "local-summarizer",
      BORUNA_TRACE_DETAIL: "flow",
      ...own,
    });
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env, stdio: "ignore" });
    this.#children.push(child);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code ?? 1));
    });
  }

  /** Runs the news example, or a changed copy of it. Its policy has no time limits here, because a busy machine could reach them. */
  #digest(log: RunName, change: (program: string) => string = (program) => program): Promise<number> {
    const read = (file: string): string => readFileSync(join(EXAMPLES, "news-digest", file), "utf8");
    const folder = mkdtempSync(join(this.#folder, "program-"));
    writeFileSync(join(folder, "digest.ax"), change(read("digest.ax")));
    writeFileSync(join(folder, "policy.jsonc"), read("policy.jsonc").replace(/"(timeout_ms|max_wall_ms)": \d+/g, '"$1": 600000'));
    const args = ["--policy", "policy.jsonc", "--live", "--arg", `url=${this.#news}/stories`, "--record", this.log(log)];
    return this.command(["run", "digest.ax", ...args], folder);
  }

  /** Runs the news example. With `gate`, the answer to that path waits until `open` is called. */
  news(log: "news" | "live", gate?: string): { readonly done: Promise<number>; readonly open: () => void } {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => void (open = resolve));
    this.#gate = gate === undefined ? undefined : { path: gate, opened };
    return { done: this.#digest(log), open: () => open() };
  }

  /** The same program with a change: it keeps fewer stories, so it asks the model something else. */
  edited(): Promise<number> {
    return this.#digest("edited", (program) => program.replace("story.points >= 50", "story.points >= 100"));
  }

  /** A run in which the policy refuses a call. */
  refused(): Promise<number> {
    const args = ["run", "exfiltrate.ax", "--policy", "policy.json", "--arg", "path=note.txt", "--record", this.log("refused")];
    return this.command(args, join(EXAMPLES, "refused"));
  }

  /** A run that waits for an approval. */
  cleanup(): Promise<number> {
    const args = ["run", "cleanup.ax", "--policy", "policy.json", "--live", "--arg", `shop=${this.#shop}`, "--record", this.log("cleanup")];
    return this.command(args, join(EXAMPLES, "approved-cleanup"));
  }

  /** The log of a bundle of evidence, in which the text of the note is redacted: the answer of call 1. */
  async redacted(): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    const folder = join(EXAMPLES, "refused");
    const args = ["--policy", "policy.json", "--arg", "path=note.txt", "--record", at("redacted.jsonl"), "--redactable"];
    const codes = [
      await this.command(["run", "exfiltrate.ax", ...args], folder, { OTEL_TRACES_EXPORTER: "none" }),
      await this.command(["keygen", at("key.pem")], folder),
      await this.command(
        ["evidence", "pack", at("redacted.jsonl"), "--sign", at("key.pem"), "--redact", "1.result", "-o", at("bundle")],
        folder,
      ),
    ];
    if (codes.join() !== "3,0,0") throw new Error(`the commands ended with ${codes.join()}`);
    for (const name of ["redacted.jsonl.blobs", "redacted.jsonl"])
      cpSync(join(at("bundle"), name), join(this.#logs, name), { recursive: true });
  }

  /** Replays the news run. */
  replay(): Promise<number> {
    return this.command(["replay", this.log("news")], EXAMPLES);
  }

  /** Makes the runs that the tests and pictures show. */
  async makeAll(): Promise<void> {
    const codes = [await this.news("news").done, await this.replay(), await this.edited(), await this.refused(), await this.cleanup()];
    if (codes.join() !== "0,0,0,3,7") throw new Error(`the commands ended with ${codes.join()}`);
  }
}
