/** Prints a document as text and decides which groups are broken. */
import { codePoints } from "../source.ts";
import type { Doc } from "./doc.ts";

const WIDTH = 100;
const INDENT = 4;

interface Step {
  readonly doc: Doc;
  readonly indent: number;
  readonly broken: boolean;
}

type Pending = "nothing" | "space" | "line" | "blank";

/** Each line of the result ends with a line feed; a document without text is the empty string. */
export function render(doc: Doc): string {
  const out = new Output();
  const stack: Step[] = [{ doc, indent: 0, broken: true }];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) renderStep(step, out, stack);
  return out.finish();
}

function renderStep(step: Step, out: Output, stack: Step[]): void {
  const { doc, indent, broken } = step;
  switch (doc.kind) {
    case "text":
      return out.text(doc.text, indent);
    case "comment":
      return out.comment(doc.text, doc.trailing, doc.blankBefore, indent);
    case "space":
      return out.space();
    case "line":
      if (broken) return out.line();
      return doc.flat === " " ? out.space() : undefined;
    case "blank":
      return out.blank();
    case "comma":
      return broken ? out.text(",", indent) : undefined;
    case "group": {
      const content = { doc: doc.doc, indent, broken: false };
      if (!broken || (!doc.hard && fits(content, stack, out.columnAt(indent)))) stack.push(content);
      else stack.push({ doc: huggedForm(doc, indent, stack, out) ?? doc.doc, indent, broken: true });
      return;
    }
    default:
      pushContents(step, stack);
  }
}

/** The hugged form of a group that does not fit on one line, or null if the broken form is better. */
function huggedForm({ hugged, short }: Extract<Doc, { kind: "group" }>, indent: number, stack: readonly Step[], out: Output): Doc | null {
  if (hugged === null || !fits({ doc: hugged, indent, broken: true }, stack, out.columnAt(indent))) return null;
  const ownLine = short !== null && !short.hard && fits({ doc: short, indent, broken: false }, [], indent + INDENT + 1);
  return ownLine ? null : hugged;
}

/** Pushes the contents of a document that prints nothing itself. */
function pushContents({ doc, indent, broken }: Step, stack: Step[]): void {
  if (doc.kind === "concat") {
    for (let i = doc.parts.length - 1; i >= 0; i--) {
      const part = doc.parts[i];
      if (part !== undefined) stack.push({ doc: part, indent, broken });
    }
  } else if (doc.kind === "indent") stack.push({ doc: doc.doc, indent: indent + INDENT, broken });
  else if (doc.kind === "flat") stack.push({ doc: doc.doc, indent, broken: false });
  else if (doc.kind === "group") stack.push({ doc: doc.doc, indent, broken });
}

/** Whether the text up to the next possible line break stays within the width. Groups in `rest` count as broken. */
function fits(first: Step, rest: readonly Step[], column: number): boolean {
  const stack: Step[] = [first];
  let left = WIDTH - column;
  // A space counts only when text follows it on the line, as in `Output`.
  let space = 0;
  for (let next = rest.length; left >= 0; ) {
    let step = stack.pop();
    if (step === undefined) {
      next -= 1;
      step = rest[next];
      if (step === undefined) return true;
    }
    const { doc, broken } = step;
    switch (doc.kind) {
      case "text": {
        const lineEnd = doc.text.indexOf("\n");
        left -= space + codePoints(doc.text, 0, lineEnd === -1 ? doc.text.length : lineEnd);
        space = 0;
        if (lineEnd !== -1) return left >= 0;
        break;
      }
      case "comment":
        return true;
      case "line":
        if (broken) return true;
        if (doc.flat === " ") space = 1;
        break;
      case "space":
        space = 1;
        break;
      case "comma":
        if (broken) left -= 1;
        break;
      case "blank":
        break;
      default:
        pushContents(step, stack);
    }
  }
  return false;
}

/** Collects the text. White space is written only when text follows, so no line ends with a space. */
class Output {
  readonly #parts: string[] = [];
  #column = 0;
  #pending: Pending = "nothing";
  #afterComment = false;
  #afterOpen = false;

  columnAt(indent: number): number {
    if (this.#pending === "line" || this.#pending === "blank") return indent;
    return this.#column + (this.#pending === "space" ? 1 : 0);
  }

  space(): void {
    if (this.#pending === "nothing") this.#pending = "space";
  }

  line(): void {
    if (this.#pending !== "blank") this.#pending = "line";
  }

  blank(): void {
    if (this.#pending === "line" && !this.#afterOpen) this.#pending = "blank";
  }

  text(content: string, indent: number): void {
    this.#put(content, indent);
    this.#afterComment = false;
    this.#afterOpen = content === "{" || content === "(" || content === "[";
  }

  comment(content: string, trailing: boolean, blankBefore: boolean, indent: number): void {
    if (trailing && !this.#afterComment && this.#parts.length > 0) {
      this.#pending = "space";
    } else {
      this.line();
      if (blankBefore) this.blank();
    }
    this.#put(content, indent);
    this.#afterComment = true;
    this.#afterOpen = false;
    this.#pending = "line";
  }

  finish(): string {
    if (this.#parts.length > 0) this.#parts.push("\n");
    return this.#parts.join("");
  }

  #put(content: string, indent: number): void {
    if (this.#parts.length > 0) {
      if (this.#pending === "space") this.#append(" ");
      else if (this.#pending !== "nothing") {
        this.#parts.push(this.#pending === "blank" ? "\n\n" : "\n", " ".repeat(indent));
        this.#column = indent;
      }
    }
    this.#pending = "nothing";
    this.#append(content);
  }

  #append(content: string): void {
    this.#parts.push(content);
    const lineStart = content.lastIndexOf("\n") + 1;
    this.#column = (lineStart === 0 ? this.#column : 0) + codePoints(content, lineStart, content.length);
  }
}
