/** The commands for the start of a project: `repl`, `new`, `init`, `doctor`. */
import { CAPABILITIES, type CommandSpec, POLICY, withFlags } from "./command-spec.ts";
import type { DoctorFlags } from "./commands/doctor.ts";
import type { ReplFlags } from "./commands/repl.ts";

export const PROJECT_COMMANDS: readonly CommandSpec[] = [
  {
    name: "repl",
    argsSyntax: "",
    help: "try out lines of a program: declarations, statements, expressions; mocks answer their calls",
    options: [
      { flags: "--policy <policy>", help: "allow-all, deny-all or a policy file (default: allow-all, with --live deny-all)" },
      ...POLICY.slice(1),
      CAPABILITIES,
      { flags: "--live", help: "make real calls; each call is made once" },
    ],
    examples: ["boruna repl", "boruna repl --live --policy policy.json"],
    run: withFlags<ReplFlags>(async (session, flags) => (await import("./commands/repl.ts")).replCommand(session, flags)),
  },
  {
    name: "new",
    argsSyntax: "<folder>",
    help: "make a folder with a first program: a step of an agent, with its policy and tests",
    options: [],
    examples: ["boruna new triage && cd triage && boruna test"],
    run: async (session, _flags, [folder = ""]) => (await import("./commands/new.ts")).newCommand(session, folder),
  },
  {
    name: "init",
    argsSyntax: "",
    help: "put the files of `boruna new` into this folder; overwrites nothing",
    options: [],
    examples: ["boruna init"],
    run: async (session) => (await import("./commands/new.ts")).initCommand(session),
  },
  {
    name: "doctor",
    argsSyntax: "",
    help: "try out what a live run needs: Node, the policy, the model endpoint, the collector, the database; exit with 1 if a part does not work",
    options: [{ flags: "--policy <policy>", help: "the policy that runs will have (default: policy.json in this folder, if it is there)" }],
    examples: ["boruna doctor", "boruna doctor --policy policy.json --json"],
    run: withFlags<DoctorFlags>(async (session, flags) => (await import("./commands/doctor.ts")).doctorCommand(session, flags)),
  },
];
