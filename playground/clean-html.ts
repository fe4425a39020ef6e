/** Cleans the HTML that the language client renders for hovers. The HTML may contain comments of a program from a link, so only plain elements stay. */

const ELEMENTS = "p|br|hr|em|strong|del|code|pre|span|ul|ol|li|blockquote|h[1-6]|table|thead|tbody|tr|th|td";
/** Matches the `<` of every tag, except of plain elements without attributes, and of highlighted code with only a class. */
const OTHER_TAG_START = new RegExp(`<(?!/?(?:${ELEMENTS})>|(?:code|pre|span) class="[^"<>]*">)`, "g");

/** Keeps plain elements, and turns all others into text. */
export const cleanHtml = (html: string): string => html.replaceAll(OTHER_TAG_START, "&lt;");
