/**
 * Attempts to call a capability from a function whose row lacks it. The compiler must refuse each program of the first list. The second
 * list has similar programs that are correct, which shows that the attempts do not fail for another reason.
 */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { resolve as resolveStd } from "../outcome.ts";

const PRELUDE = `fn tick() -> Int !{time.now} { time.now() }
fn once<e>(f: Fn() -> Int !{e}) -> Int !{e} { f() }
fn keep<e>(f: Fn() -> Int !{e}) -> Fn() -> Int !{e} { f }
fn pure(f: Fn() -> Int) -> Int { f() }
fn same<T>(x: T) -> T { x }
type Job { run: Fn() -> Int }
type Box<F> { item: F }
type Sink<F> { put: Fn(F) -> Int }
enum Step { Run(Fn() -> Int), Stop }
enum Slot<F> { Full(F), Named { item: F }, Empty }
`;

const LIBRARIES: Readonly<Record<string, string>> = {
  "./good.ax": "export fn times<e>(n: Int, f: Fn() -> Int !{e}) -> Int !{e} { n * f() }\n",
  "./hidden.ax": "export fn sneaky<e>(f: Fn() -> Int !{e}) -> Int !{e} { time.now() + f() }\n",
};

function codes(text: string): readonly string[] {
  const { diagnostics } = check(
    { name: "main.ax", text: PRELUDE + text },
    {
      resolve: (specifier, from) => {
        const library = LIBRARIES[specifier];
        return library === undefined ? resolveStd(specifier, from) : { name: specifier, text: library };
      },
    },
  );
  return [...new Set(diagnostics.filter((d) => d.severity === "error").map((d) => d.code))];
}

/** Returns a `main` without a row. Two spaces in the body separate statements. */
const main = (body: string, result = "Int"): string => `fn main() -> ${result} {\n${body.replaceAll("  ", "\n")}\n}\n`;

