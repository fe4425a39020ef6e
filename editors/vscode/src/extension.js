/**
 * The VS Code extension: starts `boruna lsp` for `.ax` files and `boruna debug --dap` for logs, and runs programs and tests as tasks. `scripts/vsix.mjs` bundles it with
 * the client of the Language Server Protocol.
 */
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

let client;

export async function activate(context) {
  const run = (name, args) => vscode.tasks.executeTask(taskOf(name, args));
  context.subscriptions.push(
    vscode.commands.registerCommand("boruna.run", (path = openFile()) => path && run("run", [path])),
    vscode.commands.registerCommand("boruna.test", (path = openFile(), name) =>
      path && run("test", name === undefined ? [path] : [path, name]),
    ),
    vscode.commands.registerCommand("boruna.nextCall", () => moveTo("call")),
    vscode.commands.registerCommand("boruna.previousCall", () => moveTo("back-call")),
    vscode.debug.registerDebugAdapterDescriptorFactory("boruna", {
      createDebugAdapterDescriptor: () => new vscode.DebugAdapterExecutable(command(), ["debug", "--dap"]),
    }),
    vscode.commands.registerCommand("boruna.restart", () => client?.restart()),
    vscode.tasks.registerTaskProvider("boruna", {
      provideTasks: () => (openFile() === undefined ? [] : ["run", "check", "test"].map((name) => taskOf(name, ["${file}"]))),
      resolveTask: ({ definition }) => taskOf(definition.command, definition.args ?? ["${file}"], definition),
    }),
  );
  const server = { command: command(), args: ["lsp"] };
  client = new LanguageClient("boruna", "Boruna", server, {
    documentSelector: [{ language: "ax" }],
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.ax") },
  });
  try {
    await client.start();
  } catch {
    // The client has shown why the server did not start. Colors and tasks work without it.
    client = undefined;
  }
}

export function deactivate() {
  return client?.stop();
}

/** Moves the active debugger. `move` is a move of `boruna debug`, such as `back-call`. */
const moveTo = (move) => vscode.debug.activeDebugSession?.customRequest("boruna/move", { move });

const command = () => vscode.workspace.getConfiguration("boruna").get("path", "boruna");

function openFile() {
  const document = vscode.window.activeTextEditor?.document;
  return document?.languageId === "ax" ? document.uri.fsPath : undefined;
}

function taskOf(name, args, definition = { type: "boruna", command: name, args }) {
  const execution = new vscode.ProcessExecution(command(), [name, ...args]);
  return new vscode.Task(definition, vscode.TaskScope.Workspace, `${name} ${args[0] ?? ""}`, "boruna", execution, "$boruna");
}
