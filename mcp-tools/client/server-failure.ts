/**
 * Why a server did not answer. Apart from words of the server, the message holds nothing that differs between equal runs, such as a process id
 * or a time, so that they have equal logs.
 */
export class ServerFailure extends Error {
  override readonly name: string = "ServerFailure";
  /** The last characters of the server's stderr, if the connection failed. Never part of a log. */
  stderr = "";
}
