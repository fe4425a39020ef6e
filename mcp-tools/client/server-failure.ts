/** Why a server did not answer. The message names no path, process or time, so that equal runs have equal logs. */
export class ServerFailure extends Error {
  override readonly name: string = "ServerFailure";
  /** The end of what the server has written to stderr, if it could not be connected. Never part of a log. */
  stderr = "";
}
