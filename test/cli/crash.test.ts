/**
 * Runs that are killed with SIGKILL at random moments and resumed until they end: real processes, a real server. With `BORUNA_CASES=1` a run
 * of 1,000 calls, a third of which may not be repeated, is killed 200 times, otherwise a shorter one less often. The calls of its actors
 * and branches overlap, so several may be open.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { scaledRuns, someOf } from "../cases.ts";
import { environment, MAIN } from "./boruna.ts";

const CALLS = Math.max(30, scaledRuns(1_000));
const KILLS = Math.max(4, scaledRuns(200));
const EXIT_IN_DOUBT = 8;
/** 200 kills take minutes, and on a busy machine an hour. */
const TIMEOUT_MS = 2 * 60 * 60 * 1_000;

/** A random generator with a seed (Mulberry32): each run of this test kills at the same moments, as far as the machine allows. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Bank {
  readonly url: string;
  /** How often each path was carried out. A request with a known key is not carried out again. */
  readonly done: Map<string, number>;
  /** The path of each key. */
  readonly keys: Map<string, string>;
  /** Called for each request, before the answer and after it. */
  onRequest: (moment: "before" | "after") => void;
  forget(): void;
  close(): void;
}

/** Carries out what each path says. The answer depends on the path alone. */
async function startBank(): Promise<Bank> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      const path = `${request.method} ${request.url}`;
      const key = request.headers["idempotency-key"];
      const isKnown = typeof key === "string" && bank.keys.has(key);
      if (typeof key === "string") bank.keys.set(key, path);
      if (!isKnown) bank.done.set(path, (bank.done.get(path) ?? 0) + 1);
      bank.onRequest("before");
      response.end(`answer to ${path}`, () => bank.onRequest("after"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const bank: Bank = {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    done: new Map(),
    keys: new Map(),
    onRequest: () => undefined,
    forget: () => {
      bank.done.clear();
      bank.keys.clear();
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return bank;
}

let bank: Bank;
const folder = temporaryFolder();
const pathOf = (name: string): string => join(folder, name);

beforeAll(async () => {
  bank = await startBank();
  copyFileSync(fileURLToPath(new URL("crash.ax", import.meta.url)), pathOf("crash.ax"));
  for (const header of [null, "Idempotency-Key"]) {
    const policy = {
      schema_version: 1,
      default_allow: false,
      rules: Object.fromEntries(["net.fetch", "actor.spawn", "actor.send", "ui.render"].map((name) => [name, { allow: true, budget: 0 }])),
      net_policy: {
        allowed_domains: [bank.url.slice("http://".length)],
        ...(header === null ? {} : { idempotency_header: header }),
      },
    };
    writeFileSync(pathOf(header === null ? "plain.json" : "keys.json"), JSON.stringify(policy));
  }
});
afterAll(() => bank.close());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
}

/** Starts the command. `plan` may kill it; the function that it returns is called when the command has ended. */
function start(args: readonly string[], plan: (child: ChildProcess) => () => void = () => () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args, "--json"], {
    cwd: folder,
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const endPlan = plan(child);
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      endPlan();
      resolve({ code, stdout });
    });
  });
}

const runArgs = (policy: string, log: string): readonly string[] => [
  "run",
  "crash.ax",
  "--policy",
  policy,
  "--live",
  "--run-id",
  "crash",
  "--arg",
  `base=${bank.url}`,
  "--arg",
  `count=${CALLS}`,
  "--record",
  log,
];

/** Kills the process at a request, before or after it is answered, or at any other time: while it starts, replays or ends. */
function killAtRandom(random: () => number): (child: ChildProcess) => () => void {
  return (child) => {
    const moment = random() < 0.5 ? "before" : "after";
    let requestsLeft = 1 + Math.floor(random() * Math.max(2, CALLS / 40));
    bank.onRequest = (now) => {
      if (now === moment && --requestsLeft === 0) child.kill("SIGKILL");
    };
    const timer = random() < 0.3 ? setTimeout(() => child.kill("SIGKILL"), random() * 1_500) : undefined;
    return () => {
      clearTimeout(timer);
      bank.onRequest = () => undefined;
    };
  };
}

function fieldOf(text: string, ...path: readonly string[]): unknown {
  let data: unknown = JSON.parse(text);
  for (const name of path)
    data = typeof data === "object" && data !== null ? Object.entries(data).find(([key]) => key === name)?.[1] : undefined;
  return data;
}

