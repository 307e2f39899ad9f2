// A client of graphql-ws whose alerts go on behind the last one that came when its socket was lost: without this, what fires
// while it tries again is missed. The subscription must select `cursor`.
export function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const kept = { ...payload, variables: { ...payload.variables } }; // what the client sends once more when it retries
      return client.subscribe(kept, {
        next(result) {
          const cursor = result.data?.alertTriggered?.cursor;
          if (cursor) kept.variables.after = cursor;
          sink.next(result);
        },
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
      });
    },
  };
}
