/**
 * Generates the pages for language models: `docs/llms.txt` (an index in the form of llmstxt.org), `docs/llms-small.txt` (all
 * that is needed to write a program) and `docs/llms-full.txt` (the guide and the reference in one file). `PAGE_BUDGETS` says
 * how large they may be.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { typeToString } from "../../vm/value/type.ts";
import { readLibraries } from "../libraries.ts";
import { MISTAKES } from "./mistakes.ts";

/** The largest size of each page, in tokens of the o200k encoding. */
export const PAGE_BUDGETS: Readonly<Record<string, number>> = { "llms.txt": 1_000, "llms-small.txt": 6_000, "llms-full.txt": 60_000 };

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

/** The pages that the index lists, with a line about each. `llms-full.txt` is made of those that are marked `inFull`. */
const INDEX: readonly { readonly path: string; readonly about: string; readonly inFull: boolean }[] = [
  { path: "llms-small.txt", about: "everything needed to write a program, in 6,000 tokens", inFull: false },
  { path: "llms-full.txt", about: "the pages marked * in one file", inFull: false },
  { path: "guide/tour.md", about: "a first program to a recorded run", inFull: true },
  { path: "guide/coming-from.md", about: "what Python, TypeScript and Rust call it here", inFull: true },
  { path: "reference/language.md", about: "syntax and meaning, exactly", inFull: true },
  { path: "reference/builtins.md", about: "every builtin with type, example and cost", inFull: false },
  { path: "reference/capabilities.md", about: "every side effect: parameters, answers, mocks", inFull: true },
  { path: "reference/diagnostics.md", about: "every error and warning, with a wrong and a right program", inFull: true },
  { path: "guide/policies.md", about: "how to say what a program may do", inFull: false },
  { path: "reference/policy.md", about: "every field of a policy", inFull: false },
  { path: "reference/outcomes.md", about: "outcomes, traps, exit codes", inFull: false },
  { path: "guide/embedding.md", about: "running programs from TypeScript", inFull: false },
  { path: "guide/evidence.md", about: "signed bundles of logs for auditors, and redacted values", inFull: false },
  { path: "guide/logs.md", about: "reading, comparing and replaying recorded runs", inFull: false },
  { path: "guide/resume.md", about: "going on with a run whose process was killed", inFull: false },
  { path: "guide/telemetry.md", about: "spans, metrics and collectors", inFull: false },
];

/** Returns the type without `Fn` and without row variables, which the page explains once. */
const shortType = (type: string): string => type.replace(/^Fn/, "").replaceAll(/ !\{(?:e|fx)\}/g, "");

/** Builtins that the small page leaves out, because a shorter form does the same. */
const hasShorterForm = (name: string): boolean => name.startsWith("json.of_") || ["list_get", "parse_int", "map.at"].includes(name);

/** Lists the builtins, one line per module. In a line, each type stands once, after all builtins that have it. */
function builtinList(): string {
  const modules = new Map<string, Map<string, string[]>>();
  for (const { name, type } of BUILTINS) {
    if (hasShorterForm(name)) continue;
    const dot = name.indexOf(".");
    const module = name.slice(0, dot + 1);
    const byType = modules.get(module) ?? new Map<string, string[]>();
    modules.set(module, byType);
    byType.set(shortType(type), [...(byType.get(shortType(type)) ?? []), name.slice(dot + 1)]);
  }
  return [...modules]
    .map(([module, byType]) => {
      const groups = [...byType].map(([type, names]) => `${names.join(" ")} \`${type}\``);
      return `- ${module === "" ? "no module" : `\`${module}\``}: ${groups.join("; ")}`;
    })
    .join("\n");
}

/** Lists the capabilities, one line per capability, with the result type of a call. */
function capabilityList(): string {
  return BUILTIN_REGISTRY.all
    .map(({ call, doc, signatures }) => {
      const results = new Set(signatures.map((s) => typeToString(s.result)));
      return `- \`${call}\` -> \`${[...results].join("` or `")}\`: ${doc}`;
    })
    .join("\n");
}

/** The functions of libraries that the small page shows with their signatures. */
const SHOWN_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    "words is_digits capitalize take_while filter_map sum_by sorted_by_key all_ok get_or tally set_of is_member with_member " +
    "fetch_json fetch_all required_text pretty_json parse_csv render parse_time format_time assert_equal"
  ).split(" "),
);

/** Returns a signature of a library without type parameters, effects and contracts. */
const shortSignature = (text: string): string =>
  text
    .replace(/^fn (\w+)(?:<[^(]*>)?/, "$1")
    .replaceAll(/ !\{[^}]*\}/g, "")
    .replace(/\s+requires[^]*$/, "");

function libraryList(): string {
  const lines = readLibraries().map(({ name, exports }) => {
    const shown = exports.flatMap((e) => (SHOWN_FUNCTIONS.has(e.name) ? [shortSignature(e.signature)] : []));
    return `- ${name}${shown.length === 0 ? "" : `: \`${shown.join("` `")}\``}`;
  });
  return `Libraries are imported, \`import "std-json"\`, and their names are used without a prefix. Some of their functions (all are in reference/std/):\n\n${lines.join("\n")}`;
}

function mistakeList(): string {
  return MISTAKES.map(({ code, wrong, right }) => `- ${code}: \`${wrong}\` → \`${right}\``).join("\n");
}

const PROGRAM_FILES = ["report.ax", "tree.ax", "fetch.ax", "actors.ax"];

/** Returns the programs of the small page, which are files in this folder. */
function programs(): string {
  return PROGRAM_FILES.map((file) => `\`\`\`ax\n${readFileSync(`${FOLDER}${file}`, "utf8").trimEnd()}\n\`\`\``).join("\n\n");
}

function smallPage(): string {
  const parts: Readonly<Record<string, () => string>> = {
    builtins: builtinList,
    capabilities: capabilityList,
    libraries: libraryList,
    mistakes: mistakeList,
    programs,
  };
  return readFileSync(`${FOLDER}small.md`, "utf8").replace(/\{\{(\w+)\}\}$/gm, (_, name: string) => parts[name]?.() ?? "");
}

function indexPage(): string {
  const lines = INDEX.map(({ path, about, inFull }) => `- [${path.replace(/\.\w+$/, "")}](${path}): ${about}${inFull ? " *" : ""}`);
  return `# Boruna\n\n> Boruna runs programs that you did not write. Programs are written in \`.ax\`, a small typed language whose function signatures list their side effects; a deterministic machine runs them; one gateway applies a policy to every side effect and logs it.\n\nRead llms-small.txt before you write a program; \`boruna explain CODE\` explains an error.\n\n## Pages\n\n${lines.join("\n")}\n`;
}

function fullPage(pageText: (path: string) => string): string {
  return INDEX.flatMap(({ path, inFull }) => (inFull ? [pageText(path)] : [])).join("\n");
}

/** Returns the text of each page by its path in docs/. `generated` has the pages that are generated from tables, which may be newer than their files. */
export function llmsPages(generated: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([
    ["llms.txt", indexPage()],
    ["llms-small.txt", smallPage()],
    ["llms-full.txt", fullPage((path) => generated.get(path) ?? readFileSync(`${DOCS}${path}`, "utf8"))],
  ]);
}
