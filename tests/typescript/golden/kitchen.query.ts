import { Answers, Birds, Bodies, Items, ParametersService, Routes, Secure } from "./kitchen.js";
import type { Animal, Answer, Bird, Cat, Color, Containers, Dog, Filter, GenericsInput, GenericsOutput, KitchenModelsItem, ModelsInput, ModelsOutput, Page, PathsInput, PathsOutput, Priority, ScalarsInput, ScalarsOutput, SerializedInput, SerializedOutput, Unions, WireScalar } from "./kitchen.js";

/** The keys of the queries of Answers: each begins with those above it. */
export const answersKeys = {
  all: ["Answers"] as const,
  anything: () => ["Answers", "anything"] as const,
  byName: () => ["Answers", "byName"] as const,
  constructor_: () => ["Answers", "constructor_"] as const,
  delete: () => ["Answers", "delete"] as const,
  enum: () => ["Answers", "enum"] as const,
  excluded: () => ["Answers", "excluded"] as const,
  file: () => ["Answers", "file"] as const,
  html: () => ["Answers", "html"] as const,
  image: () => ["Answers", "image"] as const,
  included: () => ["Answers", "included"] as const,
  maybe: () => ["Answers", "maybe"] as const,
  null: () => ["Answers", "null"] as const,
  own: () => ["Answers", "own"] as const,
  redirect: () => ["Answers", "redirect"] as const,
  response: () => ["Answers", "response"] as const,
  text: () => ["Answers", "text"] as const,
  twiceGet: () => ["Answers", "twiceGet"] as const,
  twiceGetAnswersTwiceB: () => ["Answers", "twiceGetAnswersTwiceB"] as const,
  untyped: () => ["Answers", "untyped"] as const,
  withoutNull: () => ["Answers", "withoutNull"] as const,
  withoutUnset: () => ["Answers", "withoutUnset"] as const,
};

export function useAnswersAnything<Selected = unknown>(
  query: ServiceQueryOptions<unknown, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<unknown, Selected>(
    answersKeys.anything(),
    (backend, call) => new Answers(backend).anything(call),
    query,
  );
}

export function useAnswersByName<Selected = unknown>(
  query: ServiceQueryOptions<unknown, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<unknown, Selected>(
    answersKeys.byName(),
    (backend, call) => new Answers(backend).byName(call),
    query,
  );
}

export function useAnswersConstructor<Selected = number>(
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    answersKeys.constructor_(),
    (backend, call) => new Answers(backend).constructor_(call),
    query,
  );
}

export function useAnswersCreatedMutation(
  options: ServiceMutationOptions<SerializedOutput | KitchenModelsItem, { options: { body: SerializedInput } }> = {},
): UseMutationResult<SerializedOutput | KitchenModelsItem, Error, { options: { body: SerializedInput } }> {
  return useServiceMutation<SerializedOutput | KitchenModelsItem, { options: { body: SerializedInput } }>(
    (backend, variables) => new Answers(backend).created(variables.options),
    options,
  );
}

export function useAnswersDelete<Selected = number>(
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    answersKeys.delete(),
    (backend, call) => new Answers(backend).delete(call),
    query,
  );
}

export function useAnswersEnum<Selected = Answer>(
  query: ServiceQueryOptions<Answer, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Answer, Selected>(
    answersKeys.enum(),
    (backend, call) => new Answers(backend).enum(call),
    query,
  );
}

/** Answers.events has no hook: it answers with a stream. */

export function useAnswersExcluded<Selected = Pick<Bird, "legs" | "wings">>(
  query: ServiceQueryOptions<Pick<Bird, "legs" | "wings">, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Pick<Bird, "legs" | "wings">, Selected>(
    answersKeys.excluded(),
    (backend, call) => new Answers(backend).excluded(call),
    query,
  );
}

export function useAnswersFile<Selected = Blob>(
  query: ServiceQueryOptions<Blob, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Blob, Selected>(
    answersKeys.file(),
    (backend, call) => new Answers(backend).file(call),
    query,
  );
}

