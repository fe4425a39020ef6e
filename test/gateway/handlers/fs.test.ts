import { Buffer } from "node:buffer";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fsReadHandler } from "../../../gateway/handlers/fs-read.ts";
import { fsWriteHandler } from "../../../gateway/handlers/fs-write.ts";
import { isTemporary, temporaryName } from "../../../gateway/temporaries.ts";
import type { Value } from "../../../vm/value/value.ts";
import { callHandler, contextOf, failureOf, policyOf, textOf } from "./support.ts";
import { scaledRuns, someOf } from "../../cases.ts";
import { childScript } from "../../child-script.ts";

/** `DIR/outside.txt` and `DIR/work`, the working directory, with the roots `data` and `out`. */
let folder: string;
let work: string;
const inWork = (name: string): string => join(work, name);

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "boruna-fs-")));
  work = join(folder, "work");
  for (const name of ["work/data/sub", "work/out", "elsewhere"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "outside.txt"), "secret");
  writeFileSync(join(folder, "elsewhere/b.txt"), "secret");
  writeFileSync(inWork("data/a.txt"), "héllo");
  writeFileSync(inWork("data/sub/c.txt"), "c");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ROOTS = { read: ["data", "out"], write: ["./out"] };
const read = (args: readonly Value[], scope: object = ROOTS): Promise<Value> =>
  callHandler("fs.read", fsReadHandler({ workingDirectory: work }), args, contextOf(policyOf({ fs_policy: scope })));
const write = (args: readonly Value[], scope: object = ROOTS): Promise<Value> =>
  callHandler("fs.write", fsWriteHandler({ workingDirectory: work }), args, contextOf(policyOf({ fs_policy: scope })));
const readFails = (args: readonly Value[], scope: object = ROOTS): Promise<string> => failureOf(read(args, scope));
const writeFails = (args: readonly Value[], scope: object = ROOTS): Promise<string> => failureOf(write(args, scope));

