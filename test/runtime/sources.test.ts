/** Imports of unreadable files, and imports of a library name that exists twice. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { openSources } from "../../runtime/sources.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "boruna-test-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
};

const LONG = "x".repeat(300);
mkdirSync(join(folder, "folder.ax"));
mkdirSync(join(folder, "libs", "hollow", "src", "core.ax"), { recursive: true });
write("file", "");
write("bytes.ax", Uint8Array.from([0xff, 0xfe]));
write("large.ax", "");
truncateSync(join(folder, "large.ax"), 9_000_000);
symlinkSync("loop.ax", join(folder, "loop.ax"));
symlinkSync("/dev/zero", join(folder, "device.ax"));
execFileSync("mkfifo", [join(folder, "pipe.ax")]);

/** Returns the diagnostics of a program that imports `specifier`. */
function diagnosticsOf(specifier: string): readonly string[] {
  write("main.ax", `import "${specifier}"\nfn main() -> Int { 1 }\n`);
  const { source, resolve } = openSources(join(folder, "main.ax"));
  return check(source, { resolve }).diagnostics.map((d) => `${d.code}: ${d.message}`);
}

describe("a project library with the name of a shipped one", () => {
  const OWN = "export fn indent(text: String, n: Int) -> Int { n + string.len(text) }\n";
  const warnings = (text: string): readonly string[] => {
    write("main.ax", text);
    const { source, resolve } = openSources(join(folder, "main.ax"));
    return check(source, { resolve }).diagnostics.map((d) => `${d.code} ${d.file}: ${d.message}`);
  };

  test("is used instead with a warning, but not by the shipped libraries themselves", () => {
    write("libs/std-string/src/core.ax", OWN);
    expect(warnings('import "std-string"\nimport "std-template"\nfn main() -> Int { indent("a", 1) }\n')).toEqual([
      "W006 main.ax: `std-string` means libs/std-string/src/core.ax, which hides the shipped library of that name",
    ]);
    rmSync(join(folder, "libs/std-string"), { recursive: true });
    expect(warnings('import "std-string"\nfn main() -> String { indent("a", "b") }\n')).toEqual([]);
  });
});

describe("an unreadable import is E012, without an absolute path", () => {
  test.each([
    ["a NUL", "./a\\0b.ax", "cannot read FILE: a path cannot hold a NUL character"],
    ["a name that is too long", `./${LONG}.ax`, "cannot read FILE: a name in the path is too long"],
    ["a library name that is too long", LONG, "cannot read FILE: a name in the path is too long"],
    ["links in a loop", "./loop.ax", "cannot read FILE: its symbolic links form a loop"],
    ["a folder", "./folder.ax", "cannot read FILE: it is not a file"],
    ["a folder in place of a library's file", "hollow", "cannot read FILE: it is not a file"],
    ["a named pipe", "./pipe.ax", "cannot read FILE: it is not a file"],
    ["bytes that are not UTF-8", "./bytes.ax", "FILE is not text in UTF-8"],
    ["a file that is too large", "./large.ax", "FILE has 9000000 bytes; at most 8388608 are read"],
    ["a device outside the project", "./device.ax", undefined],
    ["a file in place of a folder", "./file/lib.ax", undefined],
    ["a path outside the project", "../../../../../../../../etc/passwd/x.ax", undefined],
  ])("%s", (_, specifier, reason) => {
    const shown = specifier.replace("\\0", "\0");
    const said = diagnosticsOf(specifier);
    expect(said).toEqual([reason === undefined ? `E012: cannot find \`${shown}\`` : `E012: ${reason.replace("FILE", shown)}`]);
    expect(said.join()).not.toContain(folder);
  });
});
