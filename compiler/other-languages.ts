/** Words of other languages with what to write instead, for the messages about unknown names. */

/** Help for one word. */
export interface WordHint {
  readonly help: string;
  /** The text that replaces the word, if one does. */
  readonly replacement?: string;
}

const rows = (foreign: WordHint, words: string): readonly (readonly [string, WordHint])[] =>
  words.split(" ").map((word) => [word, foreign]);
const write = (replacement: string, words: string, more = ""): readonly (readonly [string, WordHint])[] =>
  rows({ help: `write \`${replacement}\`${more}`, replacement }, words);
const say = (help: string, words: string): readonly (readonly [string, WordHint])[] => rows({ help }, words);

/** By the word in lower case. */
const TYPES: ReadonlyMap<string, WordHint> = new Map([
  ...write("Int", "int integer i8 i16 i32 i64 i128 u8 u16 u32 u64 usize isize uint long short byte bigint int32 int64"),
  ...write("Float", "float double real decimal f32 f64 float32 float64"),
  ...say("write `Int` for whole numbers, `Float` for others", "number num"),
  ...write("String", "string str text char"),
  ...write("Bool", "bool boolean"),
  ...write("Unit", "unit void nil null nothing none"),
  ...write("List", "list vec vector array slice seq sequence arraylist"),
  ...write("Map", "map dict dictionary hashmap btreemap treemap", ", with String as the type of the keys"),
  ...write("Option", "option optional maybe nullable"),
  ...write("Result", "result"),
  ...write("Json", "json"),
  ...write("ActorId", "actorid pid actor"),
  ...say("write `Result<T, E>`: the type of the value, then that of the error", "either"),
  ...say(
    "data whose shape is not known is `Json`; a function for values of all types has a type parameter: `fn f<T>(x: T)`",
    "any dynamic object unknown",
  ),
  ...say("there are no sets: use a list with `list.contains` and `list.unique`, or a `Map<String, Unit>`", "set hashset"),
  ...say("there are no tuples: declare a record, `type Point { x: Int, y: Int }`", "tuple"),
  ...say("the type of a function is written `Fn(Int) -> Int`", "fn func function fun callable lambda closure"),
  ...say("an error is an ordinary value, often a String: `Result<T, String>`", "error exception"),
]);

const OUTPUT =
  "`emit v` shows a value (the row needs `ui.render`), `debug(v)` prints it to stderr; the result of `main` is printed at the end";
const NUMBERS = "the functions of numbers are `int.abs`, `int.min`, `int.max`, `int.pow`, `float.sqrt`, `float.round` and others";
const FAILURE = "`panic(text)` ends the program; a failure that the caller may handle is the result `Err(text)`";

const VALUES: ReadonlyMap<string, WordHint> = new Map([
  ...write("None", "null nil undefined none nothing Nothing NULL Null nullptr", "; a value that may be absent has the type `Option<T>`"),
  ...write("true", "True TRUE"),
  ...write("false", "False FALSE"),
  ...write("()", "pass", ", or leave it out: an empty body is `{ }`"),
  ...say("there are no methods: a function takes the value as a parameter", "this"),
  ...say("write `0.0 / 0.0`; `float.is_nan` tests for it", "NaN nan"),
  ...say("write `1.0 / 0.0`", "Infinity inf infinity"),
  ...say(OUTPUT, "console stdout stderr System fmt print println"),
  ...say(NUMBERS, "Math math"),
  ...write("json", "JSON"),
  ...say("a program sees its environment through the parameters of `main` and through capabilities only", "process os sys env argv args"),
]);

