import { COSTS } from "../cost.ts";
import { type BuiltinDecl, native, writtenInAx } from "./decl.ts";

const T = { typeParams: ["T"] } as const;
const COMPARING_T = { ...T, comparesElements: true } as const;

export const LIST_BUILTINS: readonly BuiltinDecl[] = [
  native(100, "list.len", "Fn(List<T>) -> Int", COSTS.constant, "The number of elements.", ["list.len([1, 2])", "2"], {
    ...T,
    oldNames: ["list_len", "__builtin_list_len"],
  }),
  native(101, "list.is_empty", "Fn(List<T>) -> Bool", COSTS.constant, "Whether the list is empty.", ["list.is_empty([1])", "false"], {
    ...T,
    oldNames: ["__builtin_list_is_empty"],
  }),
  native(102, "list.head", "Fn(List<T>) -> Option<T>", COSTS.constant, "The first element.", ["list.head([1, 2])", "Some(1)"], {
    ...T,
    oldNames: ["__builtin_list_head"],
  }),
  native(
    103,
    "list.tail",
    "Fn(List<T>) -> List<T>",
    COSTS.constant,
    "The list without its first element; an empty list stays empty.",
    ["list.tail([1, 2])", "[2]"],
    { ...T, oldNames: ["__builtin_list_tail"] },
  ),
  native(104, "list.last", "Fn(List<T>) -> Option<T>", COSTS.constant, "The last element.", ["list.last([1, 2])", "Some(2)"], T),
  native(
    105,
    "list.get",
    "Fn(List<T>, Int) -> Option<T>",
    COSTS.constant,
    "The element at an index, counted from 0; None if out of range.",
    ["list.get([1, 2], 1)", "Some(2)"],
    T,
  ),
  native(
    106,
    "list_get",
    "Fn(List<T>, Int) -> T",
    COSTS.constant,
    "The element at an index, counted from 0; traps if out of range.",
    ["list_get([1, 2], 1)", "2"],
    { ...T, instruction: "ListGet" },
  ),
  native(
    107,
    "list.push",
    "Fn(List<T>, T) -> List<T>",
    COSTS.constant,
    "The list with the value added at its end.",
    ["list.push([1], 2)", "[1, 2]"],
    { ...T, oldNames: ["list.append", "list_push", "__builtin_list_append"] },
  ),
  native(
    108,
    "list.concat",
    "Fn(List<T>, List<T>) -> List<T>",
    "1 + ⌊n / 256⌋, n elements of the second",
    "The elements of the first, then of the second.",
    ["list.concat([1], [2])", "[1, 2]"],
    { ...T, oldNames: ["__builtin_list_concat"] },
  ),
  native(109, "list.reverse", "Fn(List<T>) -> List<T>", COSTS.copy, "The elements in reverse order.", ["list.reverse([1, 2])", "[2, 1]"], {
    ...T,
    oldNames: ["__builtin_list_reverse"],
  }),
  native(
    110,
    "list.slice",
    "Fn(List<T>, Int, Int) -> List<T>",
    COSTS.constant,
    "The elements from the first index up to, but not including, the second; indices are clamped to the list.",
    ["list.slice([1, 2, 3], 1, 9)", "[2, 3]"],
    T,
  ),
  native(
    111,
    "list.contains",
    "Fn(List<T>, T) -> Bool",
    COSTS.compare,
    "Whether an element equals the value.",
    ["list.contains([1, 2], 2)", "true"],
    COMPARING_T,
  ),
  native(
    112,
    "list.index_of",
    "Fn(List<T>, T) -> Option<Int>",
    COSTS.compare,
    "The index of the first element that equals the value.",
    ["list.index_of([1, 2], 2)", "Some(1)"],
    COMPARING_T,
  ),
  native(
    113,
    "list.sort",
    "Fn(List<T>) -> List<T>",
    COSTS.sort,
    "The elements in ascending order; stable. Numbers are ordered by value with NaN last, Strings by UTF-8 bytes, other values by their parts from first to last.",
    ["list.sort([3, 1, 2])", "[1, 2, 3]"],
    COMPARING_T,
  ),
  native(115, "list.range", "Fn(Int, Int) -> List<Int>", COSTS.entries, "The Ints from the first up to, but not including, the second.", [
    "list.range(1, 4)",
    "[1, 2, 3]",
  ]),
  native(
    116,
    "list.flatten",
    "Fn(List<List<T>>) -> List<T>",
    COSTS.copy,
    "The elements of all the lists, in order.",
    ["list.flatten([[1], [2, 3]])", "[1, 2, 3]"],
    T,
  ),
  native(
    117,
    "list.unique",
    "Fn(List<T>) -> List<T>",
    COSTS.sort,
    "The list without duplicates: the first of all elements that list.sort treats as equal.",
    ["list.unique([2, 1, 2])", "[2, 1]"],
    COMPARING_T,
  ),
  native(118, "list.sum", "Fn(List<Int>) -> Int", COSTS.copy, "The sum; traps on overflow.", ["list.sum([1, 2, 3])", "6"]),
  writtenInAx(
    130,
    "list.map",
    ["A", "B"],
    "Fn(List<A>, Fn(A) -> B) -> List<B>",
    "Applies the function to each element.",
    ["list.map([1, 2], fn(x: Int) -> Int { x * 10 })", "[10, 20]"],
    `fn list_map<A, B>(xs: List<A>, f: Fn(A) -> B) -> List<B> {
    let mut out: List<B> = []
    for x in xs { out = list.push(out, f(x)) }
    out
}
`,
  ),
  writtenInAx(
    131,
    "list.filter",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> List<T>",
    "The elements for which the function returns true.",
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
  writtenInAx(
    132,
    "list.fold",
    ["A", "T"],
    "Fn(List<T>, A, Fn(A, T) -> A) -> A",
    "Starts with the value and combines it with each element in turn.",
    ["list.fold([1, 2, 3], 10, fn(sum: Int, x: Int) -> Int { sum + x })", "16"],
    `fn list_fold<A, T>(xs: List<T>, start: A, f: Fn(A, T) -> A) -> A {
    let mut state: A = start
    for x in xs { state = f(state, x) }
    state
}
`,
  ),
  writtenInAx(
    133,
    "list.any",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> Bool",
    "Whether the function returns true for some element; stops at the first one.",
    ["list.any([1, 2], fn(x: Int) -> Bool { x > 1 })", "true"],
    `fn list_any<T>(xs: List<T>, f: Fn(T) -> Bool) -> Bool {
    for x in xs {
        if f(x) { return true }
    }
    false
}
`,
  ),
  writtenInAx(
    134,
    "list.all",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> Bool",
    "Whether the function returns true for every element; stops at the first false.",
    ["list.all([1, 2], fn(x: Int) -> Bool { x > 1 })", "false"],
    `fn list_all<T>(xs: List<T>, f: Fn(T) -> Bool) -> Bool {
    for x in xs {
        if !f(x) { return false }
    }
    true
}
`,
  ),
  writtenInAx(
    135,
    "list.find",
    ["T"],
    "Fn(List<T>, Fn(T) -> Bool) -> Option<T>",
    "The first element for which the function returns true.",
    ["list.find([1, 2, 3], fn(x: Int) -> Bool { x > 1 })", "Some(2)"],
    `fn list_find<T>(xs: List<T>, f: Fn(T) -> Bool) -> Option<T> {
    for x in xs {
        if f(x) { return Some(x) }
    }
    None
}
`,
  ),
  writtenInAx(
    136,
    "list.sort_by",
    ["T"],
    "Fn(List<T>, Fn(T, T) -> Int) -> List<T>",
    "The elements in the order of a function that returns a negative number, 0 or a positive number if its first argument comes before, is equal to or comes after its second. A stable merge sort.",
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
  writtenInAx(
    137,
    "list.zip",
    ["A", "B"],
    "Fn(List<A>, List<B>) -> List<Pair<A, B>>",
    "Pairs of the elements at the same index, as many as the shorter list has elements.",
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
