function insert(tree, key) {
  if (tree === null) return { left: null, key, right: null };
  if (key < tree.key) return { ...tree, left: insert(tree.left, key) };
  if (key > tree.key) return { ...tree, right: insert(tree.right, key) };
  return tree;
}

function contains(tree, key) {
  if (tree === null) return false;
  return key === tree.key || contains(key < tree.key ? tree.left : tree.right, key);
}

const height = (tree) => (tree === null ? 0 : 1 + Math.max(height(tree.left), height(tree.right)));

export function main(n) {
  let tree = null;
  for (let i = 0; i < n; i++) tree = insert(tree, (i * 7919) % 100003);
  let found = 0;
  for (let i = 0; i < n; i++) if (contains(tree, i)) found += 1;
  return found * 1000 + height(tree);
}
