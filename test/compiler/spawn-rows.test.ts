/** The effect row of a function includes the effects of the actors it spawns. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";

const READER = 'fn reader() -> Unit !{fs.read} { debug(fs.read("a"))\n () }\n';
const SPAWNER = "fn spawner() -> ActorId !{actor.spawn, fs.read} { spawn reader }\n";
const messages = (text: string): readonly string[] =>
  check({ name: "main.ax", text: `${READER}${text}\n` }).diagnostics.map((d) => `${d.code}: ${d.message}`);

test.each([
  [
    "directly",
    "fn main() -> ActorId !{actor.spawn} { spawn reader }",
    "`main` does not declare the capability `fs.read` (main → reader → fs.read)",
  ],
  [
    "through a call",
    `${SPAWNER}fn main() -> ActorId !{actor.spawn} { spawner() }`,
    "`main` does not declare the capability `fs.read` (main → spawner → reader → fs.read)",
  ],
  [
    "through an actor that spawns",
    "fn middle() -> Unit !{actor.spawn, fs.read} { let _ = spawn reader }\nfn main() -> ActorId !{actor.spawn} { spawn middle }",
    "`main` does not declare the capability `fs.read` (main → middle → reader → fs.read)",
  ],
  [
    "in a lambda that is called",
    "fn main() -> ActorId !{actor.spawn} {\n    let f = fn() { spawn reader }\n    f()\n}",
    "`main` does not declare the capability `fs.read`",
  ],
  [
    "in a lambda with a row",
    "fn main() -> Int !{actor.spawn} {\n    let _f = fn() -> ActorId !{actor.spawn} { spawn reader }\n    1\n}",
    "`main.lambda1` does not declare the capability `fs.read` (main.lambda1 → reader → fs.read)",
  ],
  [
    "in a generic function",
    "fn with<T>(x: T) -> T !{actor.spawn} {\n    let _ = spawn reader\n    x\n}\nfn main() -> Int !{actor.spawn} { with(1) }",
    "`with` does not declare the capability `fs.read` (with → reader → fs.read)",
  ],
])("%s", (_, text, message) => expect(messages(text)).toContain(`E007: ${message}`));

test("a function value that spawns does not fit a smaller effect row", () => {
  const text = `${SPAWNER}fn twice(f: Fn() -> ActorId !{actor.spawn}) -> ActorId !{actor.spawn} { f() }\nfn main() -> ActorId !{actor.spawn, fs.read} { twice(spawner) }`;
  expect(messages(text).map((m) => m.slice(0, 4))).toContain("E009");
});

test("no warning if the spawned effects are declared", () =>
  expect(messages("fn main() -> ActorId !{actor.spawn, fs.read} { spawn reader }")).toEqual([]));

test("a function may spawn itself", () => expect(messages("fn main() -> Unit !{actor.spawn} { let _ = spawn main }")).toEqual([]));

test("the fix adds the effects to the row", () => {
  const text = `${READER}fn main() -> ActorId !{actor.spawn} { spawn reader }\n`;
  const [found] = check({ name: "main.ax", text }).diagnostics;
  const [edit] = found?.fixes[0]?.edits ?? [];
  expect(edit?.text).toBe("!{actor.spawn, fs.read}");
});
