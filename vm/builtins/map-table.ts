import { COSTS } from "../cost.ts";
import { type BuiltinDecl, nativeBuiltin, writtenInAx } from "./decl.ts";

const V = { typeParams: ["V"] } as const;

export const MAP_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(
    150,
    "map.get",
    "Fn(Map<String, V>, String) -> Option<V>",
    COSTS.key,
    "The value of the key.",
    ['map.get({ "a": 1 }, "a")', "Some(1)"],
    { ...V, oldNames: ["__builtin_map_get"] },
  ),
  nativeBuiltin(
    281,
    "map.at",
    "Fn(Map<String, V>, String) -> V",
    COSTS.key,
    "The value of the key; traps if the map has no such key. `m[key]` means the same.",
    ['map.at({ "a": 1 }, "a")', "1"],
    V,
  ),
  nativeBuiltin(
    151,
    "map.set",
    "Fn(Map<String, V>, String, V) -> Map<String, V>",
    COSTS.key,
    "The map with the key set to the value.",
    ['map.set({ "a": 1 }, "b", 2)', "{a: 1, b: 2}"],
    { ...V, oldNames: ["__builtin_map_set"] },
  ),
  nativeBuiltin(
    152,
    "map.remove",
    "Fn(Map<String, V>, String) -> Map<String, V>",
    COSTS.key,
    "The map without the key.",
    ['map.remove({ "a": 1 }, "a")', "{}"],
    { ...V, oldNames: ["__builtin_map_remove"] },
  ),
  nativeBuiltin(
    153,
    "map.contains_key",
    "Fn(Map<String, V>, String) -> Bool",
    COSTS.key,
    "Whether the map has the key.",
    ['map.contains_key({ "a": 1 }, "b")', "false"],
    { ...V, oldNames: ["__builtin_map_contains_key"] },
  ),
  nativeBuiltin(
    154,
    "map.keys",
    "Fn(Map<String, V>) -> List<String>",
    COSTS.entries,
    "The keys in the order of their UTF-8 bytes.",
    ['map.keys({ "b": 2, "a": 1 })', '["a", "b"]'],
    { ...V, oldNames: ["__builtin_map_keys"] },
  ),
  nativeBuiltin(
    155,
    "map.values",
    "Fn(Map<String, V>) -> List<V>",
    COSTS.entries,
    "The values in the order of their keys.",
    ['map.values({ "b": 2, "a": 1 })', "[1, 2]"],
    { ...V, oldNames: ["__builtin_map_values"] },
  ),
  nativeBuiltin(156, "map.len", "Fn(Map<String, V>) -> Int", COSTS.constant, "The number of keys.", ['map.len({ "a": 1 })', "1"], {
    ...V,
    oldNames: ["__builtin_map_len"],
  }),
  nativeBuiltin(
    157,
    "map.merge",
    "Fn(Map<String, V>, Map<String, V>) -> Map<String, V>",
    "1 + ⌊(8n + k × levels) / 256⌋, n and k of the second map",
    "The entries of both maps; if both have a key, the second map's value.",
    ['map.merge({ "a": 1, "b": 1 }, { "b": 2 })', "{a: 1, b: 2}"],
    V,
  ),
  writtenInAx(
    160,
    "map.entries",
    ["V"],
    "Fn(Map<String, V>) -> List<Entry<V>>",
    "The keys with their values, in the order of the keys: records with the fields key and value.",
    ['map.entries({ "a": 1 })[0].key', '"a"'],
    `fn map_entries<V>(m: Map<String, V>) -> List<Entry<V>> {
    let keys: List<String> = map.keys(m)
    let values: List<V> = map.values(m)
    let n: Int = list.len(keys)
    let mut out: List<Entry<V>> = []
    let mut i: Int = 0
    while i < n {
        out = list.push(out, Entry { key: keys[i], value: values[i] })
        i = i + 1
    }
    out
}
`,
  ),
  writtenInAx(
    161,
    "map.from_entries",
    ["V"],
    "Fn(List<Entry<V>>) -> Map<String, V>",
    "A map of the entries; if a key occurs more than once, the last entry counts.",
    ['map.from_entries([Entry { key: "a", value: 1 }])', "{a: 1}"],
    `fn map_from_entries<V>(entries: List<Entry<V>>) -> Map<String, V> {
    let mut out: Map<String, V> = {}
    for entry in entries { out = map.set(out, entry.key, entry.value) }
    out
}
`,
  ),
  writtenInAx(
    169,
    "map.update",
    ["V", "e"],
    "Fn(Map<String, V>, String, Fn(Option<V>) -> V !{e}) -> Map<String, V> !{e}",
    "The map with the key set to the function's result for its value, which is None if the map lacks the key.",
    ['map.update({ "a": 1 }, "a", fn(n) { option.unwrap_or(n, 0) + 1 })', "{a: 2}"],
    `fn map_update<V, e>(m: Map<String, V>, key: String, f: Fn(Option<V>) -> V !{e}) -> Map<String, V> !{e} { map.set(m, key, f(map.get(m, key))) }
`,
  ),
];
