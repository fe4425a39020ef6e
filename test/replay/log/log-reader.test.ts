import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadEvent } from "../../../replay/log/event-json.ts";
import { LOG_LIMITS, type LogLimits } from "../../../replay/log/log-limits.ts";
import { parseLog, type ParsedLog, type RunLog } from "../../../replay/log/log-reader.ts";
import { memorySource } from "../../../replay/log/log-source.ts";
import { BorunaError } from "../../../vm/error.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { canonicalJson, parseJson } from "../../../vm/json/json.ts";
import { linesOf, withNewHashes } from "../mend.ts";
import { anyEvents, sampleDescription, successfulRunEnd, recordEvents, SAMPLE_EVENTS } from "../sample.ts";
import { memoryRecorder } from "../../../replay/log/recorder.ts";
import { scaledRuns } from "../../cases.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (log: string): Uint8Array => new TextEncoder().encode(log);

function asRunLog(log: ParsedLog): RunLog {
  if (log.format !== "log") throw new Error("not a run log");
  return log;
}
function errorOf(body: () => unknown): BorunaError {
  try {
    body();
  } catch (error) {
    if (error instanceof BorunaError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
const parseText = (log: string, limits: Partial<LogLimits> = {}): ParsedLog =>
  parseLog(memorySource(encode(log)), { ...LOG_LIMITS, ...limits });

describe("the log's format", () => {
  test("is the documented one, line by line", () => {
    const lines = linesOf(decode(recordEvents(SAMPLE_EVENTS).bytes()));
    expect(
      lines.map((line) => line.replace(/"[0-9a-f]{64}"/g, '"H"').replace(/"run_id":"[0-9a-f]{32}"/, '"run_id":"R"')),
    ).toMatchInlineSnapshot(`
      [
        "{"args":{},"boruna_log":1,"capability_set_hash":"sha256:0000000000000000000000000000000000000000000000000000000000000000","flags":[],"hash":"H","limits":{"max_alloc_bytes":1073741824,"max_call_depth":10000,"max_log_bytes":1073741824,"max_output_bytes":10485760,"max_steps":10000000,"max_wall_ms":0},"mode":"mock","policy":{"default_allow":true},"policy_hash":"sha256:0000000000000000000000000000000000000000000000000000000000000000","program":{"module_blob":"sha256:120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9","module_hash":"sha256:0000000000000000000000000000000000000000000000000000000000000000","name":"sample","source_hash":null},"run_id":"R"}",
        "{"event":{"ContractCheck":{"function":"main","index":0,"kind":"requires","passed":true}},"hash":"H","n":1}",
        "{"event":{"CapCall":{"args":[{"String":"a.txt"}],"capability":"fs.read"}},"hash":"H","n":2}",
        "{"event":{"CapResult":{"capability":"fs.read","result":{"String":"häß\\n"}}},"hash":"H","n":3}",
        "{"event":{"CapCall":{"args":[{"String":"http://example.com/"}],"capability":"net.fetch"}},"hash":"H","n":4}",
        "{"event":{"CapError":{"capability":"net.fetch","kind":"runtime_error","message":"HTTP 404 Not Found"}},"hash":"H","n":5}",
        "{"end":{"alloc_bytes":100,"counters":{"budget_exceeded":0,"denied":0,"dispatched":1,"failed":0,"total":1,"unknown":0},"events":5,"outcome":"success","steps":10,"value":{"Int":42}},"hash":"H"}",
      ]
    `);
  });

  test("its hashes form the documented chain", () => {
    const log = decode(recordEvents(SAMPLE_EVENTS).bytes());
    expect(withNewHashes(linesOf(log))).toBe(log);
  });

  test("any events are read back, at any threshold for blobs", () => {
    fc.assert(
      fc.property(anyEvents, fc.constantFrom(0, 20, 65_536), (events, inlineBytes) => {
        const recorder = recordEvents(events, { inlineBytes });
        const log = asRunLog(parseLog(memorySource(recorder.bytes(), recorder.blobs)));
        const again = recordEvents(
          [...log.events].map(({ event }) => loadEvent(event, log.blobs)),
          { inlineBytes },
        );
        expect(decode(again.bytes())).toBe(decode(recorder.bytes()));
        expect(log.end?.events).toBe(events.length);
        expect(log.validBytes).toBe(recorder.bytes().length);
      }),
      { numRuns: 200 },
    );
  });

  test("the end of a failed run is read back", () => {
    const error = {
      kind: "contract_violation",
      message: "no",
      counterexample: ["x".repeat(100)],
      step: 4,
      rule: "rules.a",
      capability: "fs.read",
      limit: undefined,
    } as const;
    const recorder = recordEvents([], { inlineBytes: 50 }, successfulRunEnd(0, { outcome: "program_error", value: undefined, error }));
    const log = asRunLog(parseLog(memorySource(recorder.bytes(), recorder.blobs)));
    expect(log.end?.error).toMatchObject({ ...error, counterexample: [{ bytes: 113 }] });
  });

  test("a long value is stored once, under the hash of its canonical JSON", () => {
    const long = "x".repeat(65_536);
    const recorder = recordEvents([
      { type: "UiEmit", tree: long },
      { type: "UiEmit", tree: long },
      { type: "UiEmit", tree: "x".repeat(65_536 - '{"String":""}'.length) },
    ]);
    const blob = `{"String":"${long}"}`;
    const sha256 = createHash("sha256").update(blob).digest("hex");
    expect(linesOf(decode(recorder.bytes()))[1]).toContain(`{"UiEmit":{"tree":{"Blob":{"bytes":${blob.length},"sha256":"${sha256}"}}}}`);
    expect(linesOf(decode(recorder.bytes()))[3]).toContain('"String"');
    expect([...recorder.blobs.blobsByHash.keys()]).toHaveLength(2);
  });

  test("the deepest serializable value", () => {
    let tree = '"Unit"';
    for (let i = 0; i < 9_999; i++) tree = `{"Enum":{"payload":${tree},"type_id":0,"variant":0}}`;
    const lines = linesOf(decode(recordEvents([{ type: "UiEmit", tree: 1 }]).bytes()));
    lines[1] = `{"event":{"UiEmit":{"tree":${tree}}},"n":1}`;
    expect(parseText(withNewHashes(lines)).eventCount).toBe(1);
  });
});

describe("a file cut at any byte", () => {
  const whole = recordEvents(SAMPLE_EVENTS).bytes();
  const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at);

  test("is read up to its last complete record", () => {
    const headerEnd = ends[0] ?? 0;
    for (let cut = headerEnd; cut <= whole.length; cut++) {
      const log = asRunLog(parseLog(memorySource(whole.subarray(0, cut))));
      // The header is complete without its line feed; no other record is.
      const lines = Math.max(1, ends.filter((end) => end < cut).length);
      expect([...log.events]).toHaveLength(Math.min(lines - 1, SAMPLE_EVENTS.length));
      expect(log.end === undefined).toBe(lines < SAMPLE_EVENTS.length + 2);
      const valid = Math.min(cut, (ends[lines - 1] ?? 0) + 1);
      expect(log.validBytes).toBe(valid);
      expect(log.cut === undefined).toBe(cut === valid);
    }
  });

  test("is one clear error if the cut is inside the header", () => {
    const headerEnd = ends[0] ?? 0;
    for (let cut = 0; cut < headerEnd; cut++) {
      expect(errorOf(() => parseLog(memorySource(whole.subarray(0, cut)))).kind).toBe(cut === 0 ? "log.empty" : "log.cut");
    }
  });

  test("zero bytes at the end, as a power cut leaves them, count as a cut", () => {
    const log = asRunLog(parseLog(memorySource(Buffer.concat([whole.subarray(0, (ends[2] ?? 0) + 1), new Uint8Array(100)]))));
    expect([...log.events]).toHaveLength(2);
    expect(log.cut).toEqual({ line: 4, bytes: 100 });
  });

  test("chunks of any size read the same", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const chunks = at.slice(1).map((end, i) => whole.subarray(at[i], end));
        const log = asRunLog(parseLog({ ...memorySource(whole), chunks: () => chunks }));
        expect([...log.events]).toHaveLength(SAMPLE_EVENTS.length);
        expect(log.validBytes).toBe(whole.length);
      }),
    );
  });
});

