// Written by `jararaca gen-tsi`, which writes it anew whenever the application changes: do not edit.

// How requests leave: what generated methods ask for, who carries it, and what goes wrong.

/** What a query, header, cookie or form field can carry. null and undefined are left out. */
export type WireScalar = string | number | boolean | null | undefined;

/** One value, or several under the same name. */
export type WireValue = WireScalar | ReadonlyArray<WireScalar>;

/** A value of a multipart form. Give a `File` to name it; a plain `Blob` is named "blob". */
export type WireField = WireValue | Blob | ReadonlyArray<Blob>;

/** What is sent. A value that is undefined is no body. */
export type RequestBody =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "form"; readonly fields: ReadonlyArray<readonly [string, string]> }
  | { readonly kind: "multipart"; readonly fields: ReadonlyArray<readonly [string, string | Blob]> }
  | { readonly kind: "raw"; readonly value: BodyInit | undefined; readonly contentType: string };

/** How an answer is read. "events" and "lines" are read while they come. */
export type ResponseKind = "json" | "text" | "blob" | "empty" | "stream" | "events" | "lines";

/** The last argument of every method: what belongs to one call alone. */
export interface CallOptions {
  /** Gives up when it is aborted; a stream ends with it too. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the call gives up with a `TimeoutError`; `Infinity` for never. Streams count until they begin. */
  readonly timeout?: number | undefined;
  /** Sent as well; the same name as another header's replaces it. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One request, complete: all names and values are as the wire has them. */
export interface HttpBackendRequest {
  readonly method: string;
  /** Starts with "/"; its parameters are encoded. */
  readonly path: string;
  readonly query: ReadonlyArray<readonly [string, string]>;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly cookies: ReadonlyArray<readonly [string, string]>;
  readonly body?: RequestBody | undefined;
  readonly response: ResponseKind;
  readonly call?: CallOptions | undefined;
}

/** Whoever carries requests. `FetchBackend` does; write another one for tests, retries or another transport. */
export interface HttpBackend {
  request<T>(request: HttpBackendRequest): Promise<T>;
}

/** What every service is. */
export abstract class HttpService {
  protected readonly httpBackend: HttpBackend;

  constructor(httpBackend: HttpBackend) {
    this.httpBackend = httpBackend;
  }
}

/** The server answered, but not with success, or with something that cannot be read. */
export class ApiError<Body = unknown> extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** Parsed where it is JSON, else the text. */
  readonly body: Body;
  readonly headers: Headers;
  readonly request: { readonly method: string; readonly path: string };

  constructor(request: HttpBackendRequest, response: Response, body: Body, problem = "") {
    super(`${request.method} ${request.path} answered ${response.status}${problem}`);
    this.status = response.status;
    this.body = body;
    this.headers = response.headers;
    this.request = { method: request.method, path: request.path };
  }
}

/**
 * Whether a call failed because of the server's answer, and with this status.
 *
 *     catch (error) {
 *       if (isApiError<TasksControllerCreateTaskErrors, 404>(error, 404)) show(error.body.detail);
 *     }
 */
export function isApiError(error: unknown): error is ApiError;
export function isApiError<Errors, Status extends keyof Errors & number>(
  error: unknown,
  status: Status,
): error is ApiError<Errors[Status]> & { readonly status: Status };
export function isApiError(error: unknown, status?: number): boolean {
  return error instanceof ApiError && (status === undefined || error.status === status);
}

/** One event of a stream of server-sent events. */
export interface ServerSentEvent<Data = unknown> {
  /** "message" unless the server named it. */
  readonly event: string;
  /** Parsed where the text is JSON, else the text. */
  readonly data: Data;
  readonly text: string;
  /** The latest id of the stream: send it as `Last-Event-ID` to go on from there. "" before the first. */
  readonly id: string;
  /** Milliseconds that the server wants a client to wait before it connects anew. */
  readonly retry?: number;
}

// -- what generated methods call

/** A path parameter. What would reach another route, an empty one or a dot segment, is refused. */
export function encodePath(value: string | number | boolean): string {
  const text = String(value);
  if (text === "" || text === "." || text === "..") {
    throw new TypeError(`a path parameter cannot be ${JSON.stringify(text)}: it would reach another route`);
  }
  return encodeURIComponent(text);
}