export function useAnswersHeadMutation(
  options: ServiceMutationOptions<void, void> = {},
): UseMutationResult<void, Error, void> {
  return useServiceMutation<void, void>(
    (backend) => new Answers(backend).head(),
    options,
  );
}

export function useAnswersHtml<Selected = string>(
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    answersKeys.html(),
    (backend, call) => new Answers(backend).html(call),
    query,
  );
}

export function useAnswersImage<Selected = Blob>(
  query: ServiceQueryOptions<Blob, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Blob, Selected>(
    answersKeys.image(),
    (backend, call) => new Answers(backend).image(call),
    query,
  );
}

export function useAnswersIncluded<Selected = Pick<Animal, "name">>(
  query: ServiceQueryOptions<Pick<Animal, "name">, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Pick<Animal, "name">, Selected>(
    answersKeys.included(),
    (backend, call) => new Answers(backend).included(call),
    query,
  );
}

/** Answers.lines has no hook: it answers with a stream. */

export function useAnswersMaybe<Selected = KitchenModelsItem | null>(
  query: ServiceQueryOptions<KitchenModelsItem | null, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<KitchenModelsItem | null, Selected>(
    answersKeys.maybe(),
    (backend, call) => new Answers(backend).maybe(call).then((data) => data ?? null),
    query,
  );
}

export function useAnswersNothingMutation(
  options: ServiceMutationOptions<void, void> = {},
): UseMutationResult<void, Error, void> {
  return useServiceMutation<void, void>(
    (backend) => new Answers(backend).nothing(),
    options,
  );
}

export function useAnswersNull<Selected = null>(
  query: ServiceQueryOptions<null, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<null, Selected>(
    answersKeys.null(),
    (backend, call) => new Answers(backend).null(call),
    query,
  );
}

export function useAnswersOptionsMutation(
  options: ServiceMutationOptions<string[], void> = {},
): UseMutationResult<string[], Error, void> {
  return useServiceMutation<string[], void>(
    (backend) => new Answers(backend).options(),
    options,
  );
}

export function useAnswersOwn<Selected = unknown>(
  query: ServiceQueryOptions<unknown, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<unknown, Selected>(
    answersKeys.own(),
    (backend, call) => new Answers(backend).own(call),
    query,
  );
}

export function useAnswersRedirect<Selected = Blob>(
  query: ServiceQueryOptions<Blob, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Blob, Selected>(
    answersKeys.redirect(),
    (backend, call) => new Answers(backend).redirect(call),
    query,
  );
}

export function useAnswersResponse<Selected = Blob>(
  query: ServiceQueryOptions<Blob, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Blob, Selected>(
    answersKeys.response(),
    (backend, call) => new Answers(backend).response(call),
    query,
  );
}

/** Answers.stream has no hook: it answers with a stream. */

export function useAnswersText<Selected = string>(
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    answersKeys.text(),
    (backend, call) => new Answers(backend).text(call),
    query,
  );
}

export function useAnswersTwiceGet<Selected = number>(
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    answersKeys.twiceGet(),
    (backend, call) => new Answers(backend).twiceGet(call),
    query,
  );
}

export function useAnswersTwiceGetAnswersTwiceB<Selected = number>(
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    answersKeys.twiceGetAnswersTwiceB(),
    (backend, call) => new Answers(backend).twiceGetAnswersTwiceB(call),
    query,
  );
}

export function useAnswersTwicePostMutation(
  options: ServiceMutationOptions<number, void> = {},
): UseMutationResult<number, Error, void> {
  return useServiceMutation<number, void>(
    (backend) => new Answers(backend).twicePost(),
    options,
  );
}

export function useAnswersUntyped<Selected = unknown>(
  query: ServiceQueryOptions<unknown, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<unknown, Selected>(
    answersKeys.untyped(),
    (backend, call) => new Answers(backend).untyped(call),
    query,
  );
}