describe("a hostile or broken log is one typed error with its line", () => {
  const good = linesOf(decode(recordEvents(SAMPLE_EVENTS).bytes()));
  const edited = (line: number, from: string | RegExp, to: string): string[] =>
    good.map((l, i) => (i === line - 1 ? l.replace(from, to) : l));
  const joined = (lines: readonly string[]): string => `${lines.join("\n")}\n`;

  test.each<[string, string, string, number | undefined]>([
    ["a changed answer", joined(edited(4, "häß", "haß")), "log.hash", 4],
    ["a changed hash", joined(edited(3, /"hash":".{8}/, '"hash":"01234567')), "log.hash", 3],
    ["a record taken out", joined(good.filter((_, i) => i !== 2)), "log.hash", 3],
    ["a record taken out, chain mended", withNewHashes(good.filter((_, i) => i !== 1)), "log.sequence", 2],
    [
      "an answer without call",
      withNewHashes(
        edited(3, /"CapCall":.*?}]/, '"UiEmit":{"tree":{"Int":1}}').map((l) => l.replace(',"capability":"fs.read"}},"hash"', '},"hash"')),
      ),
      "log.sequence",
      4,
    ],
    ["an answer of another capability", withNewHashes(edited(4, "fs.read", "fs.write")), "log.sequence", 4],
    [
      "two calls, one answer",
      withNewHashes(
        edited(4, "CapResult", "CapCall").map((l, i) => (i === 3 ? l.replace('"result":{"String":"häß\\n"}', '"args":[]') : l)),
      ),
      "log.sequence",
      4,
    ],
    ["a wrong count", withNewHashes(edited(7, '"events":5', '"events":4')), "log.count", 7],
    ["something after the end", joined([...good, "{}"]), "log.trailing", 8],
    ["rubbish after the end", `${joined(good)}x`, "log.syntax", 8],
    ["no JSON in the middle", joined(edited(3, /^.*$/, "nonsense")), "log.syntax", 3],
    ["a blank line", joined(["", ...good].map((l, i, all) => (i === 0 ? (all[1] ?? "") : i === 1 ? "" : l))), "log.syntax", 2],
    ["a key twice", joined(edited(3, '"n":2', '"n":2,"n":2')), "log.form", 3],
    ["an unknown event", withNewHashes(edited(2, "ContractCheck", "__proto__")), "log.form", 2],
    ["a field too many", withNewHashes(edited(2, '"index"', '"more":1,"index"')), "log.form", 2],
    ["a record's field too many", withNewHashes(edited(2, '"n":1', '"n":1,"more":1')), "log.form", 2],
    ["two events in one record", withNewHashes(edited(2, '{"ContractCheck"', '{"UiEmit":{"tree":"Unit"},"ContractCheck"')), "log.form", 2],
    ["a value of no form", withNewHashes(edited(4, '{"String":"häß\\n"}', '{"Text":1}')), "log.form", 4],
    [
      "a value nested too deep",
      withNewHashes(edited(4, '{"String":"häß\\n"}', `${'{"Some":'.repeat(10_001)}"Unit"${"}".repeat(10_001)}`)),
      "log.form",
      4,
    ],
    [
      "a blob that names a path",
      withNewHashes(edited(4, '{"String":"häß\\n"}', '{"Blob":{"sha256":"../../etc/passwd","bytes":1}}')),
      "log.form",
      4,
    ],
    ["JSON nested too deep", joined(edited(3, /^.*$/, "[".repeat(100_000))), "log.form", 3],
    ["a newer version", withNewHashes(edited(1, '"boruna_log":1', '"boruna_log":2')), "log.version", 1],
    ["an unknown flag", withNewHashes(edited(1, '"flags":[]', '"flags":[99]')), "log.flag", 1],
    ["a limit out of range", withNewHashes(edited(1, '"max_call_depth":10000', '"max_call_depth":1000000000')), "log.form", 1],
    ["a mode that is none", withNewHashes(edited(1, '"mode":"mock"', '"mode":"replay"')), "log.form", 1],
    ["an unknown outcome", withNewHashes(edited(7, '"success"', '"toString"')), "log.form", 7],
    ["success with an error", withNewHashes(edited(7, '"value":{"Int":42}', '"error":{}')), "log.form", 7],
    ["not a log", '{"name":"something"}\n', "log.header", 1],
    ["binary rubbish", "\u0000\u0001\ufffd\n\n", "log.header", 1],
    ["nothing", "", "log.empty", undefined],
  ])("%s", (_name, log, kind, line) => {
    const error = errorOf(() => parseText(log));
    expect([error.kind, error.place?.line]).toEqual([kind, line]);
    expect(error.place?.file).toBe("log");
    expect(error.message.length).toBeLessThan(400);
  });

  test("bytes that are not UTF-8", () => {
    const log = recordEvents(SAMPLE_EVENTS).bytes().slice();
    log[log.indexOf(0xc3)] = 0xff;
    const error = errorOf(() => parseLog(memorySource(log)));
    expect([error.kind, error.place?.line]).toEqual(["log.utf8", 4]);
  });

  test("any single changed byte is found", () => {
    const log = recordEvents(SAMPLE_EVENTS).bytes();
    fc.assert(
      fc.property(fc.nat(log.length - 2), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = log.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(errorOf(() => parseLog(memorySource(changed))).kind).toMatch(/^log\./);
      }),
      { numRuns: scaledRuns(300) },
    );
  });

  test("random text throws nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (log) => {
        expect(errorOf(() => parseText(log)).kind).toMatch(/^log\./);
      }),
      { numRuns: scaledRuns(300) },
    );
  });

  describe("limits, just under and just over", () => {
    const longest = Math.max(...good.map((line) => Buffer.byteLength(line)));
    test("a line's length", () => {
      expect(parseText(joined(good), { lineBytes: longest }).eventCount).toBe(5);
      const headerLength = Buffer.byteLength(good[0] ?? "");
      const long = joined(edited(2, "main", "m".repeat(headerLength)));
      expect(errorOf(() => parseText(long, { lineBytes: headerLength }))).toMatchObject({ kind: "log.line_too_long", place: { line: 2 } });
    });
    test("the number of events", () => {
      expect(parseText(joined(good), { events: 5 }).eventCount).toBe(5);
      expect(errorOf(() => parseText(joined(good), { events: 4 }))).toMatchObject({ kind: "log.too_large", place: { line: 6 } });
    });
    test("the recorder has the same limits", () => {
      expect(errorOf(() => recordEvents(SAMPLE_EVENTS, { events: 4 })).kind).toBe("log.too_large");
      expect(errorOf(() => recordEvents(SAMPLE_EVENTS, { lineBytes: longest - 1 })).kind).toBe("log.too_large");
      expect(recordEvents(SAMPLE_EVENTS, { events: 5, lineBytes: longest }).bytes().length).toBeGreaterThan(0);
      expect(errorOf(() => recordEvents([{ type: "UiEmit", tree: "x".repeat(100) }], { inlineBytes: 10, blobBytes: 50 })).kind).toBe(
        "log.too_large",
      );
    });
  });
});

