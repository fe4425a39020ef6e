/** Mistakes that users make: one clear message each, the right exit code, no stack trace. */
import { existsSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeModule } from "../../vm/bytecode/codec.ts";
import { compile } from "../../compiler/compile.ts";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { boruna, type Ended } from "./boruna.ts";

const folder = temporaryFolder();
const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(folder, name), content);

const ADD = "fn main(a: Int) -> Int { a + 1 }\n";
const module = encodeModule(compile({ name: "add.ax", text: ADD }).module);
write("add.ax", ADD);
write("broken.ax", 'fn main() -> Int {\n    "text"\n}\n');
write(
  "rubbish.axbc",
  Uint8Array.from({ length: 400 }, (_, i) => (i * 7919) % 251),
);
write(
  "rubbish.ax",
  Uint8Array.from({ length: 400 }, (_, i) => 128 + ((i * 31) % 127)),
);
write("cut.axbc", module.slice(0, module.length / 2));
write("short.axbc", module.slice(0, 7));
write(
  "typo.json",
  '{\n  "schema_version": 1,\n  "default_allow": false,\n  "rules": { "net.fetchh": { "allow": true, "budget": 5 } }\n}\n',
);
write("field.json", '{\n  "schema_version": 1,\n  "default_alow": false,\n  "rules": {}\n}\n');
write("get.ax", "fn main(url: String) -> String !{net.fetch} { net.fetch(url) }\n");
write("read.ax", "fn main(path: String) -> String !{fs.read} { fs.read(path) }\n");
write("write.ax", 'fn main(path: String) -> Bool !{fs.write} { fs.write(path, "x") }\n');
write("public.json", '{ "schema_version": 1, "default_allow": false, "rules": { "net.fetch": { "allow": true, "budget": 0 } } }\n');
write("notalog.jsonl", '{"boruna_log": 99}\n');
mkdirSync(join(folder, "data"));
write("data/inside.txt", "inside");
symlinkSync("/etc/hostname", join(folder, "data", "link.txt"));
symlinkSync("loop.ax", join(folder, "loop.ax"));
symlinkSync("/dev/full", join(folder, "full.axbc"));
write("loops.ax", 'import "./loop.ax"\nfn main() -> Int { 1 }\n');

interface Case {
  readonly args: readonly string[];
  readonly code: number;
  readonly says: readonly (string | RegExp)[];
}