export function useAnswersWithoutNull<Selected = unknown>(
  query: ServiceQueryOptions<unknown, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<unknown, Selected>(
    answersKeys.withoutNull(),
    (backend, call) => new Answers(backend).withoutNull(call),
    query,
  );
}

export function useAnswersWithoutUnset<Selected = Bird>(
  query: ServiceQueryOptions<Bird, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Bird, Selected>(
    answersKeys.withoutUnset(),
    (backend, call) => new Answers(backend).withoutUnset(call),
    query,
  );
}

/** The keys of the queries of Birds: each begins with those above it. */
export const birdsKeys = {
  all: ["Birds"] as const,
  get: (itemId: number) => ["Birds", "get", itemId] as const,
  list: (options: { offset?: number | undefined; limit?: number | undefined } = {}) => ["Birds", "list", options] as const,
  song: (itemId: number) => ["Birds", "song", itemId] as const,
};

export function useBirdsCreateMutation(
  options: ServiceMutationOptions<Bird, { options: { body: Bird } }> = {},
): UseMutationResult<Bird, Error, { options: { body: Bird } }> {
  return useServiceMutation<Bird, { options: { body: Bird } }>(
    (backend, variables) => new Birds(backend).create(variables.options),
    options,
  );
}

/** Overridden; still a route. */
export function useBirdsGet<Selected = Bird>(
  itemId: number,
  query: ServiceQueryOptions<Bird, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Bird, Selected>(
    birdsKeys.get(itemId),
    (backend, call) => new Birds(backend).get(itemId, call),
    query,
  );
}

export function useBirdsList<Selected = Page<Bird>>(
  options: { offset?: number | undefined; limit?: number | undefined } = {},
  query: ServiceQueryOptions<Page<Bird>, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Page<Bird>, Selected>(
    birdsKeys.list(options),
    (backend, call) => new Birds(backend).list(options, call),
    query,
  );
}

export function useBirdsSong<Selected = string>(
  itemId: number,
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    birdsKeys.song(itemId),
    (backend, call) => new Birds(backend).song(itemId, call),
    query,
  );
}

/** The keys of the queries of Bodies: each begins with those above it. */
export const bodiesKeys = {
  all: ["Bodies"] as const,
};

export function useBodiesContainersMutation(
  options: ServiceMutationOptions<Containers, { options: { body: Containers } }> = {},
): UseMutationResult<Containers, Error, { options: { body: Containers } }> {
  return useServiceMutation<Containers, { options: { body: Containers } }>(
    (backend, variables) => new Bodies(backend).containers(variables.options),
    options,
  );
}

export function useBodiesDictionaryMutation(
  options: ServiceMutationOptions<{ [key: string]: KitchenModelsItem }, { options: { body: { [key in Color]?: KitchenModelsItem[] } } }> = {},
): UseMutationResult<{ [key: string]: KitchenModelsItem }, Error, { options: { body: { [key in Color]?: KitchenModelsItem[] } } }> {
  return useServiceMutation<{ [key: string]: KitchenModelsItem }, { options: { body: { [key in Color]?: KitchenModelsItem[] } } }>(
    (backend, variables) => new Bodies(backend).dictionary(variables.options),
    options,
  );
}

export function useBodiesEmbeddedMutation(
  options: ServiceMutationOptions<KitchenModelsItem, { options: { body: { item: KitchenModelsItem } } }> = {},
): UseMutationResult<KitchenModelsItem, Error, { options: { body: { item: KitchenModelsItem } } }> {
  return useServiceMutation<KitchenModelsItem, { options: { body: { item: KitchenModelsItem } } }>(
    (backend, variables) => new Bodies(backend).embedded(variables.options),
    options,
  );
}

export function useBodiesFormMutation(
  options: ServiceMutationOptions<string, { options: { body: { name: string; tags?: string[] } } }> = {},
): UseMutationResult<string, Error, { options: { body: { name: string; tags?: string[] } } }> {
  return useServiceMutation<string, { options: { body: { name: string; tags?: string[] } } }>(
    (backend, variables) => new Bodies(backend).form(variables.options),
    options,
  );
}

