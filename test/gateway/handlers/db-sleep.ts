/** Child process of db-query.test.ts. Its statement takes longer than the test. Argument: the environment as JSON. */
import { queryOn } from "./databases.ts";

const env: unknown = JSON.parse(process.argv[2] ?? "");
const entries = typeof env === "object" && env !== null ? Object.entries(env).map(([name, value]) => [name, String(value)] as const) : [];
void queryOn(Object.fromEntries(entries))
  .failure("select pg_sleep(600)", [], { timeout_ms: 0 })
  .then((message) => process.stdout.write(message));
