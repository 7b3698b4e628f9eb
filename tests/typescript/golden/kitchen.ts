/** Every form of alias. */
export interface AliasesInput {
  snakeCase: number;
  bothNames: number;
  comesAs: number;
  "first-choice": number;
  path?: number;
}

/** Every form of alias. */
export interface AliasesOutput {
  snakeCase: number;
  bothNames: number;
  goesAs: number;
  choices: number;
  path?: number;
}

export interface AlwaysInput {
  plain?: number;
}

export interface AlwaysOutput {
  plain: number;
}

/**
 * Inherited from.
 *
 * With a second paragraph, a tag \@ts-ignore, and the end of a comment *\/ in it.
 */
export interface Animal {
  /** What it is called *\/ export const injected = 1; /* */
  name: string;
  /** @deprecated */
  legs?: number;
}

export const Answer = {
  YES: "yes",
} as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

export interface Bird {
  /** What it is called *\/ export const injected = 1; /* */
  name: string;
  legs?: number;
  wings?: number;
}

export interface Cat {
  kind?: "cat";
  lives?: number;
}

/** A dataclass of pydantic. */
export interface Checked {
  inner: Plain;
}

export interface Chicken {
  eggs: Egg[];
}

/** Named after a keyword of Python's. */
export const Class = {
  A: "a",
} as const;
export type Class = (typeof Class)[keyof typeof Class];

export interface Closed {
  only: number;
}

/** What paint has. */
export const Color = {
  RED: "red",
  DARK_GREEN: "dark green",
} as const;
export type Color = (typeof Color)[keyof typeof Color];

/** One field for each kind of container. */
export interface Containers {
  many: number[];
  unique: string[];
  frozen: number[];
  sequence: number[];
  perhaps_unique: number[] | null;
  fixed: [number, string];
  variadic: number[];
  empty: [];
  point: Point;
  nested: Color[][];
  by_text: { [key: string]: number };
  by_number: { [key: string]: string };
  by_color: { [key in Color]?: number };
  by_priority: { [key in Priority]?: string };
  by_literal: { [key in "a" | "b"]?: boolean };
  by_identity: { [key: string]: string };
  mapping: { [key: string]: number[] };
  bare_list: unknown[];
  bare_dict: { [key: string]: unknown };
  bare_page: Page<unknown>;
  numbers: Page<number>;
  pages: Page<Page<Color>>;
  anything: { [key: string]: unknown };
}

/** Whatever else is in it is of the type of its fields. */
export interface Counted {
  known: number;
  more?: string;
  [key: string]: number | string | undefined;
}

/** A dictionary of dictionaries. */
export type Deep = { [key: string]: Deep } | null;

/** What is shown as required, and what is not. */
export interface Defaults {
  required: number;
  plain?: number;
  made?: number[];
  /** With words. */
  shown?: number;
}

export interface Dog {
  kind: "dog" | "hound";
  name: string;
}

export interface Egg {
  layer?: Chicken | null;
}

/** Nothing in it. */
export interface Empty {}

/** Around something. */
export interface Envelope<T> {
  inside: T;
  note?: string | null;
}

/** A name that the language has. */
export interface ErrorModel {
  message: string;
}

/** Parameters in a model. */
export interface Filter {
  /** How many. */
  limit?: number;
  order_by?: "created_at" | "name";
  tags?: string[];
  since?: string | null;
}

/** One field for each kind of use. */
export interface GenericsInput {
  numbers: Pair<number, string>;
  colors: Pair<Color, Envelope<Color>>;
  nested: Page<Envelope<KitchenElsewhereItem>>;
  nullable: Envelope<number | null>;
  prices: Envelope<number | string>;
  sums: SumInput<number | string>;
  several: Several<Color>;
  path: Path<number>;
  by_name: Tally<string>;
  by_color: TallyColor;
  letter: Letter;
  whatever: Envelope<unknown>;
}

/** One field for each kind of use. */
export interface GenericsOutput {
  numbers: Pair<number, string>;
  colors: Pair<Color, Envelope<Color>>;
  nested: Page<Envelope<KitchenElsewhereItem>>;
  nullable: Envelope<number | null>;
  prices: Envelope<string>;
  sums: SumOutput<string>;
  several: Several<Color>;
  path: Path<number>;
  by_name: Tally<string>;
  by_color: TallyColor;
  letter: Letter;
  whatever: Envelope<unknown>;
}

export interface HTTPValidationError {
  detail?: ValidationError[];
}

/** A name that every client has. */
export interface HttpServiceModel {
  url: string;
}

export interface Joined {
  type?: "joined";
  who: string;
}

export type JsonValue = unknown;