const CASES: Readonly<Record<string, Case>> = {
  "a missing file": { args: ["run", "nowhere.ax"], code: 2, says: ["nowhere.ax", "there is no such file"] },
  "an import whose links form a loop": { args: ["run", "loops.ax"], code: 2, says: ["E012", "loops.ax:1:8", "cannot read ./loop.ax"] },
  "tests in a file whose links form a loop": { args: ["test", "loop.ax"], code: 2, says: ["cannot read loop.ax: its symbolic links"] },
  "tests below a file": { args: ["test", "add.ax/x.ax"], code: 2, says: ["cannot read add.ax/x.ax: it does not exist"] },
  "a filter longer than any file name": { args: ["test", "add.ax", "x".repeat(300)], code: 2, says: ["there are no tests here"] },
  "a policy that cannot be read": {
    args: ["policy", "validate", "/proc/self/mem"],
    code: 2,
    says: ["cannot read the policy /proc/self/mem"],
  },
  "a folder": { args: ["run", "data"], code: 2, says: ["data", /folder|not a file/] },
  "a missing log": { args: ["replay", "nowhere.jsonl"], code: 2, says: ["nowhere.jsonl", "there is no such file"] },
  "binary rubbish as source": { args: ["check", "rubbish.ax"], code: 2, says: ["rubbish.ax is not text in UTF-8"] },
  "binary rubbish as a module": { args: ["run", "rubbish.axbc"], code: 2, says: [/magic|LLMB/i, "--> rubbish.axbc"] },
  "a policy as a program": { args: ["run", "public.json"], code: 2, says: ["public.json is not a valid module", "boruna compile"] },
  "inputs that are no JSON": { args: ["run", "add.ax", "--inputs", "broken.ax"], code: 2, says: ["broken.ax:1:"] },
  "a module to write where there is no folder": {
    args: ["compile", "add.ax", "-o", "no/add.axbc"],
    code: 2,
    says: ["cannot write no/add.axbc: there is no such folder"],
  },
  "a log to write where there is no folder": {
    args: ["run", "add.ax", "--arg", "a=1", "--record", "no/run.jsonl"],
    code: 2,
    says: ["cannot write no/run.jsonl", "there is no such folder"],
  },
  "a cut module": { args: ["inspect", "cut.axbc"], code: 2, says: [/cut|short|bytes/] },
  "a module of seven bytes": { args: ["run", "short.axbc"], code: 2, says: [/short|bytes/] },
  "a type error": {
    args: ["run", "broken.ax"],
    code: 2,
    says: ["E009", "expected Int for the result of `main`, found String", "broken.ax:2:5", '"text"'],
  },
  "a policy with a misspelt capability": {
    args: ["policy", "validate", "typo.json"],
    code: 2,
    says: ["net.fetchh", "typo.json:4:", "net.fetch"],
  },
  "a policy with a misspelt field": {
    args: ["run", "add.ax", "--arg", "a=1", "--policy", "field.json"],
    code: 2,
    says: ["default_alow", "field.json:3:3", "default_allow"],
  },
  "a policy that is not there": { args: ["run", "add.ax", "--arg", "a=1", "--policy", "nowhere.json"], code: 2, says: ["nowhere.json"] },
  "a missing argument": { args: ["run", "add.ax"], code: 2, says: ["the argument a is missing", "(a: Int)"] },
  "an argument of the wrong type": { args: ["run", "add.ax", "--arg", 'a="x"'], code: 2, says: ["a: expected Int", "String"] },
  "an unknown argument": { args: ["run", "add.ax", "--arg", "a=1", "--arg", "b=2"], code: 2, says: ['no argument "b"'] },
  "an unknown command": { args: ["runn", "add.ax"], code: 2, says: ["unknown command", "Did you mean one of run, runs?"] },
  "a color choice that is none": { args: ["check", "add.ax", "--color", "pink"], code: 2, says: ["--color", "pink", "never"] },
  "no file": { args: ["run"], code: 2, says: ["missing required argument 'file'", "boruna COMMAND -h"] },
  "too many files": { args: ["check", "add.ax", "get.ax"], code: 2, says: ["too many arguments"] },
  "no subcommand": { args: ["policy"], code: 2, says: [/boruna policy validate|no command/] },
  "a control character in a flag": { args: ["run", "add.ax", "--\u001b[1mx"], code: 2, says: ["unknown option '--[1mx'"] },
  "an unknown flag": { args: ["run", "add.ax", "--polcy", "x"], code: 2, says: ["unknown option", "--policy"] },
  "a URL to this machine": {
    args: ["run", "get.ax", "--policy", "public.json", "--live", "--arg", "url=http://127.0.0.1:1/"],
    code: 3,
    says: ["127.0.0.1", /private|loopback/],
  },
  "a URL to this machine in another spelling": {
    args: ["run", "get.ax", "--policy", "public.json", "--live", "--arg", "url=http://[::ffff:7f00:1]/"],
    code: 3,
    says: [/private|loopback|mapped/],
  },
  "a URL that is none": { args: ["run", "get.ax", "--policy", "public.json", "--live", "--arg", "url=not a url"], code: 1, says: [/URL/] },
  "a path outside the roots": {
    args: ["run", "read.ax", "--allow-read", "data", "--live", "--arg", "path=../secret"],
    code: 3,
    says: [/leads out of the folders|fs_policy/],
  },
  "an absolute path outside the roots": {
    args: ["run", "read.ax", "--allow-read", "data", "--live", "--arg", "path=/etc/hostname"],
    code: 3,
    says: [/leads out of the folders|fs_policy/],
  },
  "a link that leaves the roots": {
    args: ["run", "read.ax", "--allow-read", "data", "--live", "--arg", "path=data/link.txt"],
    code: 3,
    says: [/leads out/],
  },
  "a write outside the roots": {
    args: ["run", "write.ax", "--allow-write", "data", "--live", "--arg", "path=../elsewhere.txt"],
    code: 3,
    says: [/leads out of the folders|fs_policy/],
  },
  "a log of a later version": { args: ["verify", "notalog.jsonl"], code: 6, says: ["verify: failed at line 1"] },
};

const output = (ended: Ended): string => `${ended.stdout}${ended.stderr}`;

test.runIf(existsSync("/dev/full"))("a module that cannot be written completely removes no link and no device", async () => {
  const ended = await boruna(["compile", "add.ax", "-o", "full.axbc"], { cwd: folder });
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot write full.axbc: the disk is full") });
  expect(readlinkSync(join(folder, "full.axbc"))).toBe("/dev/full");
});

describe("bad input", () => {
  test.each(someOf(Object.entries(CASES)))("%s", async (_, { args, code, says }) => {
    const ended = await boruna(args, { cwd: folder });
    for (const text of says) expect(output(ended)).toMatch(text);
    expect(output(ended)).not.toContain("\u001b");
    expect(output(ended)).not.toMatch(/\n\s+at .*[(:]\d+:\d+\)?/);
    expect(output(ended)).not.toContain("node:internal");
    expect(ended.code).toBe(code);
  });

  test.each(someOf(Object.entries(CASES)))("%s, as JSON", async (_, { args, code }) => {
    const ended = await boruna([...args, "--json"], { cwd: folder });
    expect(ended).toMatchObject({ code, stderr: "" });
    const data: unknown = JSON.parse(ended.stdout);
    expect(data).toMatchObject({ protocol_version: 1 });
  });
});
