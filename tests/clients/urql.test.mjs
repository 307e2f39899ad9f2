// urql, configured as in docs/clients.md.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { resuming } from "./resuming.mjs";
import { ALERTS, ask, AUTHORIZATION, DAILY_ALERT, HTTP_URL, LOG, PAGE, SAVE, WS_URL } from "./support.mjs";

let sockets;
let client;

const clientOf = (options, ...exchanges) =>
  new Client({
    url: HTTP_URL,
    fetchOptions: () => ({ headers: { authorization: AUTHORIZATION } }),
    exchanges: [cacheExchange, ...exchanges],
    ...options,
  });

before(() => {
  sockets = createClient({
    url: WS_URL,
    webSocketImpl: WebSocket, // not in browsers, which have WebSocket
    connectionParams: () => ({ Authorization: AUTHORIZATION }),
  });
  const overWebSocket = subscriptionExchange({
    forwardSubscription: (operation) => ({
      subscribe: (sink) => ({ unsubscribe: resuming(sockets).subscribe(operation, sink) }),
    }),
  });
  client = clientOf({}, fetchExchange, overWebSocket);
});

after(() => sockets.dispose());

test("a query with variables, by POST and by GET", async () => {
  const query = gql`
    query ($id: ID!) {
      costAlert(id: $id) {
        thresholdAmount
      }
    }
  `;
  const { id } = await ask(DAILY_ALERT, { threshold: "1000" });
  for (const preferGetMethod of [false, "force"]) {
    const context = { preferGetMethod, requestPolicy: "network-only" };
    const { data, error } = await client.query(query, { id }, context);
    assert.equal(error, undefined);
    assert.equal(data.costAlert.thresholdAmount, "1000");
  }
});

test("a mutation whose result is a union: the new value or an expected error", async () => {
  const saved = await client.mutation(gql(SAVE), { input: { defaultPriority: "COST" } });
  assert.equal(saved.data.savePreferences.defaultPriority, "COST");
  const refused = await client.mutation(gql(SAVE), { input: { maxLatencyMs: -1 } });
  assert.deepEqual(
    [refused.data.savePreferences.code, refused.data.savePreferences.path],
    ["INVALID_INPUT", ["input", "maxLatencyMs"]],
  );
});

test("a list is read page by page", async () => {
  for (const threshold of ["1001", "1002", "1003"]) await ask(DAILY_ALERT, { threshold });
  const amounts = [];
  let page = { hasNextPage: true, endCursor: null };
  while (page.hasNextPage) {
    const { data, error } = await client.query(gql(PAGE), { first: 3, after: page.endCursor });
    assert.equal(error, undefined);
    amounts.push(...data.costAlerts.edges.map(({ node }) => node.thresholdAmount));
    page = data.costAlerts.pageInfo;
  }
  assert.deepEqual(amounts, ["1003", "1002", "1001", "1000"]);
});

// Two events: the first one causes the second, which is therefore pushed.
async function told(client, between, leave) {
  await ask(DAILY_ALERT, { threshold: "1" });
  const seen = [];
  const all = new Promise((resolve) => {
    const subscription = client.subscription(gql(ALERTS), { after: "" }).subscribe(async ({ data, error }) => {
      if (seen.length === 2) return;
      seen.push(error ?? [data.alertTriggered.level, data.alertTriggered.amount]);
      if (seen.length === 1) {
        between();
        await ask(LOG, { cost: "0.2" });
      } else resolve(leave(subscription));
    });
  });
  await ask(LOG, { cost: "0.9" });
  await all;
  return seen;
}

const NEAR_THEN_OVER = [
  ["NEAR_LIMIT", "0.9"],
  ["TRIGGERED", "1.1"],
];

test("a subscription over WebSocket receives each pushed event once, although its socket is lost", async () => {
  const leave = (subscription) => subscription.unsubscribe();
  assert.deepEqual(await told(client, () => sockets.terminate(), leave), NEAR_THEN_OVER);
});

test("a subscription over server-sent events receives pushed events", async () => {
  // urql leaves a rejection unhandled when it ends a stream itself, so the test ends the request
  const over = new AbortController();
  const fetchUntilThen = (address, init) => fetch(address, { ...init, signal: over.signal });
  const client = clientOf({ fetchSubscriptions: true, fetch: fetchUntilThen }, fetchExchange);
  assert.deepEqual(await told(client, () => {}, () => over.abort()), NEAR_THEN_OVER);
});

test("an error is a GraphQL error with its code", async () => {
  const { error } = await client.query(gql("{ costAlerts(first: 0) { nodes { id } } }"), {});
  assert.equal(error.graphQLErrors[0].extensions.code, "BAD_USER_INPUT");
});
