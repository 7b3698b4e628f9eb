// What users may write with a generated client, and, below each mark of an expected error, what they may not.

import {
  type AliasesInput,
  type AliasesOutput,
  Answers,
  type AnswersCreatedErrors,
  ApiError,
  Bodies,
  Color,
  type Containers,
  type Dog,
  type Envelope,
  FetchBackend,
  type GenericsInput,
  type GenericsOutput,
  isApiError,
  Items,
  type Movie,
  type Node,
  type Open,
  type Page,
  type Pair,
  ParametersService,
  type Point,
  Priority,
  RoomsChat,
  type ScalarsInput,
  type ScalarsOutput,
  type SerializedInput,
  type SerializedOutput,
  type Several,
  type SumInput,
  type SumOutput,
  type Tally,
  type TallyColor,
  type Unions,
} from "./kitchen.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<T extends true>(): T | undefined {
  return undefined;
}

const backend = new FetchBackend({ baseUrl: "" });
const [bodies, parameters, answers, items] = [
  new Bodies(backend),
  new ParametersService(backend),
  new Answers(backend),
  new Items(backend),
];

// -- scalars
is<Equal<ScalarsInput["price"], number | string>>();
is<Equal<ScalarsOutput["price"], string>>();
is<Equal<ScalarsOutput["parsed"], number[]>>();
is<Equal<ScalarsOutput["lasting"], string>>();
// @ts-expect-error a number is no string
export const text: ScalarsInput["text"] = 1;
// @ts-expect-error null is not undefined
export const nothing: ScalarsInput["nothing"] = undefined;

// -- enums
export const red: Color = Color.RED;
export const green: Color = "dark green";
export const low: Priority = 1;
// @ts-expect-error no such color
export const blue: Color = "blue";
// @ts-expect-error no such priority
export const middle: Priority = 0;
// @ts-expect-error constants do not change
Color.RED = "dark green";

// -- containers
export const point: Point = [1, 2];
export const above: Point = [1, 2, 3];
// @ts-expect-error too short
export const short: Point = [1];
// @ts-expect-error too long
export const long: Point = [1, 2, 3, 4];
export const colors: Containers["by_color"] = { red: 1 };
// @ts-expect-error no such key
export const keys: Containers["by_color"] = { blue: 1 };
// @ts-expect-error an empty tuple is empty
export const empty: Containers["empty"] = [1];
export function lookUp(values: Containers["by_text"]): number {
  // @ts-expect-error it may not be there
  return values["any"];
}

// -- unions
export const dog: Unions["pet"] = { kind: "hound", name: "Rex" };
export const cat: Unions["pet"] = { kind: "cat" };
// @ts-expect-error the tag is what the server chooses by
export const nobody: Unions["pet"] = { lives: 9 };
export function named(pet: Unions["pet"]): string {
  // @ts-expect-error a cat has no name
  if (pet.kind === "cat") return pet.name;
  return pet.name;
}
is<Equal<Unions["nullable"], number | null>>();
is<Equal<Unions["mixed_literal"], "x" | 1 | true | null>>();
export const optional: Pick<Unions, "optional" | "both"> = {};
// @ts-expect-error null is for what is nullable
export const absent: Pick<Unions, "optional"> = { optional: null };
// @ts-expect-error undefined is not absent
export const unset: Pick<Unions, "optional"> = { optional: undefined };
// @ts-expect-error a name is needed
export const unnamed: Dog = { kind: "dog" };

// -- models
export const node: Node = { value: 1, children: [{ value: 2, parent: { value: 3 } }] };
// @ts-expect-error deep down, too
export const wrong: Node = { value: 1, children: [{ value: "2" }] };
export const open: Open = { known: 1, other: "anything" };
export const movie: Movie = { must: 1 };
is<Equal<keyof AliasesInput, "snakeCase" | "bothNames" | "comesAs" | "first-choice" | "path">>();
is<Equal<keyof AliasesOutput, "snakeCase" | "bothNames" | "goesAs" | "choices" | "path">>();
is<Equal<SerializedInput["doubled"], number>>();
is<Equal<SerializedOutput["doubled"], string>>();
// @ts-expect-error it never comes back
export type Secret = SerializedOutput["secret"];

