/** Programs that allocate as much as they can: `max_alloc_bytes` bounds the memory of the process in every case. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readPeakMemory, reportPeakMemory } from "../../../bench/peak-memory.ts";
import { encodeModule } from "../../../vm/bytecode/codec.ts";
import { FnRefValue, UNIT } from "../../../vm/value/value.ts";
import { temporaryFolder } from "../../after-file.ts";
import { FULL, someOf } from "../../cases.ts";
import { boruna } from "../../cli/boruna.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";
import { ENGINES } from "./hostile.ts";

const MIB = 1_048_576;
/** The memory that the process may take in addition to twice the allocation limit. */
const EXTRA_BYTES = 200_000_000;
const MAX_STEPS = 200_000_000;
const LARGEST_MIB = 256;
/** The limits in MiB. The large one takes minutes. */
const SIZES_MIB = FULL ? [64, LARGEST_MIB] : [64];

const folder = temporaryFolder();
const policyOf = (mib: number): string => join(folder, `policy-${mib}.json`);

beforeAll(() => {
  for (const mib of [1, ...SIZES_MIB])
    writeFileSync(
      policyOf(mib),
      JSON.stringify({ schema_version: 1, default_allow: true, limits: { max_alloc_bytes: mib * MIB, max_steps: MAX_STEPS } }),
    );
});

/** Runs a program in a child process; returns its trap and the peak memory of the process. */
async function runInChild(file: string, mib: number, engine: string): Promise<{ readonly ended: string; readonly peakBytes: number }> {
  const { code, stderr } = await boruna(["run", file, "--policy", policyOf(mib), "--engine", engine], {
    nodeFlags: reportPeakMemory(2),
  });
  const ended =
    /max allocation exceeded|the allocation limit|code units|elements|max execution steps exceeded|stack overflow|actors hold more/.exec(
      stderr,
    )?.[0];
  const peakBytes = readPeakMemory(stderr);
  if (ended === undefined || peakBytes === undefined) throw new Error(`${engine} ended with ${code}\n${stderr.slice(-2_000)}`);
  return { ended, peakBytes };
}

test("the measured peak does not count the memory of the parent process", async () => {
  const ofParent = Buffer.alloc(400 * MIB, 1);
  const { stderr } = await boruna(["--version"], { nodeFlags: reportPeakMemory(2) });
  expect(readPeakMemory(stderr)).toBeLessThan(ofParent.length);
});

async function expectBounded(name: string, extension: string, content: string | Uint8Array, mib: number, ended?: string): Promise<void> {
  const file = join(folder, `${name.replaceAll(/\W/g, "-")}.${extension}`);
  writeFileSync(file, content);
  const ends = await Promise.all(ENGINES.map((engine) => runInChild(file, mib, engine)));
  expect(new Set(ends.map((end) => end.ended)).size).toBe(1);
  for (const [i, { peakBytes }] of ends.entries())
    expect(Math.round(peakBytes / 1e6), `MB of memory, ${ENGINES[i]}`).toBeLessThan((2 * mib * MIB + EXTRA_BYTES) / 1e6);
  if (ended !== undefined) expect(ends[0]?.ended).toBe(ended);
}

