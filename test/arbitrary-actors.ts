/** Well-typed programs whose actors declare their messages, in combination with the other forms of the language. Some actors trap. */
import fc from "fast-check";

/** What a worker does with a message, in .ax. `n` is its state, `xs` a list that it changes. */
const ARMS = {
  Add: ["n += k", "n = k / (n - k)", "xs[0] += k\n                n = xs[0]", "n = list.sum(list.map(0..k % 4, fn(i) { i + n }))"],
  Ask: [
    "send back Ok(n / k)",
    'send back (if n > k { Ok(n) } else { Err(f"{n} of {k}") })',
    "send back divided(n, k)",
    "send back Ok(receive_more(k))",
  ],
  Both: [
    "n += left\n                text ++= right",
    'text = f"{text}{left}{right}"',
    "if let (0, _) = (left, right) { xs ++= [left] } else { n -= left }",
  ],
  Many: [
    "kept = list.push(kept, xs)\n                xs = items ++ xs",
    "while let [x, ..rest] = items { n += x\n                    items = rest }",
    "for (i, x) in list.enumerate(items) { xs[0] = i - x }",
  ],
} as const;

/** What `main` does. It knows the workers `a` and `b`, and counts in `sum`. */
const STEPS: readonly ((k: number, to: string) => string)[] = [
  (k, to) => `send ${to} Msg::Add(${k})`,
  (k, to) => `send ${to} Msg::Both(${k}, "${"x".repeat(k)}")`,
  (k, to) => `send ${to} Msg::Many(0..${k} |> list.map(fn(i) { i * ${k} }))`,
  (k, to) => `for i in 0..${k % 3} { send ${to} Msg::Add(i) }`,
  (k, to) => `send ${to} Msg::Ask { back: self(), k: ${k} }\n    sum += result.unwrap_or(receive, ${k})`,
  (k, to) => `send ${to} Msg::Ask { back: self(), k: ${k} }\n    if let Ok(n) = receive { sum += n } else { sum -= 1 }`,
  (k, to) => `send ${to} Msg::Ask { back: self(), k: ${k} }\n    seen[sum - sum] = f"{receive}"`,
  (k, to) => `send ${to} Msg::Ask { back: self(), k: ${k} }\n    sum += option.unwrap_or(result.to_option(next(${k})), 1)`,
  (k, to) => `send ${to} Msg::Ask { back: self(), k: ${k} }\n    let Ok(n${k}) = receive else { return "failed" }\n    sum -= n${k}`,
  (k, to) => `fn tell(n: Int) !{actor.send} { if n > 0 { send ${to} Msg::Add(n)\n        tell(n - 1) } }\n    tell(${k % 4})`,
  (k, to) => `list.map([${k}, 1], fn(k) { send ${to} Msg::Add(k) })\n    ()`,
  (k, to) => `let _ = par { { send ${to} Msg::Add(${k}) }, ${k} }`,
  (_, to) => `send ${to} Msg::Stop`,
  (k) => `send self() Ok(${k})\n    match receive { Ok(n) if n > 3 => sum += n, Ok(_) => {}, Err(why) => seen ++= [why] }`,
  (k) => `send self() (if sum > ${k} { Ok(sum) } else { Err("small") })\n    if let Err(why) = next(1) { seen = list.push(seen, why) }`,
];

const armFrom = (of: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...of);

/** A complete program. It may deadlock, and its actors may trap, but never because of a wrong type. */
export const arbitraryActors: fc.Arbitrary<string> = fc
  .tuple(
    fc.tuple(armFrom(ARMS.Add), armFrom(ARMS.Ask), armFrom(ARMS.Both), armFrom(ARMS.Many)),
    fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(5), fc.constantFrom("a", "b", "middle")), { maxLength: 10 }),
  )
  .map(
    ([
      [add, ask, both, many],
      steps,
    ]) => `enum Msg { Add(Int), Ask { back: ActorId<Result<Int, String>>, k: Int }, Both(Int, String), Many(List<Int>), Stop }
fn divided(a: Int, b: Int) -> Result<Int, String> {
    let b = option.ok_or(if b == 3 { None } else { Some(b) }, r"no \\3")?
    Ok(a / b)
}
fn receive_more(k: Int) -> Int receives Msg { match receive { Add(n) | Both(n, _) => n + k, Many([n, ..]) => n, _ => 0 } }
fn next(k: Int) -> Result<Int, String> receives Result<Int, String> { Ok(receive? / k) }
fn worker() receives Msg !{actor.send} {
    let mut n = 1
    let mut xs = [1, 2]
    let mut text = ""
    let mut kept: List<List<Int>> = []
    while true {
        match receive {
            Add(k) => {
                ${add}
            }
            Ask { back, k } => {
                ${ask}
            }
            Both(left, right) => {
                ${both}
            }
            Many(all) => {
                let mut items = all
                ${many}
            }
            Stop => return ()
        }
        if list.len(kept) > 0 { debug((kept[0], text)) }
    }
}
fn relay() receives Result<Msg, String> !{actor.spawn, actor.send} {
    let inner = spawn worker
    while let Ok(m) = receive { send inner m }
}
fn middle_of(to: ActorId<Result<Msg, String>>, m: Msg) !{actor.send} { send to Ok(m) }
fn main() -> String receives Result<Int, String> !{actor.spawn, actor.send} {
    let (a, b) = (spawn worker, spawn worker)
    let middle = spawn worker
    let through = spawn relay
    let mut sum = 0
    let mut seen = [""]
    middle_of(through, Msg::Ask { back: self(), k: 1 })
    ${steps.map(([step, k, to]) => step(k, to)).join("\n    ")}
    f"{sum} {seen}"
}
`,
  );
