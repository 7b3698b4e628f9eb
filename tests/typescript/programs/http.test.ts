// What `FetchBackend` asks `fetch` for, and what it makes of the answers.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ApiError,
  encodePath,
  encodePathSegments,
  FetchBackend,
  type FetchBackendOptions,
  fieldsOf,
  type HttpBackendRequest,
  isApiError,
  pairsOf,
  type ServerSentEvent,
} from "./http.js";

const GET: HttpBackendRequest = { method: "GET", path: "/a", query: [], headers: [], cookies: [], response: "json" };

/** A `fetch` that keeps what it was asked and answers with what it is given. */
class Recorder {
  readonly requests: Request[] = [];
  readonly urls: string[] = [];
  answer: () => Response | Promise<Response> = () => new Response("null");

  readonly fetch: typeof fetch = async (input, init) => {
    this.urls.push(String(input));
    this.requests.push(new Request(new URL(String(input), "http://page/"), init));
    return this.answer();
  };

  backend(options: Partial<FetchBackendOptions> = {}): FetchBackend {
    return new FetchBackend({ baseUrl: "http://host/v1/", fetch: this.fetch, ...options });
  }

  get latest(): Request {
    const request = this.requests.at(-1);
    assert(request !== undefined, "nothing was asked");
    return request;
  }
}

function streamed(...chunks: string[]): Response {
  const encoder = new TextEncoder();
  const bytes = chunks.map((chunk) => encoder.encode(chunk));
  return new Response(
    new ReadableStream({
      pull(controller) {
        const next = bytes.shift();
        if (next === undefined) controller.close();
        else controller.enqueue(next);
      },
    }),
  );
}

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** What an answer in these chunks is, as events. */
async function eventsIn(...chunks: string[]): Promise<ServerSentEvent[]> {
  const recorder = new Recorder();
  recorder.answer = () => streamed(...chunks);
  return collected(await recorder.backend().request<AsyncIterable<ServerSentEvent>>({ ...GET, response: "events" }));
}

// -- addresses

for (const [baseUrl, url] of [
  ["http://host", "http://host/a"],
  ["http://host/", "http://host/a"],
  ["http://host/v1//", "http://host/v1/a"],
  ["/v1", "/v1/a"],
  ["", "/a"],
] as const) {
  test(`a path behind the base ${JSON.stringify(baseUrl)} is ${url}`, async () => {
    const recorder = new Recorder();
    await recorder.backend({ baseUrl }).request(GET);
    assert.deepEqual(recorder.urls, [url]);
  });
}

test("a base with a query or a fragment is refused at once", () => {
  for (const baseUrl of ["http://host/?key=1", "http://host/#top"]) {
    assert.throws(() => new FetchBackend({ baseUrl }), /baseUrl has a query or a fragment/);
  }
});

test("a path never names another host", async () => {
  const request = { ...GET, path: `/${encodePathSegments("/evil.example/x")}` };
  const recorder = new Recorder();
  await assert.rejects(recorder.backend({ baseUrl: "" }).request(request), /the address of another host/);
  await recorder.backend({ baseUrl: "http://host" }).request(request);
  assert.equal(new URL(recorder.latest.url).host, "host");
});

test("path parameters are encoded, and those that would reach another route refused", () => {
  assert.equal(encodePath("a/b ?#%ü"), "a%2Fb%20%3F%23%25%C3%BC");
  assert.equal(encodePath(7), "7");
  assert.equal(encodePath(true), "true");
  assert.equal(encodePathSegments("a b/c/"), "a%20b/c/");
  for (const value of ["", ".", ".."]) assert.throws(() => encodePath(value), /it would reach another route/);
  assert.throws(() => encodePathSegments("a/../b"), /it would reach another route/);
});