/** Programs that each make one kind of value until they reach the limit. */
const ONE_KIND_OF_VALUE: Readonly<Record<string, string>> = {
  "a String doubled": `
fn main() -> Int {
    let mut s = "ab"
    while true { s = s ++ s }
    string.len(s)
}`,
  "Strings doubled and read": `
fn main() -> Int {
    let mut s = "ab"
    let mut sum = 0
    let mut all: List<String> = []
    while true {
        s = s ++ s
        if string.len(s) > 4000000 { s = "ab" }
        all = list.push(all, s)
        sum = sum + list.len(all)
    }
    sum
}`,
  "a List doubled": `
fn main() -> Int {
    let mut xs = [1]
    while true { xs = xs ++ xs }
    list.len(xs)
}`,
  "a Map of growing Strings": `
fn main() -> Int {
    let mut m: Map<String, String> = {}
    let mut s = "some text to begin with"
    let mut i = 0
    while true {
        s = s ++ "a bit more text"
        m = map.set(m, int.to_string(i), string.to_upper(s))
        i = i + 1
    }
    map.len(m)
}`,
  "closures that capture": `
fn adder(n: Int) -> Fn(Int) -> Int { fn(x) { x + n } }
fn main() -> Int {
    let mut all: List<Fn(Int) -> Int> = []
    let mut i = 0
    while true { all = list.push(all, adder(i))  i = i + 1 }
    list.len(all)
}`,
  "records inside records": `
type Node { next: Option<Node>, value: Int }
fn main() -> Int {
    let mut node = Node { next: None, value: 0 }
    while true { node = Node { next: Some(node), value: node.value + 1 } }
    node.value
}`,
  "string.repeat": `
fn main() -> Int {
    let mut all: List<String> = []
    let mut i = 0
    while true { all = list.push(all, string.to_upper(string.repeat("é", 10000 + i)))  i = i + 1 }
    list.len(all)
}`,
  "list.range": `
fn main() -> Int {
    let mut all: List<List<Int>> = []
    while true { all = list.push(all, list.range(0, 100000)) }
    list.len(all)
}`,
  "string.join of a list with itself": `
fn main() -> Int {
    let mut xs = list.map(list.range(0, 10000), int.to_string)
    while true { xs = list.push(xs ++ xs, string.join(xs, "")) }
    list.len(xs)
}`,
  "recursion that keeps": `
fn go(n: Int, s: String) -> Int { string.len(s) + go(n + 1, string.to_upper(s ++ "some more text, and more of it")) }
fn main() -> Int { go(0, "") }`,
};

/** Maps that are large enough to share their history, with old versions kept. */
const LONG_MAPS: Readonly<Record<string, string>> = {
  "Maps just long enough": `
fn main() -> Int {
    let mut all: List<Map<String, Int>> = []
    let mut i = 0
    while true {
        let mut m: Map<String, Int> = {}
        for n in list.range(0, 130) { m = map.set(m, int.to_string(n), i) }
        all = list.push(all, m)
        i = i + 1
    }
    list.len(all)
}`,
  "old versions of Maps, from new to old, each changed": `
fn main() -> Int {
    let mut all: List<Map<String, Int>> = []
    let mut i = 0
    while true {
        let mut m: Map<String, Int> = {}
        let mut versions = [m]
        for n in list.range(0, 2000) {
            m = map.set(m, int.to_string(n * 7919 % 2000), i + 4503599627370497)
            versions = list.push(versions, m)
        }
        for n in list.range(0, 2000) { all = list.push(all, map.set(versions[2000 - n], "new", i)) }
        i = i + 1
    }
    list.len(all)
}`,
  "a Map whose keys are set again and removed": `
fn main() -> Int {
    let mut all: List<Map<String, Int>> = []
    let mut m: Map<String, Int> = {}
    for n in list.range(0, 200) { m = map.set(m, int.to_string(n), n) }
    let mut i = 0
    while true {
        m = map.set(map.remove(m, int.to_string(i % 150)), int.to_string(i * 7 % 200), i)
        all = list.push(all, m)
        i = i + 1
    }
    list.len(all)
}`,
  "Maps of keys that are alike": `
fn main() -> Int {
    let mut all: List<Map<String, Int>> = []
    let begin = string.repeat("x", 100)
    let rest = string.repeat("x", 4000)
    let keys = list.map(list.range(0, 200), fn(n) { begin ++ int.to_string(n + 100) ++ rest })
    let mut i = 0
    while true {
        let mut m: Map<String, Int> = {}
        for key in keys { m = map.set(m, key, i) }
        all = list.push(all, m)
        i = i + 1
    }
    list.len(all)
}`,
  "older versions of Maps that grew in place": `
fn main() -> Int {
    let mut all: List<Map<String, Int>> = []
    while true {
        let mut m: Map<String, Int> = {}
        for i in 0..100000 { m[int.to_string(i)] = i }
        let old = m
        m["new"] = 0
        if list.len(map.keys(m)) > list.len(map.keys(old)) { all = list.push(all, old) }
    }
    list.len(all)
}`,
};