// -- generic models
is<Equal<Containers["pages"], Page<Page<Color>>>>();
is<Equal<Containers["bare_page"]["items"], unknown[]>>();
is<Equal<Pair<number, string>["left"], number>>();
is<Equal<Pair<number, string>["right"], string>>();
is<Equal<GenericsOutput["numbers"], Pair<number, string>>>();
is<Equal<GenericsOutput["colors"]["envelopes"], Envelope<Envelope<Color>>[] | undefined>>();
is<Equal<GenericsInput["prices"], Envelope<number | string>>>();
is<Equal<GenericsOutput["prices"], Envelope<string>>>();
is<Equal<GenericsInput["sums"], SumInput<number | string>>>();
is<Equal<GenericsOutput["sums"], SumOutput<string>>>();
is<Equal<GenericsOutput["by_name"], Tally<string>>>();
is<Equal<GenericsOutput["by_color"], TallyColor>>();
is<Equal<GenericsOutput["whatever"], Envelope<unknown>>>();
export const pair: Pair<number, string> = { left: 1, right: "a", next: { left: 2, right: "b", next: null } };
export const one: Several<Color> = "red";
export const many: Several<Color> = ["red", Color.RED];
export function firstOf<T>(page: Page<T>): T | undefined {
  return page.items[0];
}
is<Equal<ReturnType<typeof firstOf<Dog>>, Dog | undefined>>();
// @ts-expect-error its parameters are not in the order of the alphabet
export const turned: Pair<string, number> = pair;
// @ts-expect-error deep down, too
export const deeply: Pair<number, string> = { left: 1, right: "a", next: { left: "b", right: 2 } };
// @ts-expect-error an argument is missing
export type Half = Pair<number>;
// @ts-expect-error arguments are missing
export const bare: Page = { items: [], has_more: false };
// @ts-expect-error what it is filled in with is not what is there
export const words: Page<string> = { items: [1], has_more: false };
// @ts-expect-error a computed field is not sent
export type Count = SumInput<number>["count"];
// @ts-expect-error no color
export const tally: TallyColor = { counts: { blue: 1 }, order: [] };

// -- requests
export async function requests(): Promise<void> {
  await parameters.query({ text: "x", numbers: [1] }, { timeout: 1000, signal: AbortSignal.timeout(1) });
  await parameters.query({ text: "x", numbers: [], colors: undefined, price: "1.5" });
  // @ts-expect-error numbers are needed
  await parameters.query({ text: "x" });
  // @ts-expect-error one that is not there
  await parameters.query({ text: "x", numbers: [], txet: "y" });
  // @ts-expect-error hidden from clients
  await parameters.query({ text: "x", numbers: [], hidden: 1 });
  await parameters.headers({ "user-agent": "me", "X-API-Key": "key", "x-trace": "1" });
  // @ts-expect-error its name on the wire is another
  await parameters.headers({ user_agent: "me", "X-API-Key": "key" });
  await parameters.model();
  await parameters.path(1, "red", "2026-01-31");
  // @ts-expect-error all of the path
  await parameters.path(1, "red");
  await bodies.several({ body: { item: { here: 1 }, bird: { name: "x" }, importance: 3 } });
  // @ts-expect-error both bodies
  await bodies.several({ body: { item: { here: 1 } } });
  await bodies.optional();
  await bodies.upload({ body: { file: new Blob() } });
  // @ts-expect-error a file is no text
  await bodies.upload({ body: { file: "text" } });
  await bodies.text({ body: "as it is" });
}

// -- answers
export async function results(): Promise<void> {
  is<Equal<Awaited<ReturnType<Answers["nothing"]>>, void>>();
  is<Equal<Awaited<ReturnType<Answers["null"]>>, null>>();
  is<Equal<Awaited<ReturnType<Answers["untyped"]>>, unknown>>();
  is<Equal<Awaited<ReturnType<Answers["html"]>>, string>>();
  is<Equal<Awaited<ReturnType<Answers["image"]>>, Blob>>();
  is<Equal<Awaited<ReturnType<Answers["stream"]>>, ReadableStream<Uint8Array>>>();
  is<Equal<Awaited<ReturnType<Items["get"]>>, { here: number }> extends boolean ? true : false>();
  for await (const event of await answers.events()) is<Equal<typeof event.data.here, number>>();
  for await (const line of await answers.lines()) is<Equal<typeof line.here, number>>();
  const { name } = await answers.included();
  is<Equal<typeof name, string>>();
  // @ts-expect-error left out by the server
  (await answers.included()).legs;
  // @ts-expect-error nobody knows what it is
  (await answers.untyped()).anything;
  // @ts-expect-error perhaps there is none
  (await answers.maybe()).here;
  await items.get(1);
}

// -- errors
export function failed(error: unknown): string {
  if (isApiError<AnswersCreatedErrors, 404>(error, 404)) return error.body.detail;
  if (isApiError<AnswersCreatedErrors, 401>(error, 401)) {
    // @ts-expect-error another error
    return error.body.detail;
  }
  // @ts-expect-error it never answers that
  if (isApiError<AnswersCreatedErrors, 418>(error, 418)) return "";
  return error instanceof ApiError ? String(error.status) : "";
}

// -- websockets
export function chat(): void {
  const room = new RoomsChat("tea", { baseUrl: "", parameters: { since: 1 } });
  room.on("joined", (message) => is<Equal<typeof message.who, string>>());
  room.on("whispered", (message) => is<Equal<typeof message.type, "whispered">>());
  room.send({ text: "hello" });
  // @ts-expect-error no such message
  room.on("left", () => undefined);
  // @ts-expect-error the server does not read that
  room.send({ shout: "hello" });
  // @ts-expect-error it wants to know since when
  new RoomsChat("tea", { baseUrl: "" });
}
