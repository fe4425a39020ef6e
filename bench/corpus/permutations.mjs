function permutations(items) {
  if (items.length <= 1) return [items];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

export const main = (n) => permutations(Array.from({ length: n }, (_, i) => i)).filter((p) => p.every((item, i) => item !== i)).length;