describe.each(SIZES_MIB)("values of one kind under %i MiB", (mib) => {
  test.each(someOf(Object.entries({ ...ONE_KIND_OF_VALUE, ...LONG_MAPS })))("%s", (name, text) =>
    expectBounded(name, "ax", `${text}\n`, mib),
  );
});

/** Appends are cheap until the String is read. Each program makes V8 copy or keep the Strings in another way; all must be charged in full. */
function unpaid(keep: string, before = ""): string {
  return `
type Box { text: String }
enum Shape { Text(String), Dot }
fn same(text: String) -> String { text }
${before}
fn main() -> Int {
    let piece = string.repeat("é", 20000)
    let mut all: List<Int> = []
    let mut kept: List<String> = []
    let mut boxes: List<Box> = []
    let mut shapes: List<Shape> = []
    let mut closures: List<Fn() -> Int> = []
    let mut maps: List<Map<String, String>> = []
    let mut s = ""
    let mut i = 0
    while true {
        s = "x"
        s = s ++ piece
        ${keep}
        i = i + 1
    }
    list.len(kept) + list.len(all) + list.len(boxes) + list.len(shapes) + list.len(closures) + list.len(maps)
}
`;
}

const READ = "string.len(string.to_upper(t))";
const APPENDED_STRINGS: Readonly<Record<string, string>> = {
  "appends kept in a List": unpaid("kept = list.push(kept, s)  let t = s  all = list.push(all, if t < s { 0 } else { 1 })"),
  "appends kept in records": unpaid("boxes = list.push(boxes, Box { text: s })  if string.contains(s, s) { i = i + 0 }"),
  "appends kept in enum values": unpaid('shapes = list.push(shapes, Shape::Text(s))  if s == "x" { i = 0 }'),
  "appends kept by closures": unpaid('let t = s  closures = list.push(closures, fn() { string.len(t) })  if s < "a" { i = 0 }'),
  "appends as keys and values": unpaid("maps = list.push(maps, { s: s })"),
  "appends kept by a call": unpaid('let t = same(s)  kept = list.push(kept, t)  if t < "a" { i = 0 }'),
  "appends to a text that is kept": unpaid('let t = s ++ "y"  kept = list.push(kept, t)  if t < "a" { i = 0 }'),
  "appends in a chain with themselves": unpaid('s = s ++ s ++ s  kept = list.push(kept, s)  if s < "a" { i = 0 }'),
  "every prefix of one text": `
fn main() -> Int {
    let mut kept: List<String> = []
    let mut s = string.repeat("é", 20000)
    while true {
        s = s ++ "x"
        kept = list.push(kept, s)
        if s < "a" { s = "" }
    }
    list.len(kept)
}
`,
  "a text of pieces that is never read": `
fn main() -> Int {
    let mut s = ""
    while true { s = s ++ "x" }
    string.len(s)
}
`,
  "appends in frames, all read as they return": `
fn go(piece: String, n: Int) -> Int {
    let mut s = "x"
    s = s ++ piece
    let below = if n == 0 { 0 } else { go(piece, n - 1) }
    let t = s
    below + ${READ} + string.len(s)
}
fn main() -> Int {
    let piece = string.repeat("é", 20000)
    let mut sum = 0
    while true { sum = sum + go(piece, 9000) }
    sum
}
`,
  "appends to a local whose String is replaced": `
fn main() -> Int {
    let piece = string.repeat("é", 500000)
    let mut a = ""
    let mut b = ""
    let mut sum = 0
    while true {
        a = ""
        a = a ++ piece ++ "a"
        b = a
        b = b ++ piece ++ "b"
        let t = b
        sum = sum + ${READ}
    }
    sum
}
`,
};

