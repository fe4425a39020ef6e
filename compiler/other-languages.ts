/** Maps words of other languages to the text to write instead, for the messages about unknown names. */

/** Help for one word. */
export interface WordHint {
  readonly help: string;
  /** The text that replaces the word; absent if no single text does. */
  readonly replacement?: string;
}

/** Returns a map entry for each word in `words`, which are separated by spaces. All entries have the same hint. */
const entries = (hint: WordHint, words: string): readonly (readonly [string, WordHint])[] => words.split(" ").map((word) => [word, hint]);
const replaceWith = (replacement: string, words: string, addition = ""): readonly (readonly [string, WordHint])[] =>
  entries({ help: `write \`${replacement}\`${addition}`, replacement }, words);
const helpWith = (help: string, words: string): readonly (readonly [string, WordHint])[] => entries({ help }, words);

/** The hints for names of types, by the word in lower case. */
const TYPES: ReadonlyMap<string, WordHint> = new Map([
  ...replaceWith("Int", "int integer i8 i16 i32 i64 i128 u8 u16 u32 u64 usize isize uint long short byte bigint int32 int64"),
  ...replaceWith("Float", "float double real decimal f32 f64 float32 float64"),
  ...helpWith("write `Int` for whole numbers, `Float` for others", "number num"),
  ...replaceWith("String", "string str text char"),
  ...replaceWith("Bool", "bool boolean"),
  ...replaceWith("Unit", "unit void nil null nothing none"),
  ...helpWith(
    "write the type inside: `T` for `Box<T>` or `Promise<T>`; a value needs no box, and a call waits for its answer",
    "box rc arc refcell cell mutex promise future awaitable task",
  ),
  ...replaceWith("List", "list iterator iterable generator vec vector array slice seq sequence arraylist"),
  ...replaceWith("Map", "map dict dictionary hashmap btreemap treemap record", ", with String as the type of the keys"),
  ...replaceWith("Option", "option optional maybe nullable"),
  ...replaceWith("Result", "result"),
  ...replaceWith("Json", "json"),
  ...replaceWith("ActorId", "actorid pid actor"),
  ...helpWith("write `Result<T, E>`: the type of the value, then that of the error", "either"),
  ...helpWith(
    "data whose shape is not known is `Json`; a function for values of all types has a type parameter: `fn f<T>(x: T)`",
    "any dynamic object unknown",
  ),
  ...helpWith(
    "a set is a `Map<String, Unit>`, with the functions of `std-set`; a list without duplicates is `list.unique(xs)`",
    "set hashset",
  ),
  ...helpWith("the type of a tuple is written `(Int, String)`", "tuple pair"),
  ...helpWith("the type of a function is written `Fn(Int) -> Int`", "fn func function fun callable lambda closure"),
  ...helpWith("an error is an ordinary value, often a String: `Result<T, String>`", "error exception"),
]);

export const OUTPUT_HELP =
  "`emit v` shows a value (the row needs `ui.render`), `debug(v)` prints it to stderr; the result of `main` is printed at the end";
const NUMBERS_HELP =
  "the functions of numbers are `int.abs`, `int.min`, `int.max`, `int.mod`, `int.pow`, `float.pow`, `float.sqrt`, `float.sin`, `float.round` and others";
const FAILURE_HELP = "`panic(text)` ends the program; a failure that the caller may handle is the result `Err(text)`";

/** The hints for names of values, by the word. */
const VALUES: ReadonlyMap<string, WordHint> = new Map([
  ...replaceWith(
    "None",
    "null nil undefined none nothing Nothing NULL Null nullptr",
    "; a value that may be absent has the type `Option<T>`",
  ),
  ...replaceWith("9223372036854775807", "int.MAX int.max_value Number.MAX_SAFE_INTEGER sys.maxsize math.MaxInt64"),
  ...replaceWith("(-9223372036854775807 - 1)", "int.MIN int.min_value Number.MIN_SAFE_INTEGER math.MinInt64"),
  ...replaceWith("(1.0 / 0.0)", "float.INFINITY math.inf Number.POSITIVE_INFINITY"),
  ...replaceWith("(0.0 / 0.0)", "float.NAN math.nan Number.NaN"),
  ...replaceWith("3.141592653589793", "Math.PI math.pi math.Pi float.PI"),
  ...replaceWith("2.718281828459045", "Math.E math.e math.E float.E"),
  ...replaceWith("true", "True TRUE"),
  ...replaceWith("false", "False FALSE"),
  ...replaceWith("()", "pass", ", or leave it out: an empty body is `{ }`"),
  ...helpWith("there are no methods: a function takes the value as a parameter", "this"),
  ...helpWith("write `0.0 / 0.0`; `float.is_nan` tests for it", "NaN nan"),
  ...helpWith("write `1.0 / 0.0`", "Infinity inf infinity"),
  ...helpWith(OUTPUT_HELP, "console stdout stderr System fmt print println"),
  ...helpWith(NUMBERS_HELP, "Math math"),
  ...replaceWith("json", "JSON"),
  ...helpWith(
    "a program sees its environment through the parameters of `main` and through capabilities only",
    "process os sys env argv args",
  ),
]);

