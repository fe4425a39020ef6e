/** Where the conformance cases are: in `../shared` if that folder exists, otherwise the project's own copies. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const shared = fileURLToPath(new URL("../../shared/conformance/", import.meta.url));
const own = fileURLToPath(new URL("./conformance/", import.meta.url));

/** A folder path with a separator at its end. */
export const CONFORMANCE_ROOT: string = existsSync(shared) ? shared : own;
