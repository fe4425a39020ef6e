/**
 * Loaded before the command (`--import`): writes to the file TRACE, at its end, which of the calls under test it made, in order.
 * With KILL_AT=NAME the process kills itself instead of making the first such call.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const calls = [];
const { openSync, writeSync, fsyncSync, fdatasyncSync, linkSync, renameSync } = fs;

function called(name, detail) {
  if (process.env.KILL_AT === name) process.kill(process.pid, "SIGKILL");
  calls.push(`${name} ${detail}`);
}

fs.openSync = (path, ...rest) => {
  const descriptor = openSync(path, ...rest);
  if (String(path).endsWith("input.txt")) called("open", "input.txt");
  return descriptor;
};
fs.writeSync = (descriptor, bytes, ...rest) => {
  if (descriptor === process.stderr.fd) called("print", "stderr");
  const [, event] = /^\{"event":\{"(\w+)"/.exec(Buffer.from(bytes).toString("latin1", 0, 64)) ?? [];
  const header = Buffer.from(bytes).toString("latin1", 0, 200).includes('"boruna_log":') ? "header" : undefined;
  if (event !== undefined || header !== undefined) called("write", event ?? header);
  return writeSync(descriptor, bytes, ...rest);
};
for (const [name, real] of [
  ["fsyncSync", fsyncSync],
  ["fdatasyncSync", fdatasyncSync],
]) {
  fs[name] = (descriptor) => {
    called("sync", fs.fstatSync(descriptor).isDirectory() ? "folder" : "file");
    return real(descriptor);
  };
}
fs.linkSync = (from, to) => {
  called("link", to);
  return linkSync(from, to);
};
fs.renameSync = (from, to) => {
  if (!String(to).includes("/proc/self/fd/")) called("rename", to);
  return renameSync(from, to);
};
syncBuiltinESMExports();

process.on("exit", () => fs.writeFileSync(process.env.TRACE, JSON.stringify(calls)));
