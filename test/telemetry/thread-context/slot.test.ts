import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { readThreadContext } from "../../../telemetry/thread-context/reader.ts";
import { decodeSlot, emptySlot, encodeRecord, RECORD_OFFSET, SEQUENCE_OFFSET } from "../../../telemetry/thread-context/slot.ts";

const IDS = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", traceFlags: 1 };

function validSlot(change: (slot: Buffer) => void = () => undefined): Buffer {
  const slot = emptySlot();
  slot.set(encodeRecord(IDS), RECORD_OFFSET);
  change(slot);
  return slot;
}

describe("the layout of a slot", () => {
  test("is the documented one, byte for byte", () => {
    expect(validSlot((slot) => slot.writeUInt32LE(0x01020304, SEQUENCE_OFFSET)).toString("hex")).toBe(
      [
        Buffer.from("BRNACTX1").toString("hex"),
        "01000000",
        "04030201",
        IDS.traceId,
        IDS.spanId,
        "01", // valid
        "01", // trace flags
        "0000", // size of attributes
        "00".repeat(20),
      ].join(""),
    );
  });

  test("is read as it was written", () => {
    const id = (bytes: number): fc.Arbitrary<string> =>
      fc
        .uint8Array({ minLength: bytes, maxLength: bytes })
        .filter((id) => id.some((byte) => byte !== 0))
        .map((id) => Buffer.from(id).toString("hex"));
    fc.assert(
      fc.property(id(16), id(8), fc.nat(255), (traceId, spanId, traceFlags) => {
        const slot = emptySlot();
        slot.set(encodeRecord({ traceId, spanId, traceFlags }), RECORD_OFFSET);
        expect(decodeSlot(slot)).toEqual({ state: "valid", ids: { traceId, spanId, traceFlags } });
      }),
    );
  });

  test.each<readonly [string, Buffer, string]>([
    ["a short file", emptySlot().subarray(0, 63), "it has 63 bytes instead of 64"],
    ["another magic", validSlot((slot) => slot.write("BRNACTX2")), "it does not begin with BRNACTX1"],
    ["another version", validSlot((slot) => slot.writeUInt32LE(2, 8)), "it has version 2; this Boruna reads version 1"],
    ["another value of valid", validSlot((slot) => slot.writeUInt8(2, 40)), "its field valid is 2"],
    ["attributes", validSlot((slot) => slot.writeUInt16LE(4, 42)), "it has attributes, which do not fit"],
    ["a trace id of zeros", validSlot((slot) => slot.fill(0, 16, 32)), "it is valid, but has an id of zeros"],
    ["a span id of zeros", validSlot((slot) => slot.fill(0, 32, 40)), "it is valid, but has an id of zeros"],
  ])("%s is no slot", (_, slot, problem) => {
    expect(decodeSlot(slot)).toEqual({ state: "unknown", problem });
  });

  test("an odd sequence number means that the slot is being written, whatever its other bytes are", () => {
    expect(decodeSlot(validSlot((slot) => slot.writeUInt32LE(7, SEQUENCE_OFFSET)))).toEqual({ state: "writing" });
  });
});

describe.runIf(process.platform === "linux")("the reader", () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-slots-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Reads the slots of this process while it has a file with the name of a slot open. */
  function readOwn(content: Buffer | string, thread = "7"): unknown {
    const path = join(folder, `boruna-ctx-${process.pid}-${thread}`);
    writeFileSync(path, content);
    const file = openSync(path, "r+");
    try {
      return readThreadContext(process.pid, {});
    } finally {
      closeSync(file);
      rmSync(path);
    }
  }

  test("reads a slot that the process has open", () => {
    expect(readOwn(validSlot())).toEqual([{ thread: 7, ids: IDS }]);
    expect(readOwn(emptySlot())).toEqual([{ thread: 7, ids: undefined }]);
  });

  test.each<readonly [string, string, string, Buffer | string]>([
    ["a file of 65 bytes", "telemetry.not_a_slot", "it is not a file of 64 bytes", Buffer.concat([validSlot(), Buffer.alloc(1)])],
    ["an empty file", "telemetry.not_a_slot", "it is not a file of 64 bytes", ""],
    ["text", "telemetry.not_a_slot", "it does not begin with BRNACTX1", "x".repeat(64)],
    [
      "a slot that stays half written",
      "telemetry.slot_busy",
      "was being written",
      validSlot((slot) => slot.writeUInt8(1, SEQUENCE_OFFSET)),
    ],
  ])("refuses %s", (_, kind, message, content) => {
    expect(() => readOwn(content)).toThrow(expect.objectContaining({ kind, message: expect.stringContaining(message) }));
  });

  test("ignores files of other names", () => {
    expect(() => readOwn(validSlot(), "7.part")).toThrow(expect.objectContaining({ kind: "telemetry.no_slot" }));
  });
});