export function useBodiesFormModelMutation(
  options: ServiceMutationOptions<Filter, { options: { body: Filter } }> = {},
): UseMutationResult<Filter, Error, { options: { body: Filter } }> {
  return useServiceMutation<Filter, { options: { body: Filter } }>(
    (backend, variables) => new Bodies(backend).formModel(variables.options),
    options,
  );
}

export function useBodiesGenericsMutation(
  options: ServiceMutationOptions<GenericsOutput, { options: { body: GenericsInput } }> = {},
): UseMutationResult<GenericsOutput, Error, { options: { body: GenericsInput } }> {
  return useServiceMutation<GenericsOutput, { options: { body: GenericsInput } }>(
    (backend, variables) => new Bodies(backend).generics(variables.options),
    options,
  );
}

export function useBodiesManyMutation(
  options: ServiceMutationOptions<KitchenModelsItem[], { options: { body: KitchenModelsItem[] } }> = {},
): UseMutationResult<KitchenModelsItem[], Error, { options: { body: KitchenModelsItem[] } }> {
  return useServiceMutation<KitchenModelsItem[], { options: { body: KitchenModelsItem[] } }>(
    (backend, variables) => new Bodies(backend).many(variables.options),
    options,
  );
}

export function useBodiesModelsMutation(
  options: ServiceMutationOptions<ModelsOutput, { options: { body: ModelsInput } }> = {},
): UseMutationResult<ModelsOutput, Error, { options: { body: ModelsInput } }> {
  return useServiceMutation<ModelsOutput, { options: { body: ModelsInput } }>(
    (backend, variables) => new Bodies(backend).models(variables.options),
    options,
  );
}

export function useBodiesNumberMutation(
  options: ServiceMutationOptions<number, { options: { body: number } }> = {},
): UseMutationResult<number, Error, { options: { body: number } }> {
  return useServiceMutation<number, { options: { body: number } }>(
    (backend, variables) => new Bodies(backend).number(variables.options),
    options,
  );
}

export function useBodiesOptionalMutation(
  options: ServiceMutationOptions<KitchenModelsItem | null, { options?: { body?: KitchenModelsItem | null | undefined } }> = {},
): UseMutationResult<KitchenModelsItem | null, Error, { options?: { body?: KitchenModelsItem | null | undefined } }> {
  return useServiceMutation<KitchenModelsItem | null, { options?: { body?: KitchenModelsItem | null | undefined } }>(
    (backend, variables) => new Bodies(backend).optional(variables.options),
    options,
  );
}

export function useBodiesPathsMutation(
  options: ServiceMutationOptions<PathsOutput, { options: { body: PathsInput } }> = {},
): UseMutationResult<PathsOutput, Error, { options: { body: PathsInput } }> {
  return useServiceMutation<PathsOutput, { options: { body: PathsInput } }>(
    (backend, variables) => new Bodies(backend).paths(variables.options),
    options,
  );
}

export function useBodiesRawMutation(
  options: ServiceMutationOptions<{ [key: string]: unknown }, { options: { body: BodyInit } }> = {},
): UseMutationResult<{ [key: string]: unknown }, Error, { options: { body: BodyInit } }> {
  return useServiceMutation<{ [key: string]: unknown }, { options: { body: BodyInit } }>(
    (backend, variables) => new Bodies(backend).raw(variables.options),
    options,
  );
}

export function useBodiesScalarsMutation(
  options: ServiceMutationOptions<ScalarsOutput, { options: { body: ScalarsInput } }> = {},
): UseMutationResult<ScalarsOutput, Error, { options: { body: ScalarsInput } }> {
  return useServiceMutation<ScalarsOutput, { options: { body: ScalarsInput } }>(
    (backend, variables) => new Bodies(backend).scalars(variables.options),
    options,
  );
}

