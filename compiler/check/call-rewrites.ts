/** Makes help for calls in the style of another language: the expression to write instead, and a fix that writes it. */
import type { Expr, Span } from "../ast.ts";
import type { DiagnosticExtras } from "../diagnostics.ts";
import { callNote, rewrittenCall } from "../other-languages-calls.ts";
import type { SourceUnit } from "../scope.ts";

/** Texts that need no parentheses as an operand: a name, a literal, or a call without nested brackets. */
const SIMPLE_OPERAND = /^(?:[\w.]+|"[^"]*"|[\w.]+\([^()]*\)|\[[^[\]]*\])$/;
/** The longest expression that a help line shows with its arguments, in code units. */
const MAX_SHOWN_LENGTH = 60;

/** Returns the template with the arguments filled in, in parentheses where they are operands of an operator. */
function fillIn(template: string, args: readonly string[]): string {
  const isOperand = / (?:\+\+|==) /.test(template);
  return template.replace(/\$(\d)/g, (_, digit: string) => {
    const text = args[Number(digit) - 1] ?? "…";
    return isOperand && !SIMPLE_OPERAND.test(text) ? `(${text})` : text;
  });
}

/** Returns help and a fix that replace the call at `span`. `args` are the texts of its arguments. */
export function rewriteExtras(template: string, args: readonly string[], span: Span): DiagnosticExtras {
  const text = fillIn(template, args);
  const isShort = text.length <= MAX_SHOWN_LENGTH && !text.includes("\n");
  const shown = isShort
    ? text
    : fillIn(
        template,
        args.map(() => "…"),
      );
  return { help: `write \`${shown}\``, fixes: [{ title: `write \`${shown}\``, edits: [{ span, text }] }] };
}

export const sourceOf = (unit: SourceUnit, { span }: Expr): string => unit.text.slice(span.start, span.end);

/** Returns help for a call of a function that does not exist, or that does not take these arguments. */
export function callHint(unit: SourceUnit, name: string, args: readonly Expr[], span: Span): DiagnosticExtras | undefined {
  const template = rewrittenCall(name, args);
  const texts = args.map((arg) => sourceOf(unit, arg));
  if (template !== undefined) return rewriteExtras(template, texts, span);
  const note = callNote(name);
  return note === undefined ? undefined : { help: note };
}
