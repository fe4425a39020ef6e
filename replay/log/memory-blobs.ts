/** Defines how blobs are read and written, and implements this in memory. */
import { sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";

/** Identifies a blob. `bytes` is the blob's length, if known. */
interface BlobName {
  readonly sha256: string;
  readonly bytes?: number;
}

export interface BlobReader {
  /** Reads a blob and checks its hash and length. Throws `log.blob_missing`, `log.blob_hash`, `log.too_large`, `log.io_error`. */
  read(name: BlobName): Uint8Array;
  /** Returns the path or name of an entry that is not a file or whose name `known` lacks. Undefined if there is none. Throws `log.io_error`. */
  findUnknown(known: Pick<ReadonlySet<string>, "has">): string | undefined;
}

export interface BlobWriter {
  /** Stores the bytes, unless they are stored already. Returns their SHA-256 in hexadecimal. Throws `log.io_error`, `log.replaced`. */
  put(bytes: Uint8Array): string;
}

export interface MemoryBlobs extends BlobReader, BlobWriter {
  readonly blobsByHash: ReadonlyMap<string, Uint8Array>;
}

export function memoryBlobs(): MemoryBlobs {
  const all = new Map<string, Uint8Array>();
  return {
    blobsByHash: all,
    put: (bytes) => {
      const name = sha256Hex(bytes);
      all.set(name, bytes);
      return name;
    },
    read: (name) => {
      const bytes = all.get(name.sha256);
      if (bytes === undefined) throw missingBlobError(name.sha256);
      return checkBlob(name, bytes, name.sha256);
    },
    findUnknown: (known) => [...all.keys()].find((name) => !known.has(name)),
  };
}

/** Returns the bytes. Throws `log.blob_hash` if their hash or length is not that of the blob. */
export function checkBlob(name: BlobName, bytes: Uint8Array, location: string): Uint8Array {
  const actual = sha256Hex(bytes);
  if (actual !== name.sha256 || (name.bytes !== undefined && name.bytes !== bytes.length)) {
    throw new BorunaError("log.blob_hash", `blob ${location}: its ${bytes.length} bytes have the SHA-256 ${actual}`, {
      place: { file: location },
    });
  }
  return bytes;
}

export const missingBlobError = (location: string): BorunaError =>
  new BorunaError("log.blob_missing", `blob ${location} is missing`, {
    place: { file: location },
    hint: "In a bundle of evidence its value may be redacted: `boruna evidence verify FOLDER` says so. Otherwise keep the folder FILE.blobs beside the log.",
  });
