/** Opens a client of workers. Loads the client, its engine and the driver of the database only then. */
import { importOptional } from "../gateway/optional-package.ts";
import type { Client } from "./api.ts";

/**
 * Opens a client of the database that workers (`boruna worker`) take runs from. Close it at the end. Throws `usage` for an address of another
 * form, `worker.database` if the database cannot be used, `worker.no_tables` if no worker has used it yet.
 */
export async function createClient(options: { readonly databaseUrl: string }): Promise<Client> {
  return (await importOptional("a client of workers", () => import("./client.ts"))).openClient(options.databaseUrl);
}
