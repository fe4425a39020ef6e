import { BorunaError } from "../vm/error.ts";

/** Returns the kind of the `BorunaError` that `body` throws. Throws any other error. */
export async function kindOf(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
  return "nothing was thrown";
}
