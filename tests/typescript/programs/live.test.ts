// `FetchBackend` and the websocket client against an application that is really there.

import assert from "node:assert/strict";
import { test } from "node:test";

import WebSocket from "ws";

import { FetchBackend, type HttpBackendRequest, isApiError, pairsOf, fieldsOf, type ServerSentEvent } from "./http.js";
import { WebSocketClient, type WebSocketOptions } from "./websocket.js";

const baseUrl = process.argv[2] ?? "";
const backend = new FetchBackend({ baseUrl: `${baseUrl}/mirror` });
const GET: HttpBackendRequest = { method: "GET", path: "/", query: [], headers: [], cookies: [], response: "json" };
const LATIN = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code));

interface Asked {
  path: string;
  query: Array<[string, string]>;
  headers: Array<[string, string]>;
  cookies: Record<string, string>;
}

function ask(request: Partial<HttpBackendRequest>): Promise<Asked> {
  return backend.request<Asked>({ ...GET, path: "/asked/", ...request });
}

// -- requests

test("path, query, headers and cookies arrive as they were meant", async () => {
  const path = `/asked/${encodeURIComponent("a/b ?#%ü€+")}`;
  const query = pairsOf([["q", `a&b=c +%ü€\n`], ["n", [1, -2.5, true]], ["empty", ""]]);
  const headers = pairsOf([["x-key", "ü !~"], ["x-list", ["one, two"]]]);
  const cookies = pairsOf([["latin", LATIN.replace("\0", "").replace(/[\r\n]/g, "")], ["quoted", '"a"'], ["space", " a "]]);
  const asked = await ask({ path, query, headers, cookies });
  assert.equal(asked.path, "a/b ?#%ü€+");
  assert.deepEqual(asked.query, query);
  assert.deepEqual(asked.headers.filter(([name]) => name.startsWith("x-")), [["x-key", "ü !~"], ["x-list", "one, two"]]);
  assert.deepEqual(asked.cookies, Object.fromEntries(cookies));
});

test("raw bodies and streams arrive", async () => {
  for (const value of ["ü", new TextEncoder().encode("ü"), new Blob(["ü"]).stream()]) {
    const body = { kind: "raw", value, contentType: "text/x-special" } as const;
    const seen = await backend.request({ ...GET, method: "POST", path: "/body", body });
    assert.deepEqual(seen, { type: "text/x-special", text: "ü" });
  }
});

test("a multipart form arrives with its files", async () => {
  const bytes = new Uint8Array(Array.from({ length: 256 }, (_, code) => code));
  const files = [new File([bytes], "a 'b' ü.bin", { type: "application/x-bin" }), new Blob([])];
  const fields = fieldsOf([["note", "ü&="], ["tags", ["a", "b"]], ["files", files]]);
  const seen = await backend.request({ ...GET, method: "POST", path: "/form", body: { kind: "multipart", fields } });
  const hex = Buffer.from(bytes).toString("hex");
  assert.deepEqual(seen, {
    note: "ü&=",
    tags: ["a", "b"],
    files: [["a 'b' ü.bin", "application/x-bin", hex], ["blob", "application/octet-stream", ""]],
  });
});

// -- answers

test("204 is undefined, refusals are errors with their bodies", async () => {
  assert.equal(await backend.request({ ...GET, path: "/status/204", response: "empty" }), undefined);
  const refused = await backend.request({ ...GET, path: "/status/418" }).catch((error: unknown) => error);
  assert(isApiError<{ 418: { detail: { status: number } } }, 418>(refused, 418));
  assert.equal(refused.body.detail.status, 418);
  const invalid = await backend.request({ ...GET, path: "/status/x" }).catch((error: unknown) => error);
  assert(isApiError<{ 422: { detail: Array<{ loc: unknown }> } }, 422>(invalid, 422));
  assert.deepEqual(invalid.body.detail[0]?.loc, ["path", "status"]);
});

test("a server that is not there is what fetch throws", async () => {
  const nobody = new FetchBackend({ baseUrl: "http://127.0.0.1:1" });
  await assert.rejects(nobody.request(GET), { name: "TypeError", message: "fetch failed" });
});

test("a server that does not answer ends in a TimeoutError, or with the signal", async () => {
  const call = { timeout: 20 };
  await assert.rejects(backend.request({ ...GET, path: "/never", call }), { name: "TimeoutError" });
  const controller = new AbortController();
  const waiting = backend.request({ ...GET, path: "/never", call: { signal: controller.signal, timeout: 60_000 } });
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
});

