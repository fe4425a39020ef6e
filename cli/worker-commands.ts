/** The rows of the command table for workers and the runs that are submitted to them. */
import {
  CAPABILITIES,
  type CommandSpec,
  DATABASE,
  MAX_PARALLEL_CALLS,
  OUTPUT_SCHEMA,
  POLICY,
  SIGN,
  withFlags,
  WORKER_DATABASE,
} from "./command-spec.ts";
import type { ListFlags, ResumeRunFlags, RunLogFlags } from "./commands/runs.ts";
import type { SubmitFlags } from "./commands/submit.ts";
import type { WorkerFlags } from "./commands/worker.ts";
import type { DatabaseFlags } from "./database-flag.ts";

export const WORKER_COMMANDS: readonly CommandSpec[] = [
  {
    name: "worker",
    argsSyntax: "",
    help: "execute submitted runs until SIGTERM. PostgreSQL keeps the runs, and other workers continue those of a worker that stops or dies",
    options: [
      ...WORKER_DATABASE,
      {
        flags: "--queue <queue>",
        help: "take runs from this queue, with limits: NAME,worker=N,tenant=N,rate=N/SECONDS (default: default,worker=20)",
        repeatable: true,
      },
      CAPABILITIES,
      {
        flags: "--lease-ms <ms>",
        help: "how long a worker may be silent before others take its runs; the same for all workers",
        defaultValue: "10000",
      },
      {
        flags: "--drain-ms <ms>",
        help: "how long calls in flight may take after SIGTERM; no call begins meanwhile. Make it longer than your longest call: if a call is cut off and must not be repeated, its run is in doubt",
        defaultValue: "30000",
      },
      { flags: "--retain-days <days>", help: "how long ended runs are kept, from 1 to 36500 days", defaultValue: "30" },
      { flags: "--health <address>", help: "serve /healthz and /readyz over HTTP: a port of 127.0.0.1, or HOST:PORT" },
      { flags: "--connections <n>", help: "the most connections to the database", defaultValue: "10" },
    ],
    examples: [
      "boruna worker --dev",
      "DATABASE_URL=postgres://boruna:secret@localhost/boruna boruna worker",
      "boruna worker --queue orders,worker=20,tenant=2,rate=100/60 --queue reports",
    ],
    run: withFlags<WorkerFlags>(async (session, flags) => (await import("./commands/worker.ts")).workerCommand(session, flags)),
  },
  {
    name: "submit",
    argsSyntax: "<file>",
    help: "put a live run of a program (.ax) or a module (.axbc) into a queue of the workers, and print its id",
    options: [
      ...DATABASE,
      { flags: "--queue <queue>", help: "the queue", defaultValue: "default" },
      { flags: "--tenant <tenant>", help: "for whom the run is; limits of the queue hold for each tenant", defaultValue: "default" },
      { flags: "--key <key>", help: "a second submit with the same queue, tenant and key returns the first run" },
      ...POLICY,
      CAPABILITIES,
      { flags: "--arg <name=value>", help: "an argument of main: plain text for a String, JSON for other types", repeatable: true },
      { flags: "--inputs <file>", help: "a JSON object with the inputs of step_input by name" },
      OUTPUT_SCHEMA,
      { flags: "--max-steps <n>", help: "stop after this many instructions" },
      { flags: "--max-wall-ms <ms>", help: "stop an execution after this many milliseconds" },
      MAX_PARALLEL_CALLS,
      {
        flags: "--in-doubt <decision>",
        help: "what to do with a call that may have been carried out and must not be repeated: retry makes it again, fail gives the program an error (default: stop, and `runs resume` decides)",
        choices: ["retry", "fail"],
      },
      { flags: "--attempts <n>", help: "how often a worker may begin the run, if each one dies", defaultValue: "5" },
      { flags: "--deadline-ms <ms>", help: "end the run this many milliseconds from now, also while it waits" },
      { flags: "--traceparent <header>", help: "W3C trace context of the caller" },
    ],
    examples: [
      "boruna submit app.ax --policy policy.json --arg url=https://api.example.com/items",
      "boruna submit app.ax --policy policy.json --queue orders --tenant ada --key order-4711 --json",
    ],
    run: withFlags<SubmitFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/submit.ts")).submitCommand(session, file, flags),
    ),
  },
  {
    name: "runs list",
    argsSyntax: "",
    help: "list submitted runs, newest first",
    options: [
      ...DATABASE,
      { flags: "--queue <queue>", help: "only runs of this queue", excludes: "--tenant" },
      { flags: "--tenant <tenant>", help: "only runs for this tenant" },
      { flags: "--state <state>", help: "only runs in this state", choices: ["queued", "running", "suspended", "in_doubt", "ended"] },
      { flags: "--count <n>", help: "the most to list, at most 1000", defaultValue: "100" },
      { flags: "--after <position>", help: "list the runs after this position, which the previous page printed" },
    ],
    examples: ["boruna runs list", "boruna runs list --queue orders --state in_doubt --json"],
    run: withFlags<ListFlags>(async (session, flags) => (await import("./commands/runs.ts")).runsListCommand(session, flags)),
  },
  {
    name: "runs show",
    argsSyntax: "<run>",
    help: "show a run: its state, its value or error, and what it waits for",
    options: DATABASE,
    examples: ["boruna runs show 9c0ffee5… --json"],
    run: withFlags<DatabaseFlags>(async (session, flags, [run = ""]) =>
      (await import("./commands/runs.ts")).runsShowCommand(session, run, flags),
    ),
  },
  {
    name: "runs watch",
    argsSyntax: "<run>",
    help: "wait until a run has ended or waits, show it, and exit as `run` would",
    options: DATABASE,
    examples: ["boruna runs watch 9c0ffee5…"],
    run: withFlags<DatabaseFlags>(async (session, flags, [run = ""]) =>
      (await import("./commands/runs.ts")).runsWatchCommand(session, run, flags),
    ),
  },
  {
    name: "runs cancel",
    argsSyntax: "<run>",
    help: "cancel a run, whether it is queued, waits or is executed; exits with 2 if it has ended in another way",
    options: DATABASE,
    examples: ["boruna runs cancel 9c0ffee5…"],
    run: withFlags<DatabaseFlags>(async (session, flags, [run = ""]) =>
      (await import("./commands/runs.ts")).runsCancelCommand(session, run, flags),
    ),
  },
  {
    name: "runs resume",
    argsSyntax: "<run>",
    help: "continue a run in doubt; --in-doubt is required",
    options: [
      ...DATABASE,
      {
        flags: "--in-doubt <decision>",
        help: "retry makes the call in doubt again, fail gives the program an error that `try` catches",
        choices: ["retry", "fail"],
      },
    ],
    examples: ["boruna runs resume 9c0ffee5… --in-doubt fail"],
    run: withFlags<ResumeRunFlags>(async (session, flags, [run = ""]) =>
      (await import("./commands/runs.ts")).runsResumeCommand(session, run, flags),
    ),
  },
  {
    name: "runs log",
    argsSyntax: "<run>",
    help: "write the log of a run, the same bytes as that of a local run with the same id and answers",
    options: [
      ...DATABASE,
      { flags: "-o, --output <file>", help: "where to write the log (default: the run's id with .jsonl, here)" },
      { flags: "--force", help: "replace an existing log" },
      SIGN,
    ],
    examples: ["boruna runs log 9c0ffee5… -o run.jsonl"],
    run: withFlags<RunLogFlags>(async (session, flags, [run = ""]) =>
      (await import("./commands/runs.ts")).runsLogCommand(session, run, flags),
    ),
  },
];
