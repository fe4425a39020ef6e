/**
 * An executor of the engine in a process of its own, for `engine.test.ts`. Arguments: the address of the database, the name of the executor,
 * and a FILE to which it appends a line for each step that it makes. At the step `2 wait`, it appends `waits` and waits until `FILE.go`
 * exists.
 */
import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openPool } from "../../worker/database.ts";
import { launchEngine } from "../../worker/engine.ts";

const [databaseUrl = "", executor = "", file = ""] = process.argv.slice(2);
const note = (line: string): void => appendFileSync(file, `${executor} ${line}\n`);

await launchEngine({
  pool: openPool(databaseUrl, 6),
  databaseUrl,
  executor,
  queues: [{ name: "engine", perWorker: 10, perTenant: undefined, tenantRate: undefined }],
  run: async (_id, step) => {
    const first = await step("1 first", async () => {
      note("first");
      return executor;
    });
    const second = await step("2 wait", async () => {
      note("waits");
      while (!existsSync(`${file}.go`)) await sleep(20);
      note("made");
      return executor;
    });
    note("ended");
    return `${first} ${second}`;
  },
  onNotice: () => undefined,
});
process.stdout.write("launched\n");