test.each(someOf(Object.entries(APPENDED_STRINGS)))("64 MiB: %s", (name, text) => expectBounded(name, "ax", text, 64));

/** Intermediate values must not take much more memory than the results. */
const repeatedly = (make: string, work: string): string => `
fn main() -> Int {
    let s = ${make}
    let mut sum = 0
    while true { sum = sum + string.len(${work}) }
    sum
}
`;
const nested = (work: string): string => `
fn main() -> Int {
    let mut j = Json::List([])
    for _ in list.range(0, 30) { j = Json::List([j, j]) }
    let mut sum = 0
    while true { sum = sum + string.len(${work}) }
    sum
}
`;
/** A List that is stored as a tree; the program pushes to an older version again and again. */
const branches = (length: number, version: (i: number) => string): string => `
fn main() -> Int {
    let xs = list.range(0, ${length})
    let other = list.push(xs, 0)
    let mut all: List<List<List<Int>>> = []
    let mut i = 0
    while true {
        all = list.push(all, [${Array.from({ length: 200 }, (_, i) => version(i)).join(", ")}])
        i = i + 1
    }
    list.len(all) + list.len(other)
}
`;
const INTERMEDIATE_VALUES: Readonly<Record<string, string>> = {
  "a text split into its characters": repeatedly('string.repeat("€", 16000000)', 'string.replace(s, "", "")'),
  "a text with many occurrences to replace": repeatedly('string.repeat("€,", 8000000)', 'string.replace(s, ",", "")'),
  "ASCII letters between other characters": repeatedly('string.repeat("a€", 8000000)', "string.to_upper(s)"),
  "a long text in Base64": repeatedly('string.repeat("€", 3000000)', "base64.encode(s)"),
  "a JSON text of many brackets": nested("json.stringify(j)"),
  "a text form of many brackets": nested("string.inspect(j)"),
  "a JSON text of empty objects": repeatedly('"[" ++ string.repeat("{},", 1900000) ++ "{}]"', "string.inspect(json.parse(s))"),
  "a JSON text of empty objects, in tail calls": `
fn again(s: String, n: Int) -> Int {
    let length = string.len(string.inspect(json.parse(s)))
    if n == 0 { return length }
    again(s, n - 1)
}
fn main() -> Int { again("[" ++ string.repeat("{},", 1900000) ++ "{}]", 1000) }
`,
  "versions after a full leaf": branches(31_744, () => "list.push(xs, i)"),
  "versions of versions with a full leaf": branches(32_767, () => "list.push(list.push(xs, i), i)"),
  "versions of slices": branches(32_768, (i) => `list.push(list.slice(xs, 0, ${32_704 - 16 * i}), i)`),
};

test.each(someOf(Object.entries(INTERMEDIATE_VALUES)))("64 MiB: %s", (name, text) => expectBounded(name, "ax", text, 64));

/** Actors that recurse one after the other and then wait or end; finally the root recurses. Unused stack memory must be freed. */
test.each(
  someOf([
    ["wait", ["ReceiveMsg", "Ret"], "actors hold more"],
    ["are done", [["PushConst", 0], "Ret"], "stack overflow"],
  ] as const),
)("stacks of actors that %s", async (name, end, ended) => {
  const countDown = (local: number, to: number): TestFunction["code"] => [
    ["LoadLocal", local],
    ["PushConst", 1],
    "Sub",
    "Dup",
    ["StoreLocal", local],
    ["JmpIf", to],
  ];
  const start: TestFunction["code"] = [["PushConst", 2], ["StoreLocal", 0], ["SpawnActor", 1], "Pop", ["PushConst", 4], ["StoreLocal", 1]];
  const root: TestFunction = {
    locals: 2,
    capabilities: [8, 9],
    code: [...start, ...countDown(1, 6), ...countDown(0, 2), ["Call", 3, 0]],
  };
  const child: TestFunction = { code: [["PushConst", 3], ["Call", 2, 1], "Ret"] };
  const deep: TestFunction = {
    arity: 1,
    locals: 250,
    code: [["LoadLocal", 0], ["JmpIf", 4], ...end, ["LoadLocal", 0], ["PushConst", 1], "Sub", ["Call", 2, 1], "Ret"],
  };
  const endless: TestFunction = { code: [["Call", 3, 0], "Ret"] };
  const module = moduleOf([root, child, deep, endless], [0, 1, 40, 2_500, 10_000]);
  await expectBounded(`actors ${name}`, "axbc", encodeModule(module), 64, ended);
});

