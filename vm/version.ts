/** The same version as in `package.json`. It is repeated here because `vm/` imports nothing of Node. A test compares the two. */
export const VERSION = "1.0.0";
