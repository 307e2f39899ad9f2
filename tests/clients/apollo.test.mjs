// Apollo Client, configured as in docs/clients.md.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition, relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { resuming } from "./resuming.mjs";
import { ALERTS, ask, AUTHORIZATION, DAILY_ALERT, HTTP_URL, LOG, PAGE, SAVE, WS_URL } from "./support.mjs";

let sockets;
let client;

before(() => {
  sockets = createClient({
    url: WS_URL,
    webSocketImpl: WebSocket, // not in browsers, which have WebSocket
    connectionParams: () => ({ Authorization: AUTHORIZATION }),
  });
  client = new ApolloClient({
    link: ApolloLink.split(
      ({ query }) => getMainDefinition(query).operation === "subscription",
      new GraphQLWsLink(resuming(sockets)),
      new HttpLink({ uri: HTTP_URL, headers: { authorization: AUTHORIZATION } }),
    ),
    cache: new InMemoryCache({
      possibleTypes: { Error: ["Conflict", "InvalidInput", "NotFound", "Overloaded", "RouteRefused"] },
      typePolicies: { Query: { fields: { costAlerts: relayStylePagination() } } },
    }),
  });
});

after(async () => {
  client.stop();
  await sockets.dispose();
});

test("a query with variables", async () => {
  const query = gql`
    query ($id: ID!) {
      costAlert(id: $id) {
        id
        thresholdAmount
      }
    }
  `;
  const { id } = await ask(DAILY_ALERT, { threshold: "1000" });
  const { data } = await client.query({ query, variables: { id } });
  assert.deepEqual(data.costAlert, { __typename: "CostAlert", id, thresholdAmount: "1000" });
});

test("a mutation whose result is a union: the new value or an expected error", async () => {
  const saved = await client.mutate({ mutation: gql(SAVE), variables: { input: { defaultPriority: "COST" } } });
  assert.equal(saved.data.savePreferences.defaultPriority, "COST");
  const refused = await client.mutate({ mutation: gql(SAVE), variables: { input: { maxLatencyMs: -1 } } });
  assert.deepEqual(refused.data.savePreferences, {
    __typename: "InvalidInput",
    code: "INVALID_INPUT",
    path: ["input", "maxLatencyMs"],
  });
});

test("a list is read page by page, and the pages are one list", async () => {
  for (const threshold of ["1001", "1002", "1003"]) await ask(DAILY_ALERT, { threshold });
  const pages = client.watchQuery({ query: gql(PAGE), variables: { first: 2 } });
  const first = await new Promise((resolve) => pages.subscribe((result) => result.loading || resolve(result)));
  await pages.fetchMore({ variables: { after: first.data.costAlerts.pageInfo.endCursor } });
  const { costAlerts } = client.readQuery({ query: gql(PAGE), variables: { first: 2 } });
  assert.deepEqual(
    costAlerts.edges.map(({ node }) => node.thresholdAmount),
    ["1003", "1002", "1001", "1000"],
  );
  assert.equal(costAlerts.pageInfo.hasNextPage, false);
});

test("a subscription receives each pushed event once, although its socket is lost", async () => {
  await ask(DAILY_ALERT, { threshold: "1" });
  const seen = [];
  const told = new Promise((resolve, reject) => {
    const subscription = client.subscribe({ query: gql(ALERTS), variables: { after: "" } }).subscribe({
      async next({ data, error }) {
        seen.push(error ?? [data.alertTriggered.level, data.alertTriggered.amount]);
        if (seen.length === 1) {
          sockets.terminate();
          return await ask(LOG, { cost: "0.2" });
        }
        subscription.unsubscribe();
        resolve();
      },
      error: reject,
    });
  });
  await ask(LOG, { cost: "0.9" });
  await told;
  assert.deepEqual(seen, [
    ["NEAR_LIMIT", "0.9"],
    ["TRIGGERED", "1.1"],
  ]);
});

test("an error is a GraphQL error with its code", async () => {
  await assert.rejects(
    client.query({ query: gql("{ costAlerts(first: 0) { nodes { id } } }") }),
    ({ name, errors: [{ extensions }] }) => name === "CombinedGraphQLErrors" && extensions.code === "BAD_USER_INPUT",
  );
});
