/** The benchmark programs: each in `.ax` and as the JavaScript one would write by hand, without any metering. */

export interface BenchProgram {
  readonly name: string;
  readonly source: string;
  /** Gives what the program's text form is, so that both are known to do the same. */
  readonly handWritten: () => string;
}

function fib(n: number): number {
  return n <= 1 ? n : fib(n - 1) + fib(n - 2);
}

interface Pair {
  readonly a: number;
  readonly b: number;
}

type Shape =
  | { readonly tag: "circle"; readonly size: number }
  | { readonly tag: "square"; readonly size: number }
  | { readonly tag: "empty" };

function area(s: Shape): number {
  switch (s.tag) {
    case "circle":
      return 3 * s.size * s.size;
    case "square":
      return s.size * s.size;
    case "empty":
      return 0;
  }
}

function listSum(n: number): string {
  const xs: number[] = [];
  for (let i = 0; i < n; i++) xs.push(i);
  let total = 0;
  for (let i = 0; i < xs.length; i++) total += xs[i] ?? 0;
  return String(total);
}

const listSource = (n: number): string => `fn main() -> Int {
    let mut xs: List<Int> = []
    let mut i = 0
    while i < ${n} { xs = list.push(xs, i)  i = i + 1 }
    let mut total = 0
    i = 0
    while i < list.len(xs) { total = total + xs[i]  i = i + 1 }
    total
}
`;

export const PROGRAMS: readonly BenchProgram[] = [
  {
    name: "fib(27)",
    source: "fn fib(n: Int) -> Int { if n <= 1 { n } else { fib(n - 1) + fib(n - 2) } }\nfn main() -> Int { fib(27) }\n",
    handWritten: () => String(fib(27)),
  },
  {
    name: "sum loop 3M",
    source:
      "fn main() -> Int {\n    let mut total = 0\n    let mut i = 0\n    while i < 3000000 { total = total + i % 7  i = i + 1 }\n    total\n}\n",
    handWritten: () => {
      let total = 0;
      for (let i = 0; i < 3_000_000; i++) total += i % 7;
      return String(total);
    },
  },
  {
    name: "record update 300k",
    source: `type Pair { a: Int, b: Int }
fn step(p: Pair) -> Pair { Pair { ..p, a: p.a + 1, b: (p.b + p.a) % 1000 } }
fn main() -> Int {
    let mut p = Pair { a: 0, b: 0 }
    let mut i = 0
    while i < 300000 { p = step(p)  i = i + 1 }
    p.a + p.b
}
`,
    handWritten: () => {
      let p: Pair = { a: 0, b: 0 };
      for (let i = 0; i < 300_000; i++) p = { a: p.a + 1, b: (p.b + p.a) % 1000 };
      return String(p.a + p.b);
    },
  },
  { name: "list 20k", source: listSource(20_000), handWritten: () => listSum(20_000) },
  { name: "list 200k", source: listSource(200_000), handWritten: () => listSum(200_000) },
  {
    name: "enum match 300k",
    source: `enum Shape { Circle(Int), Square(Int), Empty }
fn area(s: Shape) -> Int {
    match s {
        Circle(r) => 3 * r * r
        Square(x) => x * x
        Empty => 0
    }
}
fn main() -> Int {
    let mut total = 0
    let mut i = 0
    while i < 100000 {
        total = (total + area(Shape::Circle(i % 10)) + area(Shape::Square(i % 7)) + area(Shape::Empty)) % 1000000
        i = i + 1
    }
    total
}
`,
    handWritten: () => {
      let total = 0;
      for (let i = 0; i < 100_000; i++) {
        total = (total + area({ tag: "circle", size: i % 10 }) + area({ tag: "square", size: i % 7 }) + area({ tag: "empty" })) % 1_000_000;
      }
      return String(total);
    },
  },
  {
    name: "string 20k",
    source: `fn main() -> Int {
    let mut s = ""
    let mut i = 0
    while i < 20000 { s = s ++ "x"  i = i + 1 }
    string.len(s)
}
`,
    handWritten: () => {
      let s = "";
      for (let i = 0; i < 20_000; i++) s += "x";
      return String(new TextEncoder().encode(s).length);
    },
  },
  {
    name: "float loop",
    source:
      "fn main() -> Float {\n    let mut x = 0.0\n    let mut i = 0\n    while i < 1000000 { x = x * 0.5 + 1.25  i = i + 1 }\n    x\n}\n",
    handWritten: () => {
      let x = 0;
      for (let i = 0; i < 1_000_000; i++) x = x * 0.5 + 1.25;
      return String(x);
    },
  },
];
