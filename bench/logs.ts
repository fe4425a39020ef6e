/**
 * Measures logs of calls whose handler does nothing: recording, verifying and replaying them. Each figure has a process of its own
 * (`log-run.ts`), in processor time.
 */
import { childTimes } from "./child.ts";
import type { Table } from "./report.ts";
import { type Figure, figureOf } from "./statistics.ts";

export interface LogCosts {
  /** The time of one call through `execute`, with a policy and a budget, in microseconds. Its events are counted but not kept. */
  readonly call: Figure;
  /** The time of one recorded call less that of the same call without a log, in microseconds. */
  readonly recording: Figure;
  /** Events per second, for a log in a file. A replay reads again what the log does not keep in memory. */
  readonly verified: Figure;
  readonly replayed: Figure;
}

export function logCosts(): LogCosts {
  const measured = (what: string): readonly number[] => childTimes("log-run", what);
  const perSecond = (times: readonly number[]): Figure => figureOf(times.map((time) => 1_000_000 / time));
  return {
    call: figureOf(measured("call")),
    recording: figureOf(measured("recording")),
    verified: perSecond(measured("verify")),
    replayed: perSecond(measured("replay")),
  };
}

export function logTables({ call, recording, verified, replayed }: LogCosts): readonly Table[] {
  return [
    {
      title: "Recording a call",
      note: "Through `execute`, with a policy and a budget. A recorded call is two records, each with its hash and a system call. Another virtual machine on the same core can double these times.",
      columns: ["µs of processor time"],
      rows: [
        { what: "a call without a log", cells: [call] },
        { what: "recording it", cells: [recording] },
      ],
    },
    {
      title: "Reading a log",
      note: "A log of 40,000 events. A replay reads what is after about 32 MiB of a log twice.",
      columns: ["events a second of processor time"],
      rows: [
        { what: "verify", cells: [verified] },
        { what: "replay", cells: [replayed] },
      ],
    },
  ];
}
