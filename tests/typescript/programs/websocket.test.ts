// The websocket client against a socket that the test holds: what it sends, when it comes back, what it tells.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { comesBackAfter, WebSocketClient, type WebSocketEndpoint, type WebSocketOptions } from "./websocket.js";

interface Messages {
  created: { type: "created"; name: string };
  deleted: { type: "deleted"; id: number };
}

const FEED: WebSocketEndpoint = { path: "/feed", query: [], tag: "type", receives: "json" };

class Feed extends WebSocketClient<Messages, { say: string } | string | ArrayBuffer | Uint8Array> {
  constructor(options: Partial<WebSocketOptions> = {}, endpoint: Partial<WebSocketEndpoint> = {}) {
    super({ ...FEED, ...endpoint }, { baseUrl: "http://host/v1/", webSocket: Socket, ...options });
  }
}

/** A connection whose other end is the test. */
class Socket {
  static all: Socket[] = [];
  binaryType = "blob";
  onopen: ((event: object) => unknown) | null = null;
  onmessage: ((event: { data: unknown }) => unknown) | null = null;
  onclose: ((event: { code: number; reason: string }) => unknown) | null = null;
  onerror: ((event: object) => unknown) | null = null;
  readonly sent: unknown[] = [];
  readonly url: string;
  readonly protocols: string[] | undefined;
  closed: unknown;

  constructor(url: string, protocols?: string[]) {
    this.url = url;
    this.protocols = protocols;
    Socket.all.push(this);
  }

  static get latest(): Socket {
    const socket = Socket.all.at(-1);
    assert(socket !== undefined, "nobody connected");
    return socket;
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && code < 3000) throw new Error("not a code of an application");
    this.closed = [code, reason];
  }

  async opens(): Promise<void> {
    this.onopen?.({});
    await settled();
  }

  async says(...data: unknown[]): Promise<void> {
    for (const each of data) this.onmessage?.({ data: typeof each === "object" ? JSON.stringify(each) : each });
    await settled();
  }

  async ends(code: number, reason = ""): Promise<void> {
    this.onerror?.({});
    this.onclose?.({ code, reason });
    await settled();
  }
}

/** Everything that needs no timer has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

async function connected(client: Feed): Promise<Socket> {
  client.connect();
  await settled();
  await Socket.latest.opens();
  return Socket.latest;
}

/** Let time pass, and whatever was due. */
async function pass(milliseconds: number): Promise<void> {
  now += milliseconds;
  mock.timers.tick(milliseconds);
  await settled();
}

let now = 0;
let random = 0;

beforeEach(() => {
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  Socket.all = [];
  now = 1;
  random = 0; // no jitter: the whole delay
  mock.method(Math, "random", () => random);
  mock.method(performance, "now", () => now);
});

// -- where it connects

for (const [baseUrl, url] of [
  ["http://host", "ws://host/feed"],
  ["https://host/v1/", "wss://host/v1/feed"],
  ["wss://host:8443", "wss://host:8443/feed"],
] as const) {
  test(`the socket of ${baseUrl} is at ${url}`, () => {
    new Feed({ baseUrl }).connect();
    return settled().then(() => assert.equal(Socket.latest.url, url));
  });
}

test("in a page, an address may be relative to it", async (context) => {
  Object.assign(globalThis, { location: { href: "https://page.example/somewhere?q#top" } });
  context.after(() => Object.assign(globalThis, { location: undefined }));
  for (const [baseUrl, url] of [["", "wss://page.example/feed"], ["/api", "wss://page.example/api/feed"]] as const) {
    new Feed({ baseUrl }).connect();
    await settled();
    assert.equal(Socket.latest.url, url);
  }
});

test("the query is encoded, and a path never names another host", async () => {
  new Feed({}, { query: [["q", "a&b"], ["q", "ü"]] }).connect();
  await settled();
  assert.equal(Socket.latest.url, "ws://host/v1/feed?q=a%26b&q=%C3%BC");
  new Feed({ baseUrl: "http://host" }, { path: "//evil.example/feed" }).connect();
  await settled();
  assert.equal(new URL(Socket.latest.url).host, "host");
});