/** Its name is another model's in another module, too. */
export interface KitchenElsewhereItem {
  there: string;
}

/** Its name is another model's in another module. */
export interface KitchenModelsItem {
  here: number;
}

export interface Leave {
  leave?: true;
}

/** A class of its own. */
export interface Letter {
  inside: Color;
  note?: string | null;
  stamp: number;
}

export interface Missing {
  detail: string;
}

/** Values of several types. */
export const Mixed = {
  TEXT: "it's \"quoted\" \\ and\nbroken \u2028 */",
  NUMBER: 7,
  FRACTION: 1.5,
  YES: true,
  NOTHING: null,
} as const;
export type Mixed = (typeof Mixed)[keyof typeof Mixed];

/** One field for each kind of model. */
export interface ModelsInput {
  bird: Bird;
  node: Node;
  chicken: Chicken;
  tags: Tags;
  deep: Deep;
  aliases: AliasesInput;
  words: Words;
  closed: Closed;
  open: Open;
  counted: Counted;
  noted: Noted;
  empty: Empty;
  defaults: Defaults;
  always: AlwaysInput;
  serialized: SerializedInput;
  whole: WholeInput;
  plain: Plain;
  checked: Checked;
  movie: Movie;
  user: number;
  names: Names;
  tree: Tree;
  class_: Class;
  error: ErrorModel;
  service: HttpServiceModel;
  item: KitchenModelsItem;
  other_item: KitchenElsewhereItem;
  items: Page<KitchenModelsItem>;
  other_items: Page<KitchenElsewhereItem>;
  under: MyModelModel;
  camel: MyModel;
  /**
   * Whatever.
   * @deprecated
   */
  anything?: unknown;
}

/** One field for each kind of model. */
export interface ModelsOutput {
  bird: Bird;
  node: Node;
  chicken: Chicken;
  tags: Tags;
  deep: Deep;
  aliases: AliasesOutput;
  words: Words;
  closed: Closed;
  open: Open;
  counted: Counted;
  noted: Noted;
  empty: Empty;
  defaults: Defaults;
  always: AlwaysOutput;
  serialized: SerializedOutput;
  whole: WholeOutput;
  plain: Plain;
  checked: Checked;
  movie: Movie;
  user: number;
  names: Names;
  tree: Tree;
  class_: Class;
  error: ErrorModel;
  service: HttpServiceModel;
  item: KitchenModelsItem;
  other_item: KitchenElsewhereItem;
  items: Page<KitchenModelsItem>;
  other_items: Page<KitchenElsewhereItem>;
  under: MyModelModel;
  camel: MyModel;
  /**
   * Whatever.
   * @deprecated
   */
  anything?: unknown;
}

export interface Movie {
  must: number;
  title?: string;
}

/** Becomes the same identifier as another. */
export interface MyModel {
  other: number;
}

export interface MyModelModel {
  value: number;
}

export type Names = string[];

/** Refers to itself. */
export interface Node {
  value: number;
  children?: Node[];
  parent?: Node | null;
}

/** Whatever else is in it is of a type of its own. */
export interface Noted {
  known: string;
  /** Typed unknown: other fields may stand beside the known ones, but TypeScript has them of one type only. */
  [key: string]: unknown;
}

/** A single member. */
export const Only = {
  ONE: "one",
} as const;
export type Only = (typeof Only)[keyof typeof Only];

export interface Open {
  known: number;
  [key: string]: unknown;
}

/** Items, and whether there are more. */
export interface Page<T> {
  items: T[];
  has_more: boolean;
}

/** Declared with parameters in an order that the alphabet does not know. */
export interface Pair<Z, A> {
  left: Z;
  right: A;
  envelopes?: Envelope<A>[];
  next?: Pair<Z, A> | null;
}

/** Its parameter has the name of another class. */
export interface Path<PointType> {
  points: PointType[];
}

/**
 * Read from inside of others.
 * Typed unknown: 'path' is read from inside of other fields with AliasPath.
 */
export type PathsInput = unknown;

/** Read from inside of others. */
export interface PathsOutput {
  plain: number;
  path: number;
}

/** Values that are no scalars. */
export type Places = [0, 0];

/** A dataclass of the standard library. */
export interface Plain {
  width: number;
  height?: number;
}

export type Point = [number, number, number?];

export const Priority = {
  LOW: 1,
  HIGH: -2,
  URGENT: -2,
} as const;
export type Priority = (typeof Priority)[keyof typeof Priority];

/** Added up. */
export const Rights = {
  READ: 1,
  WRITE: 2,
  BOTH: 3,
} as const;
export type Rights = number;

export interface Said {
  type: "said" | "whispered";
  text: string;
  color?: Color;
}

