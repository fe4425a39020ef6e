/** Why a server did not answer. The message names no path, process or time, so that equal runs have equal logs. */
export class ServerFailure extends Error {
  override readonly name: string = "ServerFailure";
  /** The last characters of the server's stderr, if the connection failed. Never part of a log. */
  stderr = "";
}
