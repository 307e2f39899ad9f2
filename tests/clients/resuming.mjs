// A client of graphql-ws that resumes alert events after the last one it received when its socket was lost. Without this, events
// during the reconnect are missed. The subscription must select `cursor`.
export function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const kept = { ...payload, variables: { ...payload.variables } }; // the client sends this again when it retries
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