interface Outcome {
  readonly kills: number;
  readonly value: unknown;
  /** The calls that were made again because this test decided so. */
  readonly retried: readonly string[];
}

/** Runs until the run has ended, and kills each of the first `kills` processes. */
async function runToTheEnd(policy: string, log: string, kills: number, random: () => number): Promise<Outcome> {
  const retried: string[] = [];
  let killed = 0;
  let decision: readonly string[] = [];
  for (;;) {
    const args = existsSync(pathOf(log)) ? ["resume", log, ...decision] : runArgs(policy, log);
    const ended = await start(args, killed < kills ? killAtRandom(random) : undefined);
    if (ended.code === null) {
      killed += 1;
      // The killed process may not have retried the calls. Even so, do not decide twice: the next process must find out itself which calls
      // are in doubt.
      decision = [];
    } else if (ended.code === EXIT_IN_DOUBT) {
      retried.push(...openPaths(log));
      decision = ["--in-doubt", "retry"];
    } else if (ended.code === 2 && fieldOf(ended.stdout, "error", "kind") === "log.not_started") {
      rmSync(pathOf(log));
    } else {
      expect({ code: ended.code, text: ended.code === 0 ? "" : ended.stdout }).toEqual({ code: 0, text: "" });
      return { kills: killed, value: fieldOf(ended.stdout, "value"), retried };
    }
  }
}

/** Returns the requests of the calls that are open at the end of the log. */
function openPaths(log: string): readonly string[] {
  const lines = readFileSync(pathOf(log), "utf8").split("\n");
  const answered = lines.filter((line) => /^\{"event":\{"Cap(?:Result|Error)"/.test(line)).length;
  const open = lines.filter((line) => line.startsWith('{"event":{"CapCall"')).slice(answered);
  return open.map((line) => {
    const [url, method] = [...line.matchAll(/\{"String":"([^"]*)"\}/g)].map(([, text = ""]) => text);
    return `${method} ${url?.slice(bank.url.length)}`;
  });
}

const payments = (): readonly string[] => Array.from({ length: Math.ceil(CALLS / 3) }, (_, i) => `POST /pay/${3 * i}`);
const timesRequested = (paths: readonly string[]): readonly number[] => paths.map((path) => bank.done.get(path) ?? 0);

describe.each(
  someOf([
    ["with an idempotency header", "keys.json"],
    ["without an idempotency header", "plain.json"],
  ] as const),
)("%s", (_, policy) => {
  test(
    `${CALLS} calls, ${KILLS} kills`,
    async () => {
      const log = `${policy}.jsonl`;
      const whole = `whole-${log}`;
      bank.forget();
      const undisturbed = await start(runArgs(policy, whole));
      expect(undisturbed.code).toBe(0);
      expect(timesRequested(payments())).toEqual(payments().map(() => 1));
      const random = randomFrom(policy.length);
      let kills = 0;
      while (kills < KILLS) {
        bank.forget();
        rmSync(pathOf(log), { force: true });
        rmSync(pathOf(`${log}.blobs`), { force: true, recursive: true });
        const ended = await runToTheEnd(policy, log, KILLS - kills, random);
        kills += ended.kills;
        expect(ended.value).toBe(fieldOf(undisturbed.stdout, "value"));
        expect(readFileSync(pathOf(log)).equals(readFileSync(pathOf(whole)))).toBe(true);
        expect(readdirSync(pathOf(`${log}.blobs`))).toEqual(readdirSync(pathOf(`${whole}.blobs`)));
        expect(existsSync(pathOf(`${log}.lock`))).toBe(false);
        expect(existsSync(pathOf(`${log}.open`))).toBe(false);
        if (policy === "keys.json") {
          expect(ended.retried).toEqual([]);
          expect(timesRequested(payments())).toEqual(payments().map(() => 1));
          expect(new Set(bank.keys.values()).size).toBe(bank.keys.size);
        } else {
          // Only payments that this test decided to retry were made more than once.
          const again = payments().filter((path) => (bank.done.get(path) ?? 0) > 1);
          expect(again.filter((path) => !ended.retried.includes(path))).toEqual([]);
          expect(timesRequested(payments())).not.toContain(0);
        }
      }
    },
    TIMEOUT_MS,
  );
});
