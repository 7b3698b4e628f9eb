// What compiles and what does not: each line below a `@ts-expect-error` has to fail, every other one to pass.

import {
  type Both,
  Colour,
  type ApiError,
  type Change,
  Echo,
  type Envelope,
  type EchoRefusedErrors,
  type EverythingInput,
  type EverythingOutput,
  FetchBackend,
  Flow,
  FlowTalk,
  type HttpBackend,
  type HttpBackendRequest,
  isApiError,
  Mixed,
  type ServerSentEvent,
  Size,
  type Tree,

} from "./app.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_Claim extends true>(): void {}

const backend: HttpBackend = new FetchBackend({ baseUrl: "", headers: { Authorization: "Bearer 1" } });
const echo = new Echo(backend);
const flow = new Flow(backend);
declare const input: EverythingInput;
declare const output: EverythingOutput;

// -- enums are constants and unions, and what they stand for is one of them too

const colour: Colour = Colour.DARK_BLUE;
const same: Colour = "dark blue";
holds<Same<Colour, "red" | "dark blue">>();
holds<Same<Size, 1 | 2>>();
holds<Same<Mixed, 0 | "word">>();
// @ts-expect-error
const noColour: Colour = "green";
// @ts-expect-error
const noSize: Size = 3;
// @ts-expect-error
Colour.RED = "dark blue";

// -- fields

holds<Same<EverythingOutput["pair"], [number, string]>>();
holds<Same<EverythingOutput["many"], number[]>>();
holds<Same<EverythingOutput["exact"], "a'b" | "\\" | 1 | true | null>>();
holds<Same<EverythingOutput["length"], number>>();
holds<Same<EverythingOutput["the-key"], string>>();
holds<Same<EverythingOutput["anything"], unknown>>();
holds<Same<EverythingOutput["envelope"], Envelope<Tree | null>>>();
holds<Same<EverythingOutput["both"], Both<number, Envelope<Colour>>>>();
holds<Same<EverythingInput["left_out"], number | null | undefined>>();
// @ts-expect-error a computed field is not sent
input.length;
// @ts-expect-error it is called by its alias
input.key;
// @ts-expect-error not every colour has to be there
const size: Size = output.by_colour.red;
const maybe: Size | undefined = output.by_colour.red;
// @ts-expect-error no colour
output.by_colour.green;

// -- unions are told apart

if (output.shape.kind === "circle") {
  const radius: number = output.shape.radius;
  // @ts-expect-error that is a square's
  output.shape.side;
} else {
  const side: number = output.shape.side;
}

// -- null is not absence

const changes: Change[] = [{}, { title: null }, { title: "a" }, { count: 1 }];
// @ts-expect-error
const noChange: Change = { count: null };
// @ts-expect-error
const neither: Change = { title: undefined };
// @ts-expect-error
const unknownField: Change = { name: "a" };

// -- arguments

echo.path("a", 1, 0.5, true, "2026-01-31", "id", colour, Size.LARGE, "1.5", "2026-01-31T00:00:00Z");
// @ts-expect-error
echo.path("a", "1", 0.5, true, "2026-01-31", "id", colour, Size.LARGE, "1.5", "2026-01-31T00:00:00Z");
echo.filtered();
echo.filtered({});
echo.filtered({ sizes: [Size.SMALL] }, { timeout: 100, signal: new AbortController().signal, headers: { a: "b" } });
echo.filtered({ sizes: undefined });
// @ts-expect-error
echo.filtered({ sizes: ["small"] });
// @ts-expect-error
echo.filtered({ size: 1 });
// @ts-expect-error the body is missing
echo.body({});
// @ts-expect-error options are missing
echo.body();
echo.body({ body: input });
// @ts-expect-error
echo.body({ body: { ...input, colour: "green" } });
echo.body({ body: { ...input, with_default: [2] } });
echo.headers({ "x-text": "a", "X-API-Key": "b", "x-many": ["c"] });
// @ts-expect-error
echo.headers({ "x-text": "a", "x-many": ["c"] });
echo.upload({ body: { file: new Blob([]), more: [new File([], "a")], note: "b", sizes: [1] } });
// @ts-expect-error
echo.upload({ body: { file: "a", more: [], note: "b", sizes: [1] } });
echo.raw({ body: new Uint8Array([1]) });
echo.raw({ body: "text" });
// @ts-expect-error
echo.raw({ body: { a: 1 } });
// @ts-expect-error
echo.change({ body: {} });
// @ts-expect-error there is no such call option
echo.nothing({ retries: 3 });

// -- results

holds<Same<ReturnType<Echo["body"]>, Promise<EverythingOutput>>>();
holds<Same<ReturnType<Echo["nullable"]>, Promise<Tree | null>>>();
holds<Same<ReturnType<Echo["nothing"]>, Promise<void>>>();
holds<Same<ReturnType<Echo["listed"]>, Promise<(EverythingOutput | null)[]>>>();
holds<Same<ReturnType<Flow["text"]>, Promise<string>>>();
holds<Same<ReturnType<Flow["file"]>, Promise<Blob>>>();
holds<Same<ReturnType<Flow["stream"]>, Promise<ReadableStream<Uint8Array>>>>();
holds<Same<ReturnType<Flow["events"]>, Promise<AsyncIterable<ServerSentEvent<Tree>>>>>();
holds<Same<ReturnType<Flow["lines"]>, Promise<AsyncIterable<Tree>>>>();

async function results(): Promise<void> {
  const tree = await echo.nullable({ body: null });
  // @ts-expect-error it may be null
  tree.name;
  // @ts-expect-error nothing comes back
  (await echo.nothing()).name;
  for await (const event of await flow.events({ body: [] })) {
    const name: string = event.data.name;
  }
}

// -- errors

async function errors(): Promise<void> {
  try {
    await echo.refused(404);
  } catch (error) {
    if (isApiError<EchoRefusedErrors, 404>(error, 404)) {
      const what: string = error.body.what;
      holds<Same<(typeof error)["status"], 404>>();
      // @ts-expect-error that is what 409 says
      error.body.by;
    }
    if (isApiError<EchoRefusedErrors, 422>(error, 422)) {
      const where: (string | number)[] | undefined = error.body.detail?.[0]?.loc;
    }
    // @ts-expect-error nobody declared 500
    if (isApiError<EchoRefusedErrors, 500>(error, 500)) return;
    if (isApiError(error)) {
      holds<Same<typeof error, ApiError<unknown>>>();
      // @ts-expect-error
      error.body.what;
    }
  }
}

// -- a backend of one's own

class Canned implements HttpBackend {
  async request<T>(request: HttpBackendRequest): Promise<T> {
    // @ts-expect-error
    request.method = "GET";
    return null as T;
  }
}
new Echo(new Canned());
// @ts-expect-error
new Echo({});
// @ts-expect-error the backend is nobody else's
echo.httpBackend;

// -- websockets

const talk = new FlowTalk("room", { baseUrl: "", parameters: { lang: "en" } });
talk.on("answer", ({ value }) => holds<Same<typeof value, EverythingOutput>>());
talk.on("farewell", ({ asked }) => holds<Same<typeof asked, number>>());
talk.onAny((message) => message.type === "answer" && message.value.length);
// @ts-expect-error
talk.on("question", () => undefined);
// @ts-expect-error
talk.on("farewell", ({ value }) => value);
talk.send({ type: "stop" });
talk.send({ type: "ask", value: input });
// @ts-expect-error
talk.send({ type: "ask" });
// @ts-expect-error
talk.send("stop");
// @ts-expect-error
new FlowTalk({ baseUrl: "" });
