/**
 * The child process of `processes.ts`. It measures how long one engine or peer takes to load, to load a program, and to run
 * about 1,000 steps. It prints the milliseconds of each part as JSON.
 */
import { sourceText } from "./sources.ts";

/** The number of iterations of the sum loop. They take about 1,000 steps of our machine. */
const ROUNDS = 58;

async function loadPeer(name: string) {
  switch (name) {
    case "JavaScript":
      return (await import("./peers/javascript.ts")).JAVASCRIPT.start();
    case "QuickJS":
      return (await import("./peers/quickjs.ts")).QUICKJS.start();
    case "Lua":
      return (await import("./peers/lua.ts")).LUA.start();
    default:
      return undefined;
  }
}

/** Loads one of our engines. Returns the same as `loadPeer`. */
async function loadEngine(name: string) {
  const { compile } = await import("../compiler/compile.ts");
  const { ENGINES, runOn } = await import("./engines.ts");
  const { verifyModule } = await import("../vm/bytecode/verifier.ts");
  const engine = ENGINES.find((candidate) => candidate.name === name);
  if (engine === undefined) throw new Error(`no engine ${name}`);
  return (program: string) => {
    const { module } = compile({ name: program, text: sourceText(`${program}.ax`) });
    return (n: number) => runOn(engine, verifyModule(module), n);
  };
}

const name = process.argv[2] ?? "";
const start = performance.now();
const load = (await loadPeer(name)) ?? (await loadEngine(name));
const loadedAt = performance.now();
const main = await load("programs/sum");
const readyAt = performance.now();
main(ROUNDS);
const end = performance.now();
process.stdout.write(JSON.stringify([loadedAt - start, readyAt - loadedAt, end - readyAt, end - start]));
