/** The programs that the replay tests record. */
import type { Program } from "../../vm/bytecode/program.ts";
import { assemble } from "./assemble.ts";

/** Reads a file, then the file that it names, and returns both texts. */
export const READS_TWICE: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      capabilities: ["fs.read"],
      code: [
        ["PushConst", "index.txt"],
        ["CapCall", "fs.read", 1],
        ["StoreLocal", 0],
        ["LoadLocal", 0],
        ["Call", "read", 1],
        ["LoadLocal", 0],
        ["Concat"],
        ["Ret"],
      ],
    },
    {
      name: "read",
      arity: 1,
      capabilities: ["fs.read"],
      code: [["LoadLocal", 0], ["CapCall", "fs.read", 1], ["Ret"]],
    },
  ],
});

/** Fetches a page, goes on if that fails, checks a contract, and emits the result. */
export const TRIES: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      capabilities: ["net.fetch", "ui.render"],
      code: [
        ["PushConst", "http://example.com/"],
        ["TryCapCall", "net.fetch", 1],
        ["StoreLocal", 0],
        ["PushConst", true],
        ["Assert", "never fails", 0, 0],
        ["LoadLocal", 0],
        ["EmitUi"],
        ["LoadLocal", 0],
        ["Ret"],
      ],
    },
  ],
});

/** Spawns a worker that reads a file, sends it a number, and ends. */
export const ACTORS: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      capabilities: ["actor.spawn", "actor.send"],
      code: [["SpawnActor", "worker"], ["StoreLocal", 0], ["LoadLocal", 0], ["PushConst", 41], ["SendMsg"], ["PushConst", "sent"], ["Ret"]],
    },
    {
      name: "worker",
      locals: 1,
      capabilities: ["fs.read"],
      code: [["ReceiveMsg"], ["StoreLocal", 0], ["PushConst", "worker.txt"], ["CapCall", "fs.read", 1], ["Pop"], ["LoadLocal", 0], ["Ret"]],
    },
  ],
});

/** Counts down from its argument, then reads one file. */
export const LOOPS: Program = assemble({
  signature: { params: [{ name: "n", type: "Int" }], result: "String" },
  functions: [
    {
      name: "main",
      arity: 1,
      capabilities: ["fs.read"],
      code: [
        ["LoadLocal", 0],
        ["JmpIfNot", 7],
        ["LoadLocal", 0],
        ["PushConst", 1],
        ["Sub"],
        ["StoreLocal", 0],
        ["Jmp", 0],
        ["PushConst", "end.txt"],
        ["CapCall", "fs.read", 1],
        ["Ret"],
      ],
    },
  ],
});

/** The same calls as `READS_TWICE`, in one function and with other steps. */
export const READS_TWICE_INLINE: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      capabilities: ["fs.read"],
      code: [
        ["PushConst", "index.txt"],
        ["CapCall", "fs.read", 1],
        ["StoreLocal", 0],
        ["LoadLocal", 0],
        ["CapCall", "fs.read", 1],
        ["LoadLocal", 0],
        ["Concat"],
        ["Ret"],
      ],
    },
  ],
});