test("the query repeats lists, leaves out null and undefined, and is encoded", async () => {
  const recorder = new Recorder();
  const query = pairsOf([
    ["q", "a&b=c +ü"],
    ["n", [1, 2.5]],
    ["flag", false],
    ["none", undefined],
    ["null", null],
    ["empty", ""],
    ["nothing", []],
  ]);
  await recorder.backend().request({ ...GET, query });
  assert.equal(recorder.urls[0], "http://host/v1/a?q=a%26b%3Dc+%2B%C3%BC&n=1&n=2.5&flag=false&empty=");
});

// -- headers and cookies

test("headers of the backend, the parameters and the call replace each other in this order", async () => {
  const recorder = new Recorder();
  const backend = recorder.backend({ headers: { "X-A": "backend", "x-b": "backend", "X-C": "backend" } });
  const headers = pairsOf([["x-b", "parameter"], ["X-C", ["one"]], ["X-D", "parameter"]]);
  await backend.request({ ...GET, headers, call: { headers: { "X-D": "call" } } });
  assert.deepEqual(Object.fromEntries(recorder.latest.headers), {
    "x-a": "backend",
    "x-b": "parameter",
    "x-c": "one",
    "x-d": "call",
  });
});

test("several values of one header are refused, because fetch would make one of them", async () => {
  const recorder = new Recorder();
  const refused = /fetch would join the values of the header x-a into one/;
  await assert.rejects(recorder.backend().request({ ...GET, headers: pairsOf([["x-a", ["1", "2"]]]) }), refused);
  await assert.rejects(recorder.backend().request({ ...GET, headers: [["x-a", "1"], ["X-A", "2"]] }), refused);
  assert.deepEqual(recorder.urls, []);
});

test("headers may come from a function, which is asked for each request", async () => {
  const recorder = new Recorder();
  let token = 0;
  const backend = recorder.backend({ headers: async () => ({ Authorization: `Bearer ${++token}` }) });
  await backend.request(GET);
  await backend.request(GET);
  assert.deepEqual(recorder.requests.map((each) => each.headers.get("authorization")), ["Bearer 1", "Bearer 2"]);
});

test("a function that fails to give headers fails the call, and nothing is sent", async () => {
  const recorder = new Recorder();
  const failing = async () => {
    throw new Error("no token");
  };
  await assert.rejects(recorder.backend({ headers: failing }).request(GET), /no token/);
  assert.deepEqual(recorder.urls, []);
});

test("line breaks, NUL and what Latin-1 lacks are refused in header values, wherever they come from", async () => {
  const recorder = new Recorder();
  for (const value of ["a\r\nX-Evil: 1", "a\nb", "a\rb", "\n", "a\0", "€"]) {
    const refused = { name: "TypeError", message: /^the header X-A has a / };
    await assert.rejects(recorder.backend().request({ ...GET, headers: [["X-A", value]] }), refused);
    await assert.rejects(recorder.backend().request({ ...GET, call: { headers: { "X-A": value } } }), refused);
    await assert.rejects(recorder.backend({ headers: { "X-A": value } }).request(GET), refused);
  }
  assert.deepEqual(recorder.urls, []);
});

test("cookies are one header, and what they cannot carry is quoted", async () => {
  const recorder = new Recorder();
  const cookies = pairsOf([["plain", "a-b=c"], ["odd", 'a; b="ü"'], ["number", 1]]);
  await recorder.backend({ headers: { Cookie: "theme=dark" } }).request({ ...GET, cookies });
  assert.equal(
    recorder.latest.headers.get("cookie"),
    String.raw`theme=dark; plain=a-b=c; odd="a\073 b=\042\374\042"; number=1`,
  );
  await assert.rejects(recorder.backend().request({ ...GET, cookies: [["a;b", "c"]] }), /"a;b" is no name for a cookie/);
  await assert.rejects(recorder.backend().request({ ...GET, cookies: [["a", "€"]] }), /beyond Latin-1/);
});

test("where a browser would take cookies out of the request, they are refused", async (context) => {
  const browsers = class extends Request {
    override get headers(): Headers {
      return new Headers();
    }
  };
  const real = globalThis.Request;
  globalThis.Request = browsers;
  context.after(() => {
    globalThis.Request = real;
  });
  await assert.rejects(new Recorder().backend().request({ ...GET, cookies: [["a", "b"]] }), /set document.cookie/);
});

