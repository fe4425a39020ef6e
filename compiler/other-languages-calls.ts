/**
 * Calls as they are written in other languages, and what to write instead. A function of the program or a builtin of that name has
 * precedence. Keys are names such as `list.new`, `parseInt` and `String::from`.
 */
import type { Expr } from "./ast.ts";
import { hintForType, OUTPUT_HELP, toSnakeCase } from "./other-languages.ts";

/**
 * The expression to write instead of a call, by the name of the called function and the number of arguments. `$1` is the first
 * argument. After the number, `fn2` means that the last argument must be a lambda with two parameters. A name that begins with a
 * dot is a method: `$1` is the value before the dot. A builtin is a key only with a number of arguments that it does not take.
 */
export const REWRITTEN_CALLS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "some/1": "Some($1)",
    "just/1": "Some($1)",
    "Just/1": "Some($1)",
    "ok/1": "Ok($1)",
    "err/1": "Err($1)",
    "option.some/1": "Some($1)",
    "option.none/0": "None",
    "result.ok/1": "Ok($1)",
    "result.err/1": "Err($1)",
    "option.map_or/3": "option.unwrap_or(option.map($1, $3), $2)",
    "result.map_or/3": "result.unwrap_or(result.map($1, $3), $2)",
    "option.is_empty/1": "option.is_none($1)",
    "option.is_present/1": "option.is_some($1)",
    ".result.ok/1": "result.to_option($1)",
    "result.is_error/1": "result.is_err($1)",

    "list.empty/0": "[]",
    "list.new/0": "[]",
    "list.init/0": "[]",
    "list.with_capacity/1": "[]",
    "list.singleton/1": "[$1]",
    "list.of/1": "[$1]",
    "list.of/2": "[$1, $2]",
    "list.of/3": "[$1, $2, $3]",
    "list.extend/2": "$1 ++ $2",
    "list.append_all/2": "$1 ++ $2",
    ".list.concat/2": "$1 ++ $2",
    "list.join/2": "string.join($1, $2)",
    "list.sort/2fn2": "list.sort_by($1, $2)",
    "list.range/1": "list.range(0, $1)",
    "list.slice/2": "list.slice($1, $2, list.len($1))",
    ".list.reduce/3": "list.fold($1, $3, $2)",
    "range/1": "0..$1",
    "range/2": "$1..$2",
    "list/1": "$1",
    "List/0": "[]",
    "Array/0": "[]",
    "Vec/0": "[]",
    "Map/0": "{}",
    "HashMap/0": "{}",
    "dict/0": "{}",
    "Dict/0": "{}",

    "map.new/0": "{}",
    "map.empty/0": "{}",
    "map.init/0": "{}",
    "map.get/3": "option.unwrap_or(map.get($1, $2), $3)",
    "map.get_or/3": "option.unwrap_or(map.get($1, $2), $3)",
    "map.get_or_default/3": "option.unwrap_or(map.get($1, $2), $3)",
    "map.find/2": "map.get($1, $2)",
    "map.is_empty/1": "map.len($1) == 0",

    "string.new/0": '""',
    "string.empty/0": '""',
    "string.from_int/1": "int.to_string($1)",
    "string.from_float/1": "float.to_string($1)",
    "string.from_bool/1": "bool.to_string($1)",
    "string.of_int/1": "int.to_string($1)",
    "string.of_float/1": "float.to_string($1)",
    "string.from/1": "string.inspect($1)",
    "string.show/1": "string.inspect($1)",
    "String::from/1": "$1",
    "string.to_string/1": "$1",
    "string.concat/2": "$1 ++ $2",
    "string.append/2": "$1 ++ $2",
    "string.push_str/2": "$1 ++ $2",
    "string.equals/2": "$1 == $2",
    "string.to_int/1": "int.parse($1)",
    "string.parse_int/1": "int.parse($1)",
    "string.to_float/1": "float.parse($1)",
    "string.parse_float/1": "float.parse($1)",
    "string.is_empty/1": '$1 == ""',
    "string.slice/2": "string.slice($1, $2, string.len($1))",
    ".string.join/2": "string.join($2, $1)",

    "int.from_string/1": "int.parse($1)",
    "int.of_string/1": "int.parse($1)",
    "int.from_str/1": "int.parse($1)",
    "int.from_float/1": "float.trunc($1)",
    "int.parse/2": "int.parse($1)",
    "float.from_string/1": "float.parse($1)",
    "float.of_string/1": "float.parse($1)",
    "float.from_int/1": "int.to_float($1)",
    "float.of_int/1": "int.to_float($1)",
    "float.to_int/1": "float.trunc($1)",
    "parseInt/1": "int.parse($1)",
    "parseInt/2": "int.parse($1)",
    "parseFloat/1": "float.parse($1)",
    "repr/1": "string.inspect($1)",

    "json.stringify/3": "json.stringify($1)",

    "Math.random/0": "random()",
    "random.random/0": "random()",
    "random.randint/2": 'random("int", $1, $2)',
    "Date.now/0": "time.now()",
    "time.time/0": "time.now()",
    "time.Now/0": "time.now()",
    "Instant::now/0": "time.now()",
    "performance.now/0": "time.now()",
    "datetime.now/0": "time.now()",
    "fetch/1": "net.fetch($1)",
    "requests.get/1": "net.fetch($1)",
    "axios.get/1": "net.fetch($1)",
    "http.get/1": "net.fetch($1)",
    "http.Get/1": "net.fetch($1)",
    "fs.readFileSync/1": "fs.read($1)",
    "fs.readFileSync/2": "fs.read($1)",
    "fs.readFile/1": "fs.read($1)",
    "fs.read_to_string/1": "fs.read($1)",
    "os.ReadFile/1": "fs.read($1)",
    "fs.writeFileSync/2": "fs.write($1, $2)",
    "strconv.Itoa/1": "int.to_string($1)",
    "strconv.Atoi/1": "int.parse($1)",
    "strconv.FormatInt/2": "int.to_string($1)",
    "strconv.ParseFloat/2": "float.parse($1)",
    "errors.New/1": "Err($1)",
    "fmt.Errorf/1": "Err($1)",
    "Box::new/1": "$1",
    "Rc::new/1": "$1",
    "Arc::new/1": "$1",
    "Cell::new/1": "$1",
    "RefCell::new/1": "$1",
  }),
);

