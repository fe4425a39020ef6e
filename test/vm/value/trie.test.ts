/** The tree of a list that is built at once. */
import { expect, test } from "vitest";
import { EMPTY_TRIE, type Trie, trieAppend, trieGet, triePush } from "../../../vm/value/trie.ts";

test("a trie that is built at once is the same as one that grows by pushes", () => {
  let pushed: Trie<number> = EMPTY_TRIE;
  const items = Array.from({ length: 4_200 }, (_, i) => i + 5);
  // The sizes around powers of 16 are those at which the tree gets another level.
  const sizes = new Set(
    [16, 256, 4_096].flatMap((size) => [size - 1, size, size + 1, size + 15, size + 16, size + 17, size + 32, size + 33]),
  );
  for (let size = 1; size < items.length - 5; size++) {
    pushed = triePush(pushed, items[size + 4] ?? 0);
    if (!sizes.has(size)) continue;
    const built = trieAppend<number>(EMPTY_TRIE, items, 5, 5 + size);
    expect(built, String(size)).toEqual(pushed);
    expect(trieGet(built, size - 1)).toBe(items[size + 4]);
  }
});