test("credentials are passed on where they are given", async () => {
  const recorder = new Recorder();
  await recorder.backend({ credentials: "include" }).request(GET);
  assert.equal(recorder.latest.credentials, "include");
});

// -- bodies

test("a JSON body says so, although the backend says something else of all bodies", async () => {
  const recorder = new Recorder();
  const body = { kind: "json", value: { a: [1, null, "ü"], left_out: undefined } } as const;
  await recorder.backend({ headers: { "Content-Type": "text/plain" } }).request({ ...GET, method: "POST", body });
  assert.equal(recorder.latest.headers.get("content-type"), "application/json");
  assert.equal(await recorder.latest.text(), '{"a":[1,null,"ü"]}');
});

test("a JSON body that is null is sent, one that is undefined is no body", async () => {
  const recorder = new Recorder();
  await recorder.backend().request({ ...GET, method: "POST", body: { kind: "json", value: null } });
  assert.equal(await recorder.latest.text(), "null");
  await recorder.backend().request({ ...GET, method: "POST", body: { kind: "json", value: undefined } });
  assert.equal(recorder.latest.body, null);
  assert.equal(recorder.latest.headers.get("content-type"), null);
});

test("numbers that JSON lacks are refused", async () => {
  const backend = new Recorder().backend();
  const sent = (value: unknown) => backend.request({ ...GET, method: "POST", body: { kind: "json", value } });
  await assert.rejects(sent({ price: Number.NaN }), /"price" is NaN, which JSON cannot carry/);
  await assert.rejects(sent(-Infinity), /the body is -Infinity, which JSON cannot carry/);
});

test("a form is encoded as forms are", async () => {
  const recorder = new Recorder();
  const fields = pairsOf([["name", "a b&c"], ["tag", ["x", "y"]], ["none", undefined]]);
  await recorder.backend().request({ ...GET, method: "POST", body: { kind: "form", fields } });
  assert.equal(recorder.latest.headers.get("content-type"), "application/x-www-form-urlencoded");
  assert.equal(await recorder.latest.text(), "name=a+b%26c&tag=x&tag=y");
});

test("a multipart form carries files and fields, with a boundary of its own", async () => {
  const recorder = new Recorder();
  const files = [new File(["one"], "1.txt", { type: "text/plain" }), new Blob(["two"])];
  const fields = fieldsOf([["files", files], ["note", "hello"], ["none", null]]);
  const options = { headers: { "Content-Type": "application/json" } };
  await recorder.backend(options).request({ ...GET, method: "POST", body: { kind: "multipart", fields } });
  assert.match(recorder.latest.headers.get("content-type") ?? "", /^multipart\/form-data; boundary=/);
  const form = await recorder.latest.formData();
  const [first, second] = form.getAll("files");
  assert(first instanceof File && second instanceof File);
  assert.deepEqual([first.name, first.type, await first.text()], ["1.txt", "text/plain", "one"]);
  assert.deepEqual([second.name, await second.text()], ["blob", "two"]);
  assert.deepEqual([...form.keys()], ["files", "files", "note"]);
});

test("raw bodies go as they are: text, bytes and streams", async () => {
  const recorder = new Recorder();
  for (const value of ["text", new TextEncoder().encode("text"), new Blob(["text"]), new Blob(["text"]).stream()]) {
    const body = { kind: "raw", value, contentType: "text/x-special" } as const;
    await recorder.backend().request({ ...GET, method: "POST", body });
    assert.equal(recorder.latest.headers.get("content-type"), "text/x-special");
    assert.equal(await recorder.latest.text(), "text");
  }
});

// -- answers

