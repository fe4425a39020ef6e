/**
 * Runs the compiled engine without metering, to measure the cost of metering. The product has no option for that. So this
 * file removes the lines that count from the generated text before the text becomes code.
 */
const COUNTING: readonly RegExp[] = [
  /^steps \+= \d+;(?: bytes \+= \d+;)?$/gm,
  // A check at which the loop may leave its frame, up to the braces that close it.
  /^if \(steps > \d+\) \{[^\n]*mustPause\(meter\)\) \{\n[^]*?\n\} \}$/gm,
  /^if \(steps > \d+\) .*$/gm,
  /^if \(bytes > \d+\) .*$/gm,
  /^meter\.steps \+= .*$/gm,
  /^if \(depth >=? meter\.maxDepth\) throw 0;$/gm,
  /^if \(meter\.steps > meter\.checkAt\) checkLimits\(meter\);$/gm,
  /^if \(meter\.allocBytes > meter\.maxAllocBytes\) throw 0;$/gm,
  /^if \(\(meter\.allocBytes \+= .*$/gm,
];

/** The entry of compiled code. It still counts some steps, because the engine gives up code that often runs for few steps. */
const ENTRY = /(?<=^return \{ run: function \(meter, depth, values\) \{)$/m;

const withoutCounting = (text: string): string =>
  COUNTING.reduce((filteredText, line) => filteredText.replace(line, ""), text).replace(ENTRY, " meter.steps += 1000;");

/** Runs `body` and returns its result. Code that is compiled during `body` does not count steps, bytes or depth. */
export function notMetered<T>(body: () => T): T {
  const original = globalThis.Function;
  globalThis.Function = new Proxy(original, {
    construct: (target, args: unknown[]) => {
      const texts = args.map(String);
      const last = texts.pop() ?? "";
      try {
        return Reflect.construct(target, [...texts, withoutCounting(last)]);
      } catch (cause) {
        // The engine expects a SyntaxError, and would leave the function to the interpreter.
        throw new Error("removing the lines that count breaks the generated text", { cause });
      }
    },
  });
  try {
    return body();
  } finally {
    globalThis.Function = original;
  }
}