test("what could never connect says so at once", () => {
  assert.throws(() => new Feed({ baseUrl: "" }).connect(), TypeError);
  assert.throws(() => new Feed({ baseUrl: "http://host?a" }).connect(), /baseUrl has a query or a fragment/);
  if (globalThis.WebSocket === undefined) {
    assert.throws(() => new Feed({ webSocket: undefined }).connect(), TypeError);
  }
});

test("subprotocols may come from a function, which is asked before each connection", async () => {
  let token = 0;
  const client = new Feed({ protocols: async () => [`token.${++token}`] });
  const socket = await connected(client);
  assert.deepEqual(socket.protocols, ["token.1"]);
  await socket.ends(1006);
  await pass(500);
  assert.deepEqual(Socket.latest.protocols, ["token.2"]);
});

test("a function that fails is a problem, and asked again after the delay", async () => {
  const problems: unknown[] = [];
  const client = new Feed({ protocols: () => Promise.reject(new Error("no token")) });
  client.onProblem((problem) => problems.push(String(problem)));
  client.connect();
  await settled();
  assert.deepEqual([problems, client.state], [["Error: no token"], "waiting"]);
  await pass(500);
  assert.equal(problems.length, 2);
});

test("connecting twice opens one connection", async () => {
  const client = new Feed();
  client.connect();
  await connected(client);
  client.connect();
  await settled();
  assert.equal(Socket.all.length, 1);
});

// -- messages

test("a message reaches the handlers of its name, and those of every message", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  client.on("created", ({ name }) => heard.push(`created ${name}`));
  const silence = client.on("deleted", ({ id }) => heard.push(`deleted ${id}`));
  client.onAny((message) => heard.push(message.type));
  const socket = await connected(client);
  await socket.says({ type: "created", name: "a" }, { type: "deleted", id: 1 }, { type: "unknown" });
  silence();
  await socket.says({ type: "deleted", id: 2 });
  assert.deepEqual(heard, ["created a", "created", "deleted 1", "deleted", "unknown", "deleted"]);
});

test("without a tag every message is a message", async () => {
  class Plain extends WebSocketClient<{ message: number[] }> {}
  const client = new Plain({ path: "/", query: [], receives: "json" }, { baseUrl: "http://host", webSocket: Socket });
  const heard: number[][] = [];
  client.on("message", (message) => heard.push(message));
  client.connect();
  await settled();
  await Socket.latest.opens();
  await Socket.latest.says([1, 2]);
  assert.deepEqual(heard, [[1, 2]]);
});

test("JSON and text come in text frames or in binary ones", async () => {
  const heard: unknown[] = [];
  for (const receives of ["json", "text", "bytes"] as const) {
    const client = new Feed({}, { receives });
    client.onAny((message: unknown) => heard.push(message instanceof ArrayBuffer ? message.byteLength : message));
    const socket = await connected(client);
    assert.equal(socket.binaryType, "arraybuffer");
    socket.onmessage?.({ data: "[1]" });
    socket.onmessage?.({ data: new TextEncoder().encode("[1]").buffer });
  }
  assert.deepEqual(heard, [[1], [1], "[1]", "[1]", 3, 3]);
});

test("what is not JSON is a problem that shows nothing of it, and the next message is heard", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  client.onProblem((problem) => heard.push(String(problem)));
  client.on("deleted", ({ id }) => heard.push(id));
  const socket = await connected(client);
  await socket.says("{secret", null, { type: "deleted", id: 1 });
  assert.deepEqual(heard, ["Error: /feed: the server sent what is no json", 1]);
});

test("a handler that fails is a problem, and keeps no other from its message", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  client.onProblem((problem) => heard.push(String(problem)));
  client.on("created", () => {
    throw new Error("first");
  });
  client.on("created", () => Promise.reject(new Error("second")));
  client.on("created", ({ name }) => heard.push(name));
  await (await connected(client)).says({ type: "created", name: "a" });
  assert.deepEqual(heard, ["Error: first", "a", "Error: second"]);
});

test("a problem that nobody looks after is thrown where nobody catches it", async () => {
  const client = new Feed();
  const thrown: unknown[] = [];
  mock.method(globalThis, "queueMicrotask", (task: () => void) => {
    assert.throws(task, (error) => thrown.push(String(error)) > 0);
  });
  client.on("deleted", () => {
    throw new Error("mine");
  });
  await (await connected(client)).says({ type: "deleted", id: 1 });
  assert.deepEqual(thrown, ["Error: mine"]);
});

