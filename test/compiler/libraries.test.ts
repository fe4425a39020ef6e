import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import { LIBRARY_FUNCTIONS, LIBRARY_NAMES, LIBRARY_TYPES } from "../../compiler/libraries.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { readLibraries, LIBRARY_TABLE_FILE, libraryTable } from "../../scripts/libraries.ts";

test("the compiler's table lists the exports of the libraries (npm run docs)", () => {
  expect(readFileSync(LIBRARY_TABLE_FILE, "utf8")).toBe(libraryTable());
  expect(LIBRARY_NAMES).toEqual(readLibraries().map((library) => library.name));
});

test("no two libraries export the same name", () => {
  const exported = readLibraries().flatMap((library) => library.exports);
  expect(LIBRARY_FUNCTIONS.size + LIBRARY_TYPES.size).toBe(exported.length);
});

test("no library exports the unqualified name of a builtin", () => {
  const bare = new Set(BUILTINS.flatMap((b) => [b.name, ...b.oldNames]).map((name) => name.split(".").at(-1)));
  expect([...LIBRARY_FUNCTIONS.keys()].filter((name) => bare.has(name))).toEqual([]);
});

function diagnosticsOf(text: string): readonly Diagnostic[] {
  return check({ name: "main.ax", text }, { resolve: (name) => ({ name, text: "export fn take_last(n: Int) -> Int { n }\n" }) })
    .diagnostics;
}

function withFirstFix(text: string): string {
  const edits = [...(diagnosticsOf(text)[0]?.fixes[0]?.edits ?? [])].sort((a, b) => b.span.start - a.span.start);
  return edits.reduce((sofar, { span, text: by }) => sofar.slice(0, span.start) + by + sofar.slice(span.end), text);
}

test.each([
  ["an empty head", "fn main() -> Int { take_last(1) }\n", 'import "std-list"\n\nfn main() -> Int { take_last(1) }\n'],
  ["a byte order mark", "\ufefffn main() -> Int { take_last(1) }\n", '\ufeffimport "std-list"\n\nfn main() -> Int { take_last(1) }\n'],
  [
    "a comment on the first item",
    "// main\nfn main() -> Int { take_last(1) }\n",
    'import "std-list"\n\n// main\nfn main() -> Int { take_last(1) }\n',
  ],
  [
    "a comment on the file",
    "// file\r\n\r\n// main\r\nfn main() -> Int { take_last(1) }\r\n",
    '// file\r\n\r\nimport "std-list"\n\n// main\r\nfn main() -> Int { take_last(1) }\r\n',
  ],
  ["a module", "module m\nfn main() -> Int { take_last(1) }\n", 'module m\n\nimport "std-list"\nfn main() -> Int { take_last(1) }\n'],
  [
    "another import",
    'import "std-map" // maps\n\nfn main() -> Int { drop_while(1) }\n',
    'import "std-list"\nimport "std-map" // maps\n\nfn main() -> Int { drop_while(1) }\n',
  ],
  [
    "a module of builtins before the name",
    "fn main() -> Int { list.take_last(1) }\n",
    'import "std-list"\n\nfn main() -> Int { take_last(1) }\n',
  ],
  [
    "an imported name",
    'import "std-list"\nfn main() -> Int { list.take_last(1) }\n',
    'import "std-list"\nfn main() -> Int { take_last(1) }\n',
  ],
])("the fix inserts the import: %s", (_, text, expected) => {
  expect(withFirstFix(text)).toBe(expected);
  if (!text.includes("drop")) expect(diagnosticsOf(expected)).toEqual([]);
});

test.each([
  ["std-lists", "std-list"],
  ["list", "std-list"],
  ["std/json", "std-json"],
  ["std.csv", "std-csv"],
])('import "%s" suggests a library', (written, meant) => {
  const [found] = check({ name: "main.ax", text: `import "${written}"\n` }).diagnostics;
  expect(found?.help).toBe(`did you mean \`${meant}\`?`);
});

test.each(["std-list", "./list", "nowhere"])('import "%s" is not found and suggests nothing', (written) => {
  const [found] = check({ name: "main.ax", text: `import "${written}"\n` }).diagnostics;
  expect(found?.fixes).toEqual([]);
});
