/** A terminal that a test types into and looks at: a tmux server of its own. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { environment, MAIN } from "./boruna.ts";

export const HAS_TMUX = spawnSync("tmux", ["-V"]).status === 0;
export const hasShell = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

/** The most time until a text is on the screen, in milliseconds. Only a test that hangs reaches it. */
const LIMIT_MS = Number(process.env["TMUX_LIMIT_MS"] ?? 300_000);
/** How often the screen is looked at, in milliseconds. */
const LOOK_MS = 40;

let count = 0;

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The command line that starts the built command. */
export const borunaLine = (args: readonly string[]): string => [process.execPath, MAIN, ...args].map(quote).join(" ");

export class Screen {
  readonly #socket: string;
  /** The shell writes the exit code here before it ends. tmux may lose it. */
  readonly #codeFile: string;

  /** Starts a command, as a line for a shell, on a new terminal of 100 columns. */
  constructor(line: string, { cwd, env }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> }) {
    count += 1;
    this.#socket = `boruna-${process.pid}-${count}`;
    this.#codeFile = join(tmpdir(), `${this.#socket}.code`);
    // Ctrl-C must not end the shell too.
    const script = `trap : INT; ${line}\necho $? > ${quote(this.#codeFile)}`;
    const started = spawnSync(
      "tmux",
      // biome-ignore format: one word after the other
      ["-L", this.#socket, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", "-c", cwd, script, ";", "set-option", "remain-on-exit", "on"],
      { env: { ...environment({ HOME: cwd, LANG: "C.UTF-8", ...env }), TERM: "xterm-256color" }, encoding: "utf8" },
    );
    if (started.status !== 0) throw new Error(`tmux did not start: ${started.stderr}`);
  }

  #tmux(...args: readonly string[]): string {
    const ended = spawnSync("tmux", ["-L", this.#socket, ...args], { encoding: "utf8" });
    if (ended.status !== 0) throw new Error(`tmux ${args.join(" ")}: ${ended.stderr}`);
    return ended.stdout;
  }

  /** The lines that are on the screen or have left it, without empty ones at the end. */
  text(): string {
    return this.#tmux("capture-pane", "-p", "-J", "-S", "-").trimEnd();
  }

  /** Types text as it is. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", "--", text);
  }

  /** Presses keys by their names: `Enter`, `Tab`, `Up`, `C-c`. */
  press(...keys: readonly string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  enter(line: string): void {
    this.type(line);
    this.press("Enter");
  }

  /** Types text, waits until it is on the screen, and presses Tab. In a chunk with other text, Tab is no key but a character. */
  async complete(text: string): Promise<void> {
    this.type(text);
    await this.waitFor(new RegExp(`${text.replace(/[^\w ]/g, "\\$&")}$`));
    this.press("Tab");
  }

  /** Waits until the screen matches, and returns it. */
  async waitFor(wanted: RegExp | string): Promise<string> {
    const start = performance.now();
    for (;;) {
      const text = this.text();
      if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) return text;
      if (performance.now() - start > LIMIT_MS) throw new Error(`the screen never showed ${String(wanted)}:\n${text}`);
      await pause(LOOK_MS);
    }
  }

  /** Waits until the command has ended, and returns its exit code. */
  async exitCode(): Promise<number> {
    const start = performance.now();
    while (this.#tmux("display-message", "-p", "#{pane_dead}").trim() !== "1") {
      if (performance.now() - start > LIMIT_MS) throw new Error(`the command goes on:\n${this.text()}`);
      await pause(LOOK_MS);
    }
    return Number(readFileSync(this.#codeFile, "utf8"));
  }

  /** Writes everything that the command sends to the terminal from now on into a file. */
  record(file: string): void {
    this.#tmux("pipe-pane", "-o", `cat > ${quote(file)}`);
  }

  close(): void {
    spawnSync("tmux", ["-L", this.#socket, "kill-server"]);
    rmSync(this.#codeFile, { force: true });
  }
}