export interface Say {
  text: string;
}

/** One field for each kind of scalar. */
export interface ScalarsInput {
  text: string;
  whole: number;
  fraction: number;
  yes: boolean;
  nothing: null;
  raw: string;
  price: number | string;
  identity: string;
  day: string;
  moment: string;
  clock: string;
  lasting: string;
  file: string;
  address: string;
  network: string;
  page: string;
  anywhere: string;
  mail: string;
  secret: string;
  size: string | number;
  parsed: string;
  positive: number;
  short: string;
  between: number;
  anything: unknown;
  json_value: JsonValue;
}

/** One field for each kind of scalar. */
export interface ScalarsOutput {
  text: string;
  whole: number;
  fraction: number;
  yes: boolean;
  nothing: null;
  raw: string;
  price: string;
  identity: string;
  day: string;
  moment: string;
  clock: string;
  lasting: string;
  file: string;
  address: string;
  network: string;
  page: string;
  anywhere: string;
  mail: string;
  secret: string;
  size: number;
  parsed: number[];
  positive: number;
  short: string;
  between: number;
  anything: unknown;
  json_value: JsonValue;
}

/** What comes in is not what goes out. */
export interface SerializedInput {
  moment: string;
  lasting: string;
  secret: string;
  doubled: number;
}

/** What comes in is not what goes out. */
export interface SerializedOutput {
  moment: string;
  lasting: number;
  doubled: string;
  /** Made of the others. */
  label: string;
}

/** One or many. */
export type Several<T> = T[] | T;

export const Sides = {
  LEFT: 1,
  RIGHT: 2,
} as const;
export type Sides = number;

/** Told apart by a function. */
export interface Snake {
  length: number;
}

/** Comes in as it does not go out. */
export interface SumInput<T> {
  parts: T[];
}

/** Comes in as it does not go out. */
export interface SumOutput<T> {
  parts: T[];
  count: number;
}

/** A list with a name. */
export type Tags = string[];

/** How it is written depends on what it is filled in with. */
export interface Tally<T> {
  counts: { [key: string]: number };
  order: T[];
}

export interface TallyColor {
  counts: { [key in Color]?: number };
  order: Color[];
}

export type Tree = { [key: string]: Tree } | number;

/** One field for each kind of choice. */
export interface Unions {
  nullable: number | null;
  optional?: number;
  both?: number | null;
  old?: string | null;
  old_union: number | string;
  literal: "plain" | "it's" | "say \"so\"" | "back\\slash" | "line\nend" | "\u2028" | "*/" | "${x}" | "`";
  numbers: 1 | -2;
  mixed_literal: "x" | 1 | true | null;
  color: Color;
  priority: Priority;
  mixed: Mixed;
  rights: Rights;
  sides: Sides;
  by_rights: { [key: string]: number };
  only: Only;
  places: Places;
  pet: (Cat & { kind: "cat" }) | Dog;
  pets: ((Cat & { kind: "cat" }) | Dog)[];
  animal: Snake | Dog;
  perhaps_pet?: (Cat & { kind: "cat" }) | Dog | null;
  anything_or_text: unknown;
  list_or_one: number[] | number;
}

export interface ValidationError {
  loc: (string | number)[];
  msg: string;
  type: string;
  input?: unknown;
  ctx?: { [key: string]: unknown };
}

/** Serialized by a method of its own. */
export interface WholeInput {
  value: number;
}

export type WholeOutput = number[];

/** Names that are keywords, or no identifiers. */
export interface Words {
  class: string;
  default: number;
  "with-dash": number;
  "say \"so\"": number;
  "1st": number;
  "": number;
  __proto__: number;
  "gr\u00f6\u00dfe": number;
}

export interface AnswersAnythingErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersByNameErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersConstructorErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersCreatedErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
  /** Not Found */
  404: Missing;
  /** Validation Error */
  422: HTTPValidationError;
  /** Server Error */
  "5XX": Missing;
}

export interface AnswersDeleteErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersEnumErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersEventsErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersExcludedErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersFileErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersHeadErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersHtmlErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersImageErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersIncludedErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersLinesErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersMaybeErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersNothingErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersNullErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersOptionsErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersOwnErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersRedirectErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersResponseErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersStreamErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersTextErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersTwiceGetErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersTwiceGetAnswersTwiceBErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersTwicePostErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersUntypedErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersWithoutNullErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

export interface AnswersWithoutUnsetErrors {
  /** Who are you? *\/ */
  401: ErrorModel;
}

