/** Small programs that together use every kind of instruction. The hostile-module tests damage their modules. */
export const PROGRAMS: readonly string[] = [
  `fn fib(n: Int) -> Int { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
fn main() -> Int { fib(9) }`,
  `fn gcd(a: Int, b: Int) -> Int { if b == 0 { a } else { gcd(b, a % b) } }
fn main() -> Int {
    let mut sum = 0
    let mut i = 1
    while i < 30 { sum = sum + gcd(i * 12, 90) * 3 - i / 2  i = i + 1 }
    sum
}`,
  `fn main() -> Float {
    let mut x = 1.5
    for i in [1, 2, 3, 4] { x = x * 2.0 - int.to_float(i) / 3.0 }
    if x > 2.0 { -x } else { x }
}`,
  `enum Shape { Circle(Float), Square { side: Int }, Empty }
type Box { shape: Shape, name: String }
fn area(s: Shape) -> Int { match s { Shape::Circle(_) => 3, Shape::Square { side: s } => s * s, Shape::Empty => 0 } }
fn main() -> Int {
    let boxes = [Box { shape: Shape::Empty, name: "a" }, Box { shape: Shape::Square { side: 4 }, name: "bc" }]
    let mut sum = 0
    for b in boxes { sum = sum + area(b.shape) + string.len(b.name) }
    sum
}`,
  `fn adder(n: Int) -> Fn(Int) -> Int { fn(x) { x + n } }
fn main() -> List<Int> { list.map(list.filter([1, 2, 3, 4, 5], fn(x) { x % 2 == 1 }), adder(7)) }`,
  `fn main() -> String {
    let mut text = ""
    let mut i = 0
    while i < 12 { text = text ++ int.to_string(i) ++ ","  i = i + 1 }
    string.join(string.split(string.replace(text, "1", "one"), ","), "-") ++ string.to_upper(string.slice(text, 0, 3))
}`,
  `fn main() -> Int {
    let mut counts: Map<String, Int> = {}
    for word in string.split("a b a c b a", " ") {
        counts = map.set(counts, word, option.unwrap_or(map.get(counts, word), 0) + 1)
    }
    map.len(counts) + list.sum(map.values(counts))
}`,
  `fn halve(n: Int) -> Option<Int> { if n % 2 == 0 { Some(n / 2) } else { None } }
fn parse(s: String) -> Result<Int, String> { match int.parse(s) { Some(n) => Ok(n), None => Err("not a number: " ++ s) } }
fn main() -> String {
    let mut out = ""
    for s in ["12", "x", "7"] {
        out = out ++ match parse(s) {
            Ok(n) => match halve(n) { Some(h) => int.to_string(h), None => "odd" },
            Err(e) => e,
        }
    }
    out
}`,
  `fn main() -> Int !{net.fetch, time.now} {
    let text = match try net.fetch("http://a") { Ok(v) => v, Err(e) => e }
    string.len(text) + time.now()
}`,
  `fn twice(n: Int) -> Int requires n < 100 ensures result == n + n { n + n }
fn main() -> Int { twice(3) + debug(twice(4)) }`,
  `fn main() -> String {
    let j = result.unwrap_or(json.parse("{\\"a\\": [1, 2.5, null, true], \\"b\\": \\"x\\"}"), json.of_null())
    json.stringify(j) ++ string.inspect(json.get(j, "a[1]"))
}`,
  `fn main() -> Bool { regex.matches("key = value", "(\\\\w+)\\\\s*=") && !string.contains("abc", "d") }`,
  `fn merge(xs: List<Int>, ys: List<Int>) -> List<Int> { list.sort(xs ++ ys) }
fn main() -> List<Int> {
    let mut xs = list.range(0, 20)
    let mut i = 0
    while i < 5 { xs = list.slice(merge(xs, list.reverse(xs)), i, 25)  i = i + 1 }
    list.unique(xs)
}`,
  `fn worker() -> Unit !{actor.send} {
    let parent: ActorId = receive
    send parent 7
}
fn main() -> Int { let big = 9223372036854775807  big - 9007199254740993 + int.abs(-4) }`,
];
