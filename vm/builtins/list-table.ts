import { COSTS } from "../cost.ts";
import { type BuiltinDecl, nativeBuiltin, writtenInAx } from "./decl.ts";

const T = { typeParams: ["T"] } as const;
const COMPARING_T = { ...T, comparesElements: true } as const;

export const LIST_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(100, "list.len", "Fn(List<T>) -> Int", COSTS.constant, "The number of elements.", ["list.len([1, 2])", "2"], {
    ...T,
    oldNames: ["list_len", "__builtin_list_len"],
  }),
  nativeBuiltin(
    101,
    "list.is_empty",
    "Fn(List<T>) -> Bool",
    COSTS.constant,
    "Whether the list is empty.",
    ["list.is_empty([1])", "false"],
    {
      ...T,
      oldNames: ["__builtin_list_is_empty"],
    },
  ),
  nativeBuiltin(102, "list.first", "Fn(List<T>) -> Option<T>", COSTS.constant, "The first element.", ["list.first([1, 2])", "Some(1)"], {
    ...T,
    oldNames: ["list.head", "__builtin_list_head"],
  }),
  nativeBuiltin(
    103,
    "list.tail",
    "Fn(List<T>) -> List<T>",
    COSTS.constant,
    "The list without its first element; an empty list stays empty.",
    ["list.tail([1, 2])", "[2]"],
    { ...T, oldNames: ["__builtin_list_tail"] },
  ),
  nativeBuiltin(104, "list.last", "Fn(List<T>) -> Option<T>", COSTS.constant, "The last element.", ["list.last([1, 2])", "Some(2)"], T),
  nativeBuiltin(
    105,
    "list.get",
    "Fn(List<T>, Int) -> Option<T>",
    COSTS.constant,
    "The element at an index, counted from 0; None if out of range.",
    ["list.get([1, 2], 1)", "Some(2)"],
    T,
  ),
  nativeBuiltin(
    106,
    "list_get",
    "Fn(List<T>, Int) -> T",
    COSTS.constant,
    "The element at an index, counted from 0; traps if out of range.",
    ["list_get([1, 2], 1)", "2"],
    { ...T, instruction: "ListGet" },
  ),
  nativeBuiltin(
    107,
    "list.push",
    "Fn(List<T>, T) -> List<T>",
    COSTS.constant,
    "The list with the value added at its end.",
    ["list.push([1], 2)", "[1, 2]"],
    { ...T, oldNames: ["list.append", "list_push", "__builtin_list_append"] },
  ),
  nativeBuiltin(
    108,
    "list.concat",
    "Fn(List<T>, List<T>) -> List<T>",
    "1 + ⌊n / 256⌋, n elements of the second",
    "The elements of the first, then of the second.",
    ["list.concat([1], [2])", "[1, 2]"],
    { ...T, oldNames: ["__builtin_list_concat"] },
  ),
  nativeBuiltin(
    109,
    "list.reverse",
    "Fn(List<T>) -> List<T>",
    COSTS.copy,
    "The elements in reverse order.",
    ["list.reverse([1, 2])", "[2, 1]"],
    {
      ...T,
      oldNames: ["__builtin_list_reverse"],
    },
  ),
  nativeBuiltin(
    110,
    "list.slice",
    "Fn(List<T>, Int, Int) -> List<T>",
    COSTS.constant,
    "The elements from the first index up to, but not including, the second; indices are clamped to the list.",
    ["list.slice([1, 2, 3], 1, 9)", "[2, 3]"],
    T,
  ),
  nativeBuiltin(
    111,
    "list.contains",
    "Fn(List<T>, T) -> Bool",
    COSTS.compare,
    "Whether an element equals the value.",
    ["list.contains([1, 2], 2)", "true"],
    COMPARING_T,
  ),
  nativeBuiltin(
    112,
    "list.index_of",
    "Fn(List<T>, T) -> Option<Int>",
    COSTS.compare,
    "The index of the first element that equals the value.",
    ["list.index_of([1, 2], 2)", "Some(1)"],
    COMPARING_T,
  ),
  nativeBuiltin(
    113,
    "list.sort",
    "Fn(List<T>) -> List<T>",
    COSTS.sort,
    "The elements in ascending order; stable. Numbers are ordered by value with NaN last, Strings by UTF-8 bytes, other values by their parts from first to last.",
    ["list.sort([3, 1, 2])", "[1, 2, 3]"],
    COMPARING_T,
  ),
  nativeBuiltin(
    115,
    "list.range",
    "Fn(Int, Int) -> List<Int>",
    COSTS.entries,
    "The Ints from the first up to, but not including, the second.",
    ["list.range(1, 4)", "[1, 2, 3]"],
  ),
  nativeBuiltin(
    116,
    "list.flatten",
    "Fn(List<List<T>>) -> List<T>",
    COSTS.copy,
    "The elements of all the lists, in order.",
    ["list.flatten([[1], [2, 3]])", "[1, 2, 3]"],
    T,
  ),
  nativeBuiltin(
    117,
    "list.unique",
    "Fn(List<T>) -> List<T>",
    COSTS.sort,
    "The list without duplicates: the first of all elements that list.sort treats as equal.",
    ["list.unique([2, 1, 2])", "[2, 1]"],
    COMPARING_T,
  ),
  nativeBuiltin(118, "list.sum", "Fn(List<Int>) -> Int", COSTS.copy, "The sum; traps on overflow.", ["list.sum([1, 2, 3])", "6"]),
  nativeBuiltin(
    119,
    "list.max",
    "Fn(List<T>) -> Option<T>",
    COSTS.compare,
    "The first of the largest elements, in the order of list.sort; None for an empty list.",
    ["list.max([2, 3, 1])", "Some(3)"],
    COMPARING_T,
  ),
  nativeBuiltin(
    120,
    "list.min",
    "Fn(List<T>) -> Option<T>",
    COSTS.compare,
    "The first of the smallest elements, in the order of list.sort; None for an empty list.",
    ["list.min([2, 3, 1])", "Some(1)"],
    COMPARING_T,
  ),
  nativeBuiltin(
    121,
    "list.repeat",
    "Fn(T, Int) -> List<T>",
    COSTS.copy,
    "A list with the value that many times; empty if the number is 0 or negative.",
    ["list.repeat(0, 3)", "[0, 0, 0]"],
    T,
  ),
  nativeBuiltin(
    122,
    "list.take",
    "Fn(List<T>, Int) -> List<T>",
    COSTS.constant,
    "The first elements, at most as many as the number; none if it is 0 or negative.",
    ["list.take([1, 2, 3], 2)", "[1, 2]"],
    T,
  ),
  nativeBuiltin(
    123,
    "list.drop",
    "Fn(List<T>, Int) -> List<T>",
    COSTS.constant,
    "The list without its first elements, as many as the number; unchanged if it is 0 or negative.",
    ["list.drop([1, 2, 3], 2)", "[3]"],
    T,
  ),
  nativeBuiltin(
    124,
    "list.chunks",
    "Fn(List<T>, Int) -> List<List<T>>",
    COSTS.entries,
    "The list split into lists of a length; the last may be shorter. Traps if the length is below 1. Copies no element.",
    ["list.chunks([1, 2, 3], 2)", "[[1, 2], [3]]"],
    T,
  ),
  nativeBuiltin(
    125,
    "list.windows",
    "Fn(List<T>, Int) -> List<List<T>>",
    COSTS.entries,
    "All runs of that many adjacent elements, each one element after the previous. Traps if the length is below 1. Copies no element.",
    ["list.windows([1, 2, 3], 2)", "[[1, 2], [2, 3]]"],
    T,
  ),
  nativeBuiltin(
    129,
    "list.set",
    "Fn(List<T>, Int, T) -> List<T>",
    COSTS.constant,
    "The list with another value at the index; traps if out of range. To change a variable, write `xs[i] = v`.",
    ["list.set([1, 2], 0, 5)", "[5, 2]"],
    T,
  ),
  writtenInAx(
    149,
    "list.update",
    ["T", "e"],
    "Fn(List<T>, Int, Fn(T) -> T !{e}) -> List<T> !{e}",
    "The list with the element at the index replaced by the function's result for it; traps if out of range.",
    ["list.update([1, 2], 0, fn(x: Int) -> Int { x * 10 })", "[10, 2]"],
    `fn list_update<T, e>(xs: List<T>, i: Int, f: Fn(T) -> T !{e}) -> List<T> !{e} { list.set(xs, i, f(xs[i])) }
`,
  ),
  writtenInAx(
    130,
    "list.map",
    ["A", "B", "e"],
    "Fn(List<A>, Fn(A) -> B !{e}) -> List<B> !{e}",
    "Applies the function to each element.",
    ["list.map([1, 2], fn(x: Int) -> Int { x * 10 })", "[10, 20]"],
    `fn list_map<A, B, e>(xs: List<A>, f: Fn(A) -> B !{e}) -> List<B> !{e} {
    let mut out: List<B> = []
    for x in xs { out = list.push(out, f(x)) }
    out
}
`,
  ),
  writtenInAx(
    131,
    "list.filter",
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> Bool !{e}) -> List<T> !{e}",
    "The elements for which the function returns true.",
    ["list.filter([1, 2, 3], fn(x: Int) -> Bool { x != 2 })", "[1, 3]"],
    `fn list_filter<T, e>(xs: List<T>, f: Fn(T) -> Bool !{e}) -> List<T> !{e} {
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
    ["A", "T", "e"],
    "Fn(List<T>, A, Fn(A, T) -> A !{e}) -> A !{e}",
    "Starts with the value and combines it with each element in turn.",
    ["list.fold([1, 2, 3], 10, fn(sum: Int, x: Int) -> Int { sum + x })", "16"],
    `fn list_fold<A, T, e>(xs: List<T>, start: A, f: Fn(A, T) -> A !{e}) -> A !{e} {
    let mut state: A = start
    for x in xs { state = f(state, x) }
    state
}
`,
  ),
  writtenInAx(
    133,
    "list.any",
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> Bool !{e}) -> Bool !{e}",
    "Whether the function returns true for some element; stops at the first one.",
    ["list.any([1, 2], fn(x: Int) -> Bool { x > 1 })", "true"],
    `fn list_any<T, e>(xs: List<T>, f: Fn(T) -> Bool !{e}) -> Bool !{e} {
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
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> Bool !{e}) -> Bool !{e}",
    "Whether the function returns true for every element; stops at the first false.",
    ["list.all([1, 2], fn(x: Int) -> Bool { x > 1 })", "false"],
    `fn list_all<T, e>(xs: List<T>, f: Fn(T) -> Bool !{e}) -> Bool !{e} {
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
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> Bool !{e}) -> Option<T> !{e}",
    "The first element for which the function returns true.",
    ["list.find([1, 2, 3], fn(x: Int) -> Bool { x > 1 })", "Some(2)"],
    `fn list_find<T, e>(xs: List<T>, f: Fn(T) -> Bool !{e}) -> Option<T> !{e} {
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
    ["T", "e"],
    "Fn(List<T>, Fn(T, T) -> Int !{e}) -> List<T> !{e}",
    "The elements in the order of a function that returns a negative number, 0 or a positive number if its first argument comes before, is equal to or comes after its second. A stable merge sort.",
    ["list.sort_by([1, 3, 2], fn(a: Int, b: Int) -> Int { b - a })", "[3, 2, 1]"],
    `fn list_sort_by<T, e>(xs: List<T>, f: Fn(T, T) -> Int !{e}) -> List<T> !{e} {
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
  writtenInAx(
    138,
    "list.enumerate",
    ["T"],
    "Fn(List<T>) -> List<(Int, T)>",
    "Each element with its index before it, counted from 0.",
    ['list.enumerate(["a", "b"])', '[(0, "a"), (1, "b")]'],
    `fn list_enumerate<T>(xs: List<T>) -> List<(Int, T)> {
    let mut out: List<(Int, T)> = []
    let mut i: Int = 0
    for x in xs {
        out = list.push(out, (i, x))
        i = i + 1
    }
    out
}
`,
  ),
  writtenInAx(
    140,
    "list.count",
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> Bool !{e}) -> Int !{e}",
    "The number of elements for which the function returns true.",
    ["list.count([1, 2, 3], fn(x: Int) -> Bool { x > 1 })", "2"],
    `fn list_count<T, e>(xs: List<T>, f: Fn(T) -> Bool !{e}) -> Int !{e} {
    let mut count: Int = 0
    for x in xs {
        if f(x) { count = count + 1 }
    }
    count
}
`,
  ),
  writtenInAx(
    141,
    "list.flat_map",
    ["A", "B", "e"],
    "Fn(List<A>, Fn(A) -> List<B> !{e}) -> List<B> !{e}",
    "The elements of all lists that the function returns.",
    ["list.flat_map([1, 2], fn(x: Int) -> List<Int> { [x, x * 10] })", "[1, 10, 2, 20]"],
    `fn list_flat_map<A, B, e>(xs: List<A>, f: Fn(A) -> List<B> !{e}) -> List<B> !{e} {
    let mut out: List<List<B>> = []
    for x in xs { out = list.push(out, f(x)) }
    list.flatten(out)
}
`,
  ),
  writtenInAx(
    142,
    "list.max_by",
    ["T", "e"],
    "Fn(List<T>, Fn(T, T) -> Int !{e}) -> Option<T> !{e}",
    "The first of the largest elements, by a function that compares two elements as for list.sort_by; None for an empty list.",
    ['list.max_by(["fig", "pear"], fn(a: String, b: String) -> Int { string.len(a) - string.len(b) })', 'Some("pear")'],
    `fn list_max_by<T, e>(xs: List<T>, f: Fn(T, T) -> Int !{e}) -> Option<T> !{e} {
    let mut best: Int = 0
    let mut i: Int = 1
    while i < list.len(xs) {
        if f(xs[i], xs[best]) > 0 { best = i }
        i = i + 1
    }
    list.get(xs, best)
}
`,
  ),
  writtenInAx(
    143,
    "list.min_by",
    ["T", "e"],
    "Fn(List<T>, Fn(T, T) -> Int !{e}) -> Option<T> !{e}",
    "The first of the smallest elements, by a function that compares two elements as for list.sort_by; None for an empty list.",
    ['list.min_by(["pear", "fig"], fn(a: String, b: String) -> Int { string.len(a) - string.len(b) })', 'Some("fig")'],
    `fn list_min_by<T, e>(xs: List<T>, f: Fn(T, T) -> Int !{e}) -> Option<T> !{e} {
    let mut best: Int = 0
    let mut i: Int = 1
    while i < list.len(xs) {
        if f(xs[i], xs[best]) < 0 { best = i }
        i = i + 1
    }
    list.get(xs, best)
}
`,
  ),
  writtenInAx(
    144,
    "list.group_by",
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> String !{e}) -> Map<String, List<T>> !{e}",
    "The elements by the key that the function returns, in their order. There is no entry for a key without elements.",
    ['list.group_by(["fig", "pear", "fog"], fn(s: String) -> String { string.slice(s, 0, 1) })', '{f: ["fig", "fog"], p: ["pear"]}'],
    `fn list_group_by<T, e>(xs: List<T>, f: Fn(T) -> String !{e}) -> Map<String, List<T>> !{e} {
    let mut groups: Map<String, List<T>> = {}
    for x in xs {
        let key: String = f(x)
        groups = map.set(groups, key, list.push(option.unwrap_or(map.get(groups, key), []), x))
    }
    groups
}
`,
  ),
  writtenInAx(
    145,
    "list.insert_at",
    ["T"],
    "Fn(List<T>, Int, T) -> List<T>",
    "The list with the value inserted before the element at an index: at the start if the index is negative, at the end if it is too large. Copies the elements after it.",
    ["list.insert_at([1, 2], 1, 5)", "[1, 5, 2]"],
    `fn list_insert_at<T>(xs: List<T>, index: Int, value: T) -> List<T> {
    list.concat(list.push(list.take(xs, index), value), list.drop(xs, index))
}
`,
  ),
  writtenInAx(
    146,
    "list.remove_at",
    ["T"],
    "Fn(List<T>, Int) -> List<T>",
    "The list without the element at an index; unchanged if there is none. Copies the elements after it.",
    ["list.remove_at([1, 2, 3], 1)", "[1, 3]"],
    `fn list_remove_at<T>(xs: List<T>, index: Int) -> List<T> {
    if index < 0 || index >= list.len(xs) { return xs }
    list.concat(list.take(xs, index), list.drop(xs, index + 1))
}
`,
  ),
  writtenInAx(
    147,
    "list.partition",
    ["T", "e"],
    "Fn(List<T>, Fn(T) -> Bool !{e}) -> (List<T>, List<T>) !{e}",
    "The elements for which the function returns true, and the others, both in their order.",
    ["list.partition([1, 2, 3], fn(x: Int) -> Bool { x > 1 })", "([2, 3], [1])"],
    `fn list_partition<T, e>(xs: List<T>, f: Fn(T) -> Bool !{e}) -> (List<T>, List<T>) !{e} {
    let mut fitting: List<T> = []
    let mut others: List<T> = []
    for x in xs {
        if f(x) { fitting = list.push(fitting, x) } else { others = list.push(others, x) }
    }
    (fitting, others)
}
`,
  ),
  writtenInAx(
    148,
    "list.pop",
    ["T"],
    "Fn(List<T>) -> Option<(T, List<T>)>",
    "The last element, and the list without it; None for an empty list.",
    ["list.pop([1, 2, 3])", "Some((3, [1, 2]))"],
    `fn list_pop<T>(xs: List<T>) -> Option<(T, List<T>)> {
    match list.last(xs) {
        Some(x) => Some((x, list.take(xs, list.len(xs) - 1)))
        None => None
    }
}
`,
  ),
  writtenInAx(
    176,
    "list.unzip",
    ["A", "B"],
    "Fn(List<(A, B)>) -> (List<A>, List<B>)",
    "The first elements of all tuples, and the second ones.",
    ['list.unzip([(1, "a"), (2, "b")])', '([1, 2], ["a", "b"])'],
    `fn list_unzip<A, B>(pairs: List<(A, B)>) -> (List<A>, List<B>) {
    let mut firsts: List<A> = []
    let mut seconds: List<B> = []
    for (first, second) in pairs {
        firsts = list.push(firsts, first)
        seconds = list.push(seconds, second)
    }
    (firsts, seconds)
}
`,
  ),
  writtenInAx(
    177,
    "list.chunk_by",
    ["T", "e"],
    "Fn(List<T>, Fn(T, T) -> Bool !{e}) -> List<List<T>> !{e}",
    "The list in pieces: a new piece begins where the function returns false for an element and the next one.",
    ["list.chunk_by([1, 1, 2, 1], fn(a: Int, b: Int) -> Bool { a == b })", "[[1, 1], [2], [1]]"],
    `fn list_chunk_by<T, e>(xs: List<T>, together: Fn(T, T) -> Bool !{e}) -> List<List<T>> !{e} {
    let mut chunks: List<List<T>> = []
    let mut start = 0
    for i in 0..list.len(xs) {
        if i + 1 == list.len(xs) || !together(xs[i], xs[i + 1]) {
            chunks = list.push(chunks, list.slice(xs, start, i + 1))
            start = i + 1
        }
    }
    chunks
}
`,
  ),
];
