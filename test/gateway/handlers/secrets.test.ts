import { Buffer } from "node:buffer";
import { createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { netFetchHandler } from "../../../gateway/handlers/net-fetch.ts";
import { secretsOf } from "../../../gateway/handlers/secrets.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { DEEP } from "../../cases.ts";
import { callHandler, contextOf, failureOf, policyOf, startTestServer, textOf } from "./support.ts";

const SECRET = "a+b/c \"d\" <e>&'f'\\g=h?";
const PLACEHOLDER = "{{secret:TOKEN}}";
const HOSTS = ["127.0.0.1"];

function scrubberFor(value: string, more: Readonly<Record<string, string>> = {}): (text: string) => string {
  const env = { TOKEN: value, ...more };
  const secrets = Object.fromEntries(Object.keys(env).map((name) => [name, { env: name, hosts: HOSTS }]));
  const made = secretsOf(policyOf({ secrets }), env);
  return (text) => made.scrub(text);
}

const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const jsonWithEscapedSlashes = (text: string): string => json(text).replaceAll("/", "\\/");
const unicodeEscapes = (text: string): string => [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
const url = (text: string): string => [...text].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
const lowerUrl = (text: string): string => encodeURIComponent(text).replace(/%../g, (escape) => escape.toLowerCase());
const form = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);
const html = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
const hex = (text: string): string => Buffer.from(text).toString("hex");
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const base64url = (text: string): string => Buffer.from(text).toString("base64url");

const SPELLINGS: readonly (readonly [string, (text: string) => string])[] = [
  ["unchanged", (text) => text],
  ["JSON", json],
  ["JSON with escaped slashes", jsonWithEscapedSlashes],
  ["JSON with every character as \\uXXXX", unicodeEscapes],
  ["JSON with capital digits", (text) => unicodeEscapes(text).replace(/u..../g, (digits) => `u${digits.slice(1).toUpperCase()}`)],
  ["a JavaScript string", (text) => [...text].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("")],
  ["JSON in JSON", (text) => json(json(text))],
  ["JSON in JSON with escaped slashes", (text) => jsonWithEscapedSlashes(jsonWithEscapedSlashes(text))],
  ["a URL", encodeURIComponent],
  ["a URL with small digits", lowerUrl],
  ["a URL with every character escaped", url],
  ["a form", form],
  ["a URL in a URL", (text) => encodeURIComponent(encodeURIComponent(text))],
  ["HTML", html],
  ["HTML by number", (text) => [...text].map((c) => `&#${c.charCodeAt(0)};`).join("")],
  ["HTML by hexadecimal number", (text) => [...text].map((c) => `&#x${c.charCodeAt(0).toString(16)};`).join("")],
  ["HTML with the longer names", (text) => html(text).replaceAll("+", "&plus;").replaceAll("/", "&sol;").replaceAll("\\", "&bsol;")],
  ["HTML in JSON, as Go writes it", (text) => json(html(text)).replaceAll("&", "\\u0026")],
  ["JSON in HTML", (text) => html(jsonWithEscapedSlashes(text))],
  ["a form in JSON", (text) => json(form(text))],
  ["hexadecimal", hex],
  ["hexadecimal in capitals", (text) => hex(text).toUpperCase()],
  ["base64", base64],
  ["base64url", base64url],
  ["base64 in JSON with escaped slashes", (text) => jsonWithEscapedSlashes(base64(text))],
  ["base64 in JSON, as .NET writes it", (text) => base64(text).replaceAll("+", "\\u002B")],
  ["base64 in a form", (text) => form(base64(text))],
];

describe("what is scrubbed", () => {
  test.each(SPELLINGS)("%s", (_, spell) => {
    const scrub = scrubberFor(SECRET);
    expect(scrub(`key: ${spell(SECRET)}, end`)).toBe(`key: ${PLACEHOLDER}, end`);
    expect(scrub(spell(SECRET).repeat(3)).replaceAll(PLACEHOLDER, "")).toBe("");
  });

  test.each(SPELLINGS)("%s, of any secret", (name, spell) => {
    const character = fc.constantFrom(..."aZ09+/=&%\\\"'<>;#u \t");
    fc.assert(
      fc.property(fc.string({ unit: character, minLength: 5, maxLength: 12 }), (value) => {
        // The brackets delimit the secret: a digit after an escape could be read as part of the escape.
        const text = `[${spell(value)}]`;
        expect(scrubberFor(value)(text), `${name}: ${JSON.stringify(value)}`).toBe(`[${PLACEHOLDER}]`);
      }),
      { numRuns: 200 },
    );
  });

  test.each([0, 1, 2])("base64 of a longer text in which the secret starts at byte %i of three", (offset) => {
    for (const encode of [base64, base64url])
      for (const after of ["", "!", "!!"]) {
        const before = `use${"x".repeat(offset)}`;
        const text = encode(`${before}${SECRET}${after}`);
        const start = Math.floor((8 * before.length) / 6);
        const end = Math.ceil((8 * (before.length + SECRET.length)) / 6);
        expect(scrubberFor(SECRET)(text)).toBe(text.slice(0, start) + PLACEHOLDER + text.slice(end).replace(/^=+/, ""));
      }
  });

  test("of secrets that contain each other, the longest gives the placeholder; overlapping ranges are replaced as one", () => {
    const scrub = scrubberFor("sesame", { LONG: "open sesame now", NEXT: "nowhere" });
    expect(scrub("sesame, open sesame now, open sesame nowhere")).toBe("{{secret:TOKEN}}, {{secret:LONG}}, {{secret:LONG}}");
  });

  test("text that only looks like an escape is kept", () => {
    const scrub = scrubberFor("sesame");
    for (const text of ["\\u00zz", "%zz%2", "&unknown;&#99999999;&#x110000;", "a+b", "\\", "100%", "seßame", "\ud800"])
      expect(scrub(text)).toBe(text);
  });

  test("a secret below four characters is found only unencoded, since its encodings occur by chance", () => {
    const scrub = scrubberFor("abc");
    expect(scrub(`abc ${hex("abc")} ${base64("abc")}`)).toBe(`${PLACEHOLDER} ${hex("abc")} ${base64("abc")}`);
  });

  test("a secret without a value scrubs nothing, and inherited members of the environment do not count", () => {
    expect(scrubberFor("")("text")).toBe("text");
    const secrets = secretsOf(policyOf({ secrets: { A: { env: "__proto__", hosts: HOSTS }, B: { env: "toString", hosts: HOSTS } } }), {});
    expect(() => secrets.reveal("{{secret:A}}", "127.0.0.1")).toThrow("the secret A has no value");
    expect(() => secrets.reveal("{{secret:B}}", "127.0.0.1")).toThrow("the secret B has no value");
    expect(secrets.scrub("text")).toBe("text");
  });
});

describe("linear time", () => {
  test.runIf(DEEP)("many secrets, and a large hostile response", () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`S${i}`, `${"a".repeat(40)}${i}`]));
    const scrub = scrubberFor(SECRET, many);
    const size = 1 << 20;
    for (const piece of ["a", "\\", "%25", "&amp;", "\\u005c", "61", "YWFh"]) {
      const text = piece.repeat(size / piece.length);
      expect(scrub(`${text}${json(SECRET)} `)).toMatch(/\}\} $/);
    }
  });
});