/** A path parameter that may contain slashes. */
export function encodePathSegments(value: string): string {
  return value
    .split("/")
    .map((segment) => (segment === "" ? "" : encodePath(segment)))
    .join("/");
}

/** Named values as the wire has them: lists repeat their name, null and undefined are left out. */
export function pairsOf(values: ReadonlyArray<readonly [string, WireValue]>): Array<readonly [string, string]> {
  return fieldsOf(values) as Array<readonly [string, string]>;
}

/** The same for multipart forms, whose values may be files. */
export function fieldsOf(values: ReadonlyArray<readonly [string, WireField]>): Array<readonly [string, string | Blob]> {
  const fields: Array<readonly [string, string | Blob]> = [];
  for (const [name, value] of values) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null) fields.push([name, each instanceof Blob ? each : String(each)]);
    }
  }
  return fields;
}

// -- the backend that everybody has

export type HeadersSource =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

export interface FetchBackendOptions {
  /** Where the application is, with or without a path: "https://api.example.org/v1"; "" for the page's own origin. */
  readonly baseUrl: string;
  /** Sent with every request. A function is asked each time, for example for a token that expires. */
  readonly headers?: HeadersSource | undefined;
  /** Milliseconds for calls that name no timeout of their own. */
  readonly timeout?: number | undefined;
  /** Whether a browser sends cookies to other origins: "include" does. */
  readonly credentials?: RequestCredentials | undefined;
  /** Another `fetch`, with the same contract. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * Carries requests with `fetch`.
 *
 * An answer outside 200 to 299 is an `ApiError`. What `fetch` throws when there is no answer passes unchanged: a
 * `TypeError` where the network fails, the signal's reason where the call was aborted or took too long.
 */
export class FetchBackend implements HttpBackend {
  readonly #options: FetchBackendOptions;

