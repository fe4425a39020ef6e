/** The compiler and the machine in Chromium, if it is installed. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createContext, Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEEP } from "../cases.ts";
import { CHROMIUM, QUIET_FLAGS } from "../chromium.ts";
import { browserBundle, PROGRAM } from "./browser-bundle.ts";

const RECURSION = "fn down(n: Int) -> Int { 1 + down(n + 1) }\nfn main() -> Int { down(0) }";
const RUNS: readonly (readonly [text: string, engine: string])[] = [
  [PROGRAM, "interpreter"],
  [PROGRAM, "compiled"],
  [PROGRAM, "auto"],
  [RECURSION, "interpreter"],
  [RECURSION, "compiled"],
];

/** Runs all programs and counts the uses of eval. The results are percent-encoded, so that HTML does not change them. */
const SCRIPT = `
let generated = 0;
globalThis.Function = new Proxy(Function, {
  construct: (target, args) => { const made = Reflect.construct(target, args); generated += 1; return made; },
});
const results = ${JSON.stringify(RUNS)}.map(([text, engine]) => boruna.run(text, engine));
document.body.textContent = "[" + encodeURIComponent(JSON.stringify({ results, generated })) + "]";
`;

interface Shown {
  readonly results: readonly string[];
  readonly generated: number;
}

let code = "";
let server: Server;
let origin = "";

beforeAll(async () => {
  ({ code } = await browserBundle());
  const html = `<!doctype html><title>boruna</title><body><script src="/boruna.js"></script><script src="/runs.js"></script>`;
  const files = new Map<string, readonly [type: string, body: string]>([
    ["/boruna.js", ["text/javascript", code]],
    ["/runs.js", ["text/javascript", SCRIPT]],
    ["/open", ["text/html", html]],
    ["/closed", ["text/html", html]],
  ]);
  server = createServer(({ url = "" }, response) => {
    const [type, body] = files.get(url) ?? [];
    // The content security policy of pages without \`unsafe-eval\`.
    if (url === "/closed") response.setHeader("content-security-policy", "default-src 'self'");
    response.writeHead(body === undefined ? 404 : 200, { "content-type": `${type ?? "text/plain"}; charset=utf-8` }).end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  origin = `http://127.0.0.1:${address.port}`;
});

afterAll(() => void server.close());

/** The text of a page after loading. */
async function shown(path: string): Promise<Shown> {
  const profile = mkdtempSync(join(tmpdir(), "boruna-chromium-"));
  try {
    const args = ["--headless", ...QUIET_FLAGS, `--user-data-dir=${profile}`, "--dump-dom", `${origin}${path}`];
    const { stdout } = await promisify(execFile)(CHROMIUM ?? "", args, { timeout: 600_000 });
    const text = /<body[^>]*>\[([^\]]*)\]/.exec(stdout)?.[1] ?? expect.fail(stdout);
    return JSON.parse(decodeURIComponent(text));
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The expected results, computed in Node. */
function expected(): readonly string[] {
  const world = createContext({ TextEncoder, TextDecoder });
  new Script(code).runInContext(world);
  return RUNS.map(([text, engine]) => new Script(`boruna.run(${JSON.stringify(text)}, ${JSON.stringify(engine)})`).runInContext(world));
}

describe.skipIf(CHROMIUM === undefined)("a page in Chromium", () => {
  test("has the same results as Node, on both engines", async () => {
    const { results, generated } = await shown("/open");
    expect(results).toEqual(expected());
    expect(generated).toBeGreaterThan(1);
  });

  test.runIf(DEEP)("has the same results if the content security policy forbids eval", async () => {
    const { results, generated } = await shown("/closed");
    expect(results).toEqual(expected());
    expect(generated).toBe(0);
  });
});
