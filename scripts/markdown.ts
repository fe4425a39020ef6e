/** Markdown of the generated pages. */

const MADE = "<!-- Made from the code by `npm run docs`; a test compares. -->";

export const code = (text: string): string => `\`${text.replace(/\|/g, "\\|")}\``;
export const cell = (text: string): string => text.replace(/\|/g, "\\|").replace(/\n/g, " ");

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

export function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, MADE, ...parts].join("\n\n")}\n`;
}
