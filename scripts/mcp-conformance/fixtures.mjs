// Tools, resources and prompts that the conformance suite of MCP calls by name. They test the HTTP front of `boruna mcp`, not Boruna.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { McpServer, ProtocolError, ResourceTemplate } from "@modelcontextprotocol/server";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==";
const KEY = randomBytes(32);
const INVALID_PARAMS = -32_602;

const text = (value) => ({ type: "text", text: value });
const image = { type: "image", data: PIXEL, mimeType: "image/png" };
const resource = (uri, mimeType, body) => ({ type: "resource", resource: { uri, mimeType, text: body } });
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const seal = (value) => `${value}.${createHmac("sha256", KEY).update(value).digest("base64url")}`;

/** Returns the sealed value. Throws an error of the protocol if the client has changed it. */
function unseal(state) {
  const value = String(state).split(".")[0];
  const [given, expected] = [Buffer.from(String(state)), Buffer.from(seal(value))];
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new ProtocolError(INVALID_PARAMS, "requestState was changed");
  return value;
}

/** Passes a JSON Schema on without checking values. */
const declared = (schema) => ({
  "~standard": {
    version: 1,
    vendor: "fixtures",
    validate: (value) => ({ value }),
    jsonSchema: { input: () => schema, output: () => schema },
  },
});
const strings = (...names) =>
  declared({ type: "object", properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])), required: names });

const form = (message, properties, required = Object.keys(properties)) => ({
  method: "elicitation/create",
  params: { mode: "form", message, requestedSchema: { type: "object", properties, required } },
});
const sample = (question, maxTokens) => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: text(question) }], maxTokens },
});
const ROOTS = { method: "roots/list", params: {} };
const ask = (inputRequests, requestState) => ({
  resultType: "input_required",
  inputRequests,
  ...(requestState === undefined ? {} : { requestState: seal(requestState) }),
});
const NAME = { user_name: form("What is your name?", { name: { type: "string" } }) };

/** Returns the content that the user gave, or undefined if the answer is missing or has another form. */
function accepted(context, key, field) {
  const content = context.mcpReq.inputResponses?.[key]?.content;
  return typeof content?.[field] === "string" || typeof content?.[field] === "boolean" ? content[field] : undefined;
}

const ELICIT_DEFAULTS = {
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
};
const titled = (word) =>
  ["value1", "value2", "value3"].map((value, i) => ({ const: value, title: `${["First", "Second", "Third"][i]} ${word}` }));
const ELICIT_ENUMS = {
  untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
  titledSingle: { type: "string", oneOf: titled("Option") },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
  untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
  titledMulti: { type: "array", items: { anyOf: titled("Choice") } },
};

