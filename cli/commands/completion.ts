/** Prints a script that completes the commands and options of `boruna` in a shell. It is made from the command table. */
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSpec, OptionSpec } from "../command-spec.ts";
import type { CommandSession } from "../session.ts";

export function completionCommand(
  { terminal }: CommandSession,
  shell: string,
  commands: readonly CommandSpec[],
  commonOptions: readonly OptionSpec[],
): number {
  if (shell !== "bash" && shell !== "zsh") {
    throw new BorunaError("usage", `there are no completions for \`${shell}\``, {
      hint: "write `boruna completion bash` or `boruna completion zsh`",
    });
  }
  terminal.out(completionScript(shell, commands, commonOptions));
  return EXIT.done;
}

/** Returns the long names of options and of `--help`, separated by spaces. */
function optionWords(options: readonly OptionSpec[]): string {
  return [...options, { flags: "--help" }].flatMap(({ flags }) => /--[\w-]+/.exec(flags)?.[0] ?? []).join(" ");
}

function completionScript(shell: "bash" | "zsh", commands: readonly CommandSpec[], commonOptions: readonly OptionSpec[]): string {
  const first = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
  const groups = first.filter((word) => commands.some(({ name }) => name.startsWith(`${word} `)));
  const subcommands = groups.map((group) => {
    const names = commands.flatMap(({ name }) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []));
    return `      ${group}) words="${names.join(" ")}" ;;`;
  });
  // Commands of two words come first, because the shell uses the first pattern that matches.
  const options = commands
    .toSorted((a, b) => b.name.split(" ").length - a.name.split(" ").length)
    .map((command) => `      "${command.name} "*) words="${optionWords([...command.options, ...commonOptions])}" ;;`);
  const lines = [
    `# Completion of boruna for ${shell}: eval "$(boruna completion ${shell})"`,
    ...(shell === "zsh"
      ? ["(( $+functions[compdef] )) || { autoload -U +X compinit && compinit; }", "autoload -U +X bashcompinit && bashcompinit"]
      : []),
    "_boruna() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" words=""',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${first.join(" ")}"`,
    '  elif [[ "$current" == -* ]]; then',
    '    case "${COMP_WORDS[1]} ${COMP_WORDS[2]} " in',
    ...options,
    "    esac",
    '  elif [ "$COMP_CWORD" -eq 2 ]; then',
    '    case "${COMP_WORDS[1]}" in',
    ...subcommands,
    "    esac",
    "  fi",
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    // If no word matches, the shell completes file names.
    "complete -o bashdefault -o default -F _boruna boruna",
  ];
  return lines.join("\n");
}
