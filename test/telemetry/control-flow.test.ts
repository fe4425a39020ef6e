import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { receiveSpans, type SpanReceiver, treeText } from "./span-forest.ts";

let receiver: SpanReceiver;
beforeEach(() => {
  receiver = receiveSpans();
});
afterEach(() => receiver.close());

/** Runs a program, and returns its spans as a tree. */
async function treeOf(source: string, options: RunOptions = {}): Promise<string> {
  const program = verifyModule(compile({ name: "main.ax", text: source.trim() }).module);
  await execute(program, { policy: "allow-all", traceDetail: "flow", ...options });
  const text = treeText(receiver.trees());
  receiver.close();
  receiver = receiveSpans();
  return text.trim().replaceAll(/\n/g, "\n      ");
}

const failing: Handler = () => {
  throw new CapabilityFailure("no");
};

describe("constructs", () => {
  test("an if is one span for its whole chain, and says which branch was taken", async () => {
    const source = `
fn pick(n: Int) -> Int !{time.now} {
    if n == 0 { 0 } else if n == 1 { time.now() } else { 2 }
}
fn main() -> Int !{time.now} {
    if pick(0) + pick(1) == 0 {}
    if pick(2) == 2 {}
    0
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :4
          if -2 of 1 :5
            call pick/1 :1
              if 0 of 2 :2
            call pick/1 :1
              if 1 of 2 :2
                cap time.now :2
          if 0 of 1 :6
            call pick/1 :1
              if -1 of 2 :2`,
    );
  });

  test("a match says which arm was taken; spans of its scrutinee and guards are inside it", async () => {
    const source = `
fn even(n: Int) -> Bool !{time.now} { time.now() > 0 && n % 2 == 0 }
fn main() -> Int !{time.now} {
    let a = match Some(3) { None => 1, Some(_) => 2 }
    match a + time.now() * 0 {
        0 => 0,
        n if even(n) => if n > 5 { 1 } else { 2 },
        _ => 3
    }
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :2
          match 1 of 2 :3
          match 1 of 3 :4
            cap time.now :4
            call even/1 :1
              cap time.now :1
            if -1 of 1 :6`,
    );
  });

  test("loops count the iterations that began", async () => {
    const source = `
fn main() -> Int !{time.now} {
    let mut n = 0
    while n < 3 { n = n + 1 if n == 2 { continue } }
    while true { if n == 4 { break } n = n + 1 }
    for x in [5, 6, 7] {
        if x == 5 { continue }
        if x == 6 { time.now() } else { break }
    }
    for y in list.range(0, 0) {}
    for z in [1] {}
    while false {}
    n
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :1
          while 3 :3
            if -2 of 1 :3
            if 0 of 1 :3
            if -2 of 1 :3
          while 2 broke :4
            if -2 of 1 :4
            if 0 of 1 :4
          for x 3 broke :5
            #0 :5
              if 0 of 1 :6
            #1 :5
              if -2 of 1 :6
              if 0 of 1 :7
                cap time.now :7
            #2 :5
              if -2 of 1 :6
              if -1 of 1 :7
          for y 0 :9
          for z 1 :10
            #0 :10
          while 0 :11`,
    );
  });

  test("an if let is an if, a while let is a while, and a for shows its pattern", async () => {
    const source = `fn main() -> Int !{time.now} {
    let mut left = [(1, "a"), (2, "b")]
    while let [(n, _), ..rest] = left {
        left = rest
        if let 2 = n { time.now() } else if let [] = rest { 0 } else { 1 }
    }
    for (i, x) in list.enumerate([3]) { debug(i + x) }
    let Some(last) = list.last([7]) else { return 0 }
    last
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :1
          while 2 :3
            if -1 of 2 :5
            if 0 of 2 :5
              cap time.now :5
          for (i, x) 1 :7
            #0 :7`,
    );
  });

  test("a return ends loops early, and so does a break in the condition of an inner loop", async () => {
    const source = `
fn find(xs: List<Int>) -> Int !{time.now} {
    for x in xs { while true { return x } }
    0
}
fn main() -> Int !{time.now} {
    while true { while if time.now() > 0 { break } else { true } {} }
    find([8, 9])
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :5
          while 1 broke :6
            while 0 broke :6
              if 0 of 1 :6
                cap time.now :6
          call find/1 :1
            for x 1 broke :2
              #0 :2
                while 1 broke :2`,
    );
  });

  test("a loop ends early if its condition breaks the loop around it, or fails", async () => {
    const source = `
fn main() -> Int !{time.now} {
    while true { while (true && { break false }) {} }
    let zero = time.now() * 0
    while 1 / zero > 0 {}
    0
}`;
    expect(await treeOf(source)).toBe(
      `run ERROR program_error
        call main/0 :1 ERROR program_error
          while 1 broke :2
            while 0 broke :2
          cap time.now :3
          while 0 broke :4 ERROR program_error`,
    );
  });

  test("a return with ensures clauses leaves all constructs", async () => {
    const source = `
fn f(n: Int) -> Int !{time.now} ensures result >= 0 {
    if n > 0 { return time.now() }
    0
}
fn main() -> Int !{time.now} { f(1) + f(0) }`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :5
          call f/1 :1
            if 0 of 1 :2
              cap time.now :2
          call f/1 :1
            if -2 of 1 :2`,
    );
  });
});

describe("calls", () => {
  const SOURCE = `
fn pure(n: Int) -> Int { if n > 0 { n } else { 0 } }
fn apply(f: Fn(Int) -> Int !{time.now}, n: Int) -> Int !{time.now} { f(n) }
fn main() -> Int !{time.now} {
    let k = pure(3)
    apply(fn(x) { if x > k { 0 } else { time.now() } }, pure(1))
}`;

  test("the argument count of a lambda excludes captured values; pure functions make no spans", async () => {
    expect(await treeOf(SOURCE)).toBe(
      `run
        call main/0 :3
          call apply/2 :2
            call main.lambda1/1 :5
              if -1 of 1 :5
                cap time.now :5`,
    );
  });

  test("at detail call there are only calls, at detail cap not even these", async () => {
    expect(await treeOf(SOURCE, { traceDetail: "call" })).toBe(
      `run
        call main/0 :3
          call apply/2 :2
            call main.lambda1/1 :5
              cap time.now :5`,
    );
    expect(await treeOf(SOURCE, { traceDetail: "cap" })).toBe(
      `run
        cap time.now :5`,
    );
  });

  test("a tail call is inside the call that makes it", async () => {
    const source = `
fn down(n: Int) -> Int !{time.now} {
    if n == 0 { time.now() } else { down(n - 1) }
}
fn main() -> Int !{time.now} {
    down(2) + 1
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :4
          call down/1 :1
            if -1 of 1 :2
              call down/1 :1
                if -1 of 1 :2
                  call down/1 :1
                    if 0 of 1 :2
                      cap time.now :2`,
    );
  });

  test("recursion with loops: each call has spans of its own loops", async () => {
    const source = `
fn walk(n: Int) -> Int !{time.now} {
    let mut sum = 0
    for i in list.range(0, n) { sum = sum + walk(i) }
    sum
}
fn main() -> Int !{time.now} { walk(2) + time.now() }`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :6
          call walk/1 :1
            for i 2 :3
              #0 :3
                call walk/1 :1
                  for i 0 :3
              #1 :3
                call walk/1 :1
                  for i 1 :3
                    #0 :3
                      call walk/1 :1
                        for i 0 :3
          cap time.now :6`,
    );
  });
});

