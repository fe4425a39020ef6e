/** Runs the page `docs/guide/approval.md` from top to bottom, with a bank on this machine, and the example that it names. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna, environment } from "../cli/boruna.ts";
import { codeBlocksOf, wordsOf } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const PAGE = readFileSync(join(ROOT, "docs/guide/approval.md"), "utf8");
/** The public key of RFC 8410, which nobody signs with. */
const PAGE_KEY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

test("docs/guide/approval.md", async () => {
  const folder = temporaryFolder();
  const requests: string[] = [];
  const bank = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.end(request.method === "GET" ? "2 invoices" : "receipt");
  });
  await new Promise<void>((resolve) => bank.listen(0, "127.0.0.1", resolve));
  const address = bank.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  /** The key that the page's first command has made. */
  let key = PAGE_KEY;
  const local = (text: string): string =>
    text.replaceAll("https://bank.example.com", `http://${host}`).replaceAll("bank.example.com", host).replaceAll(PAGE_KEY, key);

  const languages: string[] = [];
  for (const { language, text, line } of codeBlocksOf(PAGE)) {
    languages.push(language);
    if (language === "console") {
      const command = local(text).split("\n", 1)[0] ?? "";
      const ended = await boruna(wordsOf(command.replace(/^\$ boruna /, "")), { cwd: folder });
      key = /^as policies name it: (\S+)$/m.exec(ended.stdout)?.[1] ?? key;
      const output = local(text).trimEnd().split("\n").slice(1);
      const code = Number(/^\(exit code ([0-9]+)\)$/.exec(output.at(-1) ?? "")?.[1] ?? 0);
      const expected = output.filter((part) => !part.startsWith("(exit code ")).join("\n");
      const printed = `${ended.stdout}${ended.stderr}`.replace(/(sha256:|head )[0-9a-f]{64}/g, "$1…");
      expect(printed, `line ${line}: ${command}`).toContain(expected);
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
  const paid = ["GET /invoices", "POST /payments/p1"];
  expect(requests).toEqual([...paid, ...paid]);
});

test.runIf(DEEP)("examples/approved-cleanup", async () => {
  const child = spawn(process.execPath, [join(ROOT, "examples/approved-cleanup/start.mjs")], {
    env: environment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect([...output.matchAll(/^\((exit code .*)\)$/gm)].map(([, ended]) => ended)).toEqual([
    "exit code 7; customers: ada, bob",
    "exit code 0; customers: ada, bob",
    "exit code 7; customers: bob",
    "exit code 0; customers: bob",
    "exit code 3; customers: bob",
  ]);
  expect(code).toBe(0);
});
