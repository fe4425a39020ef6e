/** Limits the depth of a finished tree. `MAX_NESTING` limits nesting while parsing, but chains of operators add further levels. */
import type { Block, Expr, Item, Span, Stmt } from "../ast.ts";

/** The limit on nested expressions and loops in the body of an item. Later phases recurse to this depth. Each level takes at least one token. */
export const MAX_TREE_DEPTH = 1024;

interface Step {
  readonly node: Expr | Stmt;
  readonly depth: number;
}

/** Returns the span of a node that is deeper than `MAX_TREE_DEPTH`, or null if no node is that deep. Uses an explicit stack. */
export function findTooDeepNode(item: Item): Span | null {
  if (item.kind !== "fn" && item.kind !== "test") return null;
  const stack: Step[] = [];
  const pushNode = (node: Expr | Stmt | null, depth: number): void => {
    if (node !== null) stack.push({ node, depth });
  };
  const pushBlock = ({ stmts }: Block, depth: number): void => {
    for (const stmt of stmts) pushNode(stmt.kind === "expr" ? stmt.value : stmt, depth);
  };
  if (item.kind === "fn") for (const clause of [...item.requires, ...item.ensures]) pushNode(clause.condition, 1);
  pushBlock(item.body, 1);
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (step.depth > MAX_TREE_DEPTH) return step.node.span;
    visitChildren(step.node, step.depth + 1, pushNode, pushBlock);
  }
  return null;
}

type Push = (node: Expr | Stmt | null, depth: number) => void;
type PushBlock = (block: Block, depth: number) => void;

function visitChildren(node: Expr | Stmt, depth: number, pushNode: Push, pushBlock: PushBlock): void {
  switch (node.kind) {
    case "let":
      pushNode(node.value, depth);
      if (node.otherwise !== null) pushBlock(node.otherwise, depth);
      return;
    case "someOkErr":
    case "propagate":
    case "expr":
    case "return":
      return pushNode(node.value, depth);
    case "assign":
      for (const step of node.steps) if (step.kind === "index") pushNode(step.index, depth);
      return pushNode(node.value, depth);
    case "while":
      pushNode(node.condition, depth);
      return pushBlock(node.body, depth);
    case "for":
      pushNode(node.list, depth);
      return pushBlock(node.body, depth);
    case "variant":
      if (node.payload?.kind === "args") for (const arg of node.payload.args) pushNode(arg, depth);
      if (node.payload?.kind === "struct") for (const field of node.payload.fields) pushNode(field.value, depth);
      return;
    case "call":
      pushNode(node.callee, depth);
      for (const arg of node.args) pushNode(arg, depth);
      return;
    case "pipe":
      // A stage of a pipe takes as much stack as a call inside a call, which takes two levels: the call and its bracket.
      pushNode(node.value, depth + 1);
      pushNode(node.callee, depth);
      for (const arg of node.args ?? []) pushNode(arg, depth);
      return;
    case "fn":
      return pushBlock(node.item.body, depth);
    case "field":
      return pushNode(node.target, depth);
    case "index":
      pushNode(node.target, depth);
      return pushNode(node.index, depth);
    case "record":
      pushNode(node.base, depth);
      for (const field of node.fields) pushNode(field.value, depth);
      return;
    case "text":
      for (const part of node.parts) pushNode(part, depth);
      return;
    case "list":
    case "tuple":
      for (const item of node.items) pushNode(item, depth);
      return;
    case "map":
      for (const entry of node.entries) {
        pushNode(entry.key, depth);
        pushNode(entry.value, depth);
      }
      return;
    case "par":
      for (const branch of node.branches) pushNode(branch, depth);
      return;
    case "lambda":
    case "answer":
      return pushBlock(node.body, depth);
    case "if":
      for (const branch of node.branches) {
        pushNode(branch.condition, depth);
        pushBlock(branch.body, depth);
      }
      if (node.otherwise !== null) pushBlock(node.otherwise, depth);
      return;
    case "match":
      pushNode(node.scrutinee, depth);
      for (const arm of node.arms) {
        pushNode(arm.guard, depth);
        pushBlock(arm.body, depth);
      }
      return;
    case "block":
      return pushBlock(node.block, depth);
    case "unary":
      return pushNode(node.operand, depth);
    case "binary":
      pushNode(node.first, depth);
      for (const part of node.rest) pushNode(part.operand, depth);
      return;
    case "try":
      return pushNode(node.call, depth);
    case "spawn":
      return pushNode(node.target, depth);
    case "send":
      pushNode(node.actor, depth);
      return pushNode(node.message, depth);
    case "emit":
      return pushNode(node.tree, depth);
    case "break":
    case "continue":
    case "int":
    case "float":
    case "string":
    case "bool":
    case "unit":
    case "none":
    case "name":
    case "receive":
    case "error":
      return;
  }
}
