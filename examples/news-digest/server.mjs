// A local replacement for two services: a news API and an OpenAI-compatible model.
import { createServer } from "node:http";

const STORIES = [
  { title: "Tides power a town", points: 120, by: "ada" },
  { title: "A map of every bridge", points: 87, by: "lin" },
  { title: "My first program", points: 12, by: "kim" },
  { by: "nobody", points: 300 },
  { title: "Quiet engines", points: 51, by: "sam" },
];

const MAX_BODY_BYTES = 64 * 1024;
const STORY_MS = 50;

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** "Summarizes" by counting, which shows that the prompt arrived. */
function complete(request) {
  const prompt = request.messages.map((m) => m.content).join("\n");
  const titles = prompt.split("\n").filter((line) => line.startsWith("- "));
  const text = `${titles.length} stories, from "${titles[0]?.slice(2)}" to "${titles.at(-1)?.slice(2)}".`;
  return {
    id: "local-1",
    object: "chat.completion",
    model: request.model,
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
    usage: { prompt_tokens: prompt.split(/\s+/).length, completion_tokens: text.split(/\s+/).length },
  };
}

/** Listens on loopback; port 0 means any free port. Resolves to the server once it listens. */
export function startServer(port = 0) {
  const server = createServer((request, response) => {
    if (request.method === "GET" && request.url === "/stories") return json(response, 200, { stories: STORIES.map((_, i) => i) });
    const story = STORIES[/^\/stories\/(\d)$/.exec(request.url)?.[1]];
    // Each story takes its time, so that the trace shows the calls side by side.
    if (request.method === "GET" && story !== undefined) return void setTimeout(() => json(response, 200, story), STORY_MS);
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") return json(response, 404, { error: "no such page" });
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => {
      body += chunk;
      if (body.length > MAX_BODY_BYTES) request.destroy();
    });
    request.on("end", () => {
      try {
        json(response, 200, complete(JSON.parse(body)));
      } catch {
        json(response, 400, { error: "not a chat completion request" });
      }
    });
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

if (import.meta.url === new URL(process.argv[1], "file:").href) {
  const server = await startServer(Number(process.argv[2] ?? 8080));
  process.stdout.write(`news on http://127.0.0.1:${server.address().port}/stories\n`);
}