const elicited = (properties) => async (_, context) => {
  const { action, content } = await context.mcpReq.elicitInput({
    mode: "form",
    message: "Please fill in",
    requestedSchema: { type: "object", properties, required: [] },
  });
  return { content: [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`)] };
};

/** Each tool: its arguments, and what it does. */
const TOOLS = {
  test_simple_text: [[], () => ({ content: [text("This is a simple text response for testing.")] })],
  test_image_content: [[], () => ({ content: [image] })],
  test_audio_content: [[], () => ({ content: [{ type: "audio", data: SILENCE, mimeType: "audio/wav" }] })],
  test_embedded_resource: [
    [],
    () => ({ content: [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")] }),
  ],
  test_multiple_content_types: [
    [],
    () => ({
      content: [
        text("Multiple content types test:"),
        image,
        resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
      ],
    }),
  ],
  test_error_handling: [[], () => ({ isError: true, content: [text("This tool intentionally returns an error for testing")] })],
  test_tool_with_logging: [
    [],
    async (_, context) => {
      for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
        await context.mcpReq.log("info", line);
        await pause();
      }
      return { content: [text("logged")] };
    },
  ],
  test_logging_tool: [
    [],
    async (_, context) => {
      await context.mcpReq.log("info", "only for a request with a log level");
      return { content: [text("logged")] };
    },
  ],
  test_tool_with_progress: [
    [],
    async (_, context) => {
      const progressToken = context.mcpReq._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined)
          await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
        await pause();
      }
      return { content: [text("progressed")] };
    },
  ],
  test_sampling: [
    ["prompt"],
    async ({ prompt }, context) => {
      const { content } = await context.mcpReq.requestSampling({ messages: [{ role: "user", content: text(prompt) }], maxTokens: 100 });
      return { content: [text(`LLM response: ${content.text}`)] };
    },
  ],
  test_elicitation: [
    ["message"],
    async ({ message }, context) => {
      const properties = {
        username: { type: "string", description: "User's response" },
        email: { type: "string", description: "User's email address" },
      };
      const { action, content } = await context.mcpReq.elicitInput({
        mode: "form",
        message,
        requestedSchema: { type: "object", properties, required: ["username", "email"] },
      });
      return { content: [text(`User response: action: ${action}, content: ${JSON.stringify(content ?? {})}`)] };
    },
  ],
  test_elicitation_sep1034_defaults: [[], elicited(ELICIT_DEFAULTS)],
  test_elicitation_sep1330_enums: [[], elicited(ELICIT_ENUMS)],
  // The SDK refuses a request for input that the client has not declared.
  test_missing_capability: [[], () => ask({ greeting: sample("Generate a greeting", 50) })],
  test_streaming_elicitation: [[], () => ask(NAME)],
  test_input_required_result_elicitation: [
    [],
    (_, context) => {
      const name = accepted(context, "user_name", "name");
      return name === undefined ? ask(NAME) : { content: [text(`Hello, ${name}!`)] };
    },
  ],
  test_input_required_result_sampling: [
    [],
    (_, context) => {
      const answer = context.mcpReq.inputResponses?.capital_question;
      return answer === undefined
        ? ask({ capital_question: sample("What is the capital of France?", 100) })
        : { content: [text(JSON.stringify(answer))] };
    },
  ],
  test_input_required_result_list_roots: [
    [],
    (_, context) => {
      const answer = context.mcpReq.inputResponses?.client_roots;
      return answer === undefined ? ask({ client_roots: ROOTS }) : { content: [text(JSON.stringify(answer))] };
    },
  ],
  test_input_required_result_request_state: [
    [],
    (_, context) => {
      if (accepted(context, "confirm", "ok") === undefined)
        return ask({ confirm: form("Please confirm", { ok: { type: "boolean" } }) }, "confirm");
      unseal(context.mcpReq.requestState());
      return { content: [text("state-ok")] };
    },
  ],
  test_input_required_result_multiple_inputs: [
    [],
    (_, context) => {
      const answers = context.mcpReq.inputResponses ?? {};
      const wanted = { ...NAME, greeting: sample("Generate a greeting", 50), client_roots: ROOTS };
      return Object.keys(wanted).every((key) => key in answers) ? { content: [text(JSON.stringify(answers))] } : ask(wanted, "all");
    },
  ],
  test_input_required_result_multi_round: [
    [],
    (_, context) => {
      const state = context.mcpReq.requestState();
      const round = state === undefined ? "" : unseal(state);
      if (round === "2") return { content: [text("done")] };
      if (round === "1") return ask({ step2: form("Step 2: What is your favorite color?", { color: { type: "string" } }) }, "2");
      return ask({ step1: form("Step 1: What is your name?", { name: { type: "string" } }) }, "1");
    },
  ],
  test_input_required_result_tampered_state: [
    [],
    (_, context) => {
      const state = context.mcpReq.requestState();
      if (state === undefined) return ask({ confirm: form("Please confirm", { ok: { type: "boolean" } }) }, "tamper");
      return { content: [text(unseal(state))] };
    },
  ],
  test_input_required_result_capabilities: [
    [],
    (_, context) => {
      const has = context.mcpReq.envelope?.["io.modelcontextprotocol/clientCapabilities"] ?? {};
      const wanted = {
        ...(has.elicitation === undefined ? {} : NAME),
        ...(has.sampling === undefined ? {} : { greeting: sample("Generate a greeting", 50) }),
        ...(has.roots === undefined ? {} : { client_roots: ROOTS }),
      };
      return Object.keys(wanted).length === 0 || context.mcpReq.inputResponses !== undefined ? { content: [text("done")] } : ask(wanted);
    },
  ],
};

const SUBSCRIBABLE = "test://watched-resource";

/** Adds the fixtures to a server of the SDK. */
export function fixtureServer() {
  const verify = (state) => void unseal(state);
  const capabilities = { logging: {}, completions: {}, resources: { subscribe: true } };
  const server = new McpServer({ name: "fixtures", version: "1" }, { capabilities, requestState: { verify } });
  for (const [name, [args, run]] of Object.entries(TOOLS))
    server.registerTool(name, { description: name, inputSchema: strings(...args) }, run);
  const one = (uri, content) => () => ({ contents: [{ uri, ...content }] });
  const staticText = { mimeType: "text/plain", text: "This is the content of the static text resource." };
  server.registerResource(
    "static-text",
    "test://static-text",
    { description: "text", mimeType: "text/plain" },
    one("test://static-text", staticText),
  );
  server.registerResource(
    "static-binary",
    "test://static-binary",
    { description: "binary", mimeType: "image/png" },
    one("test://static-binary", { mimeType: "image/png", blob: PIXEL }),
  );
  server.registerResource(
    "watched",
    SUBSCRIBABLE,
    { description: "watched", mimeType: "text/plain" },
    one(SUBSCRIBABLE, { mimeType: "text/plain", text: "watched" }),
  );
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { description: "template", mimeType: "application/json" },
    (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: "application/json",
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
  const user = (content) => ({ role: "user", content });
  server.registerPrompt("test_simple_prompt", { description: "simple" }, () => ({
    messages: [user(text("This is a simple prompt for testing."))],
  }));
  server.registerPrompt(
    "test_prompt_with_arguments",
    { description: "arguments", argsSchema: strings("arg1", "arg2") },
    ({ arg1, arg2 }) => ({
      messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "resource", argsSchema: strings("resourceUri") },
    ({ resourceUri }) => ({
      messages: [
        user(resource(resourceUri, "text/plain", "Embedded resource content for testing.")),
        user(text("Please process the embedded resource above.")),
      ],
    }),
  );
  server.registerPrompt("test_prompt_with_image", { description: "image" }, () => ({
    messages: [user(image), user(text("Please analyze the image above."))],
  }));
  server.registerPrompt("test_input_required_result_prompt", { description: "input" }, (context) => {
    const given = accepted(context, "user_context", "context");
    if (given === undefined) return ask({ user_context: form("What context should the prompt use?", { context: { type: "string" } }) });
    return { messages: [user(text(given))] };
  });
  const low = server.server;
  low.registerCapabilities({ tools: { listChanged: false }, resources: { listChanged: false }, prompts: { listChanged: false } });
  low.setRequestHandler("completion/complete", () => ({ completion: { values: ["paris", "park", "party"], total: 3, hasMore: false } }));
  low.setRequestHandler("resources/subscribe", () => ({}));
  low.setRequestHandler("resources/unsubscribe", () => ({}));
  return server;
}
