/**
 * An MCP server as a child process that reads and writes one line of JSON for each message. Of the environment, it gets only the harmless
 * variables and the declared ones. Its stderr is dropped, except for the last characters, which explain a failed start. The process is
 * killed if it writes more bytes to stdout than its allowance. Each request increases the allowance.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { errorCode } from "../../vm/error.ts";
import { ServerFailure } from "./server-failure.ts";
import { settlesWithin } from "./settles-within.ts";

/** Environment variables without private data. */
const HARMLESS_VARIABLES = [
  "HOME",
  "LOGNAME",
  "PATH",
  "SHELL",
  "TERM",
  "USER",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "SYSTEMROOT",
  "APPDATA",
  "TEMP",
];

/** How long a server may take to end after its input is closed, and again after SIGTERM, in milliseconds. */
const GRACE_MS = 1_000;
const MAX_STDERR_CHARS = 4_096;

export interface ProcessOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  /** Environment variables that the process gets in addition to the harmless ones. */
  readonly variables: ReadonlyMap<string, string>;
  /** The environment from which the harmless variables are copied. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The most that the process may write for one request, in bytes. */
  readonly maxAnswerBytes: number;
}

/** The process groups that this process has started. They are killed when it exits. */
const liveGroups = new Set<number>();
let killsAtExit = false;

export class ServerProcess {
  onLine: (line: string) => void = () => undefined;
  /** Called once, when the process has ended or was killed; not called if `close` ends it. */
  onEnd: (why: ServerFailure) => void = () => undefined;
  readonly #options: ProcessOptions;
  readonly #name: string;
  #child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  /** The parts of an incomplete line. */
  #line: Buffer[] = [];
  /** The length of `#line`, in bytes. */
  #lineBytes = 0;
  /** Bytes that the process may still write. */
  #byteAllowance: number;
  #stderr = "";
  /** Whether the process has ended, was killed, or is being closed. Then what it writes to stdout is ignored. */
  #hasEnded = false;

  constructor(name: string, options: ProcessOptions) {
    this.#name = name;
    this.#options = options;
    this.#byteAllowance = options.maxAnswerBytes;
  }

  /** The last characters that the process has written to stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Starts the process. Throws `ServerFailure` if there is no such command. */
  start(): Promise<void> {
    const { command, cwd, variables, env } = this.#options;
    const [file = "", ...args] = command;
    const harmless = HARMLESS_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
    // The server gets a process group of its own, so that children of a launcher such as npx can be signalled too. Then Ctrl-C in the terminal
    // signals only this process, and this process ends the server.
    const child = spawn(file, args, {
      cwd,
      env: Object.fromEntries([...harmless, ...variables]),
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#child = child;
    if (child.pid !== undefined) rememberGroup(child.pid);
    child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-MAX_STDERR_CHARS);
    });
    // Writing to a process that has ended fails. This error is ignored, because `onExit` reports the end.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined);
    const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
      const how = signal === null ? `exit code ${code ?? "unknown"}` : signal;
      this.#reportEnd(new ServerFailure(`the server of ${this.#name} ended (${how})`));
    };
    // `close` is emitted when all output has been read. If a child of the server keeps the pipes open, `exit` reports the end instead.
    child.on("close", onExit);
    child.on("exit", (code, signal) => setTimeout(onExit, GRACE_MS, code, signal).unref());
    // An idle server must not keep this process alive. During a call, the timer of the call does.
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr]) unref(stream);
    return new Promise((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => {
        const missing = existsSync(cwd) ? "there is no such command" : "there is no such folder to start it in";
        const reason = errorCode(error) === "ENOENT" ? missing : errorCode(error);
        const failure = new ServerFailure(`the server of ${this.#name} could not be started: ${file}: ${reason}`);
        this.#reportEnd(failure);
        reject(failure);
      });
    });
  }

  /** Writes a message. A request increases the allowance, because the server will write an answer. */
  send(line: string, isRequest: boolean): void {
    if (isRequest) this.#byteAllowance += this.#options.maxAnswerBytes;
    this.#child?.stdin.write(`${line}\n`);
  }

  /** Call it when no request is open. The server may not save up what earlier answers did not use. */
  resetByteAllowance(): void {
    this.#byteAllowance = this.#options.maxAnswerBytes;
  }

  #receive(chunk: Buffer): void {
    if (this.#hasEnded) return;
    this.#byteAllowance -= chunk.length;
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0 && !this.#hasEnded; end = chunk.indexOf(10, start)) {
      this.#addToLine(chunk.subarray(start, end));
      const line = Buffer.concat(this.#line).toString("utf8");
      this.#line = [];
      this.#lineBytes = 0;
      start = end + 1;
      if (!this.#hasEnded) this.onLine(line);
    }
    this.#addToLine(chunk.subarray(start));
    if (this.#byteAllowance < 0) this.#killForTooMuch();
  }

  #addToLine(bytes: Buffer): void {
    if (this.#hasEnded) return;
    this.#line.push(bytes);
    this.#lineBytes += bytes.length;
    if (this.#lineBytes > this.#options.maxAnswerBytes) this.#killForTooMuch();
  }

  #killForTooMuch(): void {
    this.#line = [];
    this.kill(new ServerFailure(`the server of ${this.#name} sent more than ${this.#options.maxAnswerBytes} bytes`));
  }

  /** Kills the process at once. */
  kill(why: ServerFailure): void {
    this.#reportEnd(why);
    this.#signal("SIGKILL");
  }

  /** Closes the input of the process. If it does not end in time, sends SIGTERM, and then SIGKILL. Resolves when it has ended. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#hasEnded = true;
    if (child === undefined || child.pid === undefined) return;
    const closed = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once("exit", () => resolve());
    });
    // Keeps this process alive until the server has ended.
    child.ref();
    child.stdin.end();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (await settlesWithin(closed, GRACE_MS)) break;
      this.#signal(signal);
    }
    await closed;
    // Also kills processes that the server has left behind.
    this.#signal("SIGKILL");
    liveGroups.delete(child.pid);
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    const pid = this.#child?.pid;
    if (pid !== undefined) signalGroup(pid, signal);
  }

  /** Calls `onEnd`, unless it was called before. */
  #reportEnd(why: ServerFailure): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.onEnd(why);
  }
}

function rememberGroup(pid: number): void {
  liveGroups.add(pid);
  if (killsAtExit) return;
  killsAtExit = true;
  process.on("exit", () => {
    for (const group of liveGroups) signalGroup(group, "SIGKILL");
  });
}

/** Signals all processes of the group. Does nothing if there are none. */
function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!["ESRCH", "EPERM", "EINVAL"].includes(errorCode(error))) throw error;
  }
}

/** The pipes of a child process are sockets, although their types do not say so. */
function unref(stream: Readable | Writable): void {
  if (stream instanceof Socket) stream.unref();
}