/** Methods that copy or borrow a value in other languages. Here, write only the value, because values never change. */
const NEEDLESS_METHODS: ReadonlySet<string> = new Set(
  "clone cloned copy copied iter iter_mut into_iter collect to_owned to_vec as_str as_ref as_slice borrow deref into to_list toList".split(
    " ",
  ),
);

// Help for several names in `CALL_NOTES`.
const OPTION_HELP = "it may be None: write `option.unwrap_or(o, other)`, or take it apart with `match`";
const RESULT_HELP = "it may be an Err: write `result.unwrap_or(r, other)`, or take it apart with `match`";
export const INTERPOLATION_HELP = 'values are put into text with `f"{x}"`';
const LOOP_HELP = "write a loop: `for x in xs { … }`";

/** What to write instead of a call of a function or method, if no single expression replaces the call. */
const CALL_NOTES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "option.unwrap": OPTION_HELP,
    "option.expect": OPTION_HELP,
    "option.get": OPTION_HELP,
    "option.value": OPTION_HELP,
    "option.unwrap_or_default": OPTION_HELP,
    "option.unwrap_or_else": OPTION_HELP,
    "result.unwrap": RESULT_HELP,
    "result.expect": RESULT_HELP,
    "result.get": RESULT_HELP,
    "result.unwrap_or_default": RESULT_HELP,
    "result.unwrap_or_else": RESULT_HELP,
    "list.for_each": LOOP_HELP,
    "list.each": LOOP_HELP,
    "list.iter": LOOP_HELP,
    "list.sort": "to sort in another order, pass a function of two elements: `list.sort_by(xs, fn(a, b) { b - a })`",
    "list.append": "one value is added with `list.push(xs, x)`, a list with `xs ++ ys`",
    "list.fold": "a fold takes the list, the first value, then the function: `list.fold(xs, 0, fn(sum, x) { sum + x })`",
    "list.reduce": "a fold takes the list, the first value, then the function: `list.fold(xs, 0, fn(sum, x) { sum + x })`",
    "map.for_each": "write a loop: `for e in map.entries(m) { … }`, with `e.key` and `e.value`",
    "string.parse": "`int.parse(s)` reads an Int, `float.parse(s)` a Float; both return an Option",
    "string.format": INTERPOLATION_HELP,
    "fmt.Sprintf": INTERPOLATION_HELP,
    "fmt.Println": OUTPUT_HELP,
    "fmt.Printf": OUTPUT_HELP,
    Number: "`int.parse(s)` reads an Int, `float.parse(s)` a Float; both return an Option",
    "float.to_fixed":
      "`float.round(x)` rounds to an Int; for digits after the point, scale: `int.to_float(float.round(x * 100.0)) / 100.0`",
    "string.split": 'the separator is the second argument: `string.split(s, " ")`',
    "float.round": "`float.round(x)` rounds to an Int; for digits after the point, scale: `int.to_float(float.round(x * 100.0)) / 100.0`",
    "Promise.all": "calls are made one after another: write a loop over the arguments",
  }),
);

