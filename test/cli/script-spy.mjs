/** Loaded before the command (`--import`): writes to the file SCRIPTS whether V8 was given kept code, and took it. */
import { writeFileSync } from "node:fs";
import vm from "node:vm";

vm.Script = class extends vm.Script {
  /**
   * @param {string} source
   * @param {vm.ScriptOptions} options
   */
  constructor(source, options) {
    super(source, options);
    const state = this.cachedDataRejected === true ? "rejected" : "used";
    writeFileSync(process.env.SCRIPTS, options.cachedData === undefined ? "none" : state);
  }
};