describe("the event log", () => {
  const events =
    '[{"CapCall":{"capability":"fs.read","args":[{"String":"a"}]}},{"CapResult":{"capability":"fs.read","result":{"Float":1}}}]';

  test.each(['{\n  "version": 2,\n  "events": EVENTS\n}', '{"version":1,"events":EVENTS}', '{"events":EVENTS}\n'])("%s is read", (form) => {
    const log = parseText(form.replace("EVENTS", events));
    expect(log.format).toBe("eventlog");
    expect([...log.events].map(({ n, event }) => [n, event.type])).toEqual([
      [1, "CapCall"],
      [2, "CapResult"],
    ]);
  });

  test.each([
    ["a higher version", `{"version": 3, "events": []}`, "log.version"],
    ["version 0", `{"version": 0, "events": []}`, "log.version"],
    ["a version that is none", `{"version": "2", "events": []}`, "log.form"],
    ["an unknown event", `{"version": 2, "events": [{"Other": {}}]}`, "log.form"],
    ["events that are none", `{"version": 2, "events": {}}`, "log.form"],
    ["cut short", `{"version": 2, "events": [`, "log.header"],
  ])("%s is refused", (_name, log, kind) => {
    expect(errorOf(() => parseText(log)).kind).toBe(kind);
  });

  test("fields that another machine added are ignored", () => {
    expect(parseText('{"version":2,"events":[{"UiEmit":{"tree":"Unit","more":1}}]}').eventCount).toBe(1);
  });

  const GUARD: RunEvent = { type: "GuardCheck", function: "main", label: "json-shape", passed: false };
  const OLDER = '{"events":[{"ContractCheck":{"function":"json-shape","index":0,"kind":"output","passed":false}}],"version":2}\n';

  test("a guard's verdict is a contract check of the kind output, as in the Rust machine", () => {
    const recorder = memoryRecorder(sampleDescription(), { format: "eventlog" });
    recorder.append(GUARD);
    recorder.finish(successfulRunEnd(1));
    expect(decode(recorder.bytes())).toBe(OLDER);
    const [check] = parseText(OLDER).events;
    expect(check?.event).toEqual({ type: "ContractCheck", function: "json-shape", kind: "output", index: 0, passed: false });
    const own = '{"version":2,"events":[{"GuardCheck":{"function":"main","label":"json-shape","passed":false}}]}';
    expect(parseText(own).events).toEqual(parseText(OLDER).events);
  });

  test("a run log has no such check", () => {
    const [header = "", , end = ""] = linesOf(decode(recordEvents([GUARD]).bytes()));
    const event = '{"event":{"ContractCheck":{"function":"json-shape","index":0,"kind":"output","passed":false}},"hash":"","n":1}';
    expect(errorOf(() => parseText(withNewHashes([header, event, end])))).toMatchObject({ kind: "log.form" });
  });

  test("an event log is read back", () => {
    fc.assert(
      fc.property(anyEvents, (all) => {
        const write = (list: readonly RunEvent[]): string => {
          const recorder = memoryRecorder(sampleDescription(), { format: "eventlog" });
          for (const event of list) recorder.append(event);
          recorder.finish(successfulRunEnd(list.length));
          return decode(recorder.bytes());
        };
        const written = write(all);
        const log = parseText(written);
        expect(written).toBe(`${canonicalJson(parseJson(written, { maxDepth: 40_000 }))}\n`);
        expect(write([...log.events].map(({ event }) => loadEvent(event, log.blobs)))).toBe(written);
      }),
      { numRuns: 50 },
    );
  });
});
