/** Writes the Markdown of generated pages. */

const GENERATED = "<!-- Generated from the code by `npm run docs`; do not edit. -->";

export const code = (text: string): string => `\`${text.replace(/\|/g, "\\|")}\``;
export const cell = (text: string): string => text.replace(/\|/g, "\\|").replace(/\n/g, " ");

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

export function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, GENERATED, ...parts].join("\n\n")}\n`;
}
