/**
 * Lets helpers clean up at the end of a test file. Test files share modules: a hook at the top of a helper would run only for the
 * first file that imports the helper. `test/setup.ts` calls `cleanUp` for each file.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Cleanup = () => Promise<void> | void;

const cleanups: Cleanup[] = [];

/** Calls `cleanup` after the tests of this file, before those that were registered earlier. */
export function afterFile(cleanup: Cleanup): void {
  cleanups.push(cleanup);
}

export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** Creates a folder that is removed after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "boruna-test-"));
  // Retries, because a process that was just killed may still write a file.
  afterFile(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return folder;
}
