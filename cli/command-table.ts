/** Describes the commands, arguments, options and help texts of the command line as data. Implementations are in `commands/`. */
import type { CapabilityFlags } from "./capabilities.ts";
import type { ApproveFlags } from "./commands/approve.ts";
import type { CheckFlags } from "./commands/check.ts";
import type { CompileFlags } from "./commands/compile.ts";
import type { DebugFlags } from "./commands/debug.ts";
import type { DiffFlags } from "./commands/diff.ts";
import type { FmtFlags } from "./commands/fmt.ts";
import type { ImportFlags } from "./commands/import.ts";
import type { LogShowFlags } from "./commands/log.ts";
import type { McpFlags } from "./commands/mcp.ts";
import type { PolicyCheckFlags, PolicyDiffFlags, PolicySuggestFlags } from "./commands/policy.ts";
import type { ReplayFlags } from "./commands/replay.ts";
import type { ResumeFlags } from "./commands/resume.ts";
import type { RunFlags } from "./commands/run.ts";
import type { SinkFlags } from "./commands/telemetry.ts";
import type { TestFlags } from "./commands/test.ts";
import type { TraceFlags } from "./commands/trace.ts";
import type { VerifyFlags } from "./commands/verify.ts";
import type { ViewFlags } from "./commands/view.ts";
import {
  CAPABILITIES,
  type CommandSpec,
  DATABASE,
  MAX_PARALLEL_CALLS,
  type OptionSpec,
  OUTPUT_SCHEMA,
  POLICY,
  REPLAY_LIMITS,
  replayLimitOption,
  SIGN,
  withFlags,
} from "./command-spec.ts";
import { EVIDENCE_COMMANDS } from "./evidence-commands.ts";
import { PROJECT_COMMANDS } from "./project-commands.ts";
import { SIMULATE_COMMAND } from "./simulate-command.ts";
import { WORKER_COMMANDS } from "./worker-commands.ts";

interface GroupSpec {
  readonly name: string;
  readonly help: string;
  readonly examples: readonly string[];
}

export const SUMMARY = "Runs programs you did not write: what they may touch is in their signatures, what they did is in the log.";

export const EXAMPLES: readonly string[] = [
  "boruna run app.ax --policy policy.json --live --record run.jsonl",
  "boruna replay run.jsonl",
  "boruna verify run.jsonl",
];

export const GROUPS: readonly GroupSpec[] = [
  {
    name: "policy",
    help: "work with policy files",
    examples: ["boruna policy validate policy.json", "boruna policy show policy.json"],
  },
  { name: "capability", help: "work with capabilities", examples: ["boruna capability list"] },
  {
    name: "import",
    help: "import tools of other programs as capabilities",
    examples: ["boruna import mcp --name fs -- npx -y @modelcontextprotocol/server-filesystem ./notes"],
  },
  { name: "log", help: "read logs", examples: ["boruna log show run.jsonl", "boruna log show run.jsonl --call 3"] },
  {
    name: "evidence",
    help: "pack logs for an auditor, and verify such a bundle",
    examples: ["boruna evidence pack run.jsonl --sign platform.pem", "boruna evidence verify run.evidence --key platform.pem.pub"],
  },
  {
    name: "runs",
    help: "work with runs that were submitted to workers",
    examples: ["boruna runs list --state suspended", "boruna runs watch 9c0ffee5…", "boruna runs log 9c0ffee5… -o run.jsonl"],
  },
  { name: "trace", help: "read the spans that `boruna view` keeps", examples: ["boruna trace list --store spans.jsonl"] },
  {
    name: "telemetry",
    help: "show, receive and sum up usage events, which are off unless asked for",
    examples: ["boruna telemetry status", "boruna telemetry sink --append usage.jsonl", "boruna telemetry report usage.jsonl"],
  },
];

