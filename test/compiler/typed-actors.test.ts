/** Actors whose functions declare a message type. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";

const PRELUDE = `type Ask { back: ActorId<Int>, n: Int }
fn worker() receives Int { let _ = receive }
fn asked() receives Ask !{actor.send} {
    let ask = receive
    send ask.back ask.n
}
fn untyped() -> Unit { let _: Int = receive }
`;
const errors = (text: string): readonly string[] =>
  check({ name: "main.ax", text: `${PRELUDE}${text}\n` })
    .diagnostics.filter((d) => d.severity === "error")
    .map((d) => `${d.code}: ${d.message}`);

test.each([
  [
    "a message of another type",
    'fn main() -> Unit !{actor.spawn, actor.send} {\n let w = spawn worker\n send w "x"\n}',
    "expected Int for a message to this actor, found String",
  ],
  [
    "an id in a list",
    "fn main() -> Unit !{actor.spawn, actor.send} {\n for w in [spawn worker] { send w true }\n}",
    "expected Int for a message to this actor, found Bool",
  ],
  [
    "an id in a message",
    "fn bad() receives Ask !{actor.send} {\n let ask = receive\n send ask.back ask\n}",
    "expected Int for a message to this actor, found Ask",
  ],
  ["receive as another type", "fn bad() -> String receives Int { receive }", "expected String for the result of `bad`, found Int"],
  [
    "receive in a lambda",
    "fn bad() -> String receives Int {\n let f = fn() -> String { receive }\n f()\n}",
    "expected String for the result of the lambda, found Int",
  ],
  [
    "its own id as another type",
    "fn bad() -> ActorId<String> receives Int { self() }",
    "expected ActorId<String> for the result of `bad`, found ActorId<Int>",
  ],
  [
    "an own id without a message type",
    "fn bad() -> ActorId<Int> { self() }",
    "expected ActorId<Int> for the result of `bad`, found ActorId",
  ],
  [
    "a spawned id without its type",
    "fn bad() -> ActorId !{actor.spawn} { spawn worker }",
    "expected ActorId for the result of `bad`, found ActorId<Int>",
  ],
  [
    "an id of an actor that declares nothing",
    "fn bad() -> ActorId<Int> !{actor.spawn} { spawn untyped }",
    "expected ActorId<Int> for the result of `bad`, found ActorId",
  ],
  [
    "a parent that cannot receive failures",
    "fn bad() receives Int !{actor.spawn} { let _ = spawn worker }",
    "`bad` spawns actors, so it may receive their failures, which are not Int",
  ],
  [
    "a call from a function that declares nothing",
    "fn bad() -> Unit { worker() }",
    "`worker` receives Int, and this function declares no messages",
  ],
  [
    "a call from a function with other messages",
    "fn bad() receives String { worker() }",
    "`worker` receives Int, and this function receives String",
  ],
  [
    "a function without messages that receives",
    "fn bad() receives String { untyped() }",
    "`untyped` uses the mailbox but declares no messages, and `bad` receives String (bad → untyped)",
  ],
  [
    "a function without messages that receives, far away and in a lambda",
    "fn id() -> ActorId { let f = fn() -> ActorId { self() }\n f() }\nfn mid() -> ActorId { id() }\nfn bad() receives String { let f = fn() -> ActorId { mid() }\n let _ = f() }",
    "`id` uses the mailbox but declares no messages, and `bad` receives String (bad → mid → id)",
  ],
  [
    "a function value that receives without messages",
    "fn one(x: Int) -> Int { x + receive }\nfn bad() receives Int { let _ = list.map([1], one) }",
    "`one` uses the mailbox but declares no messages, and `bad` receives Int (bad → one)",
  ],
  [
    "a value that a function without messages returns",
    "fn one(x: Int) -> Int { x + receive }\nfn make() -> Fn(Int) -> Int { one }\nfn bad() receives Int { let f = make()\n let _ = f(1) }",
    "`one` uses the mailbox but declares no messages, and `bad` receives Int (bad → make → one)",
  ],
  ["a call in a test", 'test "t" { worker() }', "`worker` receives Int, and this function declares no messages"],
  [
    "a function value",
    "fn bad() receives Int {\n let f = worker\n f()\n}",
    "`worker` takes messages out of the mailbox, so it is not a value",
  ],
  ["a function as a message", "fn bad() receives Fn() -> Int { let _ = receive }", "a message must hold no function, found Fn() -> Int"],
  ["a type parameter as a message", "fn bad<T>() receives T { let _ = receive }", "a message must hold no function, found T"],
  [
    "an id that is received without a check",
    "fn bad() -> ActorId<Int> { receive }",
    "the machine cannot check that a received id is an ActorId<Int>",
  ],
  [
    "a record with an id that is received without a check",
    "fn bad() -> Int {\n let ask: Ask = receive\n ask.n\n}",
    "the machine cannot check that a received id is an ActorId<Int>",
  ],
  [
    "an id that loses its type",
    "fn bad(a: ActorId, b: ActorId<Int>) -> Unit !{actor.send} { send a b }",
    "ActorId<Int> is sent to an actor that declares no messages, so the type of the id would be lost",
  ],
  [
    "an id as Json",
    "fn bad(a: ActorId<Int>) -> Json { json.from(a) }",
    "`json.from` converts data, and ActorIds have no JSON form: ActorId<Int>",
  ],
  [
    "a contract that receives",
    "fn bad() -> Int receives Int requires receive > 0 { 1 }",
    "a contract must be pure, but `receive` takes a message out of the mailbox",
  ],
])("%s is refused", (_, text, message) => expect(errors(text).join("\n")).toContain(message));

test.each([
  [
    "ids in a list and a map",
    'fn main() -> Unit !{actor.spawn, actor.send} {\n let all = { "a": spawn worker }\n for a in map.values(all) { send a 1 }\n}',
  ],
  [
    "an id in a message",
    "fn main() -> Unit !{actor.spawn, actor.send} {\n let a = spawn asked\n send a Ask { back: spawn worker, n: 1 }\n}",
  ],
  [
    "a parent that receives failures",
    "fn boss() -> Int receives Result<Int, String> !{actor.spawn} {\n let _ = spawn worker\n match receive { Ok(n) => n, Err(_) => 0 }\n}",
  ],
  ["a call from a function with the same messages", "fn twice() receives Int {\n worker()\n worker()\n}"],
  ["an untyped actor", "fn main() -> ActorId !{actor.spawn, actor.send} {\n let a = spawn untyped\n send a 1\n send a true\n a\n}"],
])("%s is accepted", (_, text) => expect(errors(text)).toEqual([]));