test("an answer is read as the kind that was asked for", async () => {
  const recorder = new Recorder();
  recorder.answer = () => new Response('{"a": 1}');
  const read = (response: HttpBackendRequest["response"]) => recorder.backend().request({ ...GET, response });
  assert.deepEqual(await read("json"), { a: 1 });
  assert.equal(await read("text"), '{"a": 1}');
  assert.equal(await ((await read("blob")) as Blob).text(), '{"a": 1}');
  assert.equal(await read("empty"), undefined);
  assert.equal(await new Response((await read("stream")) as ReadableStream).text(), '{"a": 1}');
});

test("an answer without a body is undefined, or an empty stream", async () => {
  const recorder = new Recorder();
  recorder.answer = () => new Response(null, { status: 204 });
  assert.equal(await recorder.backend().request(GET), undefined);
  assert.equal(await recorder.backend().request({ ...GET, response: "empty" }), undefined);
  const stream = await recorder.backend().request<ReadableStream>({ ...GET, response: "stream" });
  assert.equal(await new Response(stream).text(), "");
  assert.deepEqual(await collected(await recorder.backend().request<AsyncIterable<1>>({ ...GET, response: "lines" })), []);
});

test("success with a body that is not JSON is an ApiError that shows it", async () => {
  const recorder = new Recorder();
  recorder.answer = () => new Response("<html>");
  await assert.rejects(recorder.backend().request(GET), {
    name: "ApiError",
    status: 200,
    body: "<html>",
    message: "GET /a answered 200 with a body that is not JSON",
  });
});

for (const [type, text, body] of [
  ["application/json", '{"detail": "gone"}', { detail: "gone" }],
  ["application/problem+json", '{"detail": "gone"}', { detail: "gone" }],
  ["application/json", "not so", "not so"],
  ["text/plain; charset=utf-8", "1", "1"],
] as const) {
  test(`the body ${text} of a refusal that is ${type}`, async () => {
    const recorder = new Recorder();
    recorder.answer = () => new Response(text, { status: 404, headers: { "content-type": type, "x-trace": "7" } });
    for (const response of ["json", "stream", "events", "empty"] as const) {
      const error = await recorder.backend().request({ ...GET, response }).catch((each: unknown) => each);
      assert(error instanceof ApiError && error instanceof Error);
      assert.equal(error.message, "GET /a answered 404");
      assert.deepEqual([error.status, error.body, error.headers.get("x-trace")], [404, body, "7"]);
      assert.deepEqual(error.request, { method: "GET", path: "/a" });
    }
  });
}

test("isApiError narrows by status", () => {
  const error: unknown = new ApiError(GET, new Response("", { status: 404 }), { detail: "gone" });
  assert(isApiError(error));
  assert(isApiError<{ 404: { detail: string } }, 404>(error, 404) && error.body.detail === "gone");
  assert(!isApiError<{ 422: string }, 422>(error, 422));
  assert(!isApiError(new TypeError("fetch failed")));
});

test("a network that fails is the error that fetch throws", async () => {
  const recorder = new Recorder();
  const failure = new TypeError("fetch failed");
  recorder.answer = () => Promise.reject(failure);
  await assert.rejects(recorder.backend().request(GET), failure);
});

// -- streams

test("lines are parsed one by one, however they are cut", async () => {
  const recorder = new Recorder();
  recorder.answer = () => streamed('{"a"', ':1}\n{"a":"', "ü\u2028", '"}\r\n\r', "\n3");
  const lines = await recorder.backend().request<AsyncIterable<unknown>>({ ...GET, response: "lines" });
  assert.deepEqual(await collected(lines), [{ a: 1 }, { a: "ü\u2028" }, 3]);
});

test("bytes of one character may come in two chunks", async () => {
  const recorder = new Recorder();
  const bytes = new TextEncoder().encode('"€"\n');
  recorder.answer = () => new Response(new Blob([bytes.subarray(0, 2), bytes.subarray(2)]).stream());
  const lines = await recorder.backend().request<AsyncIterable<unknown>>({ ...GET, response: "lines" });
  assert.deepEqual(await collected(lines), ["€"]);
});

