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
