/** `boruna lsp` as a process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { MAIN } from "./boruna.ts";

const message = (body: object): string => {
  const text = JSON.stringify({ jsonrpc: "2.0", ...body });
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};

test.each([[["lsp"]], [["lsp", "--stdio"]]])("%j serves on stdin and stdout until the client sends exit", async (args) => {
  const server = spawn(process.execPath, [MAIN, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  server.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  server.stdin.write(message({ id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities: {} } }));
  server.stdin.write(
    message({
      method: "textDocument/didOpen",
      params: { textDocument: { uri: "untitled:a.ax", languageId: "ax", version: 1, text: "fn f() -> Int { true }" } },
    }),
  );
  while (!output.includes("expected Int")) await once(server.stdout, "data");
  expect(output).toContain('"hoverProvider":true');
  server.stdin.write(message({ id: 2, method: "shutdown" }));
  server.stdin.write(message({ method: "exit" }));
  const [code] = await once(server, "exit");
  expect(code).toBe(0);
});
