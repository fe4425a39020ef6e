const build = (depth) => (depth === 0 ? undefined : { left: build(depth - 1), right: build(depth - 1) });

const count = (tree) => (tree === undefined ? 1 : count(tree.left) + count(tree.right) + 1);

export function main(n) {
  let total = 0;
  for (let depth = 4; depth <= n; depth++) total += count(build(depth));
  return total;
}