/** What comes back. */
export class Answers extends HttpService {
  /** Errors: `AnswersAnythingErrors`. */
  async anything(call?: CallOptions): Promise<unknown> {
    return this.httpBackend.request<unknown>({
      method: "GET",
      path: "/answers/anything",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /**
   * Errors: `AnswersByNameErrors`.
   *
   * Not exact: the result is typed unknown: response_model_by_alias=False gives the fields other names than the schema has.
   */
  async byName(call?: CallOptions): Promise<unknown> {
    return this.httpBackend.request<unknown>({
      method: "GET",
      path: "/answers/by-name",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersConstructorErrors`. */
  async constructor_(call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/answers/constructor",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersCreatedErrors`. */
  async created(options: { body: SerializedInput }, call?: CallOptions): Promise<SerializedOutput | KitchenModelsItem> {
    return this.httpBackend.request<SerializedOutput | KitchenModelsItem>({
      method: "POST",
      path: "/answers/created",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersDeleteErrors`. */
  async delete(call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/answers/delete",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersEnumErrors`. */
  async enum(call?: CallOptions): Promise<Answer> {
    return this.httpBackend.request<Answer>({
      method: "GET",
      path: "/answers/enum",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersEventsErrors`. */
  async events(call?: CallOptions): Promise<AsyncIterable<ServerSentEvent<KitchenModelsItem>>> {
    return this.httpBackend.request<AsyncIterable<ServerSentEvent<KitchenModelsItem>>>({
      method: "GET",
      path: "/answers/events",
      query: [],
      headers: [],
      cookies: [],
      response: "events",
      call,
    });
  }

  /** Errors: `AnswersExcludedErrors`. */
  async excluded(call?: CallOptions): Promise<Pick<Bird, "legs" | "wings">> {
    return this.httpBackend.request<Pick<Bird, "legs" | "wings">>({
      method: "GET",
      path: "/answers/excluded",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersFileErrors`. */
  async file(call?: CallOptions): Promise<Blob> {
    return this.httpBackend.request<Blob>({
      method: "GET",
      path: "/answers/file",
      query: [],
      headers: [],
      cookies: [],
      response: "blob",
      call,
    });
  }

  /** Errors: `AnswersHeadErrors`. */
  async head(call?: CallOptions): Promise<void> {
    return this.httpBackend.request<void>({
      method: "HEAD",
      path: "/answers/head",
      query: [],
      headers: [],
      cookies: [],
      response: "empty",
      call,
    });
  }

  /** Errors: `AnswersHtmlErrors`. */
  async html(call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/answers/html",
      query: [],
      headers: [],
      cookies: [],
      response: "text",
      call,
    });
  }

  /** Errors: `AnswersImageErrors`. */
  async image(call?: CallOptions): Promise<Blob> {
    return this.httpBackend.request<Blob>({
      method: "GET",
      path: "/answers/image",
      query: [],
      headers: [],
      cookies: [],
      response: "blob",
      call,
    });
  }

  /** Errors: `AnswersIncludedErrors`. */
  async included(call?: CallOptions): Promise<Pick<Animal, "name">> {
    return this.httpBackend.request<Pick<Animal, "name">>({
      method: "GET",
      path: "/answers/included",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersLinesErrors`. */
  async lines(call?: CallOptions): Promise<AsyncIterable<KitchenModelsItem>> {
    return this.httpBackend.request<AsyncIterable<KitchenModelsItem>>({
      method: "GET",
      path: "/answers/lines",
      query: [],
      headers: [],
      cookies: [],
      response: "lines",
      call,
    });
  }

  /** Errors: `AnswersMaybeErrors`. */
  async maybe(call?: CallOptions): Promise<KitchenModelsItem | null | undefined> {
    return this.httpBackend.request<KitchenModelsItem | null | undefined>({
      method: "GET",
      path: "/answers/maybe",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersNothingErrors`. */
  async nothing(call?: CallOptions): Promise<void> {
    return this.httpBackend.request<void>({
      method: "DELETE",
      path: "/answers/nothing",
      query: [],
      headers: [],
      cookies: [],
      response: "empty",
      call,
    });
  }

  /** Errors: `AnswersNullErrors`. */
  async null(call?: CallOptions): Promise<null> {
    return this.httpBackend.request<null>({
      method: "GET",
      path: "/answers/null",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersOptionsErrors`. */
  async options(call?: CallOptions): Promise<string[]> {
    return this.httpBackend.request<string[]>({
      method: "OPTIONS",
      path: "/answers/options",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /**
   * Errors: `AnswersOwnErrors`.
   *
   * Not exact: the result is typed unknown: the method makes the JSON itself, and declares no response_model.
   */
  async own(call?: CallOptions): Promise<unknown> {
    return this.httpBackend.request<unknown>({
      method: "GET",
      path: "/answers/own",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersRedirectErrors`. */
  async redirect(call?: CallOptions): Promise<Blob> {
    return this.httpBackend.request<Blob>({
      method: "GET",
      path: "/answers/redirect",
      query: [],
      headers: [],
      cookies: [],
      response: "blob",
      call,
    });
  }

  /** Errors: `AnswersResponseErrors`. */
  async response(call?: CallOptions): Promise<Blob> {
    return this.httpBackend.request<Blob>({
      method: "GET",
      path: "/answers/response",
      query: [],
      headers: [],
      cookies: [],
      response: "blob",
      call,
    });
  }

  /** Errors: `AnswersStreamErrors`. */
  async stream(call?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    return this.httpBackend.request<ReadableStream<Uint8Array>>({
      method: "GET",
      path: "/answers/stream",
      query: [],
      headers: [],
      cookies: [],
      response: "stream",
      call,
    });
  }

  /** Errors: `AnswersTextErrors`. */
  async text(call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/answers/text",
      query: [],
      headers: [],
      cookies: [],
      response: "text",
      call,
    });
  }

  /** Errors: `AnswersTwiceGetErrors`. */
  async twiceGet(call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/answers/twice/a",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersTwiceGetAnswersTwiceBErrors`. */
  async twiceGetAnswersTwiceB(call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/answers/twice/b",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersTwicePostErrors`. */
  async twicePost(call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "POST",
      path: "/answers/twice/a",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /**
   * Errors: `AnswersUntypedErrors`.
   *
   * Not exact: the result is typed unknown: the method has no return annotation, and declares no response_model.
   */
  async untyped(call?: CallOptions): Promise<unknown> {
    return this.httpBackend.request<unknown>({
      method: "GET",
      path: "/answers/untyped",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /**
   * Errors: `AnswersWithoutNullErrors`.
   *
   * Not exact: the result is typed unknown: response_model_exclude_none=True leaves out fields that must be there, and may be null.
   */
  async withoutNull(call?: CallOptions): Promise<unknown> {
    return this.httpBackend.request<unknown>({
      method: "GET",
      path: "/answers/without-null",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `AnswersWithoutUnsetErrors`. */
  async withoutUnset(call?: CallOptions): Promise<Bird> {
    return this.httpBackend.request<Bird>({
      method: "GET",
      path: "/answers/without-unset",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

export interface BirdsCreateErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BirdsGetErrors {
  /** Not Found */
  404: Missing;
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BirdsListErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BirdsSongErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Inherited methods for another one, and a method of its own. */
export class Birds extends HttpService {
  /** Errors: `BirdsCreateErrors`. */
  async create(options: { body: Bird }, call?: CallOptions): Promise<Bird> {
    return this.httpBackend.request<Bird>({
      method: "POST",
      path: "/birds",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /**
   * Overridden; still a route.
   *
   * Errors: `BirdsGetErrors`.
   */
  async get(itemId: number, call?: CallOptions): Promise<Bird> {
    return this.httpBackend.request<Bird>({
      method: "GET",
      path: "/birds/" + encodePath(itemId),
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `BirdsListErrors`. */
  async list(options: { offset?: number | undefined; limit?: number | undefined } = {}, call?: CallOptions): Promise<Page<Bird>> {
    return this.httpBackend.request<Page<Bird>>({
      method: "GET",
      path: "/birds",
      query: pairsOf([["offset", options.offset], ["limit", options.limit]]),
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `BirdsSongErrors`. */
  async song(itemId: number, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/birds/" + encodePath(itemId) + "/song",
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

export interface BodiesContainersErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesDictionaryErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesEmbeddedErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesFormErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesFormModelErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesGenericsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesManyErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesModelsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesNumberErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesOptionalErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesPathsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesScalarsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesSeveralErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesTextErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesUnionErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesUnionsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesUploadErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface BodiesUploadsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Everything that a request has in it. */
export class Bodies extends HttpService {
  /** Errors: `BodiesContainersErrors`. */
  async containers(options: { body: Containers }, call?: CallOptions): Promise<Containers> {
    return this.httpBackend.request<Containers>({
      method: "POST",
      path: "/bodies/containers",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesDictionaryErrors`. */
  async dictionary(options: { body: { [key in Color]?: KitchenModelsItem[] } }, call?: CallOptions): Promise<{ [key: string]: KitchenModelsItem }> {
    return this.httpBackend.request<{ [key: string]: KitchenModelsItem }>({
      method: "POST",
      path: "/bodies/dictionary",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesEmbeddedErrors`. */
  async embedded(options: { body: { item: KitchenModelsItem } }, call?: CallOptions): Promise<KitchenModelsItem> {
    return this.httpBackend.request<KitchenModelsItem>({
      method: "PUT",
      path: "/bodies/embedded",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesFormErrors`. */
  async form(options: { body: { name: string; tags?: string[] } }, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "POST",
      path: "/bodies/form",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "form", fields: pairsOf(Object.entries(options.body)) },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesFormModelErrors`. */
  async formModel(options: { body: Filter }, call?: CallOptions): Promise<Filter> {
    return this.httpBackend.request<Filter>({
      method: "POST",
      path: "/bodies/form-model",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "form", fields: pairsOf(Object.entries(options.body)) },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesGenericsErrors`. */
  async generics(options: { body: GenericsInput }, call?: CallOptions): Promise<GenericsOutput> {
    return this.httpBackend.request<GenericsOutput>({
      method: "POST",
      path: "/bodies/generics",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesManyErrors`. */
  async many(options: { body: KitchenModelsItem[] }, call?: CallOptions): Promise<KitchenModelsItem[]> {
    return this.httpBackend.request<KitchenModelsItem[]>({
      method: "POST",
      path: "/bodies/list",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesModelsErrors`. */
  async models(options: { body: ModelsInput }, call?: CallOptions): Promise<ModelsOutput> {
    return this.httpBackend.request<ModelsOutput>({
      method: "POST",
      path: "/bodies/models",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesNumberErrors`. */
  async number(options: { body: number }, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "POST",
      path: "/bodies/number",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesOptionalErrors`. */
  async optional(options: { body?: KitchenModelsItem | null | undefined } = {}, call?: CallOptions): Promise<KitchenModelsItem | null> {
    return this.httpBackend.request<KitchenModelsItem | null>({
      method: "PUT",
      path: "/bodies/optional",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesPathsErrors`. */
  async paths(options: { body: PathsInput }, call?: CallOptions): Promise<PathsOutput> {
    return this.httpBackend.request<PathsOutput>({
      method: "POST",
      path: "/bodies/paths",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  async raw(options: { body: BodyInit }, call?: CallOptions): Promise<{ [key: string]: unknown }> {
    return this.httpBackend.request<{ [key: string]: unknown }>({
      method: "POST",
      path: "/bodies/raw",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "raw", value: options.body, contentType: "application/x-yaml" },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesScalarsErrors`. */
  async scalars(options: { body: ScalarsInput }, call?: CallOptions): Promise<ScalarsOutput> {
    return this.httpBackend.request<ScalarsOutput>({
      method: "POST",
      path: "/bodies/scalars",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesSeveralErrors`. */
  async several(options: {
    note?: string | null | undefined;
    body: { item: KitchenModelsItem; bird: Bird; importance: number };
  }, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "PUT",
      path: "/bodies/several",
      query: pairsOf([["note", options.note]]),
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesTextErrors`. */
  async text(options: { body: BodyInit }, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "POST",
      path: "/bodies/text",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "raw", value: options.body, contentType: "text/plain" },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesUnionErrors`. */
  async union(options: { body: (Cat & { kind: "cat" }) | Dog }, call?: CallOptions): Promise<Cat | Dog> {
    return this.httpBackend.request<Cat | Dog>({
      method: "PATCH",
      path: "/bodies/union",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesUnionsErrors`. */
  async unions(options: { body: Unions }, call?: CallOptions): Promise<Unions> {
    return this.httpBackend.request<Unions>({
      method: "POST",
      path: "/bodies/unions",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesUploadErrors`. */
  async upload(options: { body: { file: Blob; note?: string; raw?: string } }, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "POST",
      path: "/bodies/file",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "multipart", fields: fieldsOf(Object.entries(options.body)) },
      response: "json",
      call,
    });
  }

  /** Errors: `BodiesUploadsErrors`. */
  async uploads(options: { body: { files: Blob[]; extra?: Blob | null } }, call?: CallOptions): Promise<string[]> {
    return this.httpBackend.request<string[]>({
      method: "POST",
      path: "/bodies/files",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "multipart", fields: fieldsOf(Object.entries(options.body)) },
      response: "json",
      call,
    });
  }
}

export interface ItemsCreateErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ItemsGetErrors {
  /** Not Found */
  404: Missing;
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ItemsListErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Inherited methods for one entity. */
export class Items extends HttpService {
  /** Errors: `ItemsCreateErrors`. */
  async create(options: { body: KitchenModelsItem }, call?: CallOptions): Promise<KitchenModelsItem> {
    return this.httpBackend.request<KitchenModelsItem>({
      method: "POST",
      path: "/items",
      query: [],
      headers: [],
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `ItemsGetErrors`. */
  async get(itemId: number, call?: CallOptions): Promise<KitchenModelsItem> {
    return this.httpBackend.request<KitchenModelsItem>({
      method: "GET",
      path: "/items/" + encodePath(itemId),
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ItemsListErrors`. */
  async list(options: { offset?: number | undefined; limit?: number | undefined } = {}, call?: CallOptions): Promise<Page<KitchenModelsItem>> {
    return this.httpBackend.request<Page<KitchenModelsItem>>({
      method: "GET",
      path: "/items",
      query: pairsOf([["offset", options.offset], ["limit", options.limit]]),
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

export interface ParametersServiceCollisionsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceCookiesErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceDependsErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceFixedErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceHeadersErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceModelErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServicePathErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceQueryErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceRestErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

export interface ParametersServiceSameErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Paths, queries, headers and cookies. */
export class ParametersService extends HttpService {
  /** Errors: `ParametersServiceCollisionsErrors`. */
  async collisions(body: string, options2: string, call2: number, options: { id: number; name?: string | undefined; body: KitchenModelsItem }, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "POST",
      path: "/parameters/collisions/" + encodePath(body) + "/" + encodePath(options2) + "/" + encodePath(call2),
      query: [],
      headers: pairsOf([["id", options.id]]),
      cookies: pairsOf([["name", options.name]]),
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceCookiesErrors`. */
  async cookies(options: { session?: string | null | undefined; "A-B"?: number | undefined } = {}, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/parameters/cookies",
      query: [],
      headers: [],
      cookies: pairsOf([["session", options.session], ["A-B", options["A-B"]]]),
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceDependsErrors`. */
  async depends(options: {
    limit?: number | undefined;
    offset?: number | undefined;
    "X-Tenant": string;
  }, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/parameters/depends",
      query: pairsOf([["limit", options.limit], ["offset", options.offset]]),
      headers: pairsOf([["X-Tenant", options["X-Tenant"]]]),
      cookies: [],
      response: "json",
      call,
    });
  }

  /**
   * An old one.
   *
   * Errors: `ParametersServiceFixedErrors`.
   * @deprecated
   */
  async fixed(class_: number, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/parameters/fixed/gr%C3%B6%C3%9Fe%20und/" + encodePath(class_),
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceHeadersErrors`. */
  async headers(options: {
    "user-agent": string;
    "X-API-Key": string;
    repeated?: string[] | null | undefined;
    under_score?: number | undefined;
    "x-trace"?: string | null | undefined;
  }, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/parameters/headers",
      query: [],
      headers: pairsOf([
        ["user-agent", options["user-agent"]],
        ["X-API-Key", options["X-API-Key"]],
        ["repeated", options.repeated],
        ["under_score", options.under_score],
        ["x-trace", options["x-trace"]],
      ]),
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceModelErrors`. */
  async model(options: {
    /** How many. */
    limit?: number | undefined;
    order_by?: "created_at" | "name" | undefined;
    tags?: string[] | undefined;
    since?: string | null | undefined;
  } = {}, call?: CallOptions): Promise<Filter> {
    return this.httpBackend.request<Filter>({
      method: "GET",
      path: "/parameters/model",
      query: pairsOf([
        ["limit", options.limit],
        ["order_by", options.order_by],
        ["tags", options.tags],
        ["since", options.since],
      ]),
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServicePathErrors`. */
  async path(number: number, color: Color, day: string, options: { kind?: string | undefined } = {}, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/parameters/paths/" + encodePath(number) + "/" + encodePath(color) + "/" + encodePath(day),
      query: pairsOf([["kind", options.kind]]),
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceQueryErrors`. */
  async query(options: {
    text: string;
    numbers: number[];
    colors?: Color[] | null | undefined;
    priority?: Priority | undefined;
    price?: number | string | null | undefined;
    either?: number | string | undefined;
    /**
     * Some.
     * @deprecated
     */
    "item-query"?: number | undefined;
    literal?: "a" | "b" | undefined;
    parsed?: string | null | undefined;
    whatever?: WireScalar | undefined;
    rights?: 1 | 2 | 3 | undefined;
  }, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "GET",
      path: "/parameters/query",
      query: pairsOf([
        ["text", options.text],
        ["numbers", options.numbers],
        ["colors", options.colors],
        ["priority", options.priority],
        ["price", options.price],
        ["either", options.either],
        ["item-query", options["item-query"]],
        ["literal", options.literal],
        ["parsed", options.parsed],
        ["whatever", options.whatever],
        ["rights", options.rights],
      ]),
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceRestErrors`. */
  async rest(rest: string, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/parameters/rest/" + encodePathSegments(rest),
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }

  /** Errors: `ParametersServiceSameErrors`. */
  async same(itemId: number, options: { body_query: string; body_header: string; body: KitchenModelsItem }, call?: CallOptions): Promise<number> {
    return this.httpBackend.request<number>({
      method: "POST",
      path: "/parameters/same/" + encodePath(itemId),
      query: pairsOf([["body", options.body_query]]),
      headers: pairsOf([["body", options.body_header]]),
      cookies: [],
      body: { kind: "json", value: options.body },
      response: "json",
      call,
    });
  }

  async undeclared(name: string | number | boolean, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/parameters/undeclared/" + encodePath(name),
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

export interface RoutesPlainItemErrors {
  /** Validation Error */
  422: HTTPValidationError;
}

/** Routes that belong to no controller. */
export class Routes extends HttpService {
  /**
   * A route of no controller, included from another router.
   *
   * Errors: `RoutesPlainItemErrors`.
   */
  async plainItem(itemId: number, call?: CallOptions): Promise<KitchenModelsItem> {
    return this.httpBackend.request<KitchenModelsItem>({
      method: "GET",
      path: "/outer/plain/items/" + encodePath(itemId),
      query: [],
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

/** Behind security schemes. */
export class Secure extends HttpService {
  async bearer(options: {
    /** Looked at by the security scheme HTTPBearer; leave it out if the backend adds it to every request. */
    Authorization?: string | undefined;
  } = {}, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/secure/bearer",
      query: [],
      headers: pairsOf([["Authorization", options.Authorization]]),
      cookies: [],
      response: "json",
      call,
    });
  }

  async key(options: {
    /** Looked at by the security scheme Key; leave it out if the backend adds it to every request. */
    "X-Secret"?: string | undefined;
  } = {}, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/secure/key",
      query: [],
      headers: pairsOf([["X-Secret", options["X-Secret"]]]),
      cookies: [],
      response: "json",
      call,
    });
  }

  async oauth(options: {
    /** Looked at by the security scheme OAuth2PasswordBearer; leave it out if the backend adds it to every request. */
    Authorization?: string | undefined;
  } = {}, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/secure/oauth",
      query: [],
      headers: pairsOf([["Authorization", options.Authorization]]),
      cookies: [],
      response: "json",
      call,
    });
  }

  async queryKey(options: {
    /** Looked at by the security scheme APIKeyQuery; leave it out if the backend adds it to every request. */
    api_key?: string | undefined;
  } = {}, call?: CallOptions): Promise<string> {
    return this.httpBackend.request<string>({
      method: "GET",
      path: "/secure/query-key",
      query: pairsOf([["api_key", options.api_key]]),
      headers: [],
      cookies: [],
      response: "json",
      call,
    });
  }
}

/** What RoomsAnything is told. */
export interface RoomsAnythingMessages {
  message: string;
}

/** Not exact: no messages are declared with sends=..., so that each is the text of its frame. */
export class RoomsAnything extends WebSocketClient<RoomsAnythingMessages, string | ArrayBuffer | Blob> {
  constructor(options: WebSocketOptions) {
    super({ path: "/rooms/anything", query: pairsOf([]), receives: "text" }, options);
  }
}

/** What RoomsChat is told. */
export interface RoomsChatMessages {
  joined: Joined & { type: "joined" };
  said: Said & { type: "said" };
  whispered: Said & { type: "whispered" };
}

/**
 * Everything that is said in a room.
 *
 * Not exact: the header 'x-name' is left out, because a WebSocket cannot be given any.
 */
export class RoomsChat extends WebSocketClient<RoomsChatMessages, Say | Leave> {
  constructor(room: string, options: WebSocketOptions & { readonly parameters: { readonly since: number; readonly loud?: boolean | undefined } }) {
    super({ path: "/rooms/" + encodePath(room) + "/chat", query: pairsOf([["since", options.parameters.since], ["loud", options.parameters.loud]]), tag: "type", receives: "json" }, options);
  }
}

/** What RoomsItems is told. */
export interface RoomsItemsMessages {
  message: KitchenModelsItem;
}

export class RoomsItems extends WebSocketClient<RoomsItemsMessages, string | ArrayBuffer | Blob> {
  constructor(options: WebSocketOptions & { readonly parameters?: { readonly "with-dash"?: string | null | undefined } }) {
    super({ path: "/rooms/items", query: pairsOf([["with-dash", (options.parameters ?? {})["with-dash"]]]), receives: "json" }, options);
  }
}
