/**
 * Writes versions of files with `fs.write` until it is killed. Arguments: the folder, the number of the call that changes a file before which
 * the process kills itself (0: never), and the bytes of one version. Prints a line for each round.
 */
import { Buffer } from "node:buffer";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [folder = "", killAt = "0", size = "1000"] = process.argv.slice(2);
let calls = 0;
let counting = false;
for (const name of ["writeSync", "fchmodSync", "renameSync", "linkSync", "unlinkSync"]) {
  const original = fs[name];
  fs[name] = (...args) => {
    if (counting && ++calls === Number(killAt)) process.kill(process.pid, "SIGKILL");
    return original(...args);
  };
}
syncBuiltinESMExports();

const { fsWriteHandler } = await import("../../../gateway/handlers/fs-write.ts");
const { policyFromJson } = await import("../../../policy/policy.ts");
const policy = policyFromJson(new Map([["fs_policy", new Map([["write", ["out"]]])]]));
const write = fsWriteHandler({ workingDirectory: folder });

for (let version = 1; ; version++) {
  const text = `${version}\n`.repeat(Math.ceil(Number(size) / 4));
  counting = true;
  await write(["out/replaced", text, "replace"], { policy });
  await write(["out/bytes", Buffer.from(text).toString("base64"), "base64"], { policy });
  await write(["out/appended", `${version}\n`, "append"], { policy });
  await write([`out/new/${version}`, text, "create"], { policy });
  counting = false;
  process.stdout.write(`${version}\n`);
}
