/** A node with children. `build` gets the results of the children in order, in a new array. */
export class Branch<In, Out> {
  readonly children: readonly In[];
  readonly build: (parts: Out[]) => Out;
  constructor(children: readonly In[], build: (parts: Out[]) => Out) {
    this.children = children;
    this.build = build;
  }
}

export interface Leaf<Out> {
  readonly leaf: Out;
}

export const leaf = <T>(value: T): Leaf<T> => ({ leaf: value });

interface OpenBranch<In, Out> {
  readonly branch: Branch<In, Out>;
  readonly parts: Out[];
}

/**
 * Converts a tree of any depth without recursion. For a leaf, `visit` returns the result. For any other node, it returns the children and a
 * function that builds the node's result from the children's results. Children are visited from left to right. `depth` is 0 for
 * `root`. `visit` may throw to stop the conversion.
 */
export function foldTree<In, Out>(root: In, visit: (node: In, depth: number) => Leaf<Out> | Branch<In, Out>): Out {
  const stack: OpenBranch<In, Out>[] = [];
  let node = root;
  for (;;) {
    const visited = visit(node, stack.length);
    let result: Out;
    if (visited instanceof Branch) {
      const firstChild = visited.children[0];
      if (firstChild !== undefined) {
        stack.push({ branch: visited, parts: [] });
        node = firstChild;
        continue;
      }
      result = visited.build([]);
    } else result = visited.leaf;
    for (;;) {
      const top = stack.at(-1);
      if (top === undefined) return result;
      top.parts.push(result);
      const nextChild = top.branch.children[top.parts.length];
      if (nextChild !== undefined) {
        node = nextChild;
        break;
      }
      stack.pop();
      result = top.branch.build(top.parts);
    }
  }
}
