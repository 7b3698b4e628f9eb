// Follows a feed, and answers each question on its standard input once the feed has said a line so many times.

import { createInterface } from "node:readline";

import WebSocket from "ws";

import { WebSocketClient } from "./websocket.js";

interface Said {
  type: string;
  text: string;
}

class Feed extends WebSocketClient<{ said: Said; welcome: Said }, string> {}

const heard: string[] = [];
const questions: Array<{ line: string; times: number }> = [];
const feed = new Feed(
  { path: "/mirror/feed/follow", query: [], tag: "type", receives: "json" },
  { baseUrl: process.argv[2] ?? "", webSocket: WebSocket, firstDelay: 10, maxDelay: 200 },
);

function note(line: string): void {
  heard.push(line);
  answer();
}

function answer(): void {
  const [question] = questions;
  if (question === undefined || heard.filter((line) => line === question.line).length < question.times) return;
  questions.shift();
  console.log(JSON.stringify(heard));
}

feed.onResync((first) => note(first ? "load" : "load anew"));
feed.onState((state, closing) => note(closing ? `${state} ${closing.code}` : state));
feed.onAny(({ text }) => note(`heard ${text}`));
feed.connect();

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { send, ...question } = JSON.parse(line);
    if (send !== undefined) feed.send(send);
    questions.push(question);
    answer();
  })
  .on("close", () => feed.close());
