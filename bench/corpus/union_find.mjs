function root(parents, node) {
  let at = node;
  while (parents[at] !== at) at = parents[at];
  return at;
}

function components(n, edges) {
  const parents = Array.from({ length: n }, (_, i) => i);
  const sizes = Array.from({ length: n }, () => 1);
  let count = n;
  for (const [a, b] of edges) {
    const x = root(parents, a);
    const y = root(parents, b);
    if (x === y) continue;
    const [small, large] = sizes[x] < sizes[y] ? [x, y] : [y, x];
    parents[small] = large;
    sizes[large] += sizes[small];
    count -= 1;
  }
  return count;
}

export function main(n) {
  const edges = Array.from({ length: n }, (_, i) => [(i * 7919) % n, (i * 104729 + 13) % n]);
  return components(n, edges);
}
