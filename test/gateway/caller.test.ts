/** A capability call inside a library also reports where the program called the library. */
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { executeProgram, type RunResult } from "../../gateway/run.ts";
import { DENY_ALL } from "../../policy/policy.ts";
import type { CallPlace } from "../../vm/bytecode/module.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { recordingTracing } from "./tracing.ts";

/** Calls fs.read after `depth` recursive calls. */
const LIBRARY = `export fn read(depth: Int) -> String !{fs.read} {
    if depth == 0 { fs.read("x") } else { read(depth - 1) ++ "" }
}
`;
const program = (depth: number, from: string): string => `import "${from}"

fn ask() -> String !{fs.read} {
    read(${depth}) ++ ""
}

fn main() -> String !{fs.read} { ask() ++ "" }
`;

/** Returns the source location of the run's only call, and the result of the run. */
async function denied(
  main: { readonly name: string; readonly text: string },
  library: string,
): Promise<{ place: CallPlace; result: RunResult }> {
  const { module } = compile(main, { resolve: () => ({ name: library, text: LIBRARY }) });
  const tracing = recordingTracing();
  const result = await executeProgram(verifyModule(module), { policy: DENY_ALL, runId: "r", tracing });
  const [call] = tracing.calls;
  if (call === undefined) return expect.fail("no call");
  return { place: call.place, result };
}

const OWN = { function: "ask", file: "app/main.ax", line: 4, column: 5 };

describe.each(["std/std-x/src/core.ax", "libs/x/src/core.ax"])("a call in %s", (library) => {
  // The program imports the library by name; the test's resolver maps the name to the file.
  const main = { name: "app/main.ax", text: program(0, "x") };

  test("reports its own source location and the program's", async () => {
    const { place, result } = await denied(main, library);
    expect(place).toMatchObject({ function: "read", file: library, line: 2, caller: OWN });
    expect(result.error?.stack).toMatchObject([{ file: library }, OWN, { function: "main" }]);
  });

  test("reports both from deep inside the library", async () => {
    const { place, result } = await denied({ ...main, text: program(500, "x") }, library);
    expect(place).toMatchObject({ file: library, caller: OWN });
    expect(result.error?.stack).toHaveLength(64);
    expect(result.error?.stack.at(-1)).toMatchObject(OWN);
  });
});

test("a file that the program imports by its path is the program's own", async () => {
  const { place } = await denied({ name: "main.ax", text: program(0, "./x.ax") }, "x.ax");
  expect(place).toMatchObject({ file: "x.ax" });
  expect(place).not.toHaveProperty("caller");
});

test("a library that is run directly is a program", async () => {
  const { place } = await denied({ name: "libs/x/src/core.ax", text: program(0, "./y.ax") }, "libs/x/src/y.ax");
  expect(place).not.toHaveProperty("caller");
});