/** Modules of other languages, and the modules here that have such functions. */
const MODULES: ReadonlyMap<string, string> = new Map([
  ["Math", "float"],
  ["math", "float"],
  ["strings", "string"],
  ["Object", "map"],
  ["Array", "list"],
  ["slices", "list"],
  ["maps", "map"],
  ["Number", "int"],
]);

/** Returns the module for the first part of `Vec::new` or `math.sqrt`, or undefined if the word is not known. */
export function moduleFor(word: string): string | undefined {
  return MODULES.get(word) ?? hintForType(word)?.replacement?.toLowerCase();
}

/** Whether a name of two parts is known from another language, so that it is a call and not a field of an unknown variable. */
export function isForeignCall(name: string): boolean {
  const [module = ""] = name.split(".");
  return FOREIGN_NAMES.has(name) || MODULES.has(module) || (/^[A-Z]/.test(module) && hintForType(module)?.replacement !== undefined);
}

const FOREIGN_NAMES: ReadonlySet<string> = new Set([
  ...[...REWRITTEN_CALLS.keys()].map((key) => key.replace(/\/.*$/, "")),
  ...CALL_NOTES.keys(),
]);

/** Returns the expression to write instead of the call of `name`. `argCount` also counts the value before the dot of a method. */
export function rewrittenCall(name: string, args: readonly Expr[], argCount = args.length): string | undefined {
  const last = args.at(-1);
  const withLambda = last?.kind === "lambda" ? REWRITTEN_CALLS.get(`${name}/${argCount}fn${last.params.length}`) : undefined;
  return withLambda ?? REWRITTEN_CALLS.get(`${name}/${argCount}`);
}

/** Like `rewrittenCall`, for a method with arguments. `module` is that of the type of the value before the dot. */
export function rewrittenMethod(module: string | undefined, name: string, args: readonly Expr[]): string | undefined {
  if (args.length === 0 && NEEDLESS_METHODS.has(name)) return "$1";
  if (module === undefined) return undefined;
  const argCount = args.length + 1;
  for (const spelling of [name, toSnakeCase(name)]) {
    const template = rewrittenCall(`.${module}.${spelling}`, args, argCount) ?? rewrittenCall(`${module}.${spelling}`, args, argCount);
    if (template !== undefined) return template;
  }
  return undefined;
}

/** Returns help for a call of a function that does not exist, or that takes another number of arguments. */
export function callNote(name: string): string | undefined {
  return CALL_NOTES.get(name) ?? CALL_NOTES.get(toSnakeCase(name));
}