describe("where it is scrubbed", () => {
  const handler = netFetchHandler({ env: { TOKEN: "SeSaMe-TokeN", LONG: "L".repeat(60) } });
  const secrets = { TOKEN: { env: "TOKEN", hosts: HOSTS }, LONG: { env: "LONG", hosts: HOSTS } };
  const call = (port: number, net: object = {}) =>
    callHandler(
      "net.fetch",
      handler,
      [`http://127.0.0.1:${port}/`, "GET", "", MapValue.from([["X-Key", PLACEHOLDER]]), "response"],
      contextOf(policyOf({ net_policy: { allow_private_networks: true, ...net }, secrets })),
    );

  test("in values and names of headers, in any case", async () => {
    const echo = await startTestServer((request, response) => {
      const seen = String(request.headers["x-key"]);
      response.writeHead(200, { [`X-${seen}`]: `${hex(seen)} ${seen}`, [`x-${hex(seen)}`]: "1", [seen]: "2" }).end("");
    });
    const text = await textOf(call(echo.port));
    await echo.close();
    expect(JSON.parse(text).headers).toMatchObject({ [`x-${PLACEHOLDER}`]: `${PLACEHOLDER} ${PLACEHOLDER}, 1`, [PLACEHOLDER]: "2" });
    expect(text.toLowerCase()).not.toContain("sesame");
  });

  test("the reason phrase of the server is not used", async () => {
    const server = createServer((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 418 SeSaMe-TokeN\r\ncontent-length: 0\r\n\r\n"));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const failure = await failureOf(
      callHandler(
        "net.fetch",
        handler,
        [`http://127.0.0.1:${port}/`],
        contextOf(policyOf({ net_policy: { allow_private_networks: true }, secrets })),
      ),
    );
    server.close();
    expect(failure).toBe("failed: HTTP 418 I'm a Teapot");
  });

  test.each([
    ["a host that is not allowed", "http://sesame-token.example/"],
    ["a host too long to be quoted whole", `http://${"x.".repeat(90)}sesame-token.example/`],
    ["a host that is not an address", `http://${"x.".repeat(85)}${"L".repeat(60)}.example/`],
    ["a scheme", "sesame-token:x"],
    ["no URL", "http://[SeSaMe-TokeN"],
    ["no URL, too long to be quoted whole", `http://[${"x".repeat(180)}SeSaMe-TokeN`],
    ["an encoding", undefined],
  ])("in the message of a failure: %s", async (_, location) => {
    const server = await startTestServer((__, response) => {
      if (location === undefined) response.writeHead(200, { "content-encoding": "SeSaMe-TokeN" }).end("x");
      else response.writeHead(302, { location }).end();
    });
    const failure = await failureOf(call(server.port, { allowed_domains: HOSTS }));
    await server.close();
    expect(failure).toMatch(/^(?:failed|denied): /);
    for (const part of ["sesame", "llll"]) expect(failure.toLowerCase()).not.toContain(part);
  });
});
