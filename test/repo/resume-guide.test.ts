/** Runs the page `docs/guide/resume.md` from top to bottom, with a bank on this machine. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna, type Ended, environment, MAIN } from "../cli/boruna.ts";
import { codeBlocksOf, wordsOf } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const PAGE = readFileSync(join(ROOT, "docs/guide/resume.md"), "utf8");
const KILLED = 137;
/** The page's run is killed when the bank gets this payment. */
const LAST = "/payments/p3";

test("docs/guide/resume.md", async () => {
  const folder = temporaryFolder();
  const requests: string[] = [];
  let onRequest = (_path: string): void => undefined;
  const bank = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers["idempotency-key"] === undefined ? "without" : "with"} a key`);
    onRequest(request.url ?? "");
    response.end("receipt");
  });
  await new Promise<void>((resolve) => bank.listen(0, "127.0.0.1", resolve));
  const address = bank.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const local = (text: string): string =>
    text.replaceAll("https://bank.example.com", `http://${host}`).replaceAll("bank.example.com", host);

  /** Runs a command and kills it when the bank gets the payment `LAST`. */
  const killed = (args: readonly string[]): Promise<Ended> => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: environment(), stdio: "ignore" });
    onRequest = (path) => path === LAST && child.kill("SIGKILL");
    return new Promise((resolve) => {
      child.once("close", (code) => {
        onRequest = () => undefined;
        resolve({ code: code ?? KILLED, stdout: "", stderr: "" });
      });
    });
  };

  const languages: string[] = [];
  for (const { language, text, line } of codeBlocksOf(PAGE)) {
    languages.push(language);
    if (language === "console") {
      const [command = "", ...output] = text.trimEnd().split("\n");
      const code = Number(/^\(exit code ([0-9]+)\)$/.exec(output.at(-1) ?? "")?.[1] ?? 0);
      const expected = output.filter((part) => !part.startsWith("(exit code ")).join("\n");
      const args = wordsOf(local(command.replace(/^\$ boruna /, "")));
      const ended = code === KILLED ? await killed(args) : await boruna(args, { cwd: folder });
      expect(`${ended.stdout}${ended.stderr}`.replace(/sha256:[0-9a-f]{64}/g, "sha256:…"), `line ${line}: ${command}`).toContain(expected);
      expect(ended.code, `line ${line}: ${command}`).toBe(code);
    } else {
      const name = /^\/\/ (\S+)\n/.exec(text)?.[1];
      expect(name, `line ${line}: the first line names the file`).toBeDefined();
      writeFileSync(join(folder, name ?? ""), local(text));
    }
  }
  bank.closeAllConnections();
  bank.close();
  expect(languages.length).toBe([...PAGE.matchAll(/^```/gm)].length / 2);
  const paid = (key: string): readonly string[] => ["p1", "p2", "p3", "p3", "p4"].map((id) => `/payments/${id} ${key}`);
  expect(requests).toEqual([...paid("without a key"), ...paid("with a key")]);
});

test.runIf(DEEP)("examples/payment-batch", async () => {
  const child = spawn(process.execPath, [join(ROOT, "examples/payment-batch/start.mjs")], {
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(output).toContain("The run ended with SIGKILL. The bank has made 10 payments;");
  expect(output).toContain("Report { paid: 20, cents: 2190, failed: [] }\n");
  expect(output).toContain("The resumed run ended with 0. The bank has made 20 payments, in 21 requests.");
  expect(code).toBe(0);
});