// -- sending

test("objects go as JSON, strings as they are, bytes as bytes", async () => {
  const client = new Feed();
  const socket = await connected(client);
  const bytes = new Uint8Array([1]);
  client.send({ say: "ü" });
  client.send("plain");
  client.send(bytes);
  client.send(bytes.buffer);
  assert.deepEqual(socket.sent, ['{"say":"ü"}', "plain", bytes, bytes.buffer]);
});

test("without a connection messages wait for one, in order, and only so many", async () => {
  const client = new Feed({ queueSize: 2 });
  client.send("one");
  client.connect();
  await settled();
  client.send("two");
  assert.throws(() => client.send("three"), /2 messages wait for a connection already/);
  await Socket.latest.opens();
  client.send("four");
  assert.deepEqual(Socket.latest.sent, ["one", "two", "four"]);

  await Socket.latest.ends(1006);
  client.send("five");
  await pass(500);
  await Socket.latest.opens();
  assert.deepEqual(Socket.latest.sent, ["five"]);
});

test("a client that is closed takes no message, and drops what waits", async () => {
  const client = new Feed();
  client.send("one");
  client.close();
  assert.throws(() => client.send("two"), /the client is closed/);
  await connected(client);
  assert.deepEqual(Socket.latest.sent, []);
});

// -- coming back

test("the delay doubles up to its maximum, and a random half of it is taken away", async () => {
  const client = new Feed({ firstDelay: 100, maxDelay: 1_000 });
  client.connect();
  await settled();
  for (const [delay, luck] of [[100, 0], [200, 0], [200, 0.999], [400, 0.999], [1_000, 0], [750, 0.5]] as const) {
    random = luck;
    const attempts = Socket.all.length;
    await Socket.latest.ends(1006);
    await pass(Math.floor(delay) - 1);
    assert.equal(Socket.all.length, attempts, `nobody connects before ${delay} ms`);
    await pass(2);
    assert.equal(Socket.all.length, attempts + 1, `somebody connects after ${delay} ms`);
  }
});

test("the delay starts anew only after a connection that lasted", async () => {
  const client = new Feed({ firstDelay: 100, maxDelay: 1_000 });
  const socket = await connected(client);
  await socket.ends(1011);
  await pass(100);
  await Socket.latest.opens(); // accepted and thrown out at once: no reason for haste
  await Socket.latest.ends(1011);
  await pass(100);
  assert.equal(Socket.all.length, 2);
  await pass(100);
  await Socket.latest.opens();
  await pass(1_001);
  await Socket.latest.ends(1011);
  await pass(100);
  assert.equal(Socket.all.length, 4);
});

test("codes that say that nothing would change end it, others do not", async () => {
  for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 1010, 4000, 4401, 4999]) assert(!comesBackAfter(code));
  for (const code of [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3000]) assert(comesBackAfter(code));

  const client = new Feed();
  const states: unknown[] = [];
  client.onState((state, closing) => states.push([state, closing?.code, closing?.reason, closing?.reconnects]));
  await (await connected(client)).ends(1008, "who are you");
  await pass(60_000);
  assert.equal(Socket.all.length, 1);
  assert.deepEqual(states.at(-1), ["closed", 1008, "who are you", false]);
});

test("the application may decide by itself which codes end it", async () => {
  const client = new Feed({ reconnect: (code) => code === 4000 });
  await (await connected(client)).ends(4000);
  assert.equal(client.state, "waiting");
  await pass(500);
  await Socket.latest.ends(1006);
  assert.equal(client.state, "closed");
});

test("states are told one after the other", async () => {
  const client = new Feed();
  const states: string[] = [client.state];
  client.onState((state) => states.push(state));
  await (await connected(client)).ends(1001);
  await pass(500);
  client.close(4000, "bye");
  assert.deepEqual(states, ["idle", "connecting", "open", "waiting", "connecting", "closed"]);
  assert.deepEqual(Socket.latest.closed, [4000, "bye"]);
});

