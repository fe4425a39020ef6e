/**
 * `npm run elementary` writes vm/value/elementary-functions.ts: one file with the elementary functions of stdlib, from the
 * packages that scripts/elementary/package-lock.json pins. If a result changes by one bit, old logs may not replay. So
 * test/vm/value/elementary.test.ts pins the bits of results (docs/internals/adr/039-elementary-functions.md).
 */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const FOLDER = fileURLToPath(new URL("elementary", import.meta.url));
const TARGET = fileURLToPath(new URL("../vm/value/elementary-functions.ts", import.meta.url));
const ENTRY = "entry.js";

/** For each function, the last part of the name of its package. */
const FUNCTIONS = {
  exp: "exp",
  log: "ln",
  log2: "log2",
  log10: "log10",
  pow: "pow",
  sin: "sin",
  cos: "cos",
  tan: "tan",
  asin: "asin",
  acos: "acos",
  atan: "atan",
} as const;

/** Packages that are needed only in old JavaScript engines, each with the code that replaces it. */
const REPLACED: ReadonlyMap<string, string> = new Map([
  ["@stdlib/array-float64", "module.exports = Float64Array;"],
  ["@stdlib/array-uint8", "module.exports = Uint8Array;"],
  ["@stdlib/array-uint16", "module.exports = Uint16Array;"],
  ["@stdlib/array-uint32", "module.exports = Uint32Array;"],
  ["@stdlib/number-ctor", "module.exports = Number;"],
  ["@stdlib/utils-define-nonenumerable-read-only-property", "module.exports = (object, name, value) => { object[name] = value; };"],
]);

const HEADER = `// @ts-nocheck: bundled from JavaScript by \`npm run elementary\`; do not edit.
/**
 * The elementary functions of stdlib (https://stdlib.io), which are ports of FreeBSD's msun and of Cephes. They use only the operations
 * of IEEE 754 that give the same bits on every host, and no function of \`Math\` but abs, ceil, floor, round and sqrt.
 *
 * Copyright (c) 2016-2026 The Stdlib Authors. Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
 * except in compliance with the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0. Unless
 * required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 * WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language governing permissions and
 * limitations under the License. Modified: bundled into one file, without what only old JavaScript engines need.
 *
 * Parts: Copyright (C) 1993, 2004 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved.
 *
 * Parts: Copyright 1984, 1995, 2000 by Stephen L. Moshier. Some software in this archive may be from the book Methods and Programs for
 * Mathematical Functions (Prentice-Hall or Simon & Schuster International, 1989) or from the Cephes Mathematical Library, a commercial
 * product. In either event, it is copyrighted by the author. What you see here may be used freely but it comes with no support or
 * guarantee. Stephen L. Moshier, moshier@na-net.ornl.gov
 */
export interface ElementaryFunctions {
${Object.keys(FUNCTIONS)
  .map((name) => `  readonly ${name}: (${name === "pow" ? "x: number, y: number" : "x: number"}) => number;`)
  .join("\n")}
}
`;

/** Returns the text of an entry that collects the functions. */
function entryText(): string {
  const imports = Object.entries(FUNCTIONS).map(([name, part]) => `import ${name} from "@stdlib/math-base-special-${part}/lib/main.js";`);
  return `${imports.join("\n")}\nconst functions = { ${Object.keys(FUNCTIONS).join(", ")} };\nexport { functions };\n`;
}

async function bundleFunctions(): Promise<string> {
  const bundle = await rolldown({
    input: ENTRY,
    cwd: FOLDER,
    platform: "neutral",
    resolve: { mainFields: ["main"] },
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === ENTRY ? join(FOLDER, ENTRY) : REPLACED.has(id) ? id : null),
        load: (id) => (id === join(FOLDER, ENTRY) ? entryText() : (REPLACED.get(id) ?? null)),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "esm", comments: false });
  await bundle.close();
  return output[0].code;
}

if (!existsSync(join(FOLDER, "node_modules"))) {
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: FOLDER, stdio: "inherit" });
  if (status !== 0) throw new Error("npm ci failed in scripts/elementary");
}
const code = await bundleFunctions();
const body = code.replace(/export \{ functions \};\s*$/, "export const ELEMENTARY_FUNCTIONS: ElementaryFunctions = functions;\n");
if (body === code) throw new Error("the bundle does not end with its export");
writeFileSync(TARGET, HEADER + body);