  constructor(options: FetchBackendOptions) {
    if (/[?#]/.test(options.baseUrl)) throw new TypeError("baseUrl has a query or a fragment: leave them out");
    this.#options = options;
  }

  async request<T>(request: HttpBackendRequest): Promise<T> {
    const url = urlOf(this.#options.baseUrl, request);
    const timeout = request.call?.timeout ?? this.#options.timeout;
    const late = new AbortController();
    const giveUp = () => late.abort(new DOMException(`no answer within ${timeout} ms: ${request.path}`, "TimeoutError"));
    const isLimited = timeout !== undefined && timeout <= 0x7fffffff; // a timer takes a longer one for none at all
    const timer = isLimited ? setTimeout(giveUp, timeout) : undefined;
    const signal = request.call?.signal === undefined ? late.signal : AbortSignal.any([request.call.signal, late.signal]);
    try {
      const init = await untilAborted(this.#initOf(request), signal);
      const send = this.#options.fetch ?? globalThis.fetch;
      return (await readAnswer(request, await send(url, { ...init, signal }))) as T;
    } finally {
      clearTimeout(timer);
    }
  }

  async #initOf(request: HttpBackendRequest): Promise<RequestInit> {
    const [body, contentType] = encodeBody(request.body);
    const source = this.#options.headers;
    const headers = new Headers();
    setAll(headers, typeof source === "function" ? await source() : source);
    if (body !== undefined) headers.delete("content-type");
    if (contentType !== undefined) headers.set("content-type", contentType);
    setAll(headers, oncePerName(request.headers));
    if (request.cookies.length > 0) headers.set("cookie", cookieHeader(request.cookies, headers.get("cookie")));
    setAll(headers, request.call?.headers);
    const init: RequestInit = { method: request.method, headers };
    if (this.#options.credentials !== undefined) init.credentials = this.#options.credentials;
    if (body !== undefined) init.body = body;
    // a body that is a stream is sent while it comes, which fetch wants to be told
    return body instanceof ReadableStream ? Object.assign(init, { duplex: "half" }) : init;
  }
}

function urlOf(baseUrl: string, request: HttpBackendRequest): string {
  const url = baseUrl.replace(/\/+$/, "") + request.path;
  if (url.startsWith("//") && !baseUrl.startsWith("//")) throw new TypeError(`${url} is the address of another host`);
  return request.query.length === 0 ? url : `${url}?${new URLSearchParams(request.query.map(([k, v]) => [k, v]))}`;
}

/** `fetch` writes several values of a header as one, with commas, and servers read it as one. */
function oncePerName(pairs: ReadonlyArray<readonly [string, string]>): Record<string, string> {
  const names = pairs.map(([name]) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new TypeError(`fetch would join the values of the header ${twice} into one`);
  return Object.fromEntries(pairs);
}

function setAll(headers: Headers, values: Readonly<Record<string, string>> | undefined): void {
  for (const [name, value] of Object.entries(values ?? {})) headers.set(name, headerValue(name, value));
}

function headerValue(name: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw new TypeError(`the header ${name} has a line break or NUL in its value`);
  if (/[^\0-\xff]/.test(value)) throw new TypeError(`the header ${name} has a character beyond Latin-1 in its value`);
  return value;
}

/** Quotes what a cookie cannot carry as it is, in the way that Python's cookie parsers read. */
function cookieHeader(cookies: ReadonlyArray<readonly [string, string]>, others: string | null): string {
  // browsers take this header out of every request, without a word
  if (!new Request("http://localhost/", { headers: { cookie: "a=b" } }).headers.has("cookie")) {
    throw new TypeError("a browser sends its own cookies, and takes none from a request: set document.cookie");
  }
  const written = cookies.map(([name, value]) => {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name for a cookie`);
    if (/^[\w!#$%&'()*+./:<=>?@[\]^`{|}~-]*$/.test(value)) return `${name}=${value}`;
    const octal = (each: string) => `\\${each.charCodeAt(0).toString(8).padStart(3, "0")}`;
    return `${name}="${headerValue("Cookie", value.replace(/[\0-\x1f"\\,;\x7f-\xff]/g, octal))}"`;
  });
  return [...(others === null ? [] : [others]), ...written].join("; ");
}

function encodeBody(body: RequestBody | undefined): [BodyInit | undefined, string | undefined] {
  switch (body?.kind) {
    case undefined:
      return [undefined, undefined];
    case "json":
      return body.value === undefined
        ? [undefined, undefined]
        : [JSON.stringify(body.value, refuseWhatJsonLacks), "application/json"];
    case "form":
      return [String(new URLSearchParams(body.fields.map(([k, v]) => [k, v]))), "application/x-www-form-urlencoded"];
    case "multipart": {
      const form = new FormData();
      for (const [name, value] of body.fields) form.append(name, value);
      return [form, undefined]; // fetch writes the content type, with the boundary
    }
    case "raw":
      return [body.value, body.value === undefined ? undefined : body.contentType];
  }
}

/** `JSON.stringify` would write null for them, which is another value. */
function refuseWhatJsonLacks(name: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`${name === "" ? "the body" : JSON.stringify(name)} is ${value}, which JSON cannot carry`);
  }
  return value;
}

/** The promise, or a rejection with the signal's reason if that comes first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

// -- answers

async function readAnswer(request: HttpBackendRequest, response: Response): Promise<unknown> {
  if (!response.ok) throw new ApiError(request, response, await errorBody(response));
  switch (request.response) {
    case "json": {
      const text = await response.text();
      if (text === "") return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new ApiError(request, response, text, " with a body that is not JSON");
      }
    }
    case "text":
      return response.text();
    case "blob":
      return response.blob();
    case "empty":
      await response.text(); // so that the connection can be used again
      return undefined;
    case "stream":
      return response.body ?? new Blob().stream();
    case "events":
      return eventsOf(response);
    case "lines":
      return itemsOf(response);
  }
}

async function errorBody(response: Response): Promise<unknown> {
  const text = await response.text();
  return (response.headers.get("content-type") ?? "").includes("json") ? parsedOrText(text) : text;
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

async function* itemsOf(response: Response): AsyncGenerator<unknown, void, undefined> {
  for await (const line of linesOf(response)) {
    if (line.trim() !== "") yield JSON.parse(line) as unknown;
  }
}

async function* eventsOf(response: Response): AsyncGenerator<ServerSentEvent, void, undefined> {
  let data: string[] = [];
  let event = "";
  let id = "";
  let retry: number | undefined;
  for await (const line of linesOf(response)) {
    if (line === "") {
      const text = data.join("\n");
      const rest = retry === undefined ? {} : { retry };
      if (data.length > 0) yield { event: event === "" ? "message" : event, data: parsedOrText(text), text, id, ...rest };
      [data, event] = [[], ""];
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^\d+$/.test(value)) retry = Number(value);
  }
}

/** Lines as they come, ended by LF, CRLF or CR. Leaving the loop cancels the answer. */
async function* linesOf(response: Response): AsyncGenerator<string, void, undefined> {
  const reader = (response.body ?? new Blob().stream()).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      // a CR at the end may be half of a CRLF, unless nothing follows
      const lines = rest.split(done ? /\r\n|\n|\r/ : /\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      yield* lines;
      if (done) break;
    }
    if (rest !== "") yield rest;
  } finally {
    await reader.cancel();
  }
}

// A websocket that comes back: typed messages in and out, and a callback for what was missed meanwhile.

/** Where an endpoint is, and how its messages are read. Generated classes fill it in. */
export interface WebSocketEndpoint {
  /** Starts with "/"; its parameters are encoded. */
  readonly path: string;
  readonly query: ReadonlyArray<readonly [string, string]>;
  /** The field of a message that says which one it is; without one, every message is a "message". */
  readonly tag?: string | undefined;
  /** What a message of the server is: JSON, a string as it came, or an `ArrayBuffer`. */
  readonly receives: "json" | "text" | "bytes";
}

/** The part of the browser's `WebSocket` that is used. */
export interface WebSocketLike {
  binaryType: string;
  // any: browsers and packages give events of types of their own, and a method of each has to fit
  onopen: ((event: any) => unknown) | null;
  onmessage: ((event: any) => unknown) | null;
  onclose: ((event: any) => unknown) | null;
  onerror: ((event: any) => unknown) | null;
  send(data: any): void;
  close(code?: number, reason?: string): void;
}

export interface WebSocketOptions {
  /** Where the application is: "https://api.example.org/v1" is reached with wss; "" is the page's own origin. */
  readonly baseUrl: string;
  /** Subprotocols to offer. A function is asked before each connection, for example for a token that expires. */
  readonly protocols?: string[] | (() => string[] | Promise<string[]>) | undefined;
  /** Milliseconds before the first attempt to come back. It doubles with each one. */
  readonly firstDelay?: number | undefined; // 500
  /** No wait is longer. A connection that lived longer than this counts as sound: after it the delay starts anew. */
  readonly maxDelay?: number | undefined; // 10,000
  /** How many messages may wait for a connection. */
  readonly queueSize?: number | undefined; // 256
  /** Whether to come back after this close code; `comesBackAfter` says what is usual. */
  readonly reconnect?: ((code: number) => boolean) | undefined;
  /** Another `WebSocket`, for example of the package `ws` where there is none. */
  readonly webSocket?: (new (url: string, protocols?: string[]) => WebSocketLike) | undefined;
}

/** "waiting" is the time between two attempts; after "closed" nothing comes any more. */
export type WebSocketState = "idle" | "connecting" | "open" | "waiting" | "closed";

export interface WebSocketClosing {
  readonly code: number;
  readonly reason: string;
  /** False: the client stays closed until `connect` is called again. */
  readonly reconnects: boolean;
}

/**
 * False after codes that say that the same attempt would end in the same way: 1000 (the server is done), 1002, 1003,
 * 1007, 1008, 1009 and 1010 (it refuses what was sent) and 4000 to 4999 (the application's own).
 */
export function comesBackAfter(code: number): boolean {
  return ![1000, 1002, 1003, 1007, 1008, 1009, 1010].includes(code) && !(code >= 4000 && code <= 4999);
}

/**
 * One endpoint's client. `Messages` maps the name of each message of the server to its type; `Sent` is what the server
 * reads.
 *
 * Nothing happens before `connect`. A lost connection is tried again, with a delay that doubles from `firstDelay` to
 * `maxDelay`, of which a random half is taken away so that clients do not come back all at once.
 *
 * The server keeps nothing for a client that is away. `onResync` is where to load what the messages change: it runs at
 * each opening, the first one included, and messages wait until it is done. A `send` without a connection waits for
 * one, in order; what was handed to a connection that then broke is not sent again.
 */
export abstract class WebSocketClient<Messages, Sent = never> {
  readonly #endpoint: WebSocketEndpoint;
  readonly #options: WebSocketOptions;
  readonly #handlers = new Map<string, Set<(message: any) => unknown>>();
  readonly #everyMessage = new Set<(message: Messages[keyof Messages]) => unknown>();
  readonly #resyncs = new Set<(first: boolean) => unknown>();
  readonly #states = new Set<(state: WebSocketState, closing?: WebSocketClosing) => unknown>();
  readonly #problems = new Set<(problem: unknown) => unknown>();
  #state: WebSocketState = "idle";
  #connect: ((protocols?: string[]) => WebSocketLike) | undefined;
  #socket: WebSocketLike | undefined;
  #epoch = 0; // of the connection or the attempt that counts
  #waiting: Sent[] = [];
  #held: unknown[] | undefined;
  #attempts = 0;
  #wasOpen = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(endpoint: WebSocketEndpoint, options: WebSocketOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  get state(): WebSocketState {
    return this.#state;
  }