/** Options that every command has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { flags: "--json", help: "print one JSON object on stdout" },
  { flags: "--color <when>", help: "when messages have colors", choices: ["auto", "always", "never"], defaultValue: "auto" },
];

const ENGINE: CommandSpec["options"][number] = {
  flags: "--engine <engine>",
  help: "auto compiles long-running code, compiled compiles everything that it can; results are the same",
  choices: ["auto", "interpreter", "compiled"],
  defaultValue: "auto",
};

const WATCH: OptionSpec = { flags: "--watch", help: "run again whenever a file that was read changes, until Ctrl-C" };

const NO_PAGER: OptionSpec = { flags: "--no-pager", help: "print to the terminal without a pager, which is PAGER or else `less`" };

const TRACE_SOURCES: readonly OptionSpec[] = [
  { flags: "--store <file>", help: "the file of `boruna view --store`", excludes: "--viewer" },
  { flags: "--viewer <url>", help: "the address that a running `boruna view` has printed" },
];

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "run",
    argsSyntax: "<file>",
    help: "compile and run a program (.ax), a module (.axbc) or, for -, the program on stdin, and print its value",
    options: [
      ...POLICY,
      CAPABILITIES,
      { flags: "--live", help: "make real calls; without it mocks answer, and a line on stderr says which calls" },
      {
        flags: "--audit",
        help: "allow what the scopes of the policy leave open, and say what the policy would have refused; private networks and secrets stay closed",
        needs: "--live",
      },
      { flags: "--arg <name=value>", help: "an argument of main: plain text for a String, JSON for other types", repeatable: true },
      { flags: "--inputs <file>", help: "a JSON object with the inputs of step_input by name" },
      OUTPUT_SCHEMA,
      { flags: "--max-steps <n>", help: "stop after this many instructions" },
      { flags: "--max-wall-ms <ms>", help: "stop after this many milliseconds" },
      MAX_PARALLEL_CALLS,
      { flags: "--record <file>", help: "write the event log" },
      {
        flags: "--run-id <id>",
        help: "the run id (default: random with --live, else derived from the run); equal answers and ids make equal logs",
      },
      { flags: "--format <format>", help: "log, or eventlog for the older whole-file form", defaultValue: "log", needs: "--record" },
      { flags: "--force", help: "let --record replace an existing log", needs: "--record" },
      { flags: "--durable", help: "sync the log to disk around every call", needs: "--record" },
      { ...SIGN, needs: "--record" },
      {
        flags: "--redactable",
        help: "write each value beside the log with a random salt, so that `evidence pack --redact` can leave it out",
        needs: "--record",
      },
      ENGINE,
      { flags: "--trace", help: "print every instruction to stderr; a traced run is interpreted", excludes: "--engine" },
      { flags: "--explain", help: "print every policy decision to stderr" },
      { flags: "--ui <form>", help: "print each emitted tree at once, one per line: json" },
      { flags: "--traceparent <header>", help: "W3C trace context of the caller" },
      { ...WATCH, excludes: "--record" },
    ],
    examples: [
      "boruna run app.ax",
      "boruna run - < app.ax",
      "boruna run app.ax --policy policy.json --live --arg url=https://api.example.com/items",
      "boruna run app.ax --allow-read ./data --live --record run.jsonl --json",
      "boruna run app.ax --capabilities ./caps.mjs --allow orders.total --live",
    ],
    run: withFlags<RunFlags>(async (session, flags, [file = ""]) => (await import("./commands/run.ts")).runCommand(session, file, flags)),
  },
  {
    name: "check",
    argsSyntax: "<file>",
    help: "report errors and warnings of a program or library; - is the program on stdin",
    options: [CAPABILITIES, { flags: "--fix", help: "apply the fixes of the diagnostics to the file, and report what is left" }],
    examples: ["boruna check app.ax", "boruna check app.ax --json", "boruna check app.ax --fix"],
    run: withFlags<CheckFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/check.ts")).checkCommand(session, file, flags),
    ),
  },
  {
    name: "test",
    argsSyntax: "[what...]",
    help: "run the `test` blocks of files and folders, each in a fresh machine; other words select tests by a part of their name",
    options: [
      CAPABILITIES,
      { flags: "--max-steps <n>", help: "stop a test, or the replay of a log, after this many instructions" },
      { flags: "--logs <folder>", help: "also replay these logs, or one log, on both engines; exit with 5 if one diverges" },
      { flags: "--program <file>", help: "the program to replay the logs with, instead of the recorded one", needs: "--logs" },
      WATCH,
    ],
    examples: [
      "boruna test",
      "boruna test --watch",
      "boruna test app.ax",
      'boruna test libs "reads a date"',
      "boruna test --logs logs/ --program app.ax",
    ],
    run: withFlags<TestFlags>(async (session, flags, what) => (await import("./commands/test.ts")).testCommand(session, what, flags)),
  },
  SIMULATE_COMMAND,
  ...PROJECT_COMMANDS,
  {
    name: "explain",
    argsSyntax: "<code>",
    help: "explain a diagnostic: why it exists, a wrong program, a right one",
    options: [],
    examples: ["boruna explain E007", "boruna explain W002 --json"],
    run: async (session, _flags, [code = ""]) => (await import("./commands/explain.ts")).explainCommand(session, code),
  },
  {
    name: "completion",
    argsSyntax: "<shell>",
    help: "print a script with which bash or zsh completes commands and options",
    options: [],
    examples: ['eval "$(boruna completion bash)"', 'eval "$(boruna completion zsh)"'],
    run: async (session, _flags, [shell = ""]) =>
      (await import("./commands/completion.ts")).completionCommand(session, shell, COMMANDS, COMMON_OPTIONS),
  },
  {
    name: "lsp",
    argsSyntax: "",
    help: "serve editors with the Language Server Protocol on stdin and stdout",
    options: [{ flags: "--stdio", help: "has no effect, because the server always uses stdin and stdout; editors pass it" }],
    examples: ["boruna lsp"],
    run: async () => (await import("./commands/lsp.ts")).lspCommand(),
  },
  {
    name: "fmt",
    argsSyntax: "<files...>",
    help: "format programs in place and print the names of changed files",
    options: [
      { flags: "--check", help: "write nothing; exit with 1 if a file differs" },
      { flags: "--stdout", help: "write nothing; print the programs" },
      { flags: "--diff", help: "write nothing; print what would change, as a patch" },
    ],
    examples: ["boruna fmt app.ax", "boruna fmt --check app.ax lib.ax"],
    run: withFlags<FmtFlags>(async (session, flags, files) => (await import("./commands/fmt.ts")).fmtCommand(session, files, flags)),
  },
  {
    name: "compile",
    argsSyntax: "<file>",
    help: "compile a program to a module",
    options: [
      CAPABILITIES,
      { flags: "-o, --output <file>", help: "where to write the module (default: the program's name with .axbc, here)" },
      { flags: "--strip", help: "leave out source text and positions" },
    ],
    examples: ["boruna compile app.ax -o app.axbc"],
    run: withFlags<CompileFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/compile.ts")).compileCommand(session, file, flags),
    ),
  },
  {
    name: "inspect",
    argsSyntax: "<file>",
    help: "show a module's functions, capabilities, sizes and instructions",
    options: [CAPABILITIES],
    examples: ["boruna inspect app.axbc"],
    run: withFlags<CapabilityFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/inspect.ts")).inspectCommand(session, file, flags),
    ),
  },
  {
    name: "import mcp",
    argsSyntax: "<server...>",
    help: "make a module of the tools of an MCP server: a command after `--`, or a URL; writes mcp_NAME.ax and mcp_NAME.json",
    options: [
      { flags: "--name <name>", help: "the name of the tools, as in mcp_NAME.tool (default: the name that the server reports)" },
      { flags: "--rename <old=new>", help: "another name for a tool", repeatable: true },
      {
        flags: "--env <variable>",
        help: "an environment variable to pass to the command, which otherwise gets only harmless ones",
        repeatable: true,
      },
      {
        flags: "--header <header=variable>",
        help: "a header for requests to the URL, with the environment variable that holds its value",
        repeatable: true,
      },
      { flags: "-o, --output <folder>", help: "where to write the files; the command starts there (default: here)" },
    ],
    examples: [
      "boruna import mcp --name fs -- npx -y @modelcontextprotocol/server-filesystem ./notes",
      "boruna import mcp --name tickets --header Authorization=TICKETS_TOKEN https://tickets.example.com/mcp",
    ],
    run: withFlags<ImportFlags>(async (session, flags, server) =>
      (await import("./commands/import.ts")).importMcpCommand(session, server, flags),
    ),
  },
  {
    name: "replay",
    argsSyntax: "<logs...>",
    help: "run a log's program again with the log as its only source of answers; `replay LOG FILE` runs another program, several logs or a folder are checked one by one",
    options: [
      { flags: "--program <file>", help: "the program to run instead of the recorded one" },
      {
        flags: "--policy <policy>",
        help: "what-if: the policy to apply instead of the recorded one; an event log of the older form has none",
      },
      {
        flags: "--edit <n=json>",
        help: 'what-if: the answer to call N, as typed JSON, or {"CapError": {"kind": "runtime_error", "message": "…"}}',
        repeatable: true,
      },
      { flags: "--arg <name=value>", help: "an argument of main, for an event log of the older form", repeatable: true },
      ...REPLAY_LIMITS,
      ENGINE,
    ],
    examples: [
      "boruna replay run.jsonl",
      "boruna replay run.jsonl changed.ax",
      "boruna replay logs/ --program changed.ax",
      "boruna replay run.jsonl --policy stricter.json",
      "boruna replay run.jsonl --edit '2=\"another answer\"'",
    ],
    run: withFlags<ReplayFlags>(async (session, flags, paths) =>
      (await import("./commands/replay.ts")).replayCommand(session, paths, flags),
    ),
  },
  {
    name: "log show",
    argsSyntax: "<log>",
    help: "list the calls of a run, with arguments, answers and places in the program",
    options: [
      { flags: "--calls", help: "list the calls; this is the default", excludes: "--events" },
      { flags: "--events", help: "list all events: also of actors, contracts and emitted trees" },
      { flags: "--call <n>", help: "show one call in full, with its call stack" },
      NO_PAGER,
      ...REPLAY_LIMITS,
    ],
    examples: ["boruna log show run.jsonl", "boruna log show run.jsonl --call 3", "boruna log show run.jsonl --json"],
    run: withFlags<LogShowFlags>(async (session, flags, [log = ""]) =>
      (await import("./commands/log.ts")).logShowCommand(session, log, flags),
    ),
  },
  {
    name: "diff",
    argsSyntax: "<a> <b>",
    help: "compare two logs: headers, calls, answers, ends; exit with 5 if they differ",
    options: [NO_PAGER, ...REPLAY_LIMITS],
    examples: ["boruna diff before.jsonl after.jsonl", "boruna diff before.jsonl after.jsonl --json"],
    run: withFlags<DiffFlags>(async (session, flags, [a = "", b = ""]) =>
      (await import("./commands/diff.ts")).diffCommand(session, a, b, flags),
    ),
  },
  {
    name: "resume",
    argsSyntax: "<log>",
    help: "continue a run whose process was killed or interrupted: repeat what is in its log, without calls, then append to the log",
    options: [
      { flags: "--policy <policy>", help: "the policy that the run must have (default: the recorded one, whatever it allows)" },
      {
        flags: "--in-doubt <decision>",
        help: "what to do with a call that may have been carried out and must not be repeated: retry makes it again, fail gives the program an error (default: stop, exit code 8)",
        choices: ["retry", "fail"],
      },
      MAX_PARALLEL_CALLS,
      CAPABILITIES,
      { flags: "--inputs <file>", help: "a JSON object with the inputs of step_input by name, as for run" },
      OUTPUT_SCHEMA,
      { flags: "--durable", help: "sync the log to disk around every call" },
      SIGN,
      ENGINE,
      { flags: "--traceparent <header>", help: "W3C trace context of the caller" },
    ],
    examples: ["boruna resume run.jsonl", "boruna resume run.jsonl --policy policy.json", "boruna resume run.jsonl --in-doubt fail"],
    run: withFlags<ResumeFlags>(async (session, flags, [log = ""]) =>
      (await import("./commands/resume.ts")).resumeCommand(session, log, flags),
    ),
  },
  {
    name: "approve",
    argsSyntax: "<log-or-run>",
    help: "decide about the call at which a suspended run waits, by its log or, for a submitted run, its id; `resume` or the workers then go on",
    options: [
      ...DATABASE,
      { flags: "--call <n>", help: "the call, by its number; without it, the call that waits is shown" },
      { flags: "--deny", help: "refuse the call; the run then ends as denied" },
      { flags: "--by <name>", help: "who decides (default: the user of this process); a claim, unless the decision is signed" },
      { flags: "--key <file>", help: "sign the decision with this Ed25519 private key (PEM); needed if the policy's rule names keys" },
      { flags: "--hash <hash>", help: "the call's hash, as the run showed it; a call with other arguments is then refused" },
    ],
    examples: [
      "boruna approve run.jsonl",
      "boruna approve run.jsonl --call 3 --by ada",
      "boruna approve run.jsonl --call 3 --deny",
      "boruna approve run.jsonl --call 3 --key ada.pem",
      "boruna approve 9c0ffee5… --call 3",
    ],
    run: withFlags<ApproveFlags>(async (session, flags, [log = ""]) =>
      (await import("./commands/approve.ts")).approveCommand(session, log, flags),
    ),
  },
  ...WORKER_COMMANDS,
  {
    name: "debug",
    argsSyntax: "[log]",
    help: "step through a recorded run, forward and back, with commands from the terminal, a file or an editor; `help` lists the commands",
    options: [
      { flags: "--commands <file>", help: "read the commands from a file, one a line, instead of stdin; stop at the first that is wrong" },
      { flags: "--dap", help: "serve an editor with the Debug Adapter Protocol on stdin and stdout", excludes: "--commands" },
      replayLimitOption("max_steps", "--max-steps <n>"),
      replayLimitOption("max_alloc_bytes", "--max-alloc-bytes <n>"),
    ],
    examples: ["boruna debug run.jsonl", "boruna debug run.jsonl --commands steps.txt --json", "boruna debug run.jsonl --dap"],
    run: withFlags<DebugFlags>(async (session, flags, [file]) => (await import("./commands/debug.ts")).debugCommand(session, file, flags)),
  },
  {
    name: "verify",
    argsSyntax: "<log>",
    help: "check a log, and say in three lines what that proves: chain, signature, replay",
    options: [
      { flags: "--key <key>", help: "the public key that must have signed the log: a PEM file, or the key as policies name it" },
      { flags: "--expect-head <hash>", help: "the hash that the log must end with" },
      { flags: "--replay", help: "replay the run too" },
      { flags: "--explain", help: "also print each check, and what the checks prove and do not prove" },
      ...REPLAY_LIMITS.map((option) => ({ ...option, needs: "--replay" as const })),
    ],
    examples: [
      "boruna verify run.jsonl",
      "boruna verify run.jsonl --replay --expect-head 3f2a…",
      "boruna verify run.jsonl --key platform.pem.pub",
    ],
    run: withFlags<VerifyFlags>(async (session, flags, [log = ""]) =>
      (await import("./commands/verify.ts")).verifyCommand(session, log, flags),
    ),
  },
  ...EVIDENCE_COMMANDS,
  {
    name: "keygen",
    argsSyntax: "<file>",
    help: "make an Ed25519 key that signs logs and decisions: writes the private key to the file and the public key to FILE.pub",
    options: [],
    examples: ["boruna keygen platform.pem"],
    run: async (session, _flags, [file = ""]) => (await import("./commands/keygen.ts")).keygenCommand(session, file),
  },
  {
    name: "policy validate",
    argsSyntax: "<file>",
    help: "check a policy file",
    options: [CAPABILITIES],
    examples: ["boruna policy validate policy.json"],
    run: withFlags<CapabilityFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/policy.ts")).policyValidateCommand(session, file, flags),
    ),
  },
  {
    name: "policy show",
    argsSyntax: "<policy>",
    help: "print the effective policy",
    options: [CAPABILITIES],
    examples: ["boruna policy show policy.json"],
    run: withFlags<CapabilityFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/policy.ts")).policyShowCommand(session, file, flags),
    ),
  },
  {
    name: "policy check",
    argsSyntax: "",
    help: "say what a policy decides about each call of a program, before anything runs; exit with 1 if a call is always denied",
    options: [
      { flags: "--program <file>", help: "the program (.ax); required" },
      { flags: "--policy <policy>", help: "allow-all, deny-all or a policy file (default: none, which lists the calls)" },
      CAPABILITIES,
    ],
    examples: ["boruna policy check --program app.ax", "boruna policy check --program app.ax --policy policy.json --json"],
    run: withFlags<PolicyCheckFlags>(async (session, flags) => (await import("./commands/policy.ts")).policyCheckCommand(session, flags)),
  },
  {
    name: "policy diff",
    argsSyntax: "<a> <b>",
    help: "compare what two policies allow, or what two programs may do; exit with 1 if the second may do more",
    options: [{ flags: "--program", help: "compare two programs (.ax) instead of two policies" }, CAPABILITIES],
    examples: ["boruna policy diff old.json new.json", "boruna policy diff --program old.ax new.ax --json"],
    run: withFlags<PolicyDiffFlags>(async (session, flags, [a = "", b = ""]) =>
      (await import("./commands/policy.ts")).policyDiffCommand(session, a, b, flags),
    ),
  },
  {
    name: "policy suggest",
    argsSyntax: "<logs...>",
    help: "print the least policy under which these runs of a program succeed, and prove it by replaying them; exit with 5 if one does not pass",
    options: [{ flags: "--program <file>", help: "the program (.ax) that was recorded; required" }],
    examples: [
      "boruna policy suggest run.jsonl --program app.ax > policy.json",
      "boruna policy suggest logs/*.jsonl --program app.ax --json",
    ],
    run: withFlags<PolicySuggestFlags>(async (session, flags, logs) =>
      (await import("./commands/policy.ts")).policySuggestCommand(session, logs, flags),
    ),
  },
  {
    name: "capability list",
    argsSyntax: "",
    help: "list every capability with its call, and the hash of the set",
    options: [],
    examples: ["boruna capability list --json"],
    run: async (session) => (await import("./commands/capability.ts")).capabilityListCommand(session),
  },
  {
    name: "mcp",
    argsSyntax: "",
    help: "serve the tools of Boruna to a model over MCP, on stdin and stdout or over HTTP",
    options: [
      ...POLICY,
      { flags: "--live", help: "let clients make real calls; without it mocks answer" },
      {
        flags: "--tools <file>",
        help: "also let programs call the tools of another MCP server: a declaration file of `boruna import mcp`, with its module beside it",
        repeatable: true,
      },
      {
        flags: "--port <port>",
        help: "serve over HTTP on 127.0.0.1; 0 is any free port. Clients need the token in BORUNA_MCP_TOKEN, otherwise the random one on stderr",
      },
      { flags: "--logs <folder>", help: "keep the logs of runs here (default: a temporary folder, removed at the end)" },
    ],
    examples: [
      "boruna mcp --tools mcp_notes.json --policy policy.json --live",
      "boruna mcp",
      "boruna mcp --policy policy.json --live --logs logs/",
      "BORUNA_MCP_TOKEN=… boruna mcp --port 8722",
    ],
    run: withFlags<McpFlags>(async (session, flags) => (await import("./commands/mcp.ts")).mcpCommand(session, flags)),
  },
  {
    name: "context",
    argsSyntax: "<pid>",
    help: "show under which span each thread of a process runs; the process needs BORUNA_THREAD_CONTEXT=1",
    options: [],
    examples: ["boruna context 4711", "boruna context 4711 --json"],
    run: async (session, _flags, [pid = ""]) => (await import("./commands/context.ts")).contextCommand(session, pid),
  },
  {
    name: "view",
    argsSyntax: "[logs...]",
    help: "show runs in the browser until SIGINT or SIGTERM: receive spans over OTLP, and watch logs and folders of logs",
    options: [
      { flags: "--port <port>", help: "where to listen on 127.0.0.1; 0 is any free port", defaultValue: "4318" },
      { flags: "--store <file>", help: "keep the spans in this file, and show those in it" },
      { flags: "--store-limit <mib>", help: "the most memory for spans, in MiB; then the oldest traces are deleted", defaultValue: "256" },
    ],
    examples: ["boruna view logs/", "boruna view run.jsonl --port 0", "boruna view logs/ --store spans.jsonl"],
    run: withFlags<ViewFlags>(async (session, flags, logs) => (await import("./commands/view.ts")).viewCommand(session, logs, flags)),
  },
  {
    name: "trace list",
    argsSyntax: "",
    help: "list the runs and traces of a store or a running viewer, newest first",
    options: [...TRACE_SOURCES, { flags: "--count <n>", help: "the most to list, at most 1000", defaultValue: "100" }],
    examples: ["boruna trace list --store spans.jsonl", "boruna trace list --viewer 'http://127.0.0.1:4318/#token=…' --json"],
    run: withFlags<TraceFlags>(async (session, flags) => (await import("./commands/trace.ts")).traceListCommand(session, flags)),
  },
  {
    name: "trace show",
    argsSyntax: "<id>",
    help: "show one run with the spans of its trace; the id is of a run or a trace",
    options: TRACE_SOURCES,
    examples: ["boruna trace show 0af7651916cd43dd8448eb211c80319c --store spans.jsonl"],
    run: withFlags<TraceFlags>(async (session, flags, [id = ""]) =>
      (await import("./commands/trace.ts")).traceShowCommand(session, id, flags),
    ),
  },
  {
    name: "telemetry status",
    argsSyntax: "",
    help: "say whether usage events are on, why, what they contain and where they go",
    options: [],
    examples: ["boruna telemetry status", "boruna telemetry status --json"],
    run: async (session) => (await import("./commands/telemetry.ts")).telemetryStatusCommand(session),
  },
  {
    name: "telemetry sink",
    argsSyntax: "",
    help: "receive usage events until SIGINT or SIGTERM, and print each as a line of JSON; senders need the token in BORUNA_TELEMETRY_TOKEN",
    options: [
      { flags: "--host <host>", help: "where to listen; a host that other machines can reach needs a token", defaultValue: "127.0.0.1" },
      { flags: "--port <port>", help: "0 is any free port; a line on stderr says which", defaultValue: "0" },
      { flags: "--append <file>", help: "append the events to this file instead of printing them" },
      { flags: "--dry-run", help: "check and answer every request, but keep no event" },
    ],
    examples: ["boruna telemetry sink", "BORUNA_TELEMETRY_TOKEN=… boruna telemetry sink --host 0.0.0.0 --port 4319 --append usage.jsonl"],
    run: withFlags<SinkFlags>(async (session, flags) => (await import("./commands/telemetry.ts")).telemetrySinkCommand(session, flags)),
  },
  {
    name: "telemetry report",
    argsSyntax: "<file>",
    help: "print error rates and percentiles of latency for each command in a file of usage events",
    options: [],
    examples: ["boruna telemetry report usage.jsonl", "boruna telemetry report usage.jsonl --json"],
    run: async (session, _flags, [file = ""]) => (await import("./commands/telemetry.ts")).telemetryReportCommand(session, file),
  },
];
