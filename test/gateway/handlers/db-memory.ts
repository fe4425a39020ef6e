/** Child process of db-query.test.ts with a small heap. It queries 10,000 long rows, then ten million. Argument: the environment as JSON. */
import { queryOn } from "./databases.ts";

const env: unknown = JSON.parse(process.argv[2] ?? "");
const entries = typeof env === "object" && env !== null ? Object.entries(env).map(([name, value]) => [name, String(value)] as const) : [];
const query = queryOn(Object.fromEntries(entries));
const selectRows = (count: number): string => `select repeat('x', 1000) as t from generate_series(1, ${count})`;

async function main(): Promise<void> {
  const rows = await query.rows(selectRows(10_000));
  process.stdout.write(`${Array.isArray(rows) ? rows.length : 0} rows\n`);
  process.stdout.write(`${await query.failure(selectRows(10_000_000))}\n`);
}

void main();