/** The hints for names of functions, by the word. */
const FUNCTIONS: ReadonlyMap<string, WordHint> = new Map([
  ...helpWith(OUTPUT_HELP, "print println printf puts echo log write display show eprintln"),
  ...helpWith(FAILURE_HELP, "throw raise error fail abort exception Error Exception unreachable todo"),
  ...helpWith(
    "`guard(value, passed, label)` checks inside a function, `requires` and `ensures` at its start and end",
    "assert check expect",
  ),
  ...helpWith("a program ends when `main` returns; `panic(text)` ends it at once", "exit quit"),
  ...helpWith(
    "use `int.to_string`, `float.to_string` or `bool.to_string`; `string.inspect(v)` takes any value",
    "str String toString to_string string text",
  ),
  ...helpWith("`int.parse(text)` parses an Int, `float.round(x)` converts a Float to one", "int Int parseInt Integer to_int"),
  ...helpWith("`float.parse(text)` parses a Float, `int.to_float(n)` converts an Int to one", "float Float parseFloat to_float"),
  ...helpWith("a program gets its input as parameters of `main`", "input readline read_line scanf gets prompt"),
  ...helpWith("write `fs.read(path)`; the row needs `fs.read`", "open read_file readFile read"),
  ...helpWith("write `net.fetch(url)`; the row needs `net.fetch`", "fetch http_get request get_url"),
  ...helpWith('write `random()` for a Float, `random("int", 1, 6)` for an Int; the row needs `random`', "rand randint random_int"),
  ...helpWith("write `time.now()`; the row needs `time.now`", "now time date"),
  ...helpWith("a program cannot wait; it has no clock of its own", "sleep wait delay"),
  ...helpWith("types are known before the program runs; use `match` to take a value apart", "typeof type_of isinstance instanceof"),
  ...helpWith("write `for x in xs { … }`", "foreach for_each each forEach"),
  ...helpWith("write `for (i, x) in list.enumerate(xs) { … }`", "enumerate"),
  ...helpWith("a list is written `[1, 2]`, an empty one `[]`", "List list Array array Vec vec"),
  ...helpWith('a map is written `{ "a": 1 }`, an empty one `{}`', "Map map dict Dict HashMap"),
  ...helpWith("a set is a `Map<String, Unit>`, with the functions of `std-set`; a list without duplicates is `list.unique(xs)`", "set Set"),
  ...helpWith("a lambda is written `fn(x: Int) -> Int { x + 1 }`", "function func lambda fun"),
]);

/**
 * Maps a word of other languages, in snake case, to the words that builtins use instead in the second part of their names.
 * For example, `length` becomes the `len` of `list.len`.
 */
const SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    length: ["len"],
    size: ["len"],
    count: ["len"],
    append: ["push"],
    add: ["push", "set"],
    push_back: ["push"],
    pop_back: ["pop"],
    insert: ["set", "insert_at"],
    put: ["set"],
    delete: ["remove", "remove_at"],
    remove: ["remove_at"],
    del: ["remove_at"],
    delete_at: ["remove_at"],
    has: ["contains", "contains_key"],
    includes: ["contains"],
    contains: ["contains_key"],
    has_key: ["contains_key"],
    head: ["first"],
    peek: ["first", "last"],
    rest: ["tail"],
    nth: ["get"],
    at: ["get", "char_at"],
    char_code_at: ["char_at"],
    maximum: ["max"],
    minimum: ["min"],
    largest: ["max"],
    smallest: ["min"],
    max_by_key: ["max_by"],
    min_by_key: ["min_by"],
    max_of: ["max"],
    min_of: ["min"],
    limit: ["take"],
    first_n: ["take"],
    skip: ["drop"],
    chunk: ["chunks"],
    chunks_of: ["chunks"],
    chunked: ["chunks"],
    chunks_exact: ["chunks"],
    batched: ["chunks"],
    split_every: ["chunks"],
    window: ["windows"],
    windows_of: ["windows"],
    windowed: ["windows"],
    sliding_window: ["windows"],
    pairwise: ["windows"],
    group: ["group_by"],
    groupby: ["group_by"],
    fill: ["repeat"],
    filled: ["repeat"],
    replicate: ["repeat"],
    concat_map: ["flat_map"],
    flatmap: ["flat_map"],
    count_if: ["count"],
    count_where: ["count"],
    sorted: ["sort"],
    reversed: ["reverse"],
    reduce: ["fold"],
    fold_left: ["fold"],
    some: ["any"],
    every: ["all"],
    has_prefix: ["starts_with"],
    has_suffix: ["ends_with"],
    trim_space: ["trim"],
    replace_all: ["replace"],
    fields: ["split"],
    items: ["entries"],
    distinct: ["unique"],
    uniq: ["unique"],
    dedup: ["unique"],
    flat_map: ["and_then"],
    bind: ["and_then"],
    concat: ["merge"],
    upper: ["to_upper"],
    lower: ["to_lower"],
    to_upper_case: ["to_upper"],
    to_lower_case: ["to_lower"],
    uppercase: ["to_upper"],
    lowercase: ["to_lower"],
    strip: ["trim"],
    lstrip: ["trim_start"],
    ltrim: ["trim_start"],
    trim_left: ["trim_start"],
    rstrip: ["trim_end"],
    rtrim: ["trim_end"],
    trim_right: ["trim_end"],
    rjust: ["pad_start"],
    pad_left: ["pad_start"],
    ljust: ["pad_end"],
    pad_right: ["pad_end"],
    removeprefix: ["strip_prefix"],
    remove_prefix: ["strip_prefix"],
    trim_prefix: ["strip_prefix"],
    cut: ["split_once"],
    removesuffix: ["strip_suffix"],
    remove_suffix: ["strip_suffix"],
    trim_suffix: ["strip_suffix"],
    rfind: ["last_index_of"],
    rindex: ["last_index_of"],
    last_index: ["last_index_of"],
    reverse_text: ["reverse"],
    rev: ["reverse"],
    find: ["index_of"],
    position: ["index_of"],
    substring: ["slice"],
    substr: ["slice"],
    to_str: ["to_string"],
    str: ["to_string"],
    get_or_else: ["unwrap_or"],
    or_else: ["unwrap_or"],
    to_int: ["parse", "round"],
    from_str: ["parse"],
    ceiling: ["ceil"],
    absolute: ["abs"],
    ln: ["log"],
    power: ["pow"],
    arctan: ["atan"],
    arcsin: ["asin"],
    arccos: ["acos"],
    fabs: ["abs"],
    modulo: ["mod"],
    floor_mod: ["mod"],
    rem_euclid: ["mod"],
    bit_and: ["and"],
    bitand: ["and"],
    band: ["and"],
    bit_or: ["or"],
    bitor: ["or"],
    bor: ["or"],
    bit_xor: ["xor"],
    bitxor: ["xor"],
    bxor: ["xor"],
    bit_not: ["not"],
    invert: ["not"],
    complement: ["not"],
    shl: ["shift_left"],
    lshift: ["shift_left"],
    shr: ["shift_right"],
    rshift: ["shift_right"],
    wrapping_multiply: ["wrapping_mul"],
    wrapping_subtract: ["wrapping_sub"],
    decode: ["parse"],
    loads: ["parse"],
    encode: ["stringify"],
    dumps: ["stringify"],
    to_json: ["stringify"],
  }),
);

/** Converts camel case to snake case: `toUpperCase` to `to_upper_case`. */
export const toSnakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter, index: number) => (index === 0 ? "" : "_") + letter.toLowerCase());

/** Returns the words that builtins may use for the second part of a name, the most likely word first. */
export function builtinSpellings(name: string): readonly string[] {
  const snakeCase = toSnakeCase(name);
  return [snakeCase, ...(SYNONYMS.get(snakeCase) ?? [])];
}

/** Returns help for the name of a type in another language. */
export function hintForType(name: string): WordHint | undefined {
  return TYPES.get(name.toLowerCase());
}

/** Returns help for the name of a value in another language. */
export function hintForValue(name: string): WordHint | undefined {
  return VALUES.get(name);
}

/** Returns help for the name of a function in another language. */
export function hintForFunction(name: string): WordHint | undefined {
  return FUNCTIONS.get(name);
}
