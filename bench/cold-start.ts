/**
 * The child process of `processes.ts`. Measures one engine or peer from loading it to the end of its first 1,000 steps, and
 * prints the milliseconds of each part as JSON.
 */
import { sourceText } from "./sources.ts";

/** Rounds of the sum loop, about 1,000 steps of our machine. */
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

/** Loads one of our engines behind a peer's interface. */
async function loadEngine(name: string) {
  const { compile } = await import("../compiler/compile.ts");
  const { ENGINES, runOn } = await import("./engines.ts");
  const { verifyModule } = await import("../vm/bytecode/verifier.ts");
  const engine = ENGINES.find((one) => one.name === name);
  if (engine === undefined) throw new Error(`no engine ${name}`);
  return (program: string) => {
    const { module } = compile({ name: program, text: sourceText(`programs/${program}.ax`) });
    return (n: number) => runOn(engine, verifyModule(module), n);
  };
}

const name = process.argv[2] ?? "";
const start = performance.now();
const load = (await loadPeer(name)) ?? (await loadEngine(name));
const loaded = performance.now();
const main = await load("sum");
const ready = performance.now();
main(ROUNDS);
const end = performance.now();
process.stdout.write(JSON.stringify([loaded - start, ready - loaded, end - ready, end - start]));
