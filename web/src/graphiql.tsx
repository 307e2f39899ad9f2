import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import "graphiql/setup-workers/vite";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import type { Fetcher } from "@graphiql/toolkit";
import { Kind, parse } from "graphql";
import { createClient } from "graphql-ws";
import { createRoot } from "react-dom/client";
import { takeTokenFromAddress, token } from "./token";
import "graphiql/style.css";

takeTokenFromAddress();
const bearer = token();
const TABS = [
  { query: "# Preview a routing decision and the verdict on each candidate\nquery Simulate {\n  simulateRouting(input: {taskType: \"chat\", inputTokens: 1000}) {\n    provider\n    model\n    estimatedCost\n    candidates { provider model eligible reason }\n  }\n}\n" },
  { query: "# Cost and p95 latency by provider and day\nquery Spend {\n  analyticsSummary(groupBy: [PROVIDER], grain: DAY) { start provider calls totalCost latencyP95Ms }\n}\n" },
  { query: "# Alert events as they are committed\nsubscription Alerts {\n  alertTriggered { cursor level amount threshold firedAt alert { alertType } }\n}\n" },
];
const send = createGraphiQLFetcher({
  url: "/graphql",
  headers: { Authorization: `Bearer ${bearer}` },
  wsClient: createClient({ url: `${location.origin.replace("http", "ws")}/graphql`, connectionParams: { token: bearer } }),
});

/**
 * Just after a tab is selected, GraphiQL still passes the operation name and document of the previous tab. This fetcher derives
 * both from the text of the query. A text that cannot be parsed is sent as it is, so that the server reports the syntax error.
 */
const fetcher: Fetcher = (request, options) => {
  let document;
  try {
    document = parse(request.query);
  } catch {
    return send(request, options);
  }
  const names = document.definitions.flatMap((each) => (each.kind === Kind.OPERATION_DEFINITION ? [each.name?.value] : []));
  const operationName = names.length === 1 ? names[0] : request.operationName;
  return send({ ...request, operationName }, { ...options, documentAST: document });
};
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no element with the id \"root\"");
root.style.height = "100vh";
document.body.style.margin = "0";
createRoot(root).render(
  bearer === null ? (
    <p style={{ padding: "1rem" }}>
      This tab has no token. <a href="/enterprise-router">Sign in</a>, then return to this page.
    </p>
  ) : (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={TABS}
      plugins={[HISTORY_PLUGIN]}
    />
  ),
);