export function useBodiesSeveralMutation(
  options: ServiceMutationOptions<number, { options: { note?: string | null | undefined; body: { item: KitchenModelsItem; bird: Bird; importance: number } } }> = {},
): UseMutationResult<number, Error, { options: { note?: string | null | undefined; body: { item: KitchenModelsItem; bird: Bird; importance: number } } }> {
  return useServiceMutation<number, { options: { note?: string | null | undefined; body: { item: KitchenModelsItem; bird: Bird; importance: number } } }>(
    (backend, variables) => new Bodies(backend).several(variables.options),
    options,
  );
}

export function useBodiesTextMutation(
  options: ServiceMutationOptions<string, { options: { body: BodyInit } }> = {},
): UseMutationResult<string, Error, { options: { body: BodyInit } }> {
  return useServiceMutation<string, { options: { body: BodyInit } }>(
    (backend, variables) => new Bodies(backend).text(variables.options),
    options,
  );
}

export function useBodiesUnionMutation(
  options: ServiceMutationOptions<Cat | Dog, { options: { body: (Cat & { kind: "cat" }) | Dog } }> = {},
): UseMutationResult<Cat | Dog, Error, { options: { body: (Cat & { kind: "cat" }) | Dog } }> {
  return useServiceMutation<Cat | Dog, { options: { body: (Cat & { kind: "cat" }) | Dog } }>(
    (backend, variables) => new Bodies(backend).union(variables.options),
    options,
  );
}

export function useBodiesUnionsMutation(
  options: ServiceMutationOptions<Unions, { options: { body: Unions } }> = {},
): UseMutationResult<Unions, Error, { options: { body: Unions } }> {
  return useServiceMutation<Unions, { options: { body: Unions } }>(
    (backend, variables) => new Bodies(backend).unions(variables.options),
    options,
  );
}

export function useBodiesUploadMutation(
  options: ServiceMutationOptions<number, { options: { body: { file: Blob; note?: string; raw?: string } } }> = {},
): UseMutationResult<number, Error, { options: { body: { file: Blob; note?: string; raw?: string } } }> {
  return useServiceMutation<number, { options: { body: { file: Blob; note?: string; raw?: string } } }>(
    (backend, variables) => new Bodies(backend).upload(variables.options),
    options,
  );
}

export function useBodiesUploadsMutation(
  options: ServiceMutationOptions<string[], { options: { body: { files: Blob[]; extra?: Blob | null } } }> = {},
): UseMutationResult<string[], Error, { options: { body: { files: Blob[]; extra?: Blob | null } } }> {
  return useServiceMutation<string[], { options: { body: { files: Blob[]; extra?: Blob | null } } }>(
    (backend, variables) => new Bodies(backend).uploads(variables.options),
    options,
  );
}

/** The keys of the queries of Items: each begins with those above it. */
export const itemsKeys = {
  all: ["Items"] as const,
  get: (itemId: number) => ["Items", "get", itemId] as const,
  list: (options: { offset?: number | undefined; limit?: number | undefined } = {}) => ["Items", "list", options] as const,
};

export function useItemsCreateMutation(
  options: ServiceMutationOptions<KitchenModelsItem, { options: { body: KitchenModelsItem } }> = {},
): UseMutationResult<KitchenModelsItem, Error, { options: { body: KitchenModelsItem } }> {
  return useServiceMutation<KitchenModelsItem, { options: { body: KitchenModelsItem } }>(
    (backend, variables) => new Items(backend).create(variables.options),
    options,
  );
}

export function useItemsGet<Selected = KitchenModelsItem>(
  itemId: number,
  query: ServiceQueryOptions<KitchenModelsItem, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<KitchenModelsItem, Selected>(
    itemsKeys.get(itemId),
    (backend, call) => new Items(backend).get(itemId, call),
    query,
  );
}

export function useItemsList<Selected = Page<KitchenModelsItem>>(
  options: { offset?: number | undefined; limit?: number | undefined } = {},
  query: ServiceQueryOptions<Page<KitchenModelsItem>, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Page<KitchenModelsItem>, Selected>(
    itemsKeys.list(options),
    (backend, call) => new Items(backend).list(options, call),
    query,
  );
}

