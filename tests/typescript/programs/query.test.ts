// The hooks in React, in a page without a browser.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { notifyManager, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Window } from "happy-dom";
import { act, createElement, type ReactNode } from "react";

import type { CallOptions, HttpBackend, HttpBackendRequest } from "./http.js";
import { HttpBackendContext, useServiceMutation, useServiceQuery } from "./query.js";

const page = new Window();
const globals = { window: page, document: page.document, navigator: page.navigator, IS_REACT_ACT_ENVIRONMENT: true };
for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value });
notifyManager.setScheduler(queueMicrotask); // not a timer, which a test would have to wait for
const { createRoot } = await import("react-dom/client"); // it looks for the page when it is loaded

/** Answers when the test says so. */
class Backend implements HttpBackend {
  readonly asked: HttpBackendRequest[] = [];
  #answer: (value: unknown) => void = () => undefined;

  request<T>(request: HttpBackendRequest): Promise<T> {
    this.asked.push(request);
    return new Promise<T>((resolve) => (this.#answer = resolve as (value: unknown) => void));
  }

  answer(value: unknown): Promise<void> {
    return act(async () => {
      this.#answer(value);
      await new Promise((resolve) => setImmediate(resolve)); // whoever waits for it goes on
    });
  }
}

const GET = { method: "GET", query: [], headers: [], cookies: [], response: "json" } as const;
const load = (backend: HttpBackend, call: CallOptions) => backend.request<number[]>({ ...GET, path: "/numbers", call });

let backend: Backend;
let client: QueryClient;
let root: ReturnType<typeof createRoot>;

beforeEach(() => {
  backend = new Backend();
  client = new QueryClient({ defaultOptions: { queries: { retry: false, gcTime: Infinity } } });
  root = createRoot(document.createElement("div"));
});

/** Show a component whose one line is the hook's outcome; gives what was shown, one after the other. */
async function shown(line: () => string): Promise<string[]> {
  const lines: string[] = [];
  const Component = (): ReactNode => {
    lines.push(line());
    return null;
  };
  const queries = createElement(QueryClientProvider, { client }, createElement(Component));
  await act(async () => root.render(createElement(HttpBackendContext.Provider, { value: backend }, queries)));
  return lines;
}

test("a query shows its data once they have come, selected", async () => {
  const options = { select: (numbers: number[]) => numbers.length };
  const lines = await shown(() => {
    const { status, data } = useServiceQuery(["numbers"], load, options);
    const length: number | undefined = data;
    return `${status} ${length}`;
  });
  await backend.answer([1, 2, 3]);
  assert.deepEqual([lines[0], lines.at(-1)], ["pending undefined", "success 3"]);
  assert.deepEqual(client.getQueryData(["numbers"]), [1, 2, 3]);
});

test("a query that nobody looks at any more is aborted", async () => {
  await shown(() => useServiceQuery(["numbers"], load).status);
  const signal = backend.asked[0]?.call?.signal;
  assert(signal && !signal.aborted);
  await act(async () => root.unmount());
  assert(signal.aborted);
});

test("a query may be turned off", async () => {
  const lines = await shown(() => useServiceQuery(["numbers"], load, { enabled: false }).fetchStatus);
  assert.deepEqual([lines.at(-1), backend.asked.length], ["idle", 0]);
});

test("a mutation acts when it is told, with what it is given", async () => {
  let add: (number: number) => void = () => undefined;
  const done: unknown[] = [];
  const lines = await shown(() => {
    const mutation = useServiceMutation(
      (by: HttpBackend, number: number) =>
        by.request<string>({ ...GET, method: "POST", path: "/numbers", body: { kind: "json", value: number } }),
      { onSuccess: (data, number) => void done.push(data, number) },
    );
    add = mutation.mutate;
    return mutation.status;
  });
  assert.equal(backend.asked.length, 0);
  await act(async () => add(7));
  await backend.answer("added");
  assert.deepEqual(backend.asked[0]?.body, { kind: "json", value: 7 });
  assert.deepEqual([lines[0], lines.at(-1), ...done], ["idle", "success", "added", 7]);
});

test("without a backend above it a hook says what is missing", async () => {
  const Component = (): ReactNode => useServiceQuery(["numbers"], load).status;
  const alone = createElement(QueryClientProvider, { client }, createElement(Component));
  await assert.rejects(async () => act(async () => root.render(alone)), /no HttpBackendContext.Provider/);
});
