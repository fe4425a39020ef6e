/** Programs with actors and nested branches, whose calls overlap, and the world that answers them. */
import type fc from "fast-check";
import { CapabilityFailure, type Handler } from "../gateway/handlers.ts";
import { arbitraryChoices, type Choices } from "./choices.ts";

const WORKERS = 3;
const MAX_DEPTH = 3;

/** Writes statements that add to the local `t`. */
class Writer {
  readonly #choices: Choices;
  #calls = 0;
  #locals = 0;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  /** Writes the first argument of a call: a number that no other call has, and the value of `who`. */
  #call(who: string): string {
    this.#calls += 1;
    return `"${this.#calls} " ++ int.to_string(${who})`;
  }

  #local(): string {
    this.#locals += 1;
    return `v${this.#locals}`;
  }

  /**
   * Writes statements that add to `t`. `firstWorker` is the first worker that they may spawn: a worker spawns only later ones, so the tree
   * of actors is finite. `who` is a local whose value each call passes on.
   */
  statements(depth: number, firstWorker: number, who: string): string {
    const lines: string[] = [];
    for (let n = 1 + this.#choices.below(3); n > 0; n--) lines.push(this.#statement(depth, firstWorker, who));
    return lines.join("\n");
  }

  #statement(depth: number, firstWorker: number, who: string): string {
    const inner = (name: string): string => this.statements(depth + 1, firstWorker, name);
    const kind = this.#choices.below(depth >= MAX_DEPTH ? 4 : 9);
    switch (kind) {
      case 0:
      case 1:
        return `t = t + string.len(net.fetch(${this.#call(who)}))`;
      case 2:
        return `t = t + (match try fs.write(${this.#call(who)}, "x") { Ok(_) => 1, Err(text) => string.len(text) })`;
      case 3:
        return this.#choices.onceIn(3) ? `emit t` : `t = t + spin(${this.#choices.onceIn(4) ? 30000 : 20})`;
      case 4:
      case 5: {
        const name = this.#local();
        return `t = t + list.sum(par.map(list.range(0, ${1 + this.#choices.below(3)}), fn(${name}) {\nlet mut t = ${name}\n${inner(name)}\nt\n}))`;
      }
      case 6: {
        const [a, b] = [this.#local(), this.#local()];
        const branch = (): string => `{\nlet mut t = 0\n${inner(who)}\nt\n}`;
        return `let (${a}, ${b}) = par { ${branch()}, ${branch()} }\nt = t + ${a} - ${b}`;
      }
      case 7: {
        if (firstWorker >= WORKERS) return "t = t + 1";
        const name = this.#local();
        return `let ${name} = spawn worker${firstWorker + this.#choices.below(WORKERS - firstWorker)}\nsend ${name} t`;
      }
      default:
        return `for _ in [1, 2] {\n${inner(who)}\n}`;
    }
  }
}

const ROW = "!{net.fetch, fs.write, ui.render, actor.spawn, actor.send}";

function programOf(choices: Choices): string {
  const writer = new Writer(choices);
  const workers = Array.from({ length: WORKERS }, (_, i) => {
    const trap = choices.onceIn(4) ? "t = t / (t - t)\n" : "";
    return `fn worker${i}() -> Unit ${ROW} {\nlet m: Int = receive\nlet mut t = m\n${writer.statements(1, i + 1, "m")}\n${trap}let _end = debug(t)\n()\n}\n`;
  });
  return `fn spin(n: Int) -> Int {
    let mut sum = 0
    for i in list.range(0, n) { sum = sum + i % 3 }
    sum
}
${workers.join("")}fn main() -> Int ${ROW} {\nlet mut t = 0\n${writer.statements(0, 0, "t")}\nt\n}\n`;
}

/** The source of a program. Some of its actors trap. */
export const arbitraryOverlap: fc.Arbitrary<string> = arbitraryChoices(240).map((choices) => programOf(choices));

function hashOf(text: string): number {
  let hash = 7;
  for (const unit of text) hash = (hash * 31 + (unit.codePointAt(0) ?? 0)) % 1_000_003;
  return hash;
}

/** A world whose answers depend on the arguments only. */
export interface World {
  readonly handlers: Readonly<Record<string, Handler>>;
  /** The first argument of each call that began, in order. */
  readonly calls: string[];
  /** The most handlers that ran at once. */
  mostAtOnce: number;
}

/**
 * Returns handlers that answer after some turns of the event loop. The number of turns depends on `seed`; without a seed they answer at once.
 * About one in `failing` calls fails.
 */
export function worldOf(seed: number | undefined, failing = 9): World {
  let running = 0;
  const answer = (path: string): string => {
    if (hashOf(path) % failing === 0) throw new CapabilityFailure(`no ${path}`);
    return `answer to ${path}`;
  };
  const later = async (path: string): Promise<string> => {
    running += 1;
    world.mostAtOnce = Math.max(world.mostAtOnce, running);
    for (let turns = hashOf(`${seed} ${path}`) % 7; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return answer(path);
  };
  const handle = (args: readonly unknown[]): string | Promise<string> => {
    const path = String(args[0]);
    world.calls.push(path);
    return seed === undefined || hashOf(path) % 5 === 0 ? answer(path) : later(path);
  };
  const world: World = {
    handlers: {
      "net.fetch": handle,
      "fs.write": (args) => {
        const answered = handle(args);
        return typeof answered === "string" ? true : answered.then(() => true);
      },
    },
    calls: [],
    mostAtOnce: 0,
  };
  return world;
}