describe("fs.read", () => {
  test("text, base64, list, stat", async () => {
    writeFileSync(inWork("data/ä.txt"), "");
    writeFileSync(inWork("data/B.txt"), "");
    expect(await read(["data/a.txt"])).toBe("héllo");
    expect(await read(["data/a.txt", "base64"])).toBe("aMOpbGxv");
    expect(await read(["data", "list"])).toBe('["B.txt","a.txt","sub","ä.txt"]');
    expect(JSON.parse(await textOf(read(["data/a.txt", "stat"])))).toEqual({
      kind: "file",
      size: 6,
      modified_ms: Math.floor(statSync(inWork("data/a.txt")).mtimeMs),
    });
    expect(JSON.parse(await textOf(read(["data", "stat"])))).toMatchObject({ kind: "folder", size: 0 });
  });

  test.each(["data/a.txt", "./data/a.txt", "data/sub/../a.txt", "data//a.txt", "a.txt", "sub/../a.txt", "ABSOLUTE"])(
    "%s is the file below the root",
    async (path) => {
      expect(await read([path === "ABSOLUTE" ? inWork("data/a.txt") : path])).toBe("héllo");
    },
  );

  test("a root may be a file, a link, or absolute", async () => {
    symlinkSync(inWork("data"), inWork("linked"));
    expect(await read(["data/a.txt"], { read: ["data/a.txt"] })).toBe("héllo");
    expect(await readFails(["data/sub/c.txt"], { read: ["data/a.txt"] })).toMatch(/^(denied|failed): /);
    expect(await read(["linked/a.txt"], { read: ["linked"] })).toBe("héllo");
    expect(await read(["a.txt"], { read: [inWork("data")] })).toBe("héllo");
  });

  test("a missing root is named as the policy writes it", async () => {
    const scope = { read: ["./nowhere"], write: [] };
    expect(await readFails(["a.txt"], scope)).toBe(
      'failed: the folder "./nowhere" that the policy allows is not there; a relative folder starts where the command runs',
    );
  });

  test("a path that leads out of the roots is denied", async () => {
    const outside = join(folder, "outside.txt");
    for (const path of [
      "../outside.txt",
      "data/../../outside.txt",
      "sub/../../../outside.txt",
      outside,
      "/etc/hostname",
      "..",
      "/",
      `${inWork("data")}/../../outside.txt`,
    ]) {
      expect(await readFails([path]), path).toMatch(/^denied: the path .* leads out of the folders/);
    }
    expect(await readFails([inWork("database.txt")])).toMatch(/^denied: /);
    expect(await readFails(["data/a.txt"], {})).toMatch(/^denied: /);
  });

  test("a link is followed inside the root, and denied where it leaves it", async () => {
    symlinkSync("a.txt", inWork("data/inner"));
    symlinkSync(join(folder, "outside.txt"), inWork("data/outer"));
    symlinkSync(join(folder, "elsewhere"), inWork("data/away"));
    symlinkSync("../../elsewhere/b.txt", inWork("data/relative"));
    symlinkSync("/proc/self/environ", inWork("data/environ"));
    expect(await read(["data/inner"])).toBe("héllo");
    for (const path of ["data/outer", "data/away/b.txt", "data/relative", "data/environ"])
      expect(await readFails([path]), path).toMatch(/^denied: /);
    expect(await readFails(["data/away", "list"])).toMatch(/^denied: /);
    expect(await readFails(["data/outer", "stat"])).toMatch(/^denied: /);
  });

  test("devices, FIFOs and sockets fail without blocking", async () => {
    execFileSync("mkfifo", [inWork("data/fifo")]);
    const socket = createServer();
    await new Promise<void>((done) => socket.listen(inWork("data/socket"), done));
    symlinkSync("/dev/zero", inWork("data/zero"));
    expect(await readFails(["data/fifo"])).toBe('failed: it is not a file or folder: "data/fifo"');
    expect(await readFails(["data/socket"])).toBe('failed: it is not a file or folder: "data/socket"');
    expect(await readFails(["data/zero"])).toMatch(/^(failed|denied): /);
    expect(await readFails(["/dev/zero"], { read: ["/dev"] })).toBe('failed: it is not a file or folder: "/dev/zero"');
    await new Promise((done) => socket.close(done));
  });

  test("max_bytes: just at the limit, and one over; also for a file that reports the size 0", async () => {
    expect(await read(["data/a.txt"], { ...ROOTS, max_bytes: 6 })).toBe("héllo");
    expect(await readFails(["data/a.txt"], { ...ROOTS, max_bytes: 5 })).toBe('failed: the file is longer than 5 bytes: "data/a.txt"');
    expect(await readFails(["data", "list"], { ...ROOTS, max_bytes: 5 })).toMatch(
      /^failed: the names in the folder are longer than 5 bytes/,
    );
    truncateSync(inWork("data/a.txt"), 2 ** 40);
    expect(await readFails(["data/a.txt"])).toMatch(/^failed: the file is longer than 10485760 bytes/);
    expect(await readFails(["/proc/self/status"], { read: ["/proc"], max_bytes: 10 })).toMatch(/^(failed|denied): /);
  });

  test.each([
    [["data/none.txt"], 'failed: no such file: "data/none.txt"'],
    [["data/a.txt/x"], 'failed: a part of the path is not a folder: "data/a.txt/x"'],
    [["data"], 'failed: it is a folder: "data"'],
    [["data/a.txt", "list"], 'failed: it is not a folder: "data/a.txt"'],
    [["data/a.txt", "txet"], 'failed: fs.read does not know "txet". Did you mean "text"?'],
    [["data/a\0.txt"], "failed: the path holds a NUL character"],
    [[""], "failed: the path is empty"],
    [[`data/${"x".repeat(300)}`], `failed: the path is too long: "data/${"x".repeat(300)}"`],
  ])("%j: %s", async (args, message) => {
    expect(await readFails(args)).toBe(message);
  });

  test("a circle of links, text that is not UTF-8, and a file without permission fail", async () => {
    symlinkSync("round", inWork("data/round"));
    writeFileSync(inWork("data/bytes"), new Uint8Array([0xff, 0xfe]));
    expect(await readFails(["data/round"])).toBe('failed: too many links: "data/round"');
    expect(await readFails(["data/bytes"])).toBe('failed: the file is not UTF-8 text, read it as "base64": "data/bytes"');
    expect(await read(["data/bytes", "base64"])).toBe("//4=");
    chmodSync(inWork("data/bytes"), 0);
    if (process.getuid?.() !== 0) expect(await readFails(["data/bytes"])).toBe('failed: the host does not permit it: "data/bytes"');
  });

  test("no message contains an absolute path", async () => {
    symlinkSync(join(folder, "outside.txt"), inWork("data/outer"));
    for (const path of ["data/none", "data/outer", "data/a.txt/x", "../outside.txt"]) expect(await readFails([path])).not.toContain(folder);
  });

  test("whatever the path, nothing outside the root is read", async () => {
    symlinkSync(join(folder, "elsewhere"), inWork("data/away"));
    const part = fc.constantFrom("..", ".", "", "data", "sub", "away", "a.txt", "b.txt", "outside.txt", "work", "elsewhere");
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), fc.boolean(), async (parts, absolute) => {
        expect(await failureOf(read([(absolute ? `${work}/` : "") + parts.join("/")]))).not.toContain("secret");
      }),
      { numRuns: scaledRuns(300) },
    );
  });
});