test.each([
  // Through builtins.
  ["list.map, capability", "E007", main('list.map(["a"], fs.read)', "List<String>")],
  ["list.map, lambda", "E007", main("list.map([1], fn(x) { x + time.now() })", "List<Int>")],
  ["list.map, lambda around a function", "E007", main("list.map([1], fn(_) { tick() })", "List<Int>")],
  ["list.filter", "E007", main("list.filter([1], fn(x) { x < tick() })", "List<Int>")],
  ["list.fold", "E007", main("list.fold([1], 0, fn(a, x) { a + x + tick() })")],
  ["list.any", "E007", main("list.any([1], fn(x) { x < tick() })", "Bool")],
  ["list.all", "E007", main("list.all([1], fn(x) { x < tick() })", "Bool")],
  ["list.find", "E007", main("list.find([1], fn(x) { x < tick() })", "Option<Int>")],
  ["list.sort_by", "E007", main("list.sort_by([1, 2], fn(a, b) { a - b + tick() })", "List<Int>")],
  ["option.map", "E007", main("option.map(Some(1), fn(x) { x + tick() })", "Option<Int>")],
  ["option.and_then", "E007", main("option.and_then(Some(1), fn(x) { Some(x + tick()) })", "Option<Int>")],
  ["result.map", "E007", main("let r: Result<Int, String> = Ok(1)  result.map(r, fn(x) { x + tick() })", "Result<Int, String>")],
  [
    "result.and_then",
    "E007",
    main("let r: Result<Int, String> = Ok(1)  result.and_then(r, fn(x) { Ok(x + tick()) })", "Result<Int, String>"),
  ],
  ["result.map_err", "E007", main("let r: Result<Int, Int> = Ok(1)  result.map_err(r, fn(x) { x + tick() })", "Result<Int, Int>")],
  ["a builtin as a value", "E007", main('let m = list.map  m(["a"], fs.read)', "List<String>")],
  [
    "a builtin as a pure parameter",
    "E009",
    main("(fn(m: Fn(List<Int>, Fn(Int) -> Int) -> List<Int>) { m([1], fn(x) { x + time.now() }) })(list.map)", "List<Int>"),
  ],
  ["an accumulator that becomes a function with effects", "E009", main("list.fold([1], fn() { 1 }, fn(f, x) { tick })()")],
  ["a list of functions, folded", "E009", main("list.fold([tick], fn() { 1 }, fn(f, g) { g })()")],
  ["the result of list.find", "E007", main("match list.find([tick], fn(_) { true }) { Some(f) => f(), None => 0 }")],
  // Through functions with row variables.
  ["a function with a row variable", "E007", main("once(tick)")],
  ["twice through a row variable", "E007", main("once(fn() { once(tick) })")],
  ["a function that is returned", "E007", main("keep(tick)()")],
  ["a row variable missing in the row", "E007", "fn bad<e>(f: Fn() -> Int !{e}) -> Int { f() }\n"],
  ["a row variable missing, called in a lambda", "E007", "fn bad<e>(f: Fn() -> Int !{e}) -> Int { let g = fn() { f() }  g() }\n"],
  ["a lambda with the empty row", "E007", "fn bad<e>(f: Fn() -> Int !{e}) -> Int { let g = fn() -> Int !{} { f() }  g() }\n"],
  ["a row variable missing, through a builtin", "E007", "fn bad<e>(f: Fn(Int) -> Int !{e}) -> List<Int> { list.map([1], f) }\n"],
  ["a row variable where a pure function is expected", "E009", "fn bad<e>(f: Fn() -> Int !{e}) -> Int { pure(f) }\n"],
  ["a row variable as the result type's empty row", "E009", "fn bad<e>(f: Fn() -> Int !{e}) -> Fn() -> Int { f }\n"],
  ["a mixed row, half declared", "E007", "fn bad<e>(f: Fn() -> Int !{e, time.now}) -> Int !{e} { f() }\n"],
  ["a mixed row, other half declared", "E007", "fn bad<e>(f: Fn() -> Int !{e, time.now}) -> Int !{time.now} { f() }\n"],
  [
    "a mixed row passed on as its variable",
    "E009",
    "fn bad<e>(f: Fn() -> Int !{e, time.now}, g: Fn(Fn() -> Int !{e}) -> Int) -> Int { g(f) }\n",
  ],
  ["another row variable", "E007", "fn bad<e, g>(f: Fn() -> Int !{e}, h: Fn() -> Int !{g}) -> Int !{e} { f() + h() }\n"],
  [
    "one row variable assigned to another",
    "E009",
    "fn bad<e, g>(f: Fn() -> Int !{e}, h: Fn() -> Int !{g}) -> Int !{e} { let mut k = f  k = h  k() }\n",
  ],
  ["a capability in a row variable's place", "E009", "fn bad<e>(f: Fn() -> Int !{e}) -> Int !{e} { let mut k = f  k = tick  k() }\n"],
  ["its own capability beside the variable", "E007", "fn bad<e>(f: Fn() -> Int !{e}) -> Int !{e} { f() + tick() }\n"],
  [
    "recursion that adds a capability",
    "E007",
    "fn bad<e>(n: Int, f: Fn() -> Int !{e}) -> Int !{e} { if n == 0 { f() } else { bad(n - 1, fn() { tick() + f() }) } }\n",
  ],
  [
    "recursion between two functions",
    "E007",
    "fn ping<e>(f: Fn() -> Int !{e}) -> Int !{e} { pong(fn() { f() + tick() }) }\nfn pong<e>(f: Fn() -> Int !{e}) -> Int !{e} { ping(f) }\n",
  ],
  ["a row variable in a parameter's parameter", "E009", "fn bad<e>(k: Fn(Fn() -> Int !{e}) -> Int) -> Int !{time.now} { k(tick) }\n"],
  [
    "a parameter's parameter, decided by the first argument",
    "E009",
    `fn with<e>(f: Fn() -> Int !{e}, k: Fn(Fn() -> Int !{e}) -> Int) -> Int { k(f) }\n${main("with(tick, fn(f: Fn() -> Int) { f() })")}`,
  ],
  [
    "a parameter's parameter, called by a lambda",
    "E009",
    `fn with<e>(f: Fn() -> Int !{e}, k: Fn(Fn() -> Int !{e}) -> Int) -> Int { k(f) }\n${main("with(tick, fn(f) { f() })")}`,
  ],
  [
    "a parameter's parameter, the other order",
    "E009",
    `fn with<e>(k: Fn(Fn() -> Int !{e}) -> Int, f: Fn() -> Int !{e}) -> Int { k(f) }\n${main("with(fn(f) { f() }, tick)")}`,
  ],
  // Through values of functions with row variables.
  ["a value that was called with a pure function", "E009", main("let h = once  h(fn() { 1 }) + h(tick)")],
  ["a value that was called with effects", "E007", main("let h = once  h(tick) + h(fn() { 1 })")],
  ["a value with a pure type", "E009", main("let h: Fn(Fn() -> Int !{time.now}) -> Int = once  h(tick)")],
  ["a value assigned after its call", "E009", main("let mut f = keep(fn() { 1 })  let x = f()  f = tick  x + f()")],
  [
    "a value assigned in a loop after its call",
    "E009",
    main("let mut f = fn() { 1 }  let mut x = 0  while x < 2 { x = x + f()  f = tick }  x"),
  ],
  [
    "a function that takes a function with a row variable",
    "E007",
    `fn on_tick(k: Fn(Fn() -> Int !{time.now}) -> Int !{time.now}) -> Int !{time.now} { k(tick) }\n${main("on_tick(once)")}`,
  ],
  ["a function with a row variable in a list", "E007", main("list.map([tick], once)", "List<Int>")],
  // Through data.
  ["a field", "E009", main("let j = Job { run: tick }  (j.run)()")],
  ["a field of a record update", "E009", main("let j = Job { ..Job { run: fn() { 1 } }, run: tick }  (j.run)()")],
  ["a generic field", "E007", main("let b = Box { item: tick }  (b.item)()")],
  ["a generic field with a pure type", "E009", main("let b: Box<Fn() -> Int> = Box { item: tick }  (b.item)()")],
  ["a record of another row", "E009", main("let b = Box { item: tick }  let c: Box<Fn() -> Int> = b  (c.item)()")],
  [
    "a consumer of functions",
    "E009",
    main("let s: Sink<Fn() -> Int> = Sink { put: fn(f) { f() } }  let t: Sink<Fn() -> Int !{time.now}> = s  (t.put)(tick)"),
  ],
  ["a payload", "E009", main("match Step::Run(tick) { Run(f) => f(), Stop => 0 }")],
  ["a generic payload", "E007", main("match Slot::Full(tick) { Full(f) => f(), Named { item } => item(), Empty => 0 }")],
  [
    "a field of a variant",
    "E009",
    main("let s: Slot<Fn() -> Int> = Slot::Named { item: tick }  match s { Full(f) => f(), Named { item } => item(), Empty => 0 }"),
  ],
  ["an Option", "E009", main("let o: Option<Fn() -> Int> = Some(tick)  match o { Some(f) => f(), None => 0 }")],
  ["a Result", "E007", main("let r: Result<Fn() -> Int !{time.now}, String> = Ok(tick)  match r { Ok(f) => f(), Err(_) => 0 }")],
  ["a list with a pure type", "E009", main("let fs: List<Fn() -> Int> = [tick]  fs[0]()")],
  ["a list, first element pure", "E009", main("let fs = [fn() { 1 }, tick]  fs[1]()")],
  ["a list element", "E007", main("[tick][0]()")],
  ["a nested list", "E009", main("let fs: List<List<Fn() -> Int>> = [[tick]]  fs[0][0]()")],
  ["list.push", "E009", main("let mut fs: List<Fn() -> Int> = []  fs = list.push(fs, tick)  fs[0]()")],
  ["a loop over functions", "E007", main("let mut n = 0  for f in [tick] { n = n + f() }  n")],
  [
    "a map of functions",
    "E009",
    main('let fs: Map<String, Fn() -> Int> = { "a": tick }  match map.get(fs, "a") { Some(f) => f(), None => 0 }'),
  ],
  // Through type parameters.
  ["a type parameter", "E007", main("same(tick)()")],
  ["a type parameter with a pure type", "E009", main("let f: Fn() -> Int = same(tick)  f()")],
  ["an argument of a generic value", "E007", main("let s = same  s(tick)()")],
  // Through names, branches and closures.
  ["an alias", "E007", main("let f = tick  f()")],
  ["an alias of a capability", "E007", main('let r = fs.read  r("a")', "String")],
  ["an alias with a pure type", "E009", main("let f: Fn() -> Int = tick  f()")],
  ["a branch", "E009", main("let f = if true { fn() { 1 } } else { tick }  f()")],
  ["an arm", "E009", main("let f = match 1 { 1 => fn() { 1 }, _ => tick }  f()")],
  ["a closure in a closure", "E007", main("let f = fn() { fn() { tick() } }  f()()")],
  ["a captured function", "E009", main("let f = tick  pure(fn() { f() })")],
  ["a lambda called at once", "E007", main("(fn() { tick() })()")],
  ["a lambda with a pure parameter", "E009", main("(fn(f: Fn() -> Int) { f() })(tick)")],
  ["a returned function", "E009", "fn make() -> Fn() -> Int { tick }\n"],
  ["a function named like a builtin", "E007", `fn list_map<e>(f: Fn() -> Int !{e}) -> Int !{e} { f() + time.now() }\n`],
  ["a binding with the name of a capability's module", "E007", main('let fs = Box { item: net.fetch }  (fs.item)("http://a/")', "String")],
  // Misuse of names in rows.
  ["a row variable named like a capability", "E010", "fn bad<random>(f: Fn() -> Float !{random}) -> Float !{random} { f() }\n"],
  ["a row variable named like an old capability", "E010", "fn bad<fs>(f: Fn() -> Int !{fs}) -> Int !{fs} { f() }\n"],
  ["a row variable that is also a type", "E013", "fn bad<e>(x: e, f: Fn() -> e !{e}) -> e !{e} { f() }\n"],
  ["a type that is also a row variable", "E013", "fn bad<e>(f: Fn() -> Int !{e}) -> List<e> !{e} { [] }\n"],
  ["a row variable as a type in the body", "E013", "fn bad<e>(f: Fn() -> Int !{e}) -> Int !{e} { let g = fn(x: e) { 1 }  f() }\n"],
  ["a row variable of a record", "E013", "type Bad<e> { run: Fn() -> Int !{e} }\n"],
  ["a row variable of an enum", "E013", "enum Bad<e> { Run(Fn() -> Int !{e}) }\n"],
  ["a capital row variable", "E007", "fn bad<E>(f: Fn() -> Int !{E}) -> Int !{E} { f() }\n"],
  ["a row variable that is not declared", "E007", "fn bad(f: Fn() -> Int !{e}) -> Int !{e} { f() }\n"],
  ["the row variable of another function", "E007", "fn bad(f: Fn() -> Int) -> Int { let g = fn() -> Int !{e} { tick() }  g() }\n"],
  ["a row variable of main", "E007", "fn main<e>() -> Int !{e} { tick() }\n"],
  // Contracts, actors, output, tests, libraries.
  ["a requires clause", "E007", "fn bad(x: Int) -> Int !{time.now} requires once(tick) > x { x }\n"],
  ["a requires clause with a row variable", "E007", "fn bad<e>(f: Fn() -> Int !{e}) -> Int !{e} requires f() > 0 { 1 }\n"],
  ["an ensures clause with a row variable", "E007", "fn bad<e>(f: Fn() -> Int !{e}) -> Int !{e} ensures f() == result { 1 }\n"],
  ["a contract that maps", "E007", 'fn bad(x: Int) -> Int requires list.is_empty(list.map(["a"], fs.read)) { x }\n'],
  [
    "an actor with a row variable",
    "E007",
    "fn worker<e>() -> Unit !{e} { debug(tick())  () }\nfn main() -> ActorId !{actor.spawn} { spawn worker }\n",
  ],
  [
    "an actor that maps",
    "E007",
    'fn worker() -> Unit !{fs.read} { debug(list.map(["a"], fs.read))  () }\nfn main() -> ActorId !{actor.spawn} { spawn worker }\n',
  ],
  [
    "an actor spawned by a lambda",
    "E007",
    "fn worker() -> Unit !{time.now} { debug(once(tick))  () }\nfn main() -> List<ActorId> !{actor.spawn} { list.map([1], fn(_) { spawn worker }) }\n",
  ],
  ["spawn in a lambda", "E007", `fn worker() -> Unit { }\n${main("list.map([1], fn(_) { spawn worker })", "List<ActorId>")}`],
  ["a function in a message", "E009", "fn bad<e>(a: ActorId, f: Fn() -> Int !{e}) -> Unit !{actor.send} { send a f }\n"],
  ["a function in a record in a message", "E009", "fn bad(a: ActorId) -> Unit !{actor.send} { send a Box { item: tick } }\n"],
  ["an emitted function", "E009", "fn bad<e>(f: Fn() -> Int !{e}) -> Unit !{ui.render} { emit f }\n"],
  ["emit in a lambda", "E007", main("list.map([1], fn(x) { emit x })", "List<Unit>")],
  ["send as a value", "E009", main("list.map([1], actor.send)", "List<Unit>")],
  ["try in a lambda", "E007", main('list.map(["a"], fn(p) { try fs.read(p) })', "List<Result<String, String>>")],
  ["an answer of a test", "E007", 'test "t" { answer step.input(name) { list.map([name], fs.read)[0] }  () }\n'],
  ["a library function", "E007", `import "./good.ax"\n${main("times(2, tick)")}`],
  ["a shipped library function", "E007", `import "std-list"\n${main("sum_by([1], fn(x) { x + tick() })")}`],
  ["a library that hides its own effect", "E007", `import "./hidden.ax"\n${main("sneaky(fn() { 1 })")}`],
])("%s is refused with %s", (_, code, text) => expect(codes(text)).toContain(code));

