import { COSTS } from "../cost.ts";
import { type BuiltinDecl, host, written } from "./decl.ts";

const V = { typeParams: ["V"] } as const;

export const MAP_BUILTINS: readonly BuiltinDecl[] = [
  host(
    150,
    "map.get",
    "Fn(Map<String, V>, String) -> Option<V>",
    COSTS.key,
    "The value of a key.",
    ['map.get({ "a": 1 }, "a")', "Some(1)"],
    {
      ...V,
      oldNames: ["__builtin_map_get"],
    },
  ),
  host(
    151,
    "map.set",
    "Fn(Map<String, V>, String, V) -> Map<String, V>",
    COSTS.key,
    "With the key set to the value.",
    ['map.set({ "a": 1 }, "b", 2)', "{a: 1, b: 2}"],
    {
      ...V,
      oldNames: ["__builtin_map_set"],
    },
  ),
  host(
    152,
    "map.remove",
    "Fn(Map<String, V>, String) -> Map<String, V>",
    COSTS.key,
    "Without the key.",
    ['map.remove({ "a": 1 }, "a")', "{}"],
    {
      ...V,
      oldNames: ["__builtin_map_remove"],
    },
  ),
  host(
    153,
    "map.contains_key",
    "Fn(Map<String, V>, String) -> Bool",
    COSTS.key,
    "Whether the key is there.",
    ['map.contains_key({ "a": 1 }, "b")', "false"],
    {
      ...V,
      oldNames: ["__builtin_map_contains_key"],
    },
  ),
  host(
    154,
    "map.keys",
    "Fn(Map<String, V>) -> List<String>",
    COSTS.entries,
    "The keys in the order of their UTF-8 bytes.",
    ['map.keys({ "b": 2, "a": 1 })', '["a", "b"]'],
    {
      ...V,
      oldNames: ["__builtin_map_keys"],
    },
  ),
  host(
    155,
    "map.values",
    "Fn(Map<String, V>) -> List<V>",
    COSTS.entries,
    "The values in the order of their keys.",
    ['map.values({ "b": 2, "a": 1 })', "[1, 2]"],
    {
      ...V,
      oldNames: ["__builtin_map_values"],
    },
  ),
  host(156, "map.len", "Fn(Map<String, V>) -> Int", COSTS.constant, "How many keys.", ['map.len({ "a": 1 })', "1"], {
    ...V,
    oldNames: ["__builtin_map_len"],
  }),
  host(
    157,
    "map.merge",
    "Fn(Map<String, V>, Map<String, V>) -> Map<String, V>",
    "1 + ⌊(8n + k × levels) / 256⌋, n and k of the second map",
    "The keys of both; the second map's value where both have one.",
    ['map.merge({ "a": 1, "b": 1 }, { "b": 2 })', "{a: 1, b: 2}"],
    V,
  ),
  written(
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
  written(
    161,
    "map.from_entries",
    ["V"],
    "Fn(List<Entry<V>>) -> Map<String, V>",
    "A map of entries; the last one of a key counts.",
    ['map.from_entries([Entry { key: "a", value: 1 }])', "{a: 1}"],
    `fn map_from_entries<V>(entries: List<Entry<V>>) -> Map<String, V> {
    let mut out: Map<String, V> = {}
    for entry in entries { out = map.set(out, entry.key, entry.value) }
    out
}
`,
  ),
];