describe("failures", () => {
  const SOURCE = `
fn get() -> String !{net.fetch} { for i in [1, 2] { net.fetch("u") } "" }
fn main() -> String !{net.fetch} {
    match try net.fetch("u") { Ok(t) => t, Err(_) => if true { get() } else { "" } }
}`;

  test("a failure closes every span around it as an error; one that try catches does not", async () => {
    expect(await treeOf(SOURCE, { handlers: { "net.fetch": failing } })).toBe(
      `run ERROR runtime_error
        call main/0 :2 ERROR runtime_error
          match 1 of 2 :3 ERROR runtime_error
            cap net.fetch :3 ERROR runtime_error
            if 0 of 1 :3 ERROR runtime_error
              call get/0 :1 ERROR runtime_error
                for i 1 broke :1 ERROR runtime_error
                  #0 :1 ERROR runtime_error
                    cap net.fetch :1 ERROR runtime_error`,
    );
  });

  test("a denied call ends the run, but is no error", async () => {
    expect(await treeOf(SOURCE, { policy: "deny-all" })).toBe(
      `run
        call main/0 :2 denied
          match undefined of 2 :3 denied
            cap net.fetch :3 denied`,
    );
  });

  test("a limit closes everything", async () => {
    const source = "fn main() -> Int !{time.now} { if time.now() > 0 { while true {} } 0 }";
    expect(await treeOf(source, { limits: { max_steps: 1_000 } })).toMatch(
      /^run ERROR limit_exceeded\n +call main\/0 :1 ERROR limit_exceeded\n +if 0 of 1 :1 ERROR limit_exceeded\n +cap time.now :1\n +while \d+ broke :1 ERROR limit_exceeded$/,
    );
  });
});

describe("actors", () => {
  test("an actor's spans are inside the span that spawned it; those of waiting actors end with the run", async () => {
    const source = `
fn worker() -> Unit !{actor.send, time.now} {
    let parent: ActorId = receive
    for i in [1] { send parent time.now() }
    let never: Int = receive
}
fn main() -> Int !{actor.spawn, actor.send, time.now} {
    let mut sum = 0
    for i in [1, 2] {
        let w = spawn worker
        send w 0
    }
    sum
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :6
          for i 2 :8
            #0 :8
              cap actor.spawn :9
              cap actor.send :10
              call worker/0 :1 ERROR program_error
            #1 :8
              cap actor.spawn :9
              cap actor.send :10
              call worker/0 :1 ERROR program_error`,
    );
  });

  test("a failed actor takes its descendants with it, and the actor that gets the failure goes on", async () => {
    const source = `
fn leaf() -> Unit !{time.now} { while time.now() > 0 { let n: Int = receive } }
fn worker() -> Unit !{actor.spawn, time.now} {
    let w = spawn leaf
    let zero: Int = receive
    if time.now() > 0 { let n = 1 / zero }
}
fn spin(n: Int) -> Int { if n == 0 { 0 } else { spin(n - 1) } }
fn relay() -> Unit !{actor.send} { let to: ActorId = receive send to spin(300) }
fn main() -> Int !{actor.spawn, actor.send, time.now} {
    let w = spawn worker
    send (spawn relay) w
    let failure: Result<Int, String> = receive
    match failure { Ok(n) => n, Err(_) => 0 - 1 }
}`;
    expect(await treeOf(source)).toBe(
      `run
        call main/0 :9
          cap actor.spawn :10
          cap actor.spawn :11
          cap actor.send :11
          call worker/0 :2 ERROR program_error
            cap actor.spawn :3
            if 0 of 1 :5 ERROR program_error
              cap time.now :5
            call leaf/0 :1 ERROR program_error
              while 0 broke :1 ERROR program_error
                cap time.now :1
          call relay/0 :8
            cap actor.send :8
          match 1 of 2 :13`,
    );
  });
});
