/** Cleans the HTML that the language client renders for hovers. The HTML may contain comments of a program from a link, so only plain elements stay. */

const ELEMENTS = "p|br|hr|em|strong|del|code|pre|span|ul|ol|li|blockquote|h[1-6]|table|thead|tbody|tr|th|td";
/** Matches the start of every tag, except plain elements without attributes and the classes of highlighted code. */
const OTHER = new RegExp(`<(?!/?(?:${ELEMENTS})>|(?:code|pre|span) class="[^"<>]*">)`, "g");

/** Turns all other elements into text. */
export const cleanHtml = (html: string): string => html.replaceAll(OTHER, "&lt;");
