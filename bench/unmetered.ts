/**
 * Runs the compiled engine without metering, to measure what metering costs. The product has no such switch: this file
 * removes the lines that count from the generated text before it becomes code.
 */
const COUNTING: readonly RegExp[] = [
  /^steps \+= \d+;(?: bytes \+= \d+;)?$/gm,
  /^if \(steps > \d+\) \{[^\n]*checkLimits\(meter\)\) \{\n[^\n]*return PAUSED; \} \}$/gm,
  /^if \(steps > \d+\) .*$/gm,
  /^if \(bytes > \d+\) .*$/gm,
  /^meter\.steps \+= steps;.*$/gm,
  /^if \(depth > meter\.maxDepth\) deoptimize\(\);$/gm,
  /^if \(meter\.steps > meter\.checkAt\) checkLimits\(meter\);$/gm,
  /^if \(meter\.allocBytes > meter\.maxAllocBytes\) deoptimize\(\);$/gm,
  /^if \(\(meter\.allocBytes \+= .*$/gm,
];

const withoutCounting = (text: string): string => COUNTING.reduce((left, line) => left.replace(line, ""), text);

/** Runs `body`. Code that is compiled meanwhile counts nothing. */
export function notMetered<T>(body: () => T): T {
  const original = globalThis.Function;
  globalThis.Function = new Proxy(original, {
    construct: (target, args: unknown[]) => {
      const texts = args.map(String);
      const last = texts.pop() ?? "";
      return Reflect.construct(target, [...texts, withoutCounting(last)]);
    },
  });
  try {
    return body();
  } finally {
    globalThis.Function = original;
  }
}
