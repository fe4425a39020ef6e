/** Child process of db-lock.test.ts. It tries to lock a folder, prints whether it succeeded, and then ends or waits until it is killed. */
import { lockFolder } from "../../../gateway/handlers/db-lock.ts";

const [folder = "", then] = process.argv.slice(2);
process.stdout.write(typeof lockFolder(folder) === "function" ? "locked\n" : "busy\n");
if (then === "wait") process.stdin.resume();
