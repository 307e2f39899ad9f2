// The API client: queries and mutations over HTTP, subscriptions over one WebSocket that reconnects by itself.

import { cacheExchange, Client, createRequest, fetchExchange, makeOperation, mapExchange, subscriptionExchange, type TypedDocumentNode } from "urql";
import { createClient, type Client as SocketClient } from "graphql-ws";

export type Connection = "connected" | "connecting" | "lost";

export interface Api {
  client: Client;
  /** Fetches a query without variables once more if it is being fetched: its answer may be older than a change that is known now. */
  overtake(query: TypedDocumentNode<unknown, Record<string, never>>): void;
  /** Calls back with the state of the WebSocket, now and on each change. Returns a function that stops it. */
  watch(listener: (connection: Connection) => void): () => void;
  close(): void;
}

/** `signOut` is called when the server rejects the token. */
export function connect(token: string, signOut: () => void): Api {
  const listeners = new Set<(connection: Connection) => void>();
  let connection: Connection = "connecting";
  const changed = (now: Connection) => {
    connection = now;
    for (const listener of listeners) listener(now);
  };
  let silent: ReturnType<typeof setTimeout> | undefined;
  const socket = createClient({
    url: `${location.origin.replace("http", "ws")}/graphql`,
    connectionParams: { token },
    keepAlive: 20_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    // Faster than the library's default, so that the dashboard recovers quickly from a server restart.
    retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(200 * 2 ** retries, 10_000))),
    shouldRetry: (event) => !(event instanceof CloseEvent && event.code === FORBIDDEN),
    on: {
      connecting: () => changed(connection === "connected" ? "lost" : connection),
      connected: () => changed("connected"),
      // After sleep or a dropped NAT entry no close event arrives: detect the dead connection by its missing pong.
      ping: (received) => {
        if (!received) silent = setTimeout(() => socket.terminate(), PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(silent);
      },
      closed: (event) => {
        clearTimeout(silent);
        changed("lost");
        if (event instanceof CloseEvent && event.code === FORBIDDEN) signOut();
      },
    },
  });
  // Queries being fetched by key, and whether something has changed since. urql drops a refetch of a query that is being fetched.
  const fetching = new Map<number, boolean>();
  const client: Client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
    exchanges: [
      mapExchange({
        onError(error) {
          if (error.response?.status === UNAUTHENTICATED) signOut();
        },
      }),
      cacheExchange,
      mapExchange({
        onOperation({ kind, key }) {
          if (kind === "query") fetching.set(key, false);
          else if (kind === "teardown") fetching.delete(key);
        },
        onResult({ operation }) {
          const { kind, key, context } = operation;
          if (kind === "mutation") for (const each of fetching.keys()) fetching.set(each, true);
          if (kind !== "query") return;
          const overtaken = fetching.get(key);
          fetching.delete(key);
          if (overtaken) client.reexecuteOperation(makeOperation(kind, operation, { ...context, requestPolicy: "network-only" }));
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({
            unsubscribe: resuming(socket).subscribe({ ...request, query: request.query ?? "" }, sink),
          }),
        }),
      }),
    ],
  });
  return {
    client,
    overtake(query) {
      const { key } = createRequest(query, {});
      if (fetching.has(key)) fetching.set(key, true);
    },
    watch(listener) {
      listeners.add(listener);
      listener(connection);
      return () => listeners.delete(listener);
    },
    close: () => void socket.dispose(),
  };
}

const PONG_WITHIN_MS = 5_000;
const FORBIDDEN = 4403;
const UNAUTHENTICATED = 401;

/** After a reconnect, alert events continue after the last one received: missed events are delivered once. */
function resuming(socket: SocketClient): Pick<SocketClient, "subscribe"> {
  return {
    subscribe(payload, sink) {
      const variables: Record<string, unknown> = { ...payload.variables };
      return socket.subscribe<Record<string, unknown>>(
        { ...payload, variables },
        {
          next(result) {
            const event = result.data?.["alertTriggered"] as { cursor?: string } | undefined;
            if (event?.cursor !== undefined) variables["after"] = event.cursor;
            sink.next(result as never);
          },
          error: (error) => sink.error(error instanceof Error ? error : new Error("The WebSocket was closed.")),
          complete: () => sink.complete(),
        },
      );
    },
  };
}