test("a closed client hears nothing more, does not come back, and can be opened again", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  client.onAny((message) => heard.push(message));
  const socket = await connected(client);
  client.close();
  await socket.says({ type: "deleted", id: 1 });
  await socket.ends(1006);
  await pass(60_000);
  assert.deepEqual([heard, Socket.all.length, client.state], [[], 1, "closed"]);
  await (await connected(client)).says({ type: "deleted", id: 2 });
  assert.equal(heard.length, 1);
});

test("a client that is opened again begins with the first delay", async () => {
  const client = new Feed({ firstDelay: 100, maxDelay: 1_000 });
  client.connect();
  await settled();
  await Socket.latest.ends(1006);
  await pass(100);
  await Socket.latest.ends(1006);
  client.close();
  client.connect();
  await settled();
  await Socket.latest.ends(1006);
  await pass(100);
  assert.equal(Socket.all.length, 4);
});

test("closing while it waits, or while it asks for a token, ends the attempt", async () => {
  const waiting = new Feed();
  await (await connected(waiting)).ends(1006);
  waiting.close();
  await pass(60_000);
  assert.equal(Socket.all.length, 1);

  const asking = new Feed({ protocols: async () => ["token"] });
  asking.connect();
  asking.close();
  await settled();
  assert.deepEqual([Socket.all.length, asking.state], [1, "closed"]);
});

test("a code that no application may send is refused, and the connection stays", async () => {
  const client = new Feed();
  await connected(client);
  assert.throws(() => client.close(1011));
  assert.equal(client.state, "open");
});

// -- what was missed

test("each opening is a resync, and messages wait until it is done", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  let loaded: () => void = () => undefined;
  client.onResync(async (first) => {
    heard.push(first ? "first" : "again");
    await new Promise<void>((resolve) => (loaded = resolve));
    heard.push("loaded");
  });
  client.on("deleted", ({ id }) => heard.push(id));
  await connected(client);
  await Socket.latest.says({ type: "deleted", id: 1 }, { type: "deleted", id: 2 });
  assert.deepEqual(heard, ["first"]);
  loaded();
  await settled();
  await Socket.latest.says({ type: "deleted", id: 3 });
  assert.deepEqual(heard, ["first", "loaded", 1, 2, 3]);

  await Socket.latest.ends(1006);
  await pass(500);
  await Socket.latest.opens();
  loaded();
  await settled();
  assert.deepEqual(heard.slice(5), ["again", "loaded"]);
});

test("a resync that fails is a problem, and the connection is tried again with a delay", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  let fails = true;
  client.onProblem((problem) => heard.push(String(problem)));
  client.onResync((first) => {
    if (fails) throw new Error("not loaded");
    heard.push(first);
  });
  const socket = await connected(client);
  await socket.says({ type: "deleted", id: 1 });
  assert.deepEqual([heard, client.state, socket.closed], [["Error: not loaded"], "waiting", [undefined, undefined]]);
  fails = false;
  await pass(500);
  await Socket.latest.opens();
  assert.deepEqual(heard, ["Error: not loaded", true]);
});

test("a connection that ends during its resync leaves nothing of it to the next one", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  const loads: Array<() => void> = [];
  client.onResync(() => new Promise<void>((resolve) => loads.push(resolve)));
  client.on("deleted", ({ id }) => heard.push(id));
  const socket = await connected(client);
  await socket.says({ type: "deleted", id: 1 });
  await socket.ends(1006);
  await pass(500);
  await Socket.latest.opens();
  await Socket.latest.says({ type: "deleted", id: 2 });
  loads[0]?.();
  await settled();
  assert.deepEqual(heard, []);
  loads[1]?.();
  await settled();
  assert.deepEqual(heard, [2]);
});

test("a handler that closes the client is the last one to hear anything", async () => {
  const client = new Feed();
  const heard: unknown[] = [];
  let loaded: () => void = () => undefined;
  client.onResync(() => new Promise<void>((resolve) => (loaded = resolve)));
  client.on("deleted", ({ id }) => {
    heard.push(id);
    client.close();
  });
  const socket = await connected(client);
  await socket.says({ type: "deleted", id: 1 }, { type: "deleted", id: 2 });
  loaded();
  await settled();
  assert.deepEqual(heard, [1]);
});
