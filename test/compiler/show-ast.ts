/** Prints trees as short s-expressions for tests. */
import type { Binder, Block, Condition, Expr, FieldInit, Item, Pattern, RowExpr, Stmt, TypeExpr } from "../../compiler/ast.ts";

function list(head: string, ...parts: readonly string[]): string {
  return `(${[head, ...parts].filter((part) => part !== "").join(" ")})`;
}

function showType(type: TypeExpr): string {
  if (type.kind === "fn") return list("Fn", ...type.params.map(showType), "->", showType(type.result), showRow(type.row));
  if (type.kind === "tuple") return list("tuple", ...type.items.map(showType));
  return type.args.length === 0 ? type.name.text : `${type.name.text}<${type.args.map(showType).join(", ")}>`;
}

function showRow(row: RowExpr | null): string {
  return row === null ? "" : `!{${row.names.map((name) => name.text).join(", ")}}`;
}

function showPattern(pattern: Pattern): string {
  switch (pattern.kind) {
    case "wildcard":
      return "_";
    case "name":
      return pattern.name.text;
    case "int":
    case "float":
    case "bool":
      return Object.is(pattern.value, -0) ? "-0" : String(pattern.value);
    case "string":
      return JSON.stringify(pattern.value);
    case "unit":
      return "()";
    case "none":
      return "None";
    case "someOkErr":
      return list(pattern.wrap, showPattern(pattern.inner));
    case "variant":
      return list(path(pattern.enum?.text, pattern.variant.text), ...(pattern.args ?? []).map(showPattern));
    case "struct":
      return list(
        path(pattern.enum?.text, pattern.name.text),
        ...pattern.fields.map((field) => `${field.name.text}:${field.pattern === null ? "" : showPattern(field.pattern)}`),
        pattern.hasRest ? ".." : "",
      );
    case "tuple":
      return list("tuple", ...pattern.items.map(showPattern));
    case "list":
      return list(
        "list",
        ...pattern.prefix.map(showPattern),
        pattern.rest === null ? "" : `..${pattern.rest.name?.text ?? ""}`,
        ...pattern.suffix.map(showPattern),
      );
    case "or":
      return list("|", ...pattern.alternatives.map(showPattern));
  }
}

const showBinder = ({ name, pattern }: Binder): string => (pattern === null ? name.text : showPattern(pattern));

function showCondition({ pattern, condition }: Condition): string {
  return pattern === null ? showExpr(condition) : list("let", showPattern(pattern), showExpr(condition));
}

function path(owner: string | undefined, name: string): string {
  return owner === undefined ? name : `${owner}::${name}`;
}

export function showBlock(block: Block): string {
  return `{${block.stmts.map(showStmt).join("; ")}}`;
}

function showStmt(stmt: Stmt): string {
  switch (stmt.kind) {
    case "let":
      return list(
        stmt.isMutable ? "let-mut" : "let",
        showBinder(stmt),
        stmt.type === null ? "" : `:${showType(stmt.type)}`,
        showExpr(stmt.value),
        stmt.otherwise === null ? "" : showBlock(stmt.otherwise),
      );
    case "assign":
      return list(
        `${stmt.operator ?? ""}=`,
        stmt.name.text,
        ...stmt.steps.map((step) => (step.kind === "index" ? `[${showExpr(step.index)}]` : `.${step.name.text}`)),
        showExpr(stmt.value),
      );
    case "while":
      return list("while", showCondition(stmt), showBlock(stmt.body));
    case "answer":
      return list("answer", stmt.capability.text, list("params", ...stmt.params.map((p) => p.text)), showBlock(stmt.body));
    case "for":
      return list("for", showBinder(stmt), showExpr(stmt.list), showBlock(stmt.body));
    case "return":
      return list("return", stmt.value === null ? "" : showExpr(stmt.value));
    case "fn":
      return showItem(stmt.item);
    case "expr":
      return showExpr(stmt.value);
    case "break":
    case "continue":
      return stmt.kind;
  }
}

function showFields(fields: readonly FieldInit[]): readonly string[] {
  return fields.map((field) => `${field.name.text}:${showExpr(field.value)}`);
}

