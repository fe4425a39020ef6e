/** Generates programs with capabilities, control flow, `try`, tail calls and actors, as source text. They may fail, but they always end. */
import type fc from "fast-check";
import { arbitraryChoices, type Choices } from "../choices.ts";

const ROW = "!{net.fetch, random, time.now}";
const ACTOR_ROW = "!{actor.send, actor.spawn, net.fetch, random, time.now}";

/** What generated code may use at a place of the program. */
interface Place {
  readonly choices: Choices;
  /** The Int bindings in scope. */
  readonly names: readonly string[];
  /** The functions that may be called, each with an Int as its argument. */
  readonly callees: readonly string[];
  readonly inLoop: boolean;
  /** Whether the function returns Unit instead of an Int. */
  readonly returnsUnit: boolean;
  /** The ActorId bindings in scope; undefined in functions that cannot send. */
  readonly actors: readonly string[] | undefined;
  /** How deep expressions and blocks may still nest. */
  readonly depth: number;
}

let nextName = 0;
const newName = (): string => `v${(nextName += 1)}`;

/** Returns the source of an Int expression. */
function intSource(place: Place): string {
  const { choices, names, callees, depth } = place;
  const inner = { ...place, depth: depth - 1, inLoop: false };
  if (depth <= 0) return choices.oneOf(["0", "1", "2", ...names]) ?? "1";
  switch (choices.below(14)) {
    case 0:
      return `(${intSource(inner)} ${choices.oneOf(["+", "-", "*"]) ?? "+"} ${intSource(inner)})`;
    case 1:
      return `(time.now() % ${choices.below(3) + 2})`;
    case 2:
      return `random("int", 0, ${intSource(inner)})`;
    case 3:
      return `string.len(net.fetch(${JSON.stringify("u".repeat(choices.below(3)))}))`;
    case 4:
    case 5:
      return callees.length === 0 ? intSource(inner) : `${choices.oneOf(callees) ?? ""}(${intSource(inner)})`;
    case 6:
      return `(if ${boolSource(inner)} { ${intSource(inner)} } else if ${boolSource(inner)} { ${intSource(inner)} } else { ${intSource(inner)} })`;
    case 7:
      return `(match try net.fetch("t") { Ok(t) => string.len(t), Err(_) => ${intSource(inner)} })`;
    case 8: {
      const name = newName();
      return `(match ${intSource(inner)} { 0 | 1 => ${intSource(inner)}, ${name} if ${boolSource({ ...inner, names: [...names, name] })} => ${name}, _ => ${intSource(inner)} })`;
    }
    case 9:
      return choices.onceIn(3) ? `(${intSource(inner)} / ${intSource(inner)})` : intSource(inner);
    case 10:
      return `apply(fn(x) { ${intSource({ ...inner, names: [...names, "x"] })} }, ${intSource(inner)})`;
    case 11: {
      if (choices.onceIn(2)) return `(${intSource(inner)} |> pure)`;
      const [name, param] = [newName(), newName()];
      const result = intSource({ ...inner, names: [...names, param] });
      return `({ fn ${name}(${param}: Int) -> Int ${ROW} { if ${param} <= 0 { ${result} } else { ${name}(${param} - 1) } }\n ${name}(${intSource(inner)} % 3) })`;
    }
    default:
      return choices.oneOf(["0", "1", "3", ...names]) ?? "1";
  }
}

/** Returns the source of a Bool expression. */
function boolSource(place: Place): string {
  const { choices, depth } = place;
  const inner = { ...place, depth: depth - 1 };
  if (depth <= 0) return choices.oneOf(["true", "false"]) ?? "true";
  if (choices.onceIn(4)) return `(${boolSource(inner)} ${choices.oneOf(["&&", "||"]) ?? "&&"} ${boolSource(inner)})`;
  return `${intSource(inner)} ${choices.oneOf(["<", "==", ">"]) ?? "<"} ${intSource(inner)}`;
}