describe("fs.write", () => {
  const content = (name: string): string => readFileSync(inWork(name), "utf8");

  test("replace, append, create, base64, delete", async () => {
    expect(await write(["out/a.txt", "one"])).toBe(true);
    expect(await write(["out/a.txt", "two"])).toBe(true);
    expect(content("out/a.txt")).toBe("two");
    await write(["out/a.txt", " three", "append"]);
    await write(["out/new.txt", "first", "append"]);
    expect([content("out/a.txt"), content("out/new.txt")]).toEqual(["two three", "first"]);
    await write(["out/made.txt", "m", "create"]);
    expect(await writeFails(["out/made.txt", "n", "create"])).toBe('failed: it is there already: "out/made.txt"');
    expect(content("out/made.txt")).toBe("m");
    await write(["out/bytes", "AP//", "base64"]);
    expect([...readFileSync(inWork("out/bytes"))]).toEqual([0, 255, 255]);
    await write(["out/made.txt", "", "delete"]);
    expect(await writeFails(["out/made.txt", "", "delete"])).toBe('failed: no such file: "out/made.txt"');
    expect(readdirSync(inWork("out")).sort()).toEqual(["a.txt", "bytes", "new.txt"]);
  });

  test("a relative path below no root is resolved against the first root; missing folders are created", async () => {
    rmSync(inWork("out"), { recursive: true });
    await write(["report.txt", "r"]);
    await write(["out/deep/er/x.txt", "x"]);
    expect([content("out/report.txt"), content("out/deep/er/x.txt")]).toEqual(["r", "x"]);
  });

  test("a replaced file keeps its permissions, and a hard link to it keeps the old content", async () => {
    writeFileSync(inWork("out/a.txt"), "old");
    chmodSync(inWork("out/a.txt"), 0o640);
    linkSync(inWork("out/a.txt"), inWork("out/same.txt"));
    await write(["out/a.txt", "new"]);
    expect([content("out/a.txt"), content("out/same.txt"), statSync(inWork("out/a.txt")).mode & 0o777]).toEqual(["new", "old", 0o640]);
  });

  test("a path that leads out of the roots is denied, and nothing is written there", async () => {
    symlinkSync(join(folder, "elsewhere"), inWork("out/away"));
    symlinkSync(join(folder, "outside.txt"), inWork("out/outer"));
    symlinkSync(join(folder, "new.txt"), inWork("out/dangling"));
    for (const path of ["../x", "data/../../x", join(folder, "x"), inWork("data/x"), "out/away/x", "out/away/deep/x", "out/outer"]) {
      for (const how of ["replace", "append", "create"])
        expect(await writeFails([path, "bad", how]), `${how} ${path}`).toMatch(/^denied: |already/);
    }
    expect(await writeFails(["out/dangling", "bad"])).toMatch(/^(denied|failed): /);
    expect(await writeFails(["out/away/b.txt", "", "delete"])).toMatch(/^denied: /);
    expect(readdirSync(folder).sort()).toEqual(["elsewhere", "outside.txt", "work"]);
    expect(readdirSync(join(folder, "elsewhere"))).toEqual(["b.txt"]);
    expect(readFileSync(join(folder, "outside.txt"), "utf8")).toBe("secret");
  });

  test("a write follows a link inside the root; delete removes the link itself", async () => {
    writeFileSync(inWork("out/real.txt"), "r");
    symlinkSync("real.txt", inWork("out/link"));
    symlinkSync(join(folder, "outside.txt"), inWork("out/outer"));
    await write(["out/link", "w"]);
    expect(content("out/real.txt")).toBe("w");
    await write(["out/link", "", "delete"]);
    await write(["out/outer", "", "delete"]);
    expect(readdirSync(inWork("out"))).toEqual(["real.txt"]);
    expect(readFileSync(join(folder, "outside.txt"), "utf8")).toBe("secret");
  });

  test("devices, FIFOs and folders fail", async () => {
    execFileSync("mkfifo", [inWork("out/fifo")]);
    mkdirSync(inWork("out/sub"));
    for (const how of ["replace", "append", "delete"]) {
      expect(await writeFails(["out/fifo", "x", how])).toBe('failed: it is not a file: "out/fifo"');
      expect(await writeFails(["out/sub", "x", how])).toBe('failed: it is not a file: "out/sub"');
    }
    expect(await writeFails(["out", "x"])).toBe('failed: it is a folder: "out"');
    expect(await writeFails(["/dev/null", "x"], { write: ["/dev"] })).toBe('failed: it is not a file: "/dev/null"');
  });

  test("a root that looks like a file is an error that suggests its folder, and no folder of that name is created", async () => {
    const below = (name: string, what: string): string => `failed: the policy allows writing below folders; "${name}" ${what}`;
    const unlike = 'is not there and has the name of a file: name its folder, or write "/" at its end';
    for (const path of ["new/report.txt", "other.txt", inWork("new/report.txt")])
      expect(await writeFails([path, "x"], { write: ["./new/report.txt"] })).toBe(below("./new/report.txt", unlike));
    expect(readdirSync(work).sort()).toEqual(["data", "out"]);
    for (const [path, how] of [
      ["data/a.txt", "replace"],
      ["data/a.txt", "delete"],
      ["b.txt", "create"],
    ] as const)
      expect(await writeFails([path, "x", how], { write: ["data/a.txt"] })).toBe(below("data/a.txt", "is a file: name its folder"));
    expect(content("data/a.txt")).toBe("héllo");
    await write(["v1.2/a.txt", "x"], { write: ["v1.2/"] });
    await write(["v1.2/b.txt", "x"], { write: ["v1.2"] });
    expect(readdirSync(inWork("v1.2"))).toEqual(["a.txt", "b.txt"]);
    expect(await writeFails(["fresh", "x"], { write: ["fresh"] })).toBe('failed: it is a folder: "fresh"');
    expect(readdirSync(work).sort()).toEqual(["data", "out", "v1.2"]);
  });

  test("max_bytes counts the complete file: just at the limit, and one over", async () => {
    const scope = { ...ROOTS, max_bytes: 4 };
    await write(["out/a.txt", "éé"], scope);
    expect(await writeFails(["out/b.txt", "ééx"], scope)).toBe('failed: the file would be longer than 4 bytes: "out/b.txt"');
    await write(["out/c.txt", "ab"], scope);
    await write(["out/c.txt", "cd", "append"], scope);
    expect(await writeFails(["out/c.txt", "e", "append"], scope)).toBe('failed: the file would be longer than 4 bytes: "out/c.txt"');
    expect(content("out/c.txt")).toBe("abcd");
  });

  test.each([
    [["out/a.txt", "x", "overwrite"], /^failed: fs.write does not know "overwrite"/],
    [["out/a.txt", "!!", "base64"], /^failed: the content is not base64/],
    [["out/a\0.txt", "x"], /^failed: the path holds a NUL character/],
    [["", "x"], /^failed: the path is empty/],
    [["../data/a.txt", "x"], /^denied: /],
  ])("%j", async (args, message) => {
    expect(await writeFails(args)).toMatch(message);
  });

  test("a failed write leaves no temporary file", async () => {
    writeFileSync(inWork("out/there"), "x");
    await writeFails(["out/there", "y", "create"]);
    expect(readdirSync(inWork("out"))).toEqual(["there"]);
  });

  test("a failed write removes the folders it created, and no others", async () => {
    const long = "x".repeat(300);
    for (const how of ["replace", "append", "create"]) {
      expect(await writeFails([`out/new/deep/${long}`, "y", how])).toMatch(/^failed: the path is too long/);
      expect(await writeFails([`out/new/${long}/y`, "y", how])).toMatch(/^failed: the path is too long/);
    }
    expect(readdirSync(inWork("out"))).toEqual([]);
    mkdirSync(inWork("out/kept"));
    await writeFails([`out/kept/new/${long}`, "y"]);
    expect(readdirSync(inWork("out/kept"))).toEqual([]);
    await writeFails([`fresh/root/${long}`, "y"], { write: ["fresh/root"] });
    expect(readdirSync(work).sort()).toEqual(["data", "out"]);
  });

  test("a path of too many folders creates none", async () => {
    expect(await writeFails([`out/${"a/".repeat(100_000)}b`, "y"])).toMatch(/^failed: the path is too long/);
    expect(readdirSync(inWork("out"))).toEqual([]);
  });

  test("a program does not see temporary files", async () => {
    const name = temporaryName();
    writeFileSync(inWork(`out/${name}`), "half");
    writeFileSync(inWork("out/.boruna-notes.tmp"), "a file of the user's");
    expect(await read(["out", "list"])).toBe('[".boruna-notes.tmp"]');
    for (const want of ["text", "base64", "stat"])
      expect(await readFails([`out/${name}`, want])).toBe(`failed: no such file: "out/${name}"`);
    for (const how of ["replace", "append", "create", "delete"])
      expect(await writeFails([`out/${name}`, "y", how])).toBe(`failed: the name is kept for files that are being written: "out/${name}"`);
    expect(content(`out/${name}`)).toBe("half");
  });

  test("temporary files of a dead process are removed by the next write into their folder", async () => {
    const own = temporaryName();
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const abandoned = own.replace(`-${process.pid}-`, `-${pid}-`);
    const ofAnotherHost = abandoned.replace(/-[0-9a-f]{8}-/, "-00000000-");
    mkdirSync(inWork(`out/sub`));
    for (const name of [own, abandoned, ofAnotherHost, `sub/${abandoned}`]) writeFileSync(inWork(`out/${name}`), "half");
    await write(["out/a.txt", "a"]);
    expect(readdirSync(inWork("out")).sort()).toEqual([own, ofAnotherHost, "a.txt", "sub"].sort());
    expect(readdirSync(inWork("out/sub"))).toEqual([abandoned]);
  });

  test("reads back what it wrote", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        const replaceLoneSurrogates = Buffer.from(text).toString();
        await write(["out/t", replaceLoneSurrogates]);
        expect(await read(["out/t"])).toBe(replaceLoneSurrogates);
        await write(["out/b", Buffer.from(replaceLoneSurrogates).toString("base64"), "base64"]);
        expect(await read(["out/b"])).toBe(replaceLoneSurrogates);
      }),
      // Each write waits for the disk.
      { numRuns: scaledRuns(1_000) },
    );
  });
});

