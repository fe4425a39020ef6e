/** What a token is called in a message. */
import { isKeyword, type Token } from "../tokens.ts";

/** A token as a reader would call it. */
export function describe(token: Token, text: string): string {
  switch (token.kind) {
    case "eof":
      return "the end of the file";
    case "name":
      return `\`${shorten(token.value)}\``;
    case "reserved":
      return `the reserved word \`${token.value}\``;
    case "int":
    case "float":
      return `the number \`${shorten(text.slice(token.start, token.end))}\``;
    case "string":
      return "a string";
    default:
      return isKeyword(token.kind) ? `the keyword \`${token.kind}\`` : `\`${token.kind}\``;
  }
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