/** The keys of the queries of ParametersService: each begins with those above it. */
export const parametersServiceKeys = {
  all: ["ParametersService"] as const,
  cookies: (options: { session?: string | null | undefined; "A-B"?: number | undefined } = {}) => ["ParametersService", "cookies", options] as const,
  depends: (options: { limit?: number | undefined; offset?: number | undefined; "X-Tenant": string }) => ["ParametersService", "depends", options] as const,
  fixed: (class_: number) => ["ParametersService", "fixed", class_] as const,
  headers: (options: { "user-agent": string; "X-API-Key": string; repeated?: string[] | null | undefined; under_score?: number | undefined; "x-trace"?: string | null | undefined }) => ["ParametersService", "headers", options] as const,
  model: (options: { limit?: number | undefined; order_by?: "created_at" | "name" | undefined; tags?: string[] | undefined; since?: string | null | undefined } = {}) => ["ParametersService", "model", options] as const,
  path: (number: number, color: Color, day: string, options: { kind?: string | undefined } = {}) => ["ParametersService", "path", number, color, day, options] as const,
  query: (options: { text: string; numbers: number[]; colors?: Color[] | null | undefined; priority?: Priority | undefined; price?: number | string | null | undefined; either?: number | string | undefined; "item-query"?: number | undefined; literal?: "a" | "b" | undefined; parsed?: string | null | undefined; whatever?: WireScalar | undefined; rights?: 1 | 2 | 3 | undefined }) => ["ParametersService", "query", options] as const,
  rest: (rest: string) => ["ParametersService", "rest", rest] as const,
  undeclared: (name: string | number | boolean) => ["ParametersService", "undeclared", name] as const,
};

export function useParametersServiceCollisionsMutation(
  options: ServiceMutationOptions<number, { body: string; options2: string; call2: number; options: { id: number; name?: string | undefined; body: KitchenModelsItem } }> = {},
): UseMutationResult<number, Error, { body: string; options2: string; call2: number; options: { id: number; name?: string | undefined; body: KitchenModelsItem } }> {
  return useServiceMutation<number, { body: string; options2: string; call2: number; options: { id: number; name?: string | undefined; body: KitchenModelsItem } }>(
    (backend, variables) => new ParametersService(backend).collisions(variables.body, variables.options2, variables.call2, variables.options),
    options,
  );
}

export function useParametersServiceCookies<Selected = number>(
  options: { session?: string | null | undefined; "A-B"?: number | undefined } = {},
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    parametersServiceKeys.cookies(options),
    (backend, call) => new ParametersService(backend).cookies(options, call),
    query,
  );
}

export function useParametersServiceDepends<Selected = string>(
  options: { limit?: number | undefined; offset?: number | undefined; "X-Tenant": string },
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    parametersServiceKeys.depends(options),
    (backend, call) => new ParametersService(backend).depends(options, call),
    query,
  );
}

/**
 * An old one.
 * @deprecated
 */
export function useParametersServiceFixed<Selected = number>(
  class_: number,
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    parametersServiceKeys.fixed(class_),
    (backend, call) => new ParametersService(backend).fixed(class_, call),
    query,
  );
}

export function useParametersServiceHeaders<Selected = string>(
  options: { "user-agent": string; "X-API-Key": string; repeated?: string[] | null | undefined; under_score?: number | undefined; "x-trace"?: string | null | undefined },
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    parametersServiceKeys.headers(options),
    (backend, call) => new ParametersService(backend).headers(options, call),
    query,
  );
}

export function useParametersServiceModel<Selected = Filter>(
  options: { limit?: number | undefined; order_by?: "created_at" | "name" | undefined; tags?: string[] | undefined; since?: string | null | undefined } = {},
  query: ServiceQueryOptions<Filter, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<Filter, Selected>(
    parametersServiceKeys.model(options),
    (backend, call) => new ParametersService(backend).model(options, call),
    query,
  );
}

