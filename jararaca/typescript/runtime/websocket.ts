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
