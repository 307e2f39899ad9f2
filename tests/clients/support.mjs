// Shared by the tests of several clients: the server's URL, a token, and operations that create data.
import { once } from "node:events";
import { spawn } from "node:child_process";

export const { ROUTER_URL: URL_OF_SERVER, ROUTER_TOKEN: TOKEN } = process.env;
export const HTTP_URL = `${URL_OF_SERVER}/graphql`;
export const WS_URL = HTTP_URL.replace("http", "ws");
export const AUTHORIZATION = `Bearer ${TOKEN}`;

export const DAILY_ALERT = `mutation($threshold: Decimal!) {
  createCostAlert(input: {thresholdAmount: $threshold, period: DAILY}) { ... on CostAlert { id } }
}`;
export const LOG = `mutation($cost: Decimal!) {
  logAnalytics(input: {provider: "openai", modelUsed: "gpt-4o", taskType: "chat", success: true, cost: $cost}) {
    ... on LoggedAnalytics { record { id } }
  }
}`;
export const ALERTS = `subscription($after: String) { alertTriggered(after: $after) { cursor level amount } }`;
export const SAVE = `mutation($input: SavePreferencesInput!) {
  savePreferences(input: $input) { __typename ... on RouterPreferences { id defaultPriority } ... on Error { code path } }
}`;
export const PAGE = `query($first: Int!, $after: String) {
  costAlerts(first: $first, after: $after) {
    edges { cursor node { id thresholdAmount } }
    pageInfo { hasNextPage endCursor }
  }
}`;

// Executes an operation over HTTP, without the client under test. Returns the value of its one root field.
export async function ask(query, variables) {
  const response = await fetch(HTTP_URL, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: AUTHORIZATION },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return Object.values(data)[0];
}

// Starts a server process and waits until it listens. `stop` ends it with a signal, and waits for its exit.
export async function startServer() {
  const server = spawn(process.env.ROUTER_PYTHON, ["-m", "server", "serve"], {
    cwd: new URL("../..", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  return {
    async stop(signal) {
      server.kill(signal);
      await once(server, "exit");
    },
  };
}