test.each([
  ["a builtin with a capability", 'fn main() -> List<String> !{fs.read} { list.map(["a"], fs.read) }\n'],
  ["a function with a row variable", "fn main() -> Int !{time.now} { once(tick) + keep(tick)() }\n"],
  ["a pure call of a function with a row variable", main("once(fn() { 1 }) + keep(fn() { 2 })()")],
  [
    "a mixed row",
    'fn good<e>(f: Fn() -> Int !{e, time.now}) -> Int !{e, time.now} { f() + tick() }\nfn main() -> Int !{time.now, random} { good(fn() { random("int", 0, 1) + tick() }) }\n',
  ],
  [
    "two row variables",
    "fn good<e, g>(f: Fn() -> Int !{e}, h: Fn() -> Int !{g}) -> Int !{e, g} { f() + h() }\nfn main() -> Int !{time.now} { good(tick, fn() { 1 }) }\n",
  ],
  [
    "one row variable for two functions",
    'fn good<e>(f: Fn() -> Int !{e}, h: Fn() -> Int !{e}) -> Int !{e} { f() + h() }\nfn main() -> Int !{time.now, random} { good(tick, fn() { random("int", 0, 1) }) }\n',
  ],
  [
    "recursion",
    "fn good<e>(n: Int, f: Fn() -> Int !{e}) -> Int !{e} { if n == 0 { f() } else { good(n - 1, fn() { f() }) } }\nfn main() -> Int !{time.now} { good(2, tick) }\n",
  ],
  [
    "a parameter's parameter",
    "fn with<e>(k: Fn(Fn() -> Int !{e}) -> Int !{e}, f: Fn() -> Int !{e}) -> Int !{e} { k(f) }\nfn main() -> Int !{time.now} { with(fn(f: Fn() -> Int !{time.now}) { f() }, tick) }\n",
  ],
  [
    "a function with a row variable as a value",
    "fn main() -> List<Int> !{time.now} { let h = once\n [h(tick), h(fn() { 1 })] ++ list.map([tick], once) }\n",
  ],
  [
    "a lambda with a row variable",
    "fn good<e>(f: Fn() -> Int !{e}) -> Int !{e} { let g = fn() -> Int !{e} { f() }  g() }\nfn main() -> Int { good(fn() { 1 }) }\n",
  ],
  [
    "a row variable that is never called",
    "fn good<e>(f: Fn() -> Int !{e}) -> Fn() -> Int !{e} { f }\nfn main() -> Int { let _ = good(tick)  1 }\n",
  ],
  ["a type parameter in lower case", "fn good<a>(x: a) -> a { x }\nfn main() -> Int { good(1) }\n"],
  ["a type parameter named like an old capability", "fn good<fs>(x: fs) -> fs { x }\nfn main() -> Int { good(1) }\n"],
  ["a shipped library", 'import "std-list"\nfn main() -> Int !{time.now} { sum_by([1], fn(x) { x + tick() }) }\n'],
])("%s is accepted", (_, text) => expect(codes(text)).toEqual([]));
