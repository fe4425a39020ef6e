/** The peak memory of a child process, measured by the child itself: only it knows how high it went. */

/**
 * The Node arguments that make a process write its peak memory, in KiB, to a file descriptor when it ends. On Linux it is `VmHWM` of
 * `/proc/self/status`: `maxRSS` counts from the memory that the parent had when it started the child (`ru_maxrss`, getrusage(2)).
 */
export function reportPeakMemory(descriptor: number): readonly [string, string] {
  const report = `
    import { existsSync, readFileSync, writeSync } from "node:fs";
    const STATUS = "/proc/self/status";
    const peakKiB = () => /VmHWM:\\s*(\\d+)/.exec(existsSync(STATUS) ? readFileSync(STATUS, "utf8") : "")?.[1] ?? process.resourceUsage().maxRSS;
    process.on("exit", () => writeSync(${descriptor}, "\\npeak-memory-kib=" + peakKiB() + "\\n"));`;
  return ["--import", `data:text/javascript,${encodeURIComponent(report)}`];
}

/** The peak memory in bytes that a process wrote; undefined if it wrote none. */
export function readPeakMemory(written: string): number | undefined {
  const kib = /peak-memory-kib=(\d+)/.exec(written)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1_024;
}