const FUNCTIONS: ReadonlyMap<string, WordHint> = new Map([
  ...say(OUTPUT, "print println printf puts echo log write display show eprintln"),
  ...say(FAILURE, "throw raise error fail abort exception Error Exception unreachable todo"),
  ...say("`guard(value, passed, label)` checks inside a function, `requires` and `ensures` at its start and end", "assert check expect"),
  ...say("a program ends when `main` returns; `panic(text)` ends it at once", "exit quit"),
  ...say(
    "use `int.to_string`, `float.to_string` or `bool.to_string`; `string.inspect(v)` takes any value",
    "str String toString to_string string text",
  ),
  ...say("`int.parse(text)` parses an Int, `float.round(x)` converts a Float to one", "int Int parseInt Integer to_int"),
  ...say("`float.parse(text)` parses a Float, `int.to_float(n)` converts an Int to one", "float Float parseFloat to_float"),
  ...say("a program gets its input as parameters of `main`", "input readline read_line scanf gets prompt"),
  ...say("write `fs.read(path)`; the row needs `fs.read`", "open read_file readFile read"),
  ...say("write `net.fetch(url)`; the row needs `net.fetch`", "fetch http_get request get_url"),
  ...say('write `random()` for a Float, `random("int", 1, 6)` for an Int; the row needs `random`', "rand randint random_int"),
  ...say("write `time.now()`; the row needs `time.now`", "now time date"),
  ...say("a program cannot wait; it has no clock of its own", "sleep wait delay"),
  ...say("types are known before the program runs; use `match` to take a value apart", "typeof type_of isinstance instanceof"),
  ...say("write `for x in xs { … }`", "foreach for_each each forEach"),
  ...say("count with a variable, or loop over `list.range(0, list.len(xs))`", "enumerate"),
  ...say("a list is written `[1, 2]`, an empty one `[]`", "List list Array array Vec vec"),
  ...say('a map is written `{ "a": 1 }`, an empty one `{}`', "Map map dict Dict HashMap"),
  ...say("there are no sets: use a list with `list.contains` and `list.unique`, or a `Map<String, Unit>`", "set Set"),
  ...say("a lambda is written `fn(x: Int) -> Int { x + 1 }`", "function func lambda fun"),
]);

/** What other languages call the second part of a builtin's name, in snake case, and the names of the builtins. */
const SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    length: ["len"],
    size: ["len"],
    count: ["len"],
    append: ["push"],
    add: ["push", "set"],
    push_back: ["push"],
    insert: ["set", "push"],
    put: ["set"],
    delete: ["remove"],
    has: ["contains", "contains_key"],
    includes: ["contains"],
    contains: ["contains_key"],
    has_key: ["contains_key"],
    first: ["head"],
    rest: ["tail"],
    nth: ["get"],
    at: ["get"],
    sorted: ["sort"],
    reversed: ["reverse"],
    reduce: ["fold"],
    fold_left: ["fold"],
    some: ["any"],
    every: ["all"],
    distinct: ["unique"],
    uniq: ["unique"],
    dedup: ["unique"],
    flat_map: ["and_then"],
    concat: ["merge"],
    upper: ["to_upper"],
    lower: ["to_lower"],
    to_upper_case: ["to_upper"],
    to_lower_case: ["to_lower"],
    uppercase: ["to_upper"],
    lowercase: ["to_lower"],
    strip: ["trim"],
    find: ["index_of"],
    position: ["index_of"],
    substring: ["slice"],
    substr: ["slice"],
    to_str: ["to_string"],
    str: ["to_string"],
    unwrap: ["unwrap_or"],
    expect: ["unwrap_or"],
    get_or_else: ["unwrap_or"],
    or_else: ["unwrap_or"],
    unwrap_or_else: ["unwrap_or"],
    to_int: ["parse", "round"],
    ceiling: ["ceil"],
    absolute: ["abs"],
    decode: ["parse"],
    loads: ["parse"],
    encode: ["stringify"],
    dumps: ["stringify"],
    to_json: ["stringify"],
  }),
);

/** Converts camel case to snake case: `toUpperCase` to `to_upper_case`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter, at: number) => (at === 0 ? "" : "_") + letter.toLowerCase());

/** The builtins' names for the second part of a name, the most likely first. */
export function builtinSpellings(name: string): readonly string[] {
  const own = snake(name);
  return [own, ...(SYNONYMS.get(own) ?? [])];
}

/** Help for the name of a type in another language. */
export function hintForType(name: string): WordHint | undefined {
  return TYPES.get(name.toLowerCase());
}

/** Help for the name of a value in another language. */
export function hintForValue(name: string): WordHint | undefined {
  return VALUES.get(name);
}

/** Help for the name of a function in another language. */
export function hintForFunction(name: string): WordHint | undefined {
  return FUNCTIONS.get(name);
}
