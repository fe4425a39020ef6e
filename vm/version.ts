/** The version in `package.json`; a test compares them. `vm/` cannot read files. */
export const VERSION = "0.1.0";
