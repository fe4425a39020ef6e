import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { execute } from "../../runtime/execute.ts";

test("main's result is checked against its type, because a received message may have any type", async () => {
  const text = `fn broken() -> Unit {
    debug(1 / 0)
    ()
}
fn any_message<T>() -> T { receive }
fn main() -> Int !{actor.spawn} {
    let child = spawn broken
    debug(child)
    any_message()
}
`;
  const run = await execute(compile({ name: "main.ax", text }), { policy: "allow-all", tracing: false, onDebug: () => undefined });
  expect(run).toMatchObject({ outcome: "program_error", error: { kind: "type_error", message: "main gave something else than Int" } });
});
