/** Child of db-lock.test.ts: takes the lock of a folder and prints whether it got it. Then ends, or waits until it is killed. */
import { lockFolder } from "../../../gateway/handlers/db-lock.ts";

const [folder = "", then] = process.argv.slice(2);
process.stdout.write(typeof lockFolder(folder) === "function" ? "locked\n" : "busy\n");
if (then === "wait") process.stdin.resume();
