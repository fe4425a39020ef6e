/** Turns a document (`doc.ts`) into text, and decides which groups are broken over several lines. */
import { countCodePoints } from "../source.ts";
import type { Doc } from "./doc.ts";

const MAX_WIDTH = 100;
const INDENT_WIDTH = 4;

interface Step {
  readonly doc: Doc;
  readonly indent: number;
  /** Whether the `Line`s of the document break, except those inside groups that fit. */
  readonly breaks: boolean;
}

/** The white space to write before the next text. */
type Separator = "nothing" | "space" | "line" | "blank";

/** Returns a document as text. Each line ends with a line feed; a document without text becomes the empty string. */
export function render(doc: Doc): string {
  const out = new Output();
  const stack: Step[] = [{ doc, indent: 0, breaks: true }];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) renderStep(step, out, stack);
  return out.finish();
}

function renderStep(step: Step, out: Output, stack: Step[]): void {
  const { doc, indent, breaks } = step;
  switch (doc.kind) {
    case "text":
      return out.text(doc.text, indent);
    case "comment":
      return out.comment(doc, indent);
    case "space":
      return out.space();
    case "line":
      if (breaks) return out.line();
      return doc.unbrokenText === " " ? out.space() : undefined;
    case "blank":
      return out.blank();
    case "comma":
      return breaks ? out.text(",", indent) : undefined;
    case "group": {
      const content = { doc: doc.doc, indent, breaks: false };
      if (!breaks || (!doc.forcesBreak && fits(content, stack, out.nextColumn(indent)))) stack.push(content);
      else stack.push({ doc: huggedForm(doc, indent, stack, out) ?? doc.doc, indent, breaks: true });
      return;
    }
    default:
      pushContents(step, stack);
  }
}

/** Returns the hugged form of a group that does not fit on one line, such as `f(fn(x) {` … `})`. Null: break the group instead. */
function huggedForm(group: Extract<Doc, { kind: "group" }>, indent: number, stack: readonly Step[], out: Output): Doc | null {
  const { hugged, lastAlone } = group;
  if (hugged === null || !fits({ doc: hugged, indent, breaks: true }, stack, out.nextColumn(indent))) return null;
  const lastFits =
    lastAlone !== null && !lastAlone.forcesBreak && fits({ doc: lastAlone, indent, breaks: false }, [], indent + INDENT_WIDTH + 1);
  return lastFits ? null : hugged;
}

/** Pushes the contents of a document that has no text of its own. */
function pushContents({ doc, indent, breaks }: Step, stack: Step[]): void {
  if (doc.kind === "concat") {
    for (let i = doc.parts.length - 1; i >= 0; i--) {
      const part = doc.parts[i];
      if (part !== undefined) stack.push({ doc: part, indent, breaks });
    }
  } else if (doc.kind === "indent") stack.push({ doc: doc.doc, indent: indent + INDENT_WIDTH, breaks });
  else if (doc.kind === "inline") stack.push({ doc: doc.doc, indent, breaks: false });
  else if (doc.kind === "group") stack.push({ doc: doc.doc, indent, breaks });
}

/** Whether the text from `column` up to the next possible line break stays within `MAX_WIDTH`. Groups in `rest` count as broken. */
function fits(first: Step, rest: readonly Step[], column: number): boolean {
  const stack: Step[] = [first];
  let columnsLeft = MAX_WIDTH - column;
  // Like in `Output`, a space counts only if text follows it on the line.
  let spaceWidth = 0;
  for (let restIndex = rest.length; columnsLeft >= 0; ) {
    let step = stack.pop();
    if (step === undefined) {
      restIndex -= 1;
      step = rest[restIndex];
      if (step === undefined) return true;
    }
    const { doc, breaks } = step;
    switch (doc.kind) {
      case "text": {
        const lineEnd = doc.text.indexOf("\n");
        columnsLeft -= spaceWidth + countCodePoints(doc.text, 0, lineEnd === -1 ? doc.text.length : lineEnd);
        spaceWidth = 0;
        if (lineEnd !== -1) return columnsLeft >= 0;
        break;
      }
      case "comment":
        return true;
      case "line":
        if (breaks) return true;
        if (doc.unbrokenText === " ") spaceWidth = 1;
        break;
      case "space":
        spaceWidth = 1;
        break;
      case "comma":
        if (breaks) columnsLeft -= 1;
        break;
      case "blank":
        break;
      default:
        pushContents(step, stack);
    }
  }
  return false;
}

/** Collects the text. White space is written only if text follows, so no line ends with a space. */
class Output {
  readonly #parts: string[] = [];
  #column = 0;
  /** The white space that the next text will be given before it. */
  #separator: Separator = "nothing";
  #afterComment = false;
  #afterOpenBracket = false;

  nextColumn(indent: number): number {
    if (this.#separator === "line" || this.#separator === "blank") return indent;
    return this.#column + (this.#separator === "space" ? 1 : 0);
  }

  space(): void {
    if (this.#separator === "nothing") this.#separator = "space";
  }

  line(): void {
    if (this.#separator !== "blank") this.#separator = "line";
  }

  blank(): void {
    if (this.#separator === "line" && !this.#afterOpenBracket) this.#separator = "blank";
  }

  text(content: string, indent: number): void {
    this.#appendAfterSeparator(content, indent);
    this.#afterComment = false;
    this.#afterOpenBracket = content === "{" || content === "(" || content === "[";
  }

  comment({ text, isTrailing, blankBefore }: Extract<Doc, { kind: "comment" }>, indent: number): void {
    if (isTrailing && !this.#afterComment && this.#parts.length > 0) {
      this.#separator = "space";
    } else {
      this.line();
      if (blankBefore) this.blank();
    }
    this.#appendAfterSeparator(text, indent);
    this.#afterComment = true;
    this.#afterOpenBracket = false;
    this.#separator = "line";
  }

  finish(): string {
    if (this.#parts.length > 0) this.#parts.push("\n");
    return this.#parts.join("");
  }

  #appendAfterSeparator(content: string, indent: number): void {
    if (this.#parts.length > 0) {
      if (this.#separator === "space") this.#append(" ");
      else if (this.#separator !== "nothing") {
        this.#parts.push(this.#separator === "blank" ? "\n\n" : "\n", " ".repeat(indent));
        this.#column = indent;
      }
    }
    this.#separator = "nothing";
    this.#append(content);
  }

  #append(content: string): void {
    this.#parts.push(content);
    const lineStart = content.lastIndexOf("\n") + 1;
    this.#column = (lineStart === 0 ? this.#column : 0) + countCodePoints(content, lineStart, content.length);
  }
}
