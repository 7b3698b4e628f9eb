// Calls the generated client with what a line of its standard input says, and answers with what came of it.

import { createInterface } from "node:readline";

import WebSocket from "ws";

import * as client from "./app.js";
import { NodeBackend } from "./node-backend.js";

const baseUrl = process.argv[2] ?? "";

/** Takes cookies out of requests and puts its own in, if it may: as a browser does, whose page and server differ. */
function asBrowser(kept: string): typeof fetch {
  return async (url, init) => {
    const headers = new Headers(init?.headers);
    headers.delete("cookie");
    if (init?.credentials === "include") headers.set("cookie", kept);
    return fetch(url, { ...init, headers });
  };
}

function backendOf({ backend, cookie }: Question): client.HttpBackend {
  if (backend === "node") return new NodeBackend(baseUrl);
  if (cookie === undefined) return new client.FetchBackend({ baseUrl });
  return new client.FetchBackend({ baseUrl, fetch: asBrowser(cookie), credentials: backend as RequestCredentials });
}

interface Question {
  /** "node" for one over `node:http`, or what a browser is told about cookies. */
  readonly backend?: string;
  /** What a browser has kept. */
  readonly cookie?: string;
  readonly service: string;
  readonly method: string;
  readonly args: unknown[];
}

/** What JSON cannot say is an object with one key: files and what is undefined. */
function given(value: any): any {
  if (typeof value !== "object" || value === null) return value;
  if ("$undefined" in value) return undefined;
  if ("$bytes" in value) return new Uint8Array(Buffer.from(value.$bytes, "hex"));
  if ("$file" in value) return new File([Buffer.from(value.$file, "hex")], value.name, { type: value.type });
  if (Array.isArray(value)) return value.map(given);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, given(each)]));
}

async function received(value: any): Promise<unknown> {
  if (value === undefined) return { $undefined: true };
  if (value instanceof ReadableStream) return { $stream: Buffer.from(await new Response(value).arrayBuffer()).toString("hex") };
  if (value instanceof Blob) return { $blob: Buffer.from(await value.arrayBuffer()).toString("hex"), type: value.type };
  if (value?.[Symbol.asyncIterator] === undefined) return value;
  const items: unknown[] = [];
  for await (const item of value) items.push(item);
  return items;
}

async function call(question: Question): Promise<unknown> {
  const { service, method, args } = question;
  const services = client as unknown as Record<string, new (backend: client.HttpBackend) => Record<string, Function>>;
  const Service = services[service];
  if (Service === undefined) throw new Error(`there is no ${service}`);
  const target = new Service(backendOf(question));
  return received(await target[method]?.(...args));
}

/** Ask all of it over one websocket; gives the answers, and the farewell. */
function talk(room: string, lang: string, values: client.Ask["value"][]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const heard: unknown[] = [];
    const socket = new client.FlowTalk(room, { baseUrl, webSocket: WebSocket, parameters: { lang } });
    socket.on("answer", ({ value }) => heard.push(value));
    socket.on("farewell", ({ asked }) => heard.push(asked));
    socket.onProblem(reject);
    socket.onState((state) => state === "closed" && resolve(heard));
    for (const value of values) socket.send({ type: "ask", value });
    socket.send({ type: "stop" });
    socket.connect();
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  try {
    const [room, lang, values] = question.talk ?? [];
    const args = given(question.args);
    const result = await (values === undefined ? call({ ...question, args }) : talk(room, lang, values));
    console.log(JSON.stringify({ result }));
  } catch (error) {
    if (!client.isApiError(error)) console.log(JSON.stringify({ failed: String(error) }));
    else console.log(JSON.stringify({ status: error.status, body: error.body }));
  }
}
