/** The database of the workers: `--database-url`, `--dev`, or the variable `DATABASE_URL`. */
import { importOptional } from "../gateway/optional-package.ts";
import type { Client } from "../worker/api.ts";
import { createClient } from "../worker/create-client.ts";
import { BorunaError } from "../vm/error.ts";

export interface DatabaseFlags {
  readonly databaseUrl?: string;
  readonly dev?: boolean;
}

/** Returns the address, or undefined if there is none. Throws `worker.no_dev`. */
export async function databaseUrlOf(flags: DatabaseFlags): Promise<string | undefined> {
  if (flags.dev === true) return (await importOptional("--dev", () => import("../worker/dev-database.ts"))).devDatabaseUrl();
  return flags.databaseUrl ?? (process.env["DATABASE_URL"]?.trim() || undefined);
}

/** Returns the address. Throws `usage` without one, `worker.no_dev`. */
export async function requiredDatabaseUrl(flags: DatabaseFlags): Promise<string> {
  const url = await databaseUrlOf(flags);
  if (url !== undefined) return url;
  throw new BorunaError("usage", "which database? Give its address in DATABASE_URL, or with --database-url", {
    hint: "for example: DATABASE_URL=postgres://boruna:secret@localhost/boruna; for a first try, --dev needs no server",
  });
}

/** Runs `body` with a client of the database, and closes it. */
export async function withClient<T>(flags: DatabaseFlags, body: (client: Client) => Promise<T>): Promise<T> {
  const client = await createClient({ databaseUrl: await requiredDatabaseUrl(flags) });
  try {
    return await body(client);
  } finally {
    await client.close();
  }
}