/** Returns the source of `count` statements. */
function blockSource(place: Place, count: number): string {
  const { choices } = place;
  const lines: string[] = [];
  let names = [...place.names];
  let { actors } = place;
  for (let i = 0; i < count; i++) {
    const here: Place = { ...place, names, actors };
    const inner: Place = { ...here, depth: place.depth - 1 };
    const body = (more: Partial<Place> = {}): string => blockSource({ ...inner, ...more }, choices.below(3));
    switch (place.inLoop && choices.onceIn(3) ? 6 : place.depth <= 0 ? 0 : choices.below(12)) {
      case 1:
      case 2:
        lines.push(
          `if ${boolSource(inner)} {\n${body()}\n} else if ${boolSource(inner)} {\n${body()}\n}${choices.onceIn(2) ? ` else {\n${body()}\n}` : ""}`,
        );
        break;
      case 3: {
        const item = newName();
        const elements = Array.from({ length: choices.below(4) }, () => intSource({ ...inner, depth: 1 })).join(", ");
        const list = choices.onceIn(2)
          ? `${choices.below(3)}..${choices.onceIn(2) ? "=" : ""}${intSource({ ...inner, depth: 1 })} % 4`
          : `[${elements}]`;
        lines.push(`for ${item} in ${list === "[]" ? "list.range(0, 0)" : list} {\n${body({ names: [...names, item], inLoop: true })}\n}`);
        break;
      }
      case 4: {
        const counter = newName();
        lines.push(`let mut ${counter} = 0`);
        lines.push(
          `while ${counter} < ${choices.below(4)} && ${boolSource({ ...inner, depth: 1 })} {\n${counter} = ${counter} + 1\n${body({ inLoop: true })}\n}`,
        );
        names = [...names, counter];
        break;
      }
      case 5:
        lines.push(`match ${intSource(inner)} {\n0 => {\n${body()}\n},\n${choices.onceIn(2) ? `1 => {},\n` : ""}_ => {\n${body()}\n}\n}`);
        break;
      case 6:
        if (place.inLoop) lines.push(`if ${boolSource(inner)} { ${choices.oneOf(["break", "continue"]) ?? "break"} }`);
        break;
      case 7:
        lines.push(`if ${boolSource(inner)} { return ${place.returnsUnit ? "()" : intSource(inner)} }`);
        break;
      case 8:
        if (actors === undefined) break;
        if (choices.onceIn(2)) {
          const actor = newName();
          lines.push(`let ${actor} = spawn ${choices.oneOf(["worker", "relay"]) ?? "worker"}`);
          actors = [...actors, actor];
        } else if (actors.length > 0) lines.push(`send ${choices.oneOf(actors) ?? ""} ${intSource({ ...inner, depth: 1 })}`);
        break;
      default: {
        const name = newName();
        lines.push(`let ${name} = ${intSource(inner)}`);
        names = [...names, name];
      }
    }
  }
  return lines.join("\n");
}

function program(choices: Choices): string {
  nextName = 0;
  const hasActors = choices.onceIn(2);
  const base: Place = { choices, names: [], callees: [], inLoop: false, returnsUnit: false, actors: undefined, depth: 3 };
  const body = (place: Place): string => `${blockSource(place, choices.below(5))}\n${intSource({ ...place, depth: 2 })}`;
  const functions = [
    `fn pure(n: Int) -> Int { if n > 2 { 2 } else { n } }`,
    `fn apply(f: Fn(Int) -> Int ${ROW}, n: Int) -> Int ${ROW} { if n > 1 { f(n) + f(0) } else { f(n) } }`,
    `fn last(n: Int) -> Int ${ROW} requires n > 0 - 9 ensures result > 0 - 99 {\n${body({ ...base, names: ["n"] })}\n}`,
    `fn down(n: Int) -> Int ${ROW} {\n${blockSource({ ...base, names: ["n"], depth: 2 }, choices.below(3))}\nif n <= 0 || n > 4 { ${intSource({ ...base, depth: 2 })} } else { down(n - 1) }\n}`,
    `fn middle(n: Int) -> Int ${ROW} {\n${body({ ...base, names: ["n"], callees: ["last", "down"] })}\n}`,
  ];
  const callees = ["last", "down", "middle"];
  if (!hasActors) return `${functions.join("\n")}\nfn main() -> Int ${ROW} {\n${body({ ...base, callees })}\n}\n`;
  const worker = (name: string, place: Partial<Place>): string =>
    `fn ${name}() -> Unit ${ACTOR_ROW} {\nlet n: Int = receive\n${blockSource({ ...base, ...place, returnsUnit: true, callees: ["last"], names: ["n"], depth: 2 }, choices.below(4))}\n${choices.onceIn(2) ? "while true { let m: Int = receive }" : ""}\n}`;
  const main = `fn main() -> Int ${ACTOR_ROW} {\n${blockSource({ ...base, callees, actors: [] }, choices.below(6) + 2)}\n${choices.onceIn(3) ? "let m: Int = receive\n" : ""}0\n}`;
  return [...functions, worker("worker", {}), worker("relay", { actors: [] }), main].join("\n");
}

export const arbitraryFlowProgram: fc.Arbitrary<string> = arbitraryChoices(400).map(program);