export function useParametersServicePath<Selected = string>(
  number: number,
  color: Color,
  day: string,
  options: { kind?: string | undefined } = {},
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    parametersServiceKeys.path(number, color, day, options),
    (backend, call) => new ParametersService(backend).path(number, color, day, options, call),
    query,
  );
}

export function useParametersServiceQuery<Selected = number>(
  options: { text: string; numbers: number[]; colors?: Color[] | null | undefined; priority?: Priority | undefined; price?: number | string | null | undefined; either?: number | string | undefined; "item-query"?: number | undefined; literal?: "a" | "b" | undefined; parsed?: string | null | undefined; whatever?: WireScalar | undefined; rights?: 1 | 2 | 3 | undefined },
  query: ServiceQueryOptions<number, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<number, Selected>(
    parametersServiceKeys.query(options),
    (backend, call) => new ParametersService(backend).query(options, call),
    query,
  );
}

export function useParametersServiceRest<Selected = string>(
  rest: string,
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    parametersServiceKeys.rest(rest),
    (backend, call) => new ParametersService(backend).rest(rest, call),
    query,
  );
}

export function useParametersServiceSameMutation(
  options: ServiceMutationOptions<number, { itemId: number; options: { body_query: string; body_header: string; body: KitchenModelsItem } }> = {},
): UseMutationResult<number, Error, { itemId: number; options: { body_query: string; body_header: string; body: KitchenModelsItem } }> {
  return useServiceMutation<number, { itemId: number; options: { body_query: string; body_header: string; body: KitchenModelsItem } }>(
    (backend, variables) => new ParametersService(backend).same(variables.itemId, variables.options),
    options,
  );
}

export function useParametersServiceUndeclared<Selected = string>(
  name: string | number | boolean,
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    parametersServiceKeys.undeclared(name),
    (backend, call) => new ParametersService(backend).undeclared(name, call),
    query,
  );
}

/** The keys of the queries of Routes: each begins with those above it. */
export const routesKeys = {
  all: ["Routes"] as const,
  plainItem: (itemId: number) => ["Routes", "plainItem", itemId] as const,
};

/** A route of no controller, included from another router. */
export function useRoutesPlainItem<Selected = KitchenModelsItem>(
  itemId: number,
  query: ServiceQueryOptions<KitchenModelsItem, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<KitchenModelsItem, Selected>(
    routesKeys.plainItem(itemId),
    (backend, call) => new Routes(backend).plainItem(itemId, call),
    query,
  );
}

/** The keys of the queries of Secure: each begins with those above it. */
export const secureKeys = {
  all: ["Secure"] as const,
  bearer: (options: { Authorization?: string | undefined } = {}) => ["Secure", "bearer", options] as const,
  key: (options: { "X-Secret"?: string | undefined } = {}) => ["Secure", "key", options] as const,
  oauth: (options: { Authorization?: string | undefined } = {}) => ["Secure", "oauth", options] as const,
  queryKey: (options: { api_key?: string | undefined } = {}) => ["Secure", "queryKey", options] as const,
};

export function useSecureBearer<Selected = string>(
  options: { Authorization?: string | undefined } = {},
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    secureKeys.bearer(options),
    (backend, call) => new Secure(backend).bearer(options, call),
    query,
  );
}

export function useSecureKey<Selected = string>(
  options: { "X-Secret"?: string | undefined } = {},
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    secureKeys.key(options),
    (backend, call) => new Secure(backend).key(options, call),
    query,
  );
}

export function useSecureOauth<Selected = string>(
  options: { Authorization?: string | undefined } = {},
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    secureKeys.oauth(options),
    (backend, call) => new Secure(backend).oauth(options, call),
    query,
  );
}

export function useSecureQueryKey<Selected = string>(
  options: { api_key?: string | undefined } = {},
  query: ServiceQueryOptions<string, Selected> = {},
): UseQueryResult<Selected, Error> {
  return useServiceQuery<string, Selected>(
    secureKeys.queryKey(options),
    (backend, call) => new Secure(backend).queryKey(options, call),
    query,
  );
}
