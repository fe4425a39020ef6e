/** Bounds the depth of a finished tree. `MAX_NESTING` bounds brackets while parsing; operators and postfix operators add levels. */
import type { Block, Expr, Item, Span, Stmt } from "../ast.ts";

/** Levels of nested expressions and loops below the body of an item. Later phases recurse this deep. */
export const MAX_TREE_DEPTH = 1024;

interface Step {
  readonly node: Expr | Stmt;
  readonly depth: number;
}

/** The span of a node that is deeper than `MAX_TREE_DEPTH`, or null. Uses an explicit stack. */
export function findTooDeepNode(item: Item): Span | null {
  if (item.kind !== "fn" && item.kind !== "test") return null;
  const stack: Step[] = [];
  const push = (node: Expr | Stmt | null, depth: number): void => {
    if (node !== null) stack.push({ node, depth });
  };
  const block = ({ stmts }: Block, depth: number): void => {
    for (const stmt of stmts) push(stmt.kind === "expr" ? stmt.value : stmt, depth);
  };
  if (item.kind === "fn") for (const clause of [...item.requires, ...item.ensures]) push(clause.condition, 1);
  block(item.body, 1);
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (step.depth > MAX_TREE_DEPTH) return step.node.span;
    visitChildren(step.node, step.depth + 1, push, block);
  }
  return null;
}

type Push = (node: Expr | Stmt | null, depth: number) => void;
type PushBlock = (block: Block, depth: number) => void;

function visitChildren(node: Expr | Stmt, depth: number, push: Push, block: PushBlock): void {
  switch (node.kind) {
    case "let":
    case "assign":
    case "wrap":
    case "expr":
    case "return":
      return push(node.value, depth);
    case "while":
      push(node.condition, depth);
      return block(node.body, depth);
    case "for":
      push(node.list, depth);
      return block(node.body, depth);
    case "variant":
      if (node.payload?.kind === "args") for (const arg of node.payload.args) push(arg, depth);
      if (node.payload?.kind === "struct") for (const field of node.payload.fields) push(field.value, depth);
      return;
    case "call":
      push(node.callee, depth);
      for (const arg of node.args) push(arg, depth);
      return;
    case "field":
      return push(node.target, depth);
    case "index":
      push(node.target, depth);
      return push(node.index, depth);
    case "record":
      push(node.base, depth);
      for (const field of node.fields) push(field.value, depth);
      return;
    case "list":
      for (const item of node.items) push(item, depth);
      return;
    case "map":
      for (const entry of node.entries) {
        push(entry.key, depth);
        push(entry.value, depth);
      }
      return;
    case "lambda":
    case "answer":
      return block(node.body, depth);
    case "if":
      for (const branch of node.branches) {
        push(branch.condition, depth);
        block(branch.body, depth);
      }
      if (node.otherwise !== null) block(node.otherwise, depth);
      return;
    case "match":
      push(node.scrutinee, depth);
      for (const arm of node.arms) {
        push(arm.guard, depth);
        block(arm.body, depth);
      }
      return;
    case "block":
      return block(node.block, depth);
    case "unary":
      return push(node.operand, depth);
    case "binary":
      push(node.first, depth);
      for (const part of node.rest) push(part.operand, depth);
      return;
    case "try":
      return push(node.call, depth);
    case "spawn":
      return push(node.target, depth);
    case "send":
      push(node.actor, depth);
      return push(node.message, depth);
    case "emit":
      return push(node.tree, depth);
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
