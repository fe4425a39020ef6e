/** Writes a slot without a pause until it is killed. All bytes of the ids and flags of one record are equal. Argument: the folder. */
import { writeSync } from "node:fs";
import { FileSlot } from "../../../telemetry/thread-context/file-slot.ts";
import { encodeRecord } from "../../../telemetry/thread-context/slot.ts";

const records = Array.from({ length: 255 }, (_, i) => {
  const byte = (i + 1).toString(16).padStart(2, "0");
  return encodeRecord({ traceId: byte.repeat(16), spanId: byte.repeat(8), traceFlags: i + 1 });
});

const slot = new FileSlot(process.argv[2] ?? ".", process.pid, process.pid);
writeSync(1, "writing\n");
for (;;) {
  for (const record of records) {
    slot.enter(record);
    slot.leave();
    slot.enter(record);
    slot.leave();
  }
}