test("a stream is read while it comes, and the server learns when nobody reads it any more", async () => {
  const controller = new AbortController();
  const call = { signal: controller.signal };
  const stream = await backend.request<ReadableStream<Uint8Array>>({ ...GET, path: "/stream", response: "stream", call });
  const reader = stream.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "first");
  controller.abort(new Error("enough"));
  await assert.rejects(reader.read(), /enough/);
  assert.equal(await backend.request({ ...GET, path: "/abandoned" }), true);
});

test("server-sent events and lines of JSON are read one by one", async () => {
  const events: ServerSentEvent[] = [];
  const request = { ...GET, path: "/events", response: "events" } as const;
  for await (const event of await backend.request<AsyncIterable<ServerSentEvent>>(request)) events.push(event);
  assert.deepEqual(events.map(({ event, data, id, retry }) => [event, data, id, retry]), [
    ["count", { n: 1 }, "7", 250],
    ["message", "two\nlines", "7", 250],
    ["message", "text", "7", 250],
  ]);
  assert.deepEqual(events.map(({ text }) => text), ['{"n": 1}', "two\nlines", '"text"']);

  const lines: unknown[] = [];
  for await (const line of await backend.request<AsyncIterable<object>>({ ...GET, path: "/lines", response: "lines" })) {
    lines.push(line);
  }
  assert.deepEqual(lines, [
    { type: "said", text: "one\nline", connection: 0 },
    { type: "welcome", text: "ü\u2028", connection: 0 },
  ]);
});

// -- websockets

interface Said {
  type: "said" | "welcome";
  text: string;
  connection: number;
}

class Feed extends WebSocketClient<{ said: Said; welcome: Said }, string | Uint8Array> {
  readonly heard: string[] = [];
  #wanted: [string, () => void] | undefined;

  constructor(room: string, options: Partial<WebSocketOptions> = {}) {
    const endpoint = { path: `/mirror/feed/${room}`, query: [["name", "ü"]], tag: "type", receives: "json" } as const;
    super(endpoint, { baseUrl, webSocket: WebSocket, firstDelay: 1, ...options });
    this.on("welcome", ({ text }) => this.note(`welcome ${text}`));
    this.on("said", ({ text }) => this.note(`said ${text}`));
    this.onState((state, closing) => this.note(closing ? `${state} ${closing.code}` : state));
    this.onProblem((problem) => this.note(String(problem)));
  }

  note(line: string): void {
    this.heard.push(line);
    if (this.#wanted?.[0] === line) this.#wanted[1]();
  }

  /** Once this was heard, from now on. */
  next(line: string): Promise<void> {
    return new Promise((resolve) => (this.#wanted = [line, resolve]));
  }
}

/** Do something that makes the feed say a line, and wait for it. */
async function hears(feed: Feed, line: string, cause: () => void): Promise<void> {
  const heard = feed.next(line);
  cause();
  await heard;
}

test("messages go and come, in text frames and binary ones, also those sent before there was a connection", async () => {
  const feed = new Feed("talk");
  feed.send("early");
  await hears(feed, "said early", () => feed.connect());
  await hears(feed, "said in bytes", () => feed.send("in bytes"));
  feed.close();
  assert.deepEqual(feed.heard, ["connecting", "open", "welcome ü", "said early", "said in bytes", "closed 1000"]);
});

test("subprotocols are offered, and the server takes one", async () => {
  const feed = new Feed("protocols", { protocols: async () => ["token.1", "other"] });
  await hears(feed, "welcome ü", () => feed.connect());
  feed.close();
});

test("after an accident the client comes back, is told to load anew, and goes on", async () => {
  const feed = new Feed("accidents");
  feed.onResync((first) => feed.note(first ? "load" : "load anew"));
  await hears(feed, "welcome ü", () => feed.connect());
  await hears(feed, "welcome ü", () => feed.send("fail"));
  await hears(feed, "said again", () => feed.send("again"));
  feed.close(4001);
  assert.deepEqual(feed.heard, [
    ...["connecting", "open", "load", "welcome ü", "waiting 1011"],
    ...["connecting", "open", "load anew", "welcome ü", "said again", "closed 4001"],
  ]);
});

for (const code of [1000, 1008, 4401]) {
  test(`after ${code} the client stays away`, async () => {
    const feed = new Feed("closing");
    await hears(feed, "welcome ü", () => feed.connect());
    await hears(feed, `closed ${code}`, () => feed.send(`close ${code}`));
  });
}

test("a client that sends bytes where text is read is shown out, and does not come back to do it again", async () => {
  const feed = new Feed("bytes");
  await hears(feed, "welcome ü", () => feed.connect());
  await hears(feed, "closed 1003", () => feed.send(new Uint8Array([255])));
});

test("an endpoint that is not there is tried again", async () => {
  const feed = new Feed("a/b");
  await hears(feed, "waiting 1006", () => feed.connect());
  await hears(feed, "waiting 1006", () => undefined);
  feed.close();
});
