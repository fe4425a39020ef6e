/** Bottom-up walks over trees that hostile input shapes: an explicit stack, so depth never meets the host's. */

/** A node with children: `build` gets their results, in order, in an array of its own. */
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

interface Open<In, Out> {
  readonly branch: Branch<In, Out>;
  readonly parts: Out[];
}

/**
 * Visits `root`, then the children that each visit names, left to right, and builds the results from the leaves up.
 * `depth` is 0 for the root. The visitor bounds the walk by throwing.
 */
export function foldTree<In, Out>(root: In, visit: (node: In, depth: number) => Leaf<Out> | Branch<In, Out>): Out {
  const stack: Open<In, Out>[] = [];
  let node = root;
  for (;;) {
    const visited = visit(node, stack.length);
    let result: Out;
    if (visited instanceof Branch) {
      const first = visited.children[0];
      if (first !== undefined) {
        stack.push({ branch: visited, parts: [] });
        node = first;
        continue;
      }
      result = visited.build([]);
    } else result = visited.leaf;
    for (;;) {
      const top = stack.at(-1);
      if (top === undefined) return result;
      top.parts.push(result);
      const next = top.branch.children[top.parts.length];
      if (next !== undefined) {
        node = next;
        break;
      }
      stack.pop();
      result = top.branch.build(top.parts);
    }
  }
}
