/** Records runs in files, and continues the log of a resumed run. */
import { ProtectedFiles } from "../../gateway/protected-files.ts";
import { adoptBlobs, folderBlobWriter } from "./blobs.ts";
import { blobsOfEvent } from "./event-json.ts";
import { toIoError } from "./files.ts";
import { createLogFile, reopenLogFile } from "./log-file.ts";
import { LOG_LIMITS } from "./log-limits.ts";
import type { RunLog } from "./log-reader.ts";
import { OpenJournal } from "./open-journal.ts";
import { chainRecorder, eagerChain, type Recorder, type RecorderOptions, signerFor, startRecorder } from "./recorder.ts";
import type { RunDescription } from "./run-description.ts";

/** Creates the file and the blob of the module, and writes the header. Throws `log.exists`, `log.io_error`, `log.too_large`. */
export function openRecorder(path: string, run: RunDescription, options: RecorderOptions = {}): Recorder {
  const durable = options.durable === true;
  const ownFiles = new ProtectedFiles();
  const writer = createLogFile(path, { durable, force: options.force === true, ownFiles });
  const journal = new OpenJournal(path, run.header.runId, durable, ownFiles);
  const recorder = startRecorder(writer, eagerChain(writer), folderBlobWriter(path, durable, ownFiles), run, { ...options, journal });
  return { ...recorder, ownFiles };
}

/**
 * Opens and locks the file of `log`, to append what the resumed run does next. Before the first new record is written, cuts off an incomplete
 * record, or the end record of an interrupted run, and removes blobs that no record names. Until then, nothing changes. `stamp` is the
 * `fileStamp` from before the log was read. Throws `log.locked`, `log.changed`, `log.io_error`.
 */
export function continueRecorder(
  log: RunLog,
  stamp: string | undefined,
  options: Pick<RecorderOptions, "durable" | "limits" | "key"> = {},
): Recorder {
  const durable = options.durable === true;
  const ownFiles = new ProtectedFiles();
  const { body, file } = log;
  const { writer, cut } = reopenLogFile({ path: file, bytes: body.bytes, stamp }, { durable, ownFiles });
  const chain = eagerChain(writer, { hash: body.head, events: log.eventCount });
  const recorder = chainRecorder(
    writer,
    chain,
    folderBlobWriter(file, durable, ownFiles),
    { ...LOG_LIMITS, ...options.limits },
    {
      events: log.eventCount,
      journal: new OpenJournal(file, log.header.runId, durable, ownFiles),
      sign: signerFor(options.key, log.header.runId),
      redactable: log.header.redactable,
    },
  );
  let isPrepared = false;
  const prepare = (): void => {
    if (isPrepared) return;
    try {
      cut();
    } catch (error) {
      throw toIoError(error, "write", file);
    }
    adoptBlobs(file, namedBlobs(log), ownFiles);
    isPrepared = true;
  };
  return {
    ...recorder,
    append: (event, call) => {
      prepare();
      return recorder.append(event, call);
    },
    finish: (end) => {
      prepare();
      return recorder.finish(end);
    },
    ownFiles,
  };
}

/** Yields the SHA-256 of the module, and of each blob that an event names. */
function* namedBlobs({ header, events }: RunLog): Generator<string, void> {
  yield header.program.moduleBlob.slice("sha256:".length);
  for (const { event } of events) for (const { sha256 } of blobsOfEvent(event)) yield sha256;
}
