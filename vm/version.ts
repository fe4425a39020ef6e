/** The version of this package, as `package.json` says it (a test compares them). The pure rooms cannot read files. */
export const VERSION = "0.1.0";