function showExpr(expr: Expr): string {
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
      return String(expr.value);
    case "string":
      return JSON.stringify(expr.value);
    case "text":
      return list("text", ...expr.parts.map(showExpr));
    case "unit":
      return "()";
    case "none":
      return "None";
    case "receive":
      return "receive";
    case "error":
      return "ERROR";
    case "someOkErr":
      return list(expr.wrap, showExpr(expr.value));
    case "name":
      return expr.name.text;
    case "variant": {
      const parts =
        expr.payload === null ? [] : expr.payload.kind === "args" ? expr.payload.args.map(showExpr) : showFields(expr.payload.fields);
      return list(`${expr.enum.text}::${expr.variant.text}`, ...parts);
    }
    case "call":
      return list("call", showExpr(expr.callee), ...expr.args.map(showExpr));
    case "pipe":
      return list("|>", showExpr(expr.value), showExpr(expr.callee), expr.args === null ? "" : `(${expr.args.map(showExpr).join(" ")})`);
    case "field":
      return list(".", showExpr(expr.target), expr.name.text);
    case "index":
      return list("index", showExpr(expr.target), showExpr(expr.index));
    case "record":
      return list(`new-${expr.name.text}`, expr.base === null ? "" : `..${showExpr(expr.base)}`, ...showFields(expr.fields));
    case "list":
      return `[${expr.items.map(showExpr).join(" ")}]`;
    case "tuple":
      return list("tuple", ...expr.items.map(showExpr));
    case "par":
      return list("par", ...expr.branches.map(showExpr));
    case "map":
      return list("map", ...expr.entries.map((entry) => `${showExpr(entry.key)}:${showExpr(entry.value)}`));
    case "lambda":
      return list(
        "fn",
        `[${expr.params.map((param) => (param.type === null ? showBinder(param) : `${showBinder(param)}:${showType(param.type)}`)).join(" ")}]`,
        expr.result === null ? "" : showType(expr.result),
        showRow(expr.row),
        showBlock(expr.body),
      );
    case "if":
      return list(
        "if",
        ...expr.branches.flatMap((branch) => [showCondition(branch), showBlock(branch.body)]),
        expr.otherwise === null ? "" : showBlock(expr.otherwise),
      );
    case "match":
      return list(
        "match",
        showExpr(expr.scrutinee),
        ...expr.arms.map(
          (arm) =>
            `[${showPattern(arm.pattern)}${arm.guard === null ? "" : ` if ${showExpr(arm.guard)}`} ${arm.hasEmptyBraces ? "{empty}" : showBlock(arm.body)}]`,
        ),
      );
    case "block":
      return showBlock(expr.block);
    case "unary":
      return list(expr.op, showExpr(expr.operand));
    case "binary":
      return `(${[showExpr(expr.first), ...expr.rest.map((part) => `${part.op} ${showExpr(part.operand)}`)].join(" ")})`;
    case "propagate":
      return list("?", showExpr(expr.value));
    case "try":
      return list("try", showExpr(expr.call));
    case "spawn":
      return list("spawn", showExpr(expr.target));
    case "send":
      return list("send", showExpr(expr.actor), showExpr(expr.message));
    case "emit":
      return list("emit", showExpr(expr.tree));
  }
}

export function showItem(item: Item): string {
  const exported = "isExported" in item && item.isExported ? "export " : "";
  switch (item.kind) {
    case "fn":
      return list(
        `${exported}fn`,
        item.name.text + (item.typeParams.length === 0 ? "" : `<${item.typeParams.map((param) => param.text).join(", ")}>`),
        `[${item.params.map((param) => `${showBinder(param)}:${showType(param.type)}`).join(" ")}]`,
        item.result === null ? "" : showType(item.result),
        item.receives === null ? "" : `receives ${showType(item.receives)}`,
        showRow(item.row),
        item.intent === null ? "" : `intent ${JSON.stringify(item.intent)}`,
        ...item.requires.map((clause) => `requires ${JSON.stringify(clause.text)}`),
        ...item.ensures.map((clause) => `ensures ${JSON.stringify(clause.text)}`),
        showBlock(item.body),
      );
    case "record":
      return list(
        `${exported}record`,
        item.name.text,
        ...item.typeParams.map((param) => `<${param.text}>`),
        ...item.fields.map((field) => `${field.name.text}:${showType(field.type)}`),
      );
    case "enum":
      return list(
        `${exported}enum`,
        item.name.text,
        ...item.typeParams.map((param) => `<${param.text}>`),
        ...item.variants.map((variant) =>
          variant.payload === null
            ? variant.name.text
            : variant.payload.kind === "positional"
              ? list(variant.name.text, ...variant.payload.types.map(showType))
              : list(variant.name.text, ...variant.payload.fields.map((field) => `${field.name.text}:${showType(field.type)}`)),
        ),
      );
    case "import":
      return list("import", item.specifier.text);
    case "test":
      return list("test", JSON.stringify(item.name.text), showBlock(item.body));
  }
}