describe("a process that is killed while it writes", () => {
  const outFile = (name: string): string | undefined =>
    existsSync(inWork(`out/${name}`)) ? readFileSync(inWork(`out/${name}`), "utf8") : undefined;
  /** Returns the version number that a text repeats on each line; undefined if there is no file. */
  const versionOf = (text: string | undefined, size: number): number | undefined => {
    if (text === undefined) return undefined;
    const version = Number.parseInt(text, 10);
    expect(text).toBe(`${version}\n`.repeat(Math.ceil(size / 4)));
    return version;
  };

  /** Runs the writer until it kills itself, or is killed after `rounds` if `killAt` is 0. Returns the number of reported rounds. */
  async function killedWriter(killAt: number, rounds: number, size: number): Promise<number> {
    const script = await childScript(new URL("kill-writer.mjs", import.meta.url));
    const writer = spawn(process.execPath, [script, work, String(killAt), String(size)], { stdio: ["ignore", "pipe", "inherit"] });
    let reported = 0;
    writer.stdout.setEncoding("utf8").on("data", (lines: string) => {
      reported = Number(lines.trimEnd().split("\n").at(-1));
      if (killAt === 0 && reported >= rounds) writer.kill("SIGKILL");
    });
    const [, signal] = await new Promise<[number | null, string | null]>((done) => writer.on("close", (...end) => done(end)));
    expect(signal).toBe("SIGKILL");
    return reported;
  }

  /** Checks the files of a killed writer whose last finished round is `done`, then writes into the same folders. */
  async function checkFiles(done: number, size: number): Promise<void> {
    const appended = outFile("appended") ?? "";
    const lines = appended.split("\n").length - 1;
    expect(appended).toBe(Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join(""));
    for (const version of [versionOf(outFile("replaced"), size), versionOf(outFile("bytes"), size), lines])
      expect([done, done + 1]).toContain(version ?? 0);
    const created = existsSync(inWork("out/new")) ? readdirSync(inWork("out/new")).filter((name) => !isTemporary(name)) : [];
    for (const name of created) expect(versionOf(outFile(`new/${name}`), size)).toBe(Number(name));
    // A program does not see the temporary files that were left, and its next write removes them.
    expect(await read(["out", "list"])).not.toContain(".boruna-");
    await write(["out/replaced", "next"]);
    await write(["out/new/next", "next"]);
    expect([...readdirSync(inWork("out")), ...readdirSync(inWork("out/new"))].filter(isTemporary)).toEqual([]);
  }

  test("leaves the old or the new file before each call that changes one", async () => {
    // The writer's first round makes 9 calls that change a file. The second makes 12, because it also sets the mode of the files that it replaces.
    for (const killAt of someOf(Array.from({ length: 12 }, (_, i) => 10 + i))) {
      rmSync(inWork("out"), { recursive: true });
      mkdirSync(inWork("out"));
      await checkFiles(await killedWriter(killAt, 0, 3_000_000), 3_000_000);
    }
  });

  test("leaves the old or the new file at any other moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.constantFrom(100, 3_000_000), async (rounds, size) => {
        rmSync(inWork("out"), { recursive: true });
        mkdirSync(inWork("out"));
        await checkFiles(await killedWriter(0, rounds, size), size);
      }),
      { numRuns: scaledRuns(40) },
    );
  });
});
