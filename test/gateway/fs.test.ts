import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fsReadHandler } from "../../gateway/handlers/fs-read.ts";
import { fsWriteHandler } from "../../gateway/handlers/fs-write.ts";
import type { Value } from "../../vm/value.ts";
import { callerOf, policyOf } from "./context.ts";

let base: string;
let read: (...args: readonly Value[]) => Promise<Value>;
let write: (...args: readonly Value[]) => Promise<Value>;
const open = (roots: readonly string[], max_bytes = 1_000): void => {
  const policy = policyOf({ default_allow: true, fs_policy: { read: roots, write: roots, max_bytes } });
  read = callerOf("fs.read", fsReadHandler({ workingDirectory: base }), policy);
  write = callerOf("fs.write", fsWriteHandler({ workingDirectory: base }), policy);
};

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "boruna-fs-"));
  mkdirSync(join(base, "data/sub"), { recursive: true });
  mkdirSync(join(base, "outside"));
  writeFileSync(join(base, "data/a.txt"), "hëllo");
  writeFileSync(join(base, "data/sub/b.txt"), "b");
  writeFileSync(join(base, "outside/secret.txt"), "secret");
  open(["./data"]);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe("fs.read", () => {
  test("paths from the working directory, from the root, absolute", async () => {
    for (const path of ["data/a.txt", "./data/sub/../a.txt", "a.txt", join(base, "data/a.txt")]) expect(await read(path)).toBe("hëllo");
    expect(await read("sub/b.txt")).toBe("b");
  });

  test("text, base64, list, stat", async () => {
    writeFileSync(join(base, "data/raw"), Buffer.from([0xff, 0x00]));
    writeFileSync(join(base, "data/é"), "");
    writeFileSync(join(base, "data/Z"), "");
    expect(await read("raw")).toBe('failed: the file is not UTF-8 text, read it as "base64": "raw"');
    expect(await read("raw", "base64")).toBe("/wA=");
    expect(await read("data", "list")).toBe('["Z","a.txt","raw","sub","é"]');
    expect(await read(".", "list")).toBe('["Z","a.txt","raw","sub","é"]');
    expect(await read("raw", "stat")).toMatch(/^\{"kind":"file","modified_ms":[0-9]+,"size":2\}$/);
    expect(await read("sub", "stat")).toMatch(/^\{"kind":"folder","modified_ms":[0-9]+,"size":0\}$/);
    expect(await read("raw", "lst")).toBe('failed: fs.read does not know "lst". Did you mean "list"?');
    expect(await read("sub")).toBe('failed: it is a folder: "sub"');
    expect(await read("raw", "list")).toBe('failed: it is not a folder: "raw"');
    expect(await read("none")).toBe('failed: no such file: "none"');
    expect(await read("a.txt/x")).toBe('failed: a part of the path is not a folder: "a.txt/x"');
    expect(await read("")).toBe("failed: the path is empty");
    expect(await read("a\0")).toBe("failed: the path holds a NUL character");
    expect(await read("x".repeat(5_000))).toMatch(/^failed: the path is too long/);
  });

  test("the size limit, at it and over it", async () => {
    writeFileSync(join(base, "data/full"), "x".repeat(1_000));
    writeFileSync(join(base, "data/over"), "x".repeat(1_001));
    expect(await read("full")).toHaveLength(1_000);
    expect(await read("over")).toBe('failed: the file is longer than 1000 bytes: "over"');
    expect(await read("over", "stat")).toContain('"size":1001');
    open(["/proc"]);
    // A file whose size the system gives as 0.
    expect(await read("/proc/self/status")).toMatch(/^failed: the file is longer|^denied/);
  });

  test("what leads out is denied", async () => {
    symlinkSync(join(base, "outside/secret.txt"), join(base, "data/link"));
    symlinkSync("../outside", join(base, "data/folder"));
    symlinkSync("a.txt", join(base, "data/inner"));
    for (const path of ["../outside/secret.txt", "link", "folder/secret.txt", "data/folder/secret.txt", join(base, "outside/secret.txt"), "/etc/passwd", join(base, "data/folder/secret.txt")]) {
      expect(await read(path)).toBe(`denied: the path ${JSON.stringify(path)} leads out of the folders that the policy allows`);
    }
    expect(await read("folder", "list")).toMatch(/^denied/);
    expect(await read("link", "stat")).toMatch(/^denied/);
    expect(await read("inner")).toBe("hëllo");
  });

  test("a root that is a link, and several roots", async () => {
    symlinkSync(join(base, "data"), join(base, "alias"));
    open(["alias", "outside"]);
    expect(await read("alias/a.txt")).toBe("hëllo");
    expect(await read("secret.txt")).toBe("secret");
    expect(await read(join(base, "data/a.txt"))).toBe("hëllo");
  });

  test("a root that is a file", async () => {
    open(["data/a.txt"]);
    expect(await read("data/a.txt")).toBe("hëllo");
    expect(await read("data/sub/b.txt")).toMatch(/^failed|^denied/);
  });

  test("FIFOs and devices are not opened", async () => {
    execFileSync("mkfifo", [join(base, "data/fifo")]);
    expect(await read("fifo")).toBe('failed: it is not a file or folder: "fifo"');
    open(["/dev"]);
    expect(await read("/dev/null")).toBe('failed: it is not a file or folder: "/dev/null"');
  });
});

