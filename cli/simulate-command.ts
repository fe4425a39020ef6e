/** The row of the command table for `simulate`. */
import { CAPABILITIES, type CommandSpec, POLICY, withFlags } from "./command-spec.ts";
import type { SimulateFlags } from "./commands/simulate.ts";

export const SIMULATE_COMMAND: CommandSpec = {
  name: "simulate",
  argsSyntax: "<file>",
  help: "run a program many times with simulated answers and faults, and show the simplest run that fails; exit with 1 if one does",
  options: [
    { flags: "--runs <n>", help: "the most runs", defaultValue: "1000" },
    { flags: "--seed <n>", help: "where the answers come from; the same seed gives the same runs", defaultValue: "1" },
    {
      flags: "--invariant <file>",
      help: "what must hold after every run: a program whose main takes a `Run` of std-simulate and returns a Bool",
    },
    { flags: "--arg <name=value>", help: "an argument of main, as for run; the simulation chooses the others", repeatable: true },
    { flags: "--policy <policy>", help: "allow-all, deny-all or a policy file (default: allow-all, with an --allow option deny-all)" },
    ...POLICY.slice(1),
    CAPABILITIES,
    {
      flags: "--accept <trap,...>",
      help: "traps that are no failure of a run, separated by commas; none is an empty list",
      defaultValue: "capability_failed",
    },
    { flags: "--max-calls <n>", help: "a run that makes more calls fails", defaultValue: "1000" },
    {
      flags: "--max-steps <n>",
      help: "a run that needs more instructions fails (default: a million, or what the policy allows if that is less)",
    },
    { flags: "--record <file>", help: "write the event log of the run that fails" },
    { flags: "--force", help: "let --record replace an existing log", needs: "--record" },
  ],
  examples: [
    "boruna simulate app.ax",
    "boruna simulate app.ax --invariant paid-once.ax --runs 10000 --record failing.jsonl",
    "boruna simulate app.ax --policy policy.json --arg url=https://api.example.com/items --seed 7 --json",
  ],
  run: withFlags<SimulateFlags>(async (session, flags, [file = ""]) =>
    (await import("./commands/simulate.ts")).simulateCommand(session, file, flags),
  ),
};
