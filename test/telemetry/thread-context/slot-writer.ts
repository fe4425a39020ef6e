/** A process that writes records into its slot without a pause. All bytes of a record's ids and flags are equal. Argument: the folder. */
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