test("leaving the loop early cancels the answer", async () => {
  const recorder = new Recorder();
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("1\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  recorder.answer = () => new Response(endless);
  for await (const _ of await recorder.backend().request<AsyncIterable<unknown>>({ ...GET, response: "lines" })) break;
  assert(cancelled);
});

test("server-sent events are read as the standard says", async () => {
  assert.deepEqual(await eventsIn('data: {"a": 1}\n\n', ": a comment\n\nevent: done\nid: 7\nretry: 250\ndata\n\ndata: 3\n\n"), [
    { event: "message", data: { a: 1 }, text: '{"a": 1}', id: "" },
    { event: "done", data: "", text: "", id: "7", retry: 250 },
    { event: "message", data: 3, text: "3", id: "7", retry: 250 },
  ]);
});

test("an event's data may have several lines, its end any line break, and the last one must be complete", async () => {
  const first = { event: "message", data: "a\n b", text: "a\n b", id: "" };
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = ["data:a", "data:  b", "", "event: cut off", "data: c"].join(end);
    assert.deepEqual(await eventsIn(text), [first]);
    assert.deepEqual(await eventsIn(...text), [first]);
  }
});

test("an id with NUL and a retry that is no number are ignored, and the id stays", async () => {
  const events = await eventsIn("id: 1\ndata: a\n\n", "id: 2\0\nretry: soon\ndata: b\n\n");
  assert.deepEqual(events.map(({ data, id, retry }) => [data, id, retry]), [["a", "1", undefined], ["b", "1", undefined]]);
});

// -- giving up

/** A `fetch` that never answers, but knows when it is told to give up. */
const silent: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));

test("a call that takes too long ends with a TimeoutError, the call's own time before the backend's", async () => {
  const backend = new FetchBackend({ baseUrl: "", fetch: silent, timeout: 1 });
  await assert.rejects(backend.request(GET), { name: "TimeoutError", message: "no answer within 1 ms: /a" });
  const { signal } = new AbortController();
  for (const call of [{ timeout: 2 }, { timeout: 2, signal }]) {
    await assert.rejects(backend.request({ ...GET, call }), { message: "no answer within 2 ms: /a" });
  }
});

test("a call may take for ever", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const controller = new AbortController();
  const backend = new FetchBackend({ baseUrl: "", fetch: silent, timeout: 1 });
  const call = backend.request({ ...GET, call: { timeout: Infinity, signal: controller.signal } });
  context.mock.timers.tick(2 ** 31);
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
});

test("a call is aborted by its signal, also beside a timeout, and before it was sent", async () => {
  const backend = new FetchBackend({ baseUrl: "", fetch: silent, timeout: 60_000 });
  const controller = new AbortController();
  const call = backend.request({ ...GET, call: { signal: controller.signal } });
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  await assert.rejects(backend.request({ ...GET, call: { signal: AbortSignal.abort(new Error("before")) } }), /before/);
});

test("waiting for headers is part of a call's time", async () => {
  const recorder = new Recorder();
  const backend = recorder.backend({ headers: () => new Promise(() => undefined), timeout: 1 });
  await assert.rejects(backend.request(GET), { name: "TimeoutError" });
  assert.deepEqual(recorder.urls, []);
});

test("a body that stops coming is part of a call's time, a stream's items are not", async () => {
  const signals: AbortSignal[] = [];
  const halting: typeof fetch = async (_, init) => {
    const signal = init?.signal;
    assert(signal);
    signals.push(signal);
    return new Response(
      new ReadableStream({ start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)) }),
    );
  };
  const backend = new FetchBackend({ baseUrl: "", fetch: halting, timeout: 5 });
  await assert.rejects(backend.request(GET), { name: "TimeoutError" });

  const controller = new AbortController();
  const call = { signal: controller.signal };
  const items = await backend.request<AsyncIterable<unknown>>({ ...GET, response: "lines", call });
  await assert.rejects(backend.request(GET), { name: "TimeoutError" }); // as long as the stream would have had
  assert.equal(signals[1]?.aborted, false);
  controller.abort(new Error("enough"));
  await assert.rejects(collected(items), /enough/);
});
