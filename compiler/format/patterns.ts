/** Patterns of match arms. */
import type { Name, Pattern } from "../ast.ts";
import { type Doc, EMPTY, group, indent, join, joinAll, LINE, SPACE } from "./doc.ts";
import { bracketed } from "./lists.ts";
import type { Words } from "./type-text.ts";

export function printPattern(w: Words, pattern: Pattern): Doc {
  const lead = w.lead();
  const opened: Doc[] = [];
  for (;;) {
    if (w.at("|")) w.drop();
    else if (w.at("(") && w.start < pattern.span.start) opened.push(w.take());
    else break;
  }
  const inner = join(w.lead(), unwrapped(w, pattern));
  return join(lead, ...opened, inner, ...opened.map(() => w.take()));
}

function unwrapped(w: Words, pattern: Pattern): Doc {
  switch (pattern.kind) {
    case "int":
    case "float":
      return w.at("-") ? join(w.take(), w.take()) : w.take();
    case "unit":
      return join(w.take(), w.take());
    case "wrap":
      return join(
        w.take(),
        bracketed(w, 1, { comma: false }, () => printPattern(w, pattern.inner)),
      );
    case "variant":
      return join(path(w, pattern.enum), pattern.args === null ? EMPTY : patternArgs(w, pattern.args));
    case "struct":
      return join(path(w, pattern.enum), SPACE, structFields(w, pattern));
    case "or":
      return alternatives(w, pattern.alternatives);
    case "wildcard":
    case "name":
    case "string":
    case "bool":
    case "none":
      return w.take();
  }
}

function path(w: Words, owner: Name | null): Doc {
  return owner === null ? w.take() : join(w.take(), w.take(), w.take());
}

function patternArgs(w: Words, args: readonly Pattern[]): Doc {
  return bracketed(w, args.length, {}, (i) => {
    const arg = args[i];
    return arg === undefined ? EMPTY : printPattern(w, arg);
  });
}

function structFields(w: Words, pattern: Extract<Pattern, { kind: "struct" }>): Doc {
  return bracketed(w, pattern.fields.length + (pattern.rest ? 1 : 0), { padded: true }, (i) => {
    const name = w.take();
    const inner = pattern.fields[i]?.pattern ?? null;
    return inner === null ? name : join(name, w.take(), SPACE, printPattern(w, inner));
  });
}

function alternatives(w: Words, patterns: readonly Pattern[]): Doc {
  const [first, ...others] = patterns.map((pattern, i) =>
    i === 0 ? printPattern(w, pattern) : join(LINE, w.take(), SPACE, printPattern(w, pattern)),
  );
  return group(join(first ?? EMPTY, indent(joinAll(others))));
}
