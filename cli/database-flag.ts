/** The database of the workers: `--database-url`, or the variable `DATABASE_URL`. */
import { type Client, createClient } from "../worker/api.ts";
import { BorunaError } from "../vm/error.ts";

export interface DatabaseFlags {
  readonly databaseUrl?: string;
}

/** Returns the address, or undefined if there is none. */
export function databaseUrlOf(flags: DatabaseFlags): string | undefined {
  return flags.databaseUrl ?? (process.env["DATABASE_URL"]?.trim() || undefined);
}

/** Returns the address. Throws `usage` without one. */
export function requiredDatabaseUrl(flags: DatabaseFlags): string {
  const url = databaseUrlOf(flags);
  if (url !== undefined) return url;
  throw new BorunaError("usage", "which database? Give its address in DATABASE_URL, or with --database-url", {
    hint: "for example: DATABASE_URL=postgres://boruna:secret@localhost/boruna",
  });
}

/** Runs `body` with a client of the database, and closes it. */
export async function withClient<T>(flags: DatabaseFlags, body: (client: Client) => Promise<T>): Promise<T> {
  const client = await createClient({ databaseUrl: requiredDatabaseUrl(flags) });
  try {
    return await body(client);
  } finally {
    await client.close();
  }
}
