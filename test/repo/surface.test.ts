/**
 * Compares the public interface with the text in `test/repo/surface/`, so that a review sees each change of what COMPATIBILITY.md promises.
 * To accept a change, run `npx vitest run test/repo/surface.test.ts --update`, and read COMPATIBILITY.md, which says what may change.
 */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { apiSections } from "../../scripts/api-page.ts";
import { policyFieldDocs } from "../../policy/json-schema.ts";
import { ATTRIBUTES, SPANS } from "../../telemetry/attributes.ts";
import { INSTRUMENTS, METRIC_ATTRIBUTES } from "../../telemetry/instruments.ts";
import { OPCODE_BY_TAG } from "../../vm/bytecode/opcodes.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { CAPABILITIES } from "../../vm/capabilities.ts";
import { EXIT, OUTCOMES, TRAPS } from "../../vm/outcome.ts";
import { ROOT } from "./imports.ts";

/** A declaration without the comments of its members, and without the value of a constant: names and types are promised. */
const namesAndTypes = (text: string): string =>
  text.replace(/^\s*(\/\*\*[\s\S]*?\*\/|\/\/.*)\n/gm, "").replace(/^(const \w+(?:: [\w<>, ]+)?) =[\s\S]*/, "$1;");

const SURFACE: Readonly<Record<string, () => readonly string[]>> = {
  api: () =>
    apiSections()
      .flatMap(({ exports }) => exports)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ declaration }) => namesAndTypes(declaration)),
  bytecode: () => [
    ...[...OPCODE_BY_TAG].map(([tag, { name, operands }]) => `opcode ${tag} ${name} ${operands.join(" ")}`.trimEnd()),
    ...BUILTINS.map(({ id, name }) => `builtin ${id} ${name}`),
  ],
  capabilities: () => CAPABILITIES.map(({ id, name, version }) => `${id} ${name} ${version}`),
  outcomes: () => [
    ...Object.entries(OUTCOMES).map(([name, row]) => `outcome ${name}, exit code ${row.exitCode}`),
    ...Object.keys(TRAPS).map((name) => `trap ${name}`),
    ...Object.entries(EXIT).map(([name, code]) => `exit code ${code} ${name}`),
  ],
  policy: () => policyFieldDocs().map(({ path, form, default: value }) => `${path}: ${form}; default ${JSON.stringify(value) ?? "none"}`),
  telemetry: () => [
    ...Object.keys(SPANS).map((name) => `span ${name}`),
    ...Object.keys(ATTRIBUTES).map((name) => `attribute ${name}`),
    ...Object.keys(INSTRUMENTS).map((name) => `metric ${name}`),
    ...Object.keys(METRIC_ATTRIBUTES).map((name) => `attribute of metrics ${name}`),
  ],
};

describe("the surface", () => {
  test.each(Object.entries(SURFACE))("%s", async (name, lines) => {
    await expect(`${lines().join("\n")}\n`).toMatchFileSnapshot(join(ROOT, "test", "repo", "surface", `${name}.txt`));
  });
});

test("every optional option may also be undefined, for callers with exactOptionalPropertyTypes", () => {
  const options = apiSections().flatMap(({ exports }) => exports.filter(({ name }) => /(?:Options|Input)$/.test(name)));
  const members = options.flatMap(({ name, declaration }) =>
    [...declaration.matchAll(/^ {2}readonly (\w+)\?: ([^]*?);$/gm)].map(([, member, type]) => ({ at: `${name}.${member}`, type })),
  );
  expect(members.length).toBeGreaterThan(100);
  expect(members.filter(({ type }) => !/^unknown$|\| undefined$/.test(type ?? ""))).toEqual([]);
});