  /** Call back for each message of this name. Like its siblings, it returns a function that ends that. */
  on<Name extends keyof Messages>(name: Name, handler: (message: Messages[Name]) => unknown): () => void {
    const handlers = this.#handlers.get(String(name)) ?? new Set();
    this.#handlers.set(String(name), handlers);
    return added(handlers, handler);
  }

  /** Call back for every message, whatever its name. */
  onAny(handler: (message: Messages[keyof Messages]) => unknown): () => void {
    return added(this.#everyMessage, handler);
  }

  /**
   * Call back at each opening, before any message of that connection: load anew what messages change. Messages wait
   * for the promise it returns. If it fails, that is a problem, and the connection is closed and tried again.
   */
  onResync(handler: (first: boolean) => unknown): () => void {
    return added(this.#resyncs, handler);
  }

  /** Call back when the state changes, with the reason where a connection ended. */
  onState(handler: (state: WebSocketState, closing?: WebSocketClosing) => unknown): () => void {
    return added(this.#states, handler);
  }

  /** Call back for what went wrong: a message that is not JSON, a handler that threw. Without one, it is thrown. */
  onProblem(handler: (problem: unknown) => unknown): () => void {
    return added(this.#problems, handler);
  }

  /** Connect, and stay so until `close`. No effect on a client that does already. Throws where it never could. */
  connect(): void {
    if (this.#state !== "idle" && this.#state !== "closed") return;
    const url = socketUrl(this.#options.baseUrl, this.#endpoint);
    const { webSocket = globalThis.WebSocket as typeof WebSocket | undefined } = this.#options;
    if (webSocket === undefined) throw new TypeError("there is no WebSocket here: give one as the option webSocket");
    this.#connect = (protocols) => new webSocket(url, protocols);
    this.#attempts = 0;
    void this.#open();
  }

  /**
   * Send a message, or keep it for the next connection.
   *
   * Objects go as JSON, strings as they are, bytes and blobs as binary frames. Throws when `queueSize` messages wait,
   * and on a client that is closed.
   */
  send(message: Sent): void {
    if (this.#state === "closed") throw new Error(`${this.#endpoint.path}: the client is closed; connect() opens it`);
    if (this.#state === "open" && this.#socket !== undefined) {
      this.#socket.send(frameOf(message));
    } else if (this.#waiting.length >= (this.#options.queueSize ?? 256)) {
      throw new Error(`${this.#endpoint.path}: ${this.#waiting.length} messages wait for a connection already`);
    } else {
      this.#waiting.push(message);
    }
  }

  /** End the connection and come back no more. What waits to be sent is dropped. */
  close(code = 1000, reason = ""): void {
    this.#socket?.close(code, reason);
    clearTimeout(this.#timer);
    this.#leave();
    this.#waiting = [];
    if (this.#state !== "closed") this.#enter("closed", { code, reason, reconnects: false });
  }

  // -- connections

  async #open(): Promise<void> {
    const epoch = ++this.#epoch;
    this.#enter("connecting");
    try {
      const source = this.#options.protocols;
      const protocols = typeof source === "function" ? await source() : source;
      const socket = epoch === this.#epoch ? this.#connect?.(protocols) : undefined;
      if (socket !== undefined) this.#listen(socket);
    } catch (problem) {
      this.#report(problem);
      if (epoch === this.#epoch) this.#ended(1006, "");
    }
  }

  #listen(socket: WebSocketLike): void {
    let openedAt = 0;
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      openedAt = performance.now();
      void this.#resync(socket);
    };
    socket.onmessage = (event: { readonly data: unknown }) => {
      if (this.#held === undefined) this.#take(event.data);
      else this.#held.push(event.data);
    };
    socket.onerror = () => undefined; // a close follows, which says more
    socket.onclose = (event: { readonly code: number; readonly reason: unknown }) => {
      if (openedAt > 0 && performance.now() - openedAt > this.#maxDelay) this.#attempts = 0;
      this.#leave();
      this.#ended(event.code, String(event.reason));
    };
  }

  async #resync(socket: WebSocketLike): Promise<void> {
    const first = !this.#wasOpen;
    this.#held = [];
    this.#enter("open");
    for (const message of this.#waiting.splice(0)) socket.send(frameOf(message));
    try {
      await Promise.all([...this.#resyncs].map(async (handler) => handler(first)));
    } catch (problem) {
      this.#report(problem);
      if (this.#socket !== socket) return;
      socket.close();
      this.#leave();
      this.#ended(1006, "");
    }
    while (this.#socket === socket && this.#held !== undefined && this.#held.length > 0) this.#take(this.#held.shift());
    if (this.#socket !== socket) return;
    this.#wasOpen = true;
    this.#held = undefined;
  }

  /** Forget the connection: nothing that it says from here on is heard. */
  #leave(): void {
    if (this.#socket !== undefined) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = this.#held = undefined;
    this.#epoch += 1;
  }

  #ended(code: number, reason: string): void {
    const reconnects = (this.#options.reconnect ?? comesBackAfter)(code);
    if (reconnects) {
      const delay = Math.min((this.#options.firstDelay ?? 500) * 2 ** this.#attempts, this.#maxDelay);
      this.#attempts += 1;
      this.#timer = setTimeout(() => void this.#open(), delay * (1 - Math.random() / 2));
    } else {
      this.#waiting = [];
    }
    this.#enter(reconnects ? "waiting" : "closed", { code, reason, reconnects });
  }

  get #maxDelay(): number {
    return this.#options.maxDelay ?? 10_000;
  }

  #enter(state: WebSocketState, closing?: WebSocketClosing): void {
    this.#state = state;
    for (const handler of this.#states) this.#call(() => handler(state, closing));
  }

  // -- messages

  #take(data: unknown): void {
    let message: any;
    try {
      message = messageOf(data, this.#endpoint.receives);
    } catch {
      this.#report(new Error(`${this.#endpoint.path}: the server sent what is no ${this.#endpoint.receives}`));
      return;
    }
    const tag = this.#endpoint.tag;
    const name: PropertyKey = tag === undefined ? "message" : String(message?.[tag]);
    for (const handler of this.#handlers.get(name) ?? []) this.#call(() => handler(message));
    for (const handler of this.#everyMessage) this.#call(() => handler(message));
  }

  /** A handler that fails keeps no other from its message. */
  #call(handler: () => unknown): void {
    const report = (problem: unknown) => this.#report(problem);
    try {
      const result = handler();
      if (result instanceof Promise) result.catch(report);
    } catch (problem) {
      report(problem);
    }
  }

  #report(problem: unknown): void {
    if (this.#problems.size === 0) {
      queueMicrotask(() => {
        throw problem;
      });
    }
    for (const handler of this.#problems) handler(problem);
  }
}

function added<Handler>(handlers: Set<Handler>, handler: Handler): () => void {
  handlers.add(handler);
  return () => void handlers.delete(handler);
}

function socketUrl(baseUrl: string, endpoint: WebSocketEndpoint): string {
  if (/[?#]/.test(baseUrl)) throw new TypeError("baseUrl has a query or a fragment: leave them out");
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const base = new URL(baseUrl === "" ? "/" : baseUrl, page);
  const url = new URL(base.origin + base.pathname.replace(/\/+$/, "") + endpoint.path);
  url.protocol = url.protocol.replace("http", "ws");
  for (const [name, value] of endpoint.query) url.searchParams.append(name, value);
  return url.href;
}

function frameOf(message: unknown): unknown {
  const isRaw = typeof message === "string" || message instanceof Blob || message instanceof ArrayBuffer;
  return isRaw || ArrayBuffer.isView(message) ? message : JSON.stringify(message);
}

/** Servers may send JSON and text in binary frames too. */
function messageOf(data: unknown, receives: WebSocketEndpoint["receives"]): unknown {
  if (receives === "bytes") return typeof data === "string" ? new TextEncoder().encode(data).buffer : data;
  const text = typeof data === "string" ? data : new TextDecoder().decode(data as ArrayBuffer);
  return receives === "json" ? (JSON.parse(text) as unknown) : text;
}

export interface HTTPValidationError {
  detail?: ValidationError[];
}

/** How many tasks there are. */
export interface TaskCount {
  type: "count";
  count: number;
}

/** There is a new task. */
export interface TaskCreated {
  type: "created";
  task: TaskView;
}

/** A task is no more. */
export interface TaskDeleted {
  type: "deleted";
  id: string;
}

/** A task was processed. */
export interface TaskDone {
  type: "done";
  task: TaskView;
}

/** What a client says about a task. PostgreSQL stores no NUL. */
export interface TaskSchema {
  name: string;
}

/** A task as clients see it. */
export interface TaskView {
  id: string;
  name: string;
  state: "new" | "done";
  created_at: string;
}

export interface ValidationError {
  loc: (string | number)[];
  msg: string;
  type: string;
  input?: unknown;
  ctx?: { [key: string]: unknown };
}

export interface TasksControllerCreateTaskErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface TasksControllerDeleteTaskErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Tasks are created and deleted over HTTP, processed by a message handler, and announced to every browser. */
export class TasksController extends HttpService {
  /**
   * Store a task, have it processed, and tell everybody: all of it at the commit, or nothing.
   *
   * Errors: `TasksControllerCreateTaskErrors`.
   */
  async createTask(options: { body: TaskSchema }, call?: CallOptions): Promise<TaskView> {
    return this.httpBackend.request<TaskView>({
      method: "POST",
      path: "/tasks",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /**
   * Delete a task, and tell everybody.
   *
   * Errors: `TasksControllerDeleteTaskErrors`.
   */
  async deleteTask(taskId: string, call?: CallOptions): Promise<void> {
    return this.httpBackend.request<void>({
      method: "DELETE",
      path: "/tasks/" + encodePath(taskId),
      query: [],
      headers: [],
      cookies: [],
      response: "empty",
      call,
    });
  }

  /** The latest hundred tasks, newest first. */
  async listTasks(call?: CallOptions): Promise<TaskView[]> {
    return this.httpBackend.request<TaskView[]>({
      method: "GET",
      path: "/tasks",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

/** What TasksControllerFeed is told. */
export interface TasksControllerFeedMessages {
  count: TaskCount;
  created: TaskCreated;
  deleted: TaskDeleted;
  done: TaskDone;
}

/** What happens to tasks, for as long as the browser listens. */
export class TasksControllerFeed extends WebSocketClient<TasksControllerFeedMessages, string | ArrayBuffer | Blob> {
  constructor(options: WebSocketOptions) {
    super({ path: "/tasks/feed", query: pairsOf([]), tag: "type", receives: "json" }, options);
  }
}
