import { COSTS } from "../cost.ts";
import { type BuiltinDecl, host, written } from "./decl.ts";

const T = { typeParams: ["T"] } as const;

export const LIST_BUILTINS: readonly BuiltinDecl[] = [
  host(100, "list.len", "Fn(List<T>) -> Int", COSTS.constant, "How many elements.", ["list.len([1, 2])", "2"], {
    ...T,
    oldNames: ["list_len", "__builtin_list_len"],
  }),
  host(101, "list.is_empty", "Fn(List<T>) -> Bool", COSTS.constant, "Whether there is no element.", ["list.is_empty([1])", "false"], {
    ...T,
    oldNames: ["__builtin_list_is_empty"],
  }),
  host(102, "list.head", "Fn(List<T>) -> Option<T>", COSTS.constant, "The first element.", ["list.head([1, 2])", "Some(1)"], {
    ...T,
    oldNames: ["__builtin_list_head"],
  }),
  host(
    103,
    "list.tail",
    "Fn(List<T>) -> List<T>",
    COSTS.constant,
    "Without the first element; empty stays empty.",
    ["list.tail([1, 2])", "[2]"],
    {
      ...T,
      oldNames: ["__builtin_list_tail"],
    },
  ),
  host(104, "list.last", "Fn(List<T>) -> Option<T>", COSTS.constant, "The last element.", ["list.last([1, 2])", "Some(2)"], T),
  host(
    105,
    "list.get",
    "Fn(List<T>, Int) -> Option<T>",
    COSTS.constant,
    "The element at an index from 0; None when out of range.",
    ["list.get([1, 2], 1)", "Some(2)"],
    T,
  ),
  host(
    106,
    "list_get",
    "Fn(List<T>, Int) -> T",
    COSTS.constant,
    "The element at an index from 0; traps when out of range.",
    ["list_get([1, 2], 1)", "2"],
    T,
  ),
  host(
    107,
    "list.push",
    "Fn(List<T>, T) -> List<T>",
    COSTS.constant,
    "With one element more at the end.",
    ["list.push([1], 2)", "[1, 2]"],
    {
      ...T,
      oldNames: ["list.append", "list_push", "__builtin_list_append"],
    },
  ),
  host(
    108,
    "list.concat",
    "Fn(List<T>, List<T>) -> List<T>",
    "1 + ⌊n / 256⌋, n elements of the second",
    "The elements of the first, then of the second.",
    ["list.concat([1], [2])", "[1, 2]"],
    {
      ...T,
      oldNames: ["__builtin_list_concat"],
    },
  ),
  host(
    109,
    "list.reverse",
    "Fn(List<T>) -> List<T>",
    COSTS.copy,
    "From the last element to the first.",
    ["list.reverse([1, 2])", "[2, 1]"],
    {
      ...T,
      oldNames: ["__builtin_list_reverse"],
    },
  ),
  host(
    110,
    "list.slice",
    "Fn(List<T>, Int, Int) -> List<T>",
    COSTS.constant,
    "From one index to another, the second excluded; indices outside the list count as its ends.",
    ["list.slice([1, 2, 3], 1, 9)", "[2, 3]"],
    T,
  ),
  host(
    111,
    "list.contains",
    "Fn(List<T>, T) -> Bool",
    COSTS.compare,
    "Whether an element equals the value.",
    ["list.contains([1, 2], 2)", "true"],
    T,
  ),
  host(
    112,
    "list.index_of",
    "Fn(List<T>, T) -> Option<Int>",
    COSTS.compare,
    "Index of the first element that equals the value.",
    ["list.index_of([1, 2], 2)", "Some(1)"],
    T,
  ),
  host(
    113,
    "list.sort",
    "Fn(List<T>) -> List<T>",
    COSTS.sort,
    "Ascending and stable. Numbers by value with NaN last, Strings by UTF-8 bytes, compound values by their parts in order.",
    ["list.sort([3, 1, 2])", "[1, 2, 3]"],
    T,
  ),
  host(115, "list.range", "Fn(Int, Int) -> List<Int>", COSTS.entries, "The numbers from the first to the second, the second excluded.", [
    "list.range(1, 4)",
    "[1, 2, 3]",
  ]),
  host(
    116,
    "list.flatten",
    "Fn(List<List<T>>) -> List<T>",
    COSTS.copy,
    "The elements of all the lists.",
    ["list.flatten([[1], [2, 3]])", "[1, 2, 3]"],
    T,
  ),
  host(
    117,
    "list.unique",
    "Fn(List<T>) -> List<T>",
    COSTS.sort,
    "The first of each group of elements that list.sort would take for the same.",
    ["list.unique([2, 1, 2])", "[2, 1]"],
    T,
  ),
  host(118, "list.sum", "Fn(List<Int>) -> Int", COSTS.copy, "The sum; traps on overflow.", ["list.sum([1, 2, 3])", "6"]),
  written(
    130,
    "list.map",
    ["A", "B"],
    "Fn(List<A>, Fn(A) -> B) -> List<B>",
    "The results of the function, in order.",
    ["list.map([1, 2], fn(x: Int) -> Int { x * 10 })", "[10, 20]"],
    `fn list_map<A, B>(xs: List<A>, f: Fn(A) -> B) -> List<B> {
    let mut out: List<B> = []
    for x in xs { out = list.push(out, f(x)) }
    out
}
`,
  ),
  written(
    131,
    "list.filter",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> List<T>",
    "The elements for which the function gives true.",
    ["list.filter([1, 2, 3], fn(x: Int) -> Bool { x != 2 })", "[1, 3]"],
    `fn list_filter<T>(xs: List<T>, f: Fn(T) -> Bool) -> List<T> {
    let mut out: List<T> = []
    for x in xs {
        if f(x) { out = list.push(out, x) }
    }
    out
}
`,
  ),
  written(
    132,
    "list.fold",
    ["A", "T"],
    "Fn(List<T>, A, Fn(A, T) -> A) -> A",
    "Starts with the value and takes in the elements one after the other.",
    ["list.fold([1, 2, 3], 10, fn(sum: Int, x: Int) -> Int { sum + x })", "16"],
    `fn list_fold<A, T>(xs: List<T>, start: A, f: Fn(A, T) -> A) -> A {
    let mut state: A = start
    for x in xs { state = f(state, x) }
    state
}
`,
  ),
  written(
    133,
    "list.any",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> Bool",
    "Whether the function gives true for some element; asks no further then.",
    ["list.any([1, 2], fn(x: Int) -> Bool { x > 1 })", "true"],
    `fn list_any<T>(xs: List<T>, f: Fn(T) -> Bool) -> Bool {
    for x in xs {
        if f(x) { return true }
    }
    false
}
`,
  ),
  written(
    134,
    "list.all",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> Bool",
    "Whether the function gives true for every element; asks no further at the first false.",
    ["list.all([1, 2], fn(x: Int) -> Bool { x > 1 })", "false"],
    `fn list_all<T>(xs: List<T>, f: Fn(T) -> Bool) -> Bool {
    for x in xs {
        if !f(x) { return false }
    }
    true
}
`,
  ),
  written(
    135,
    "list.find",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> Option<T>",
    "The first element for which the function gives true.",
    ["list.find([1, 2, 3], fn(x: Int) -> Bool { x > 1 })", "Some(2)"],
    `fn list_find<T>(xs: List<T>, f: Fn(T) -> Bool) -> Option<T> {
    for x in xs {
        if f(x) { return Some(x) }
    }
    None
}
`,
  ),
  written(
    136,
    "list.sort_by",
    ["T"],
    "Fn(List<T>, Fn(T, T) -> Int) -> List<T>",
    "Sorted by a function that gives a negative number, 0 or a positive one when its first argument comes before, with or after its second. A stable merge sort.",
    ["list.sort_by([1, 3, 2], fn(a: Int, b: Int) -> Int { b - a })", "[3, 2, 1]"],
    `fn list_sort_by<T>(xs: List<T>, f: Fn(T, T) -> Int) -> List<T> {
    let n: Int = list.len(xs)
    let mut runs: List<T> = xs
    let mut width: Int = 1
    while width < n {
        let mut merged: List<T> = []
        let mut start: Int = 0
        while start < n {
            let middle: Int = int.min(start + width, n)
            let end: Int = int.min(middle + width, n)
            let mut i: Int = start
            let mut j: Int = middle
            while i < middle || j < end {
                if j == end || (i < middle && f(runs[i], runs[j]) <= 0) {
                    merged = list.push(merged, runs[i])
                    i = i + 1
                } else {
                    merged = list.push(merged, runs[j])
                    j = j + 1
                }
            }
            start = end
        }
        runs = merged
        width = width + width
    }
    runs
}
`,
  ),
  written(
    137,
    "list.zip",
    ["A", "B"],
    "Fn(List<A>, List<B>) -> List<Pair<A, B>>",
    "Pairs of the elements at the same index, as many as the shorter list has.",
    ['list.zip([1, 2], ["a"])[0].second', '"a"'],
    `fn list_zip<A, B>(xs: List<A>, ys: List<B>) -> List<Pair<A, B>> {
    let n: Int = int.min(list.len(xs), list.len(ys))
    let mut out: List<Pair<A, B>> = []
    let mut i: Int = 0
    while i < n {
        out = list.push(out, Pair { first: xs[i], second: ys[i] })
        i = i + 1
    }
    out
}
`,
  ),
];
