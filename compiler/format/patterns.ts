/** Prints patterns. Each printer takes the tokens of its node from the stream `t`, in source order. */
import type { Binder, LambdaParam, Name, Param, Pattern } from "../ast.ts";
import { type Doc, EMPTY, group, indent, concat, concatAll, LINE, SPACE } from "./doc.ts";
import { printList } from "./lists.ts";
import { printType } from "./type-layout.ts";
import type { TokenStream } from "./token-stream.ts";

/** Prints the name or pattern of a `let`, a `for` or a parameter. */
export function printBinder(t: TokenStream, { pattern }: Binder): Doc {
  return pattern === null ? t.take() : printPattern(t, pattern);
}

/** Prints a parameter of a function or lambda, with its type if it has one. */
export function printParam(t: TokenStream, param: Param | LambdaParam | undefined): Doc {
  if (param === undefined) return EMPTY;
  const binder = printBinder(t, param);
  return param.type === null ? binder : concat(binder, t.take(), SPACE, printType(t, param.type));
}

export function printPattern(t: TokenStream, pattern: Pattern): Doc {
  const leadingComments = t.takeComments();
  const openParens: Doc[] = [];
  for (;;) {
    if (t.at("|")) t.drop();
    else if (t.at("(") && t.start < pattern.span.start) openParens.push(t.take());
    else break;
  }
  const contents = concat(t.takeComments(), printInsideParens(t, pattern));
  return concat(leadingComments, ...openParens, contents, ...openParens.map(() => t.take()));
}

function printInsideParens(t: TokenStream, pattern: Pattern): Doc {
  switch (pattern.kind) {
    case "int":
    case "float":
      return t.at("-") ? concat(t.take(), t.take()) : t.take();
    case "unit":
      return concat(t.take(), t.take());
    case "someOkErr":
      return concat(
        t.take(),
        printList(t, 1, { hasTrailingComma: false }, () => printPattern(t, pattern.inner)),
      );
    case "variant":
      return concat(printPath(t, pattern.enum), pattern.args === null ? EMPTY : printPatternArgs(t, pattern.args));
    case "struct":
      return concat(printPath(t, pattern.enum), SPACE, printStructFields(t, pattern));
    case "tuple":
      return printPatternArgs(t, pattern.items);
    case "list":
      return printListPattern(t, pattern);
    case "or":
      return printAlternatives(t, pattern.alternatives);
    case "wildcard":
    case "name":
    case "string":
    case "bool":
    case "none":
      return t.take();
  }
}

function printListPattern(t: TokenStream, { prefix, rest, suffix }: Extract<Pattern, { kind: "list" }>): Doc {
  const restCount = rest === null ? 0 : 1;
  return printList(t, prefix.length + restCount + suffix.length, {}, (i) => {
    if (rest !== null && i === prefix.length) return rest.name === null ? t.take() : concat(t.take(), t.take());
    const pattern = i < prefix.length ? prefix[i] : suffix[i - prefix.length - restCount];
    return pattern === undefined ? EMPTY : printPattern(t, pattern);
  });
}

function printPath(t: TokenStream, owner: Name | null): Doc {
  return owner === null ? t.take() : concat(t.take(), t.take(), t.take());
}

function printPatternArgs(t: TokenStream, args: readonly Pattern[]): Doc {
  return printList(t, args.length, {}, (i) => {
    const arg = args[i];
    return arg === undefined ? EMPTY : printPattern(t, arg);
  });
}

function printStructFields(t: TokenStream, pattern: Extract<Pattern, { kind: "struct" }>): Doc {
  return printList(t, pattern.fields.length + (pattern.hasRest ? 1 : 0), { isPadded: true }, (i) => {
    const name = t.take();
    const fieldPattern = pattern.fields[i]?.pattern ?? null;
    return fieldPattern === null ? name : concat(name, t.take(), SPACE, printPattern(t, fieldPattern));
  });
}

function printAlternatives(t: TokenStream, patterns: readonly Pattern[]): Doc {
  const [first, ...others] = patterns.map((pattern, i) =>
    i === 0 ? printPattern(t, pattern) : concat(LINE, t.take(), SPACE, printPattern(t, pattern)),
  );
  return group(concat(first ?? EMPTY, indent(concatAll(others))));
}
