// The client of graphql-ws, and the close codes of its protocol for clients that violate it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { CloseCode, createClient, MessageType, stringifyMessage } from "graphql-ws";
import WebSocket from "ws";

import { ALERTS, ask, AUTHORIZATION, DAILY_ALERT, LOG, WS_URL } from "./support.mjs";

// 4403 is the only rejection after which the client retries, because its token may have been renewed.
const clientOf = (options = {}) =>
  createClient({
    url: WS_URL,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { Authorization: AUTHORIZATION },
    ...options,
  });

const subscribe = (id, query, variables) =>
  stringifyMessage({ id, type: MessageType.Subscribe, payload: { query, variables } });

// The close event of a client that calls `misbehave` with its socket on the first `event`.
async function closed(event, misbehave, options) {
  const client = clientOf({ lazy: false, onNonLazyError: () => {}, on: { [event]: misbehave }, ...options });
  return await new Promise((resolve) => client.on("closed", resolve));
}

test("a subscription receives what is pushed, in order", async () => {
  // given an alert at 1 USD and a subscriber
  const client = clientOf();
  await ask(DAILY_ALERT, { threshold: "1" });
  const events = client.iterate({ query: ALERTS, variables: { after: "" } });

  // when spend reaches 0.9 USD, the alert event arrives, and spend reaches 1.1 USD
  await ask(LOG, { cost: "0.9" });
  const near = await events.next();
  await ask(LOG, { cost: "0.2" });
  const over = await events.next();

  // then both levels arrive
  assert.deepEqual(
    [near, over].map(({ value }) => value.data.alertTriggered).map(({ level, amount }) => [level, amount]),
    [
      ["NEAR_LIMIT", "0.9"],
      ["TRIGGERED", "1.1"],
    ],
  );
  await client.dispose();
});

test("the server completes a query, and a result's errors arrive", async () => {
  const client = clientOf();
  const results = [];
  for await (const result of client.iterate({ query: "{ viewer { __typename } }" })) results.push(result);
  assert.deepEqual(results, [{ data: { viewer: { __typename: "Viewer" } } }]);
  await assert.rejects(client.iterate({ query: "{ nothing }" }).next(), ([{ message }]) => /nothing/.test(message));
  await client.dispose();
});

test("a completed subscription sends nothing more, and its id can be used again", async () => {
  // given a subscription that has received an event
  const sent = [];
  const client = clientOf({ generateID: () => "same", lazy: false, on: { message: (it) => sent.push(it) } });
  const events = client.iterate({ query: ALERTS, variables: { after: "" } });
  await events.next();

  // when it is completed, and the next operation has the same id
  await events.return();
  await ask(LOG, { cost: "0.1" });
  const { value } = await client.iterate({ query: "{ viewer { __typename } }" }).next();

  // then only the new operation is answered, on the same socket
  assert.deepEqual(value.data, { viewer: { __typename: "Viewer" } });
  assert.equal(sent.filter(({ type }) => type === MessageType.ConnectionAck).length, 1);
  await client.dispose();
});

test("the client's pings are answered", async () => {
  const client = clientOf({ lazy: false, keepAlive: 10 });
  await new Promise((resolve) => client.on("pong", (received) => received && resolve()));
  await client.dispose();
});

test("a socket without connection_init is closed with 4408", async () => {
  const { code } = await closed("opened", () => {}, { connectionParams: () => new Promise(() => {}) });
  assert.equal(code, CloseCode.ConnectionInitialisationTimeout);
});

test("an operation before connection_init is closed with 4401", async () => {
  const { code } = await closed("opened", (socket) => socket.send(subscribe("1", "{ viewer { id } }")));
  assert.equal(code, CloseCode.Unauthorized);
});

for (const connectionParams of [undefined, { Authorization: "Bearer nonsense" }]) {
  test(`connection_init with ${JSON.stringify(connectionParams)} is closed with 4403`, async () => {
    const { code } = await closed("opened", () => {}, { connectionParams });
    assert.equal(code, CloseCode.Forbidden);
  });
}

test("an id that is in use is closed with 4409", async () => {
  const { code } = await closed("connected", (socket) => {
    socket.send(subscribe("1", ALERTS));
    socket.send(subscribe("1", ALERTS));
  });
  assert.equal(code, CloseCode.SubscriberAlreadyExists);
});

test("a second connection_init is closed with 4429", async () => {
  const init = stringifyMessage({ type: MessageType.ConnectionInit });
  const { code } = await closed("connected", (socket) => socket.send(init));
  assert.equal(code, CloseCode.TooManyInitialisationRequests);
});

for (const message of ["no JSON", "{}", '{"type": "start"}', '{"type": "subscribe", "payload": {"query": "{ a }"}}']) {
  test(`${message} is closed with 4400`, async () => {
    const { code } = await closed("connected", (socket) => socket.send(message));
    assert.equal(code, CloseCode.BadRequest);
  });
}

test("an unknown subprotocol is not accepted", async () => {
  // `ws` closes the socket itself when the server accepts no subprotocol; other clients are closed with 4406
  const socket = new WebSocket(WS_URL, ["graphql-ws"]);
  const { message } = await new Promise((resolve) => socket.on("error", resolve));
  assert.equal(message, "Server sent no subprotocol");
});

test("a rejected client retries with a valid token", async () => {
  const tokens = ["Bearer expired", AUTHORIZATION];
  const client = clientOf({
    retryAttempts: 1,
    retryWait: async () => {},
    connectionParams: () => ({ Authorization: tokens.shift() }),
  });
  const { value } = await client.iterate({ query: "{ viewer { __typename } }" }).next();
  assert.deepEqual(value.data, { viewer: { __typename: "Viewer" } });
  assert.deepEqual(tokens, []);
  await client.dispose();
});
