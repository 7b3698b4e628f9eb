// Hooks for TanStack Query (version 5): each method that reads is a query, each other one a mutation.

import {
  type QueryKey,
  useMutation,
  type UseMutationOptions,
  type UseMutationResult,
  useQuery,
  type UseQueryOptions,
  type UseQueryResult,
} from "@tanstack/react-query";
import { createContext, useContext } from "react";

import type { CallOptions, HttpBackend } from "./http.js";

/**
 * Who carries the requests of the hooks below it, beside the `QueryClientProvider` that TanStack Query wants:
 *
 *     <HttpBackendContext.Provider value={new FetchBackend({ baseUrl: "" })}>…</HttpBackendContext.Provider>
 */
export const HttpBackendContext = createContext<HttpBackend | undefined>(undefined);

/** What `useQuery` takes, without what a generated hook knows by itself. `select` may turn the data into something else. */
export type ServiceQueryOptions<Data, Selected = Data> = Omit<
  UseQueryOptions<Data, Error, Selected>,
  "queryKey" | "queryFn"
>;

/** What `useMutation` takes, without what a generated hook knows by itself. */
export type ServiceMutationOptions<Data, Variables> = Omit<UseMutationOptions<Data, Error, Variables>, "mutationFn">;

/** The backend of the nearest `HttpBackendContext`. */
export function useHttpBackend(): HttpBackend {
  const backend = useContext(HttpBackendContext);
  if (backend === undefined) throw new Error("no HttpBackendContext.Provider stands above this component");
  return backend;
}

/** A query whose request is aborted when nobody wants its data any more. */
export function useServiceQuery<Data, Selected = Data>(
  queryKey: QueryKey,
  load: (backend: HttpBackend, call: CallOptions) => Promise<Data>,
  options: ServiceQueryOptions<Data, Selected> = {},
): UseQueryResult<Selected, Error> {
  const backend = useHttpBackend();
  return useQuery({ ...options, queryKey, queryFn: ({ signal }) => load(backend, { signal }) });
}

/** A mutation; `mutate` takes what the method takes. */
export function useServiceMutation<Data, Variables>(
  act: (backend: HttpBackend, variables: Variables) => Promise<Data>,
  options: ServiceMutationOptions<Data, Variables> = {},
): UseMutationResult<Data, Error, Variables> {
  const backend = useHttpBackend();
  return useMutation({ ...options, mutationFn: (variables: Variables) => act(backend, variables) });
}
