/** Programs, policies and a small web server that the tests of the command line share. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

/** Strings that a program handles and that no span may hold. */
export const SENTINEL = "SENTINEL";

const CALLS = `type Note { title: String, tags: Map<String, String>, inner: Option<String> }

fn main(what: String, url: String) -> Int !{net.fetch, fs.read, db.query, ui.render} {
    if what == "ok" {
        string.len(net.fetch(url, "POST", "${SENTINEL}-böd", { "x-sent": "${SENTINEL}-value" }))
    } else if what == "denied" {
        string.len(fs.read("${SENTINEL}-path"))
    } else if what == "over" {
        string.len(net.fetch(url)) + string.len(net.fetch(url)) + string.len(net.fetch(url))
    } else if what == "failed" {
        string.len(net.fetch(url ++ "/${SENTINEL}-missing"))
    } else if what == "database" {
        list.len(db.query("select '${SENTINEL}'"))
    } else if what == "trap" {
        string.len(net.fetch(url)) / 0
    } else {
        emit Note { title: "${SENTINEL}", tags: { "k": "vé" }, inner: Some("x") }
        0
    }
}
`;

const POLICY = {
  schema_version: 1,
  default_allow: false,
  rules: { "net.fetch": { allow: true, budget: 2 }, "db.query": { allow: true, budget: 3 }, "ui.render": { allow: true, budget: 0 } },
  net_policy: {
    allowed_domains: ["127.0.0.1"],
    allowed_methods: ["GET", "POST"],
    max_response_bytes: 65_536,
    timeout_ms: 600_000,
    allow_redirects: false,
    allow_private_networks: true,
  },
};

/** Writes `calls.ax` and `policy.json` into the folder. */
export function writeCalls(folder: string): void {
  writeFileSync(join(folder, "calls.ax"), CALLS);
  writeFileSync(join(folder, "policy.json"), JSON.stringify(POLICY));
}

export interface Web {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers every path with `answer-é`, except paths that contain `missing`. Calls `onRequest` before each answer. */
export async function startWeb(onRequest: () => void = () => undefined): Promise<Web> {
  const server = createServer((request, response) => {
    onRequest();
    request.resume();
    response.writeHead(request.url?.includes("missing") === true ? 404 : 200, { "content-type": "text/plain; charset=utf-8" });
    response.end("answer-é");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