const WRAPS: TestFunction["code"] = Array.from({ length: 3_900 }, () => ["Wrap", 0] as const);
const WRAP_PARAMETER: TestFunction = { arity: 1, code: [["LoadLocal", 0], ...WRAPS, "Ret"] };

/** Functions that allocate thousands of values between two calls or jumps. */
test.each(
  someOf<readonly [string, readonly TestFunction[]]>([
    [
      "recursion whose frames allocate",
      [{ code: [["PushConst", 0], ["Call", 1, 1], "Ret"] }, { arity: 1, code: [["LoadLocal", 0], ...WRAPS, ["Call", 1, 1], "Ret"] }],
    ],
    [
      "a loop whose callee allocates",
      [
        {
          locals: 1,
          code: [
            ["LoadLocal", 0],
            ["Call", 1, 1],
            ["StoreLocal", 0],
            ["Jmp", 0],
          ],
        },
        WRAP_PARAMETER,
      ],
    ],
    [
      "a loop that calls a function value that allocates",
      [
        {
          locals: 1,
          code: [
            ["LoadLocal", 0],
            ["PushConst", 1],
            ["CallIndirect", 1],
            ["StoreLocal", 0],
            ["Jmp", 0],
          ],
        },
        WRAP_PARAMETER,
      ],
    ],
  ]),
)("1 MiB: %s", async (name, functions) => {
  await expectBounded(name, "axbc", encodeModule(moduleOf(functions, [UNIT, new FnRefValue(1)])), 1, "max allocation exceeded");
});

/** 60 parameters that are appended to. A failing contract prints them, so their full length must have been charged. */
test("parameters that a failed contract prints", async () => {
  const count = 60;
  const code: TestFunction["code"][number][] = [];
  for (let i = 0; i < count; i++) code.push(["LoadLocal", i], ["LoadLocal", count], "Concat", ["StoreLocal", i]);
  code.push(["PushConst", 3], ["Assert", 0, 0, 0], ["PushConst", 3], "Ret");
  const main: TestFunction = {
    code: [
      ...Array.from({ length: count }, () => ["PushConst", 0] as const),
      ["PushConst", 1],
      ["PushConst", 2],
      ["Builtin", 73, 2],
      ["Call", 1, count + 1],
      "Halt",
    ],
  };
  const module = moduleOf([main, { arity: count + 1, locals: count + 1, code }], ["x", "é", 20_000_000, false]);
  await expectBounded("counterexample", "axbc", encodeModule(module), 64);
});

/** A list of lists of many small values of one kind. It shows if the charge for that kind is too low. */
function hoard(type: string, item: string, before = "", count = 200): string {
  return `
type Box { a: Int }
type Empty {}
enum Shape { Circle(Int), Dot }
fn main() -> Int {
    let mut all: List<List<${type}>> = []
    let mut i = 0
    while true {
        ${before}
        all = list.push(all, [${Array.from({ length: count }, () => item).join(", ")}])
        i = i + 1
    }
    list.len(all)
}
`;
}

