/** The header of a log declares the capabilities that the host defines. A reader refuses forged declarations. */
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { editLine } from "./mend.ts";
import { READS_TWICE } from "./programs.ts";
import { logOf, recorded, replayed } from "./recorded.ts";

const registry = createRegistry([
  {
    name: "own.text",
    version: "2",
    params: [
      { name: "how", type: "String" },
      { name: "half", type: "Float", default: 0.5 },
    ],
    result: "Option<String>",
    mayRepeat: { how: ["read"] },
    doc: "not part of the log",
  },
  { name: "own.more", version: "1", params: [], result: "Unit", mayRepeat: false },
]);
const text = 'fn main() -> Option<String> !{own.text} { own.text("read") }';
const program = verifyModule(compile({ name: "main.ax", text }, { registry }).module, registry);
const recording = () => recorded(program, { handlers: { "own.text": ([how, half]) => ({ some: `${String(how)} ${String(half)}` }) } });

test("every capability of the host is declared, sorted by name, as canonical JSON", async () => {
  const run = await recording();
  const [header = ""] = new TextDecoder().decode(run.bytes).split("\n");
  expect(header).toContain(
    '"capabilities":[{"mayRepeat":false,"name":"own.more","params":[],"result":"Unit","version":"1"},' +
      '{"mayRepeat":{"how":["read"]},"name":"own.text","params":[{"name":"how","type":"String"},{"default":0.5,"name":"half","type":"Float"}],' +
      '"result":"Option<String>","version":"2"}]',
  );
  expect(header).toContain('"unserved":["own.more"]');
  expect(await replayed(run)).toMatchObject({ status: "identical", notes: [], result: { outcome: "success" } });
  expect(logOf(run).header.capabilities.map((c) => c.name)).toEqual(["own.more", "own.text"]);
});

test("a log without capabilities of the host has no such field", async () => {
  const run = await recorded(READS_TWICE, { handlers: { "fs.read": () => "" } });
  expect(new TextDecoder().decode(run.bytes)).not.toContain('"capabilities"');
});

describe("a forged declaration is refused", () => {
  test.each([
    ["an empty list", /"capabilities":\[.*?\],"capability_set/, '"capabilities":[],"capability_set', "log.form"],
    ["no list", /"capabilities":\[.*?\],"capability_set/, '"capabilities":{},"capability_set', "log.form"],
    ["another name", '"name":"own.text"', '"name":"own.test"', "module.unknown_capability"],
    ["a built-in name", '"name":"own.text"', '"name":"fs.read"', "log.form"],
    ["a name twice", '"name":"own.text"', '"name":"own.more"', "log.form"],
    ["names out of order", '"name":"own.more"', '"name":"own.zoo"', "log.form"],
    ["an unknown type", '"result":"Option<String>"', '"result":"Text"', "log.form"],
    ["a type in another spelling", '"result":"Option<String>"', '"result":"Option< String >"', "log.form"],
    ["an unknown field", '"result":"Unit"', '"result":"Unit","id":64', "log.form"],
    ["a wrong default", '"default":0.5', '"default":"half"', "log.form"],
  ])("%s", async (_name, from, to, kind) => {
    const run = await recording();
    await expect((async () => replayed(run, editLine(run.bytes, 1, from, to)))()).rejects.toMatchObject({ kind });
  });

  test("another result type: the recorded answer no longer fits, so the replay diverges", async () => {
    const run = await recording();
    const forged = editLine(run.bytes, 1, '"result":"Option<String>"', '"result":"Int"');
    expect(await replayed(run, forged)).toMatchObject({ status: "divergence" });
  });
});
