import { writeFileSync } from "node:fs";
import { generateKey } from "../../gateway/signing.ts";
import { systemErrorText } from "../../replay/log/files.ts";
import { BorunaError, errorCode } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

/** Writes a new private key to `file`, which only its owner can read, and the public key to `file`.pub. Never replaces a file. */
export function keygenCommand({ terminal, json }: CommandSession, file: string): number {
  const { privatePem, publicPem, publicKey } = generateKey();
  const publicFile = `${file}.pub`;
  create(file, privatePem, 0o600);
  create(publicFile, publicPem, 0o644);
  if (json) printJson(terminal, { private_key: file, public_key_file: publicFile, public_key: publicKey });
  else {
    terminal.out(`${file}: the private key; whoever has it can sign`);
    terminal.out(`${publicFile}: the public key, for those who verify`);
    terminal.out(`as policies name it: ${publicKey}`);
  }
  return EXIT.done;
}

function create(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode });
  } catch (error) {
    const reason = errorCode(error) === "EEXIST" ? "it exists, and a key is never replaced" : systemErrorText(error, "write");
    throw new BorunaError("io_error", `cannot write ${path}: ${reason}`, { place: { file: path }, cause: error });
  }
}