const SMALL_VALUES: Readonly<Record<string, string>> = {
  "Ints of 52 bits": hoard("Int", "i + 4503599627370497"),
  "Ints of 63 bits": hoard("Int", "i + 9007199254740993"),
  Floats: hoard("Float", "int.to_float(i) * 1.5"),
  "Some of Floats": hoard("Option<Float>", "Some(int.to_float(i) * 1.5)"),
  "Lists of one": hoard("List<Int>", "[i]"),
  "Maps of one": hoard("Map<String, Int>", '{ "k": i }'),
  "records of one field": hoard("Box", "Box { a: i }"),
  "records without fields": hoard("Empty", "Empty {}"),
  "enum values": hoard("Shape", "Shape::Circle(i)"),
  closures: hoard("Fn() -> Int", "fn() { i }", "let i = i"),
  "short Strings": hoard("String", '(a ++ "x")', "let a = int.to_string(i)"),
  "numbers as text": hoard("String", "int.to_string(i + 1000000)"),
  "versions of a List": hoard("List<Int>", "list.push(xs, i)", "let xs = [1, 2, 3]"),
  "versions of a long List": hoard("List<Int>", "list.push(xs, i)", "let xs = list.range(0, 2000)"),
  "long Lists with one more element": hoard("List<Int>", "xs ++ [i]", "let xs = list.range(0, 2000)"),
  "slices of Lists": hoard("List<Int>", "list.slice(xs, 1, i)", "let xs = [1, 2, 3]"),
  "values of a Map": hoard("List<Int>", "map.values(m)", 'let m = { "a": i }'),
  "versions of a Map": hoard(
    "Map<String, Int>",
    "map.set(m, a, i)",
    'let a = int.to_string(i)  let m = map.set({ "b": 1, "c": 2 }, "d", 3)',
  ),
  characters: hoard("List<String>", "string.chars(a)", 'let a = string.repeat("é", 100)', 10),
  pieces: hoard("List<String>", 'string.split(a, ",")', 'let a = string.repeat("ab,", 100)', 10),
  "JSON of small parts": hoard("Result<Json, String>", "json.parse(a)", 'let a = "[" ++ string.repeat("[1.5],", 100) ++ "[]]"', 10),
  "values as text": hoard("String", "string.inspect(xs)", "let xs = list.range(0, 1000)", 10),
};

test.runIf(FULL).each(Object.entries(SMALL_VALUES))(`${LARGEST_MIB} MiB of %s`, (name, text) =>
  expectBounded(name, "ax", text, LARGEST_MIB),
);

/**
 * A function without loops and calls that doubles a String 27 times and then takes its length. It becomes hot with an empty
 * String; with a longer one it must stop before it takes the first length.
 */
test("Strings far beyond the limit, made by straight-line code, are never copied into memory", async () => {
  const lengths = 8;
  const code: TestFunction["code"][number][] = [
    ["LoadLocal", 0],
    ["StoreLocal", 1],
  ];
  for (let i = 0; i < 27; i++) code.push(["LoadLocal", 1], ["LoadLocal", 1], "Concat", ["StoreLocal", 1]);
  for (let i = 0; i < lengths; i++)
    code.push(["LoadLocal", 1], ["PushConst", 4], "Concat", ["StoreLocal", 2 + i], ["LoadLocal", 2 + i], "StringLen", "Pop");
  code.push(["PushConst", 0], "Ret");
  const main: TestFunction = {
    locals: 1,
    code: [
      ["PushConst", 0],
      ["StoreLocal", 0],
      ["PushConst", 2],
      ["Call", 1, 1],
      "Pop",
      ["LoadLocal", 0],
      ["PushConst", 1],
      "Sub",
      "Dup",
      ["StoreLocal", 0],
      ["JmpIf", 2],
      ["PushConst", 3],
      ["Call", 1, 1],
      "Halt",
    ],
  };
  const module = moduleOf([main, { arity: 1, locals: 2 + lengths, code }], [2_000, 1, "", "€", "é"]);
  await expectBounded("ropes", "axbc", encodeModule(module), 64);
});