describe("fs.write", () => {
  const at = (path: string): string => readFileSync(join(base, path), "utf8");

  test("replace, append, create, delete, base64", async () => {
    expect(await write("data/new.txt", "one")).toBe(true);
    expect(at("data/new.txt")).toBe("one");
    expect(await write("new.txt", "two")).toBe(true);
    expect(await write("new.txt", "+", "append")).toBe(true);
    expect(await write("fresh.txt", "+", "append")).toBe(true);
    expect([at("data/new.txt"), at("data/fresh.txt")]).toEqual(["two+", "+"]);
    expect(await write("new.txt", "x", "create")).toBe('failed: it is there already: "new.txt"');
    expect(await write("created.txt", "x", "create")).toBe(true);
    expect(await write("raw", "/wA=", "base64")).toBe(true);
    expect(readFileSync(join(base, "data/raw"))).toEqual(Buffer.from([0xff, 0]));
    expect(await write("raw", "not base64!", "base64")).toBe("failed: the content is not base64");
    expect(await write("created.txt", "", "delete")).toBe(true);
    expect(await write("created.txt", "", "delete")).toBe('failed: no such file: "created.txt"');
    expect(await write("nowhere/x", "", "delete")).toBe('failed: no such file: "nowhere/x"');
    expect(await write("x", "", "remove")).toMatch(/^failed: fs.write does not know "remove"/);
    expect(readdirSync(join(base, "data")).sort()).toEqual(["a.txt", "fresh.txt", "new.txt", "raw", "sub"]);
  });

  test("folders on the way are made, the root too", async () => {
    open(["./out"]);
    expect(await write("deep/er/x.txt", "x")).toBe(true);
    expect(await write("out/top.txt", "y")).toBe(true);
    expect([at("out/deep/er/x.txt"), at("out/top.txt")]).toEqual(["x", "y"]);
    expect(await write("deep", "x")).toBe('failed: it is not a file: "deep"');
    expect(await write("out", "x")).toBe('failed: it is a folder: "out"');
    expect(await write("top.txt/x", "x")).toBe('failed: a part of the path is not a folder: "top.txt/x"');
  });

  test("keeps the mode of what it replaces", async () => {
    chmodSync(join(base, "data/a.txt"), 0o640);
    await write("a.txt", "x");
    expect(statSync(join(base, "data/a.txt")).mode & 0o777).toBe(0o640);
  });

  test("nothing outside is touched", async () => {
    symlinkSync(join(base, "outside/secret.txt"), join(base, "data/link"));
    symlinkSync("../outside", join(base, "data/folder"));
    symlinkSync("../outside/new", join(base, "data/dangling"));
    symlinkSync("a.txt", join(base, "data/inner"));
    for (const path of ["../outside/x", "link", "folder/x", "folder/deep/x", join(base, "outside/x"), "/etc/x"]) expect(await write(path, "x")).toMatch(/^denied: /);
    for (const path of ["folder/secret.txt", "../outside/secret.txt"]) expect(await write(path, "", "delete")).toMatch(/^denied: /);
    expect(await write("link", "x", "append")).toMatch(/^denied: /);
    expect(await write("dangling", "x")).toMatch(/^failed: no such file/);
    expect(await write("inner", "through")).toBe(true);
    expect([at("data/a.txt"), at("outside/secret.txt")]).toEqual(["through", "secret"]);
    expect(await write("link", "", "delete")).toBe(true);
    expect(readdirSync(join(base, "outside"))).toEqual(["secret.txt"]);
    expect(existsSync(join(base, "data/link"))).toBe(false);
  });

  test("the size limit counts the whole file", async () => {
    expect(await write("a.txt", "x".repeat(1_001))).toBe('failed: the file would be longer than 1000 bytes: "a.txt"');
    expect(await write("long", "x".repeat(1_000))).toBe(true);
    expect(await write("long", "é", "append")).toBe('failed: the file would be longer than 1000 bytes: "long"');
    expect(readdirSync(join(base, "data")).sort()).toEqual(["a.txt", "long", "sub"]);
  });
});
