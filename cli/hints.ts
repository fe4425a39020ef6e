/** The library's hints name options of its functions. On the command line they name the flags. */
const FLAGS: readonly (readonly [string, string])[] = [
  ["give each in the option `args`", "give each as --arg name=VALUE"],
  ["set `force` in the option `record`", "say --force"],
  ["Give the private key in the option `key`", "Give the private key with --key FILE"],
  ["pass the `registry` that the program was compiled with", "name the file of its capabilities with --capabilities"],
  ["pass the `registry` that has it", "name its file with --capabilities"],
];

export function cliHint(hint: string | undefined): string | undefined {
  return hint === undefined ? undefined : FLAGS.reduce((text, [option, flag]) => text.replace(option, flag), hint);
}
