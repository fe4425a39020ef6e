/** Drives the debug adapter over streams in this process, with the test client of `@vscode/debugadapter`. */
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { DebugClient } from "@vscode/debugadapter-testsupport";
import { serveDebugAdapter } from "../../dap/server.ts";
import { execute } from "../../runtime/execute.ts";
import { temporaryFolder } from "../after-file.ts";
import { worldOf } from "../arbitrary-overlap.ts";
import { programOf } from "../replay/debugger/visited.ts";

/** Records a run of the program and returns the path of its log. */
export async function logOfRun(source: string): Promise<string> {
  const path = join(temporaryFolder(), "run.jsonl");
  const { handlers } = worldOf(undefined, 1_000);
  await execute(programOf(source), { handlers, policy: "allow-all", tracing: false, record: path });
  return path;
}

export interface Place {
  readonly reason: string;
  readonly text: string;
}

export class Client extends DebugClient {
  readonly input: PassThrough = new PassThrough();
  readonly output: PassThrough = new PassThrough();
  /** Settles when the adapter ends. */
  readonly served: Promise<void>;

  constructor() {
    super("node", "", "boruna");
    // A busy machine must not fail a test.
    this.defaultTimeout = 600_000;
    this.served = serveDebugAdapter(this.input, this.output, { file: undefined, limits: {} });
    this.served.catch(() => undefined);
    this.connect(this.output, this.input);
  }

  /** Opens a log, sets breakpoints, and returns the first place. */
  async open(log: string, prepare: () => Promise<unknown> = () => Promise.resolve()): Promise<Place> {
    await this.initializeRequest();
    const initialized = this.waitForEvent("initialized");
    await this.send("launch", { log });
    await initialized;
    await prepare();
    return this.arrive(() => this.configurationDoneRequest());
  }

  /** Sends a request that moves, and returns the place at which the adapter stops. */
  async arrive(send: () => Promise<unknown>): Promise<Place> {
    const stopped = this.waitForEvent("stopped");
    await send();
    const { body } = await stopped;
    return { reason: body.reason, text: await this.shown() };
  }

  move(command: string, args: object = { threadId: 1 }): Promise<Place> {
    return this.arrive(() => this.send(command, args));
  }

  /** Returns all threads with their frames, locals and the next answer, as text. */
  async shown(): Promise<string> {
    const lines: string[] = [];
    const { body } = await this.threadsRequest();
    for (const { id, name } of body.threads) {
      const stack = await this.stackTraceRequest({ threadId: id });
      lines.push(`${id} ${name}`);
      for (const frame of stack.body.stackFrames) {
        lines.push(`  ${frame.name} ${frame.line}:${frame.column}`);
        const scopes = await this.scopesRequest({ frameId: frame.id });
        for (const scope of scopes.body.scopes) lines.push(`    ${scope.name}: ${await this.variablesText(scope.variablesReference)}`);
      }
    }
    return lines.join("\n");
  }

  async variablesText(variablesReference: number): Promise<string> {
    const { body } = await this.variablesRequest({ variablesReference });
    return body.variables.map(({ name, value }) => `${name} = ${value}`).join(", ");
  }
}
