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
  { query: "# Where would a request go, and why?\nquery Simulate {\n  simulateRouting(input: {taskType: \"chat\", inputTokens: 1000}) {\n    provider\n    model\n    estimatedCost\n    candidates { provider model eligible reason }\n  }\n}\n" },
  { query: "# What was spent, by provider and day\nquery Spend {\n  analyticsSummary(groupBy: [PROVIDER], grain: DAY) { start provider calls totalCost latencyP95Ms }\n}\n" },
  { query: "# Alerts as they fire\nsubscription Alerts {\n  alertTriggered { cursor level amount threshold firedAt alert { alertType } }\n}\n" },
];
const send = createGraphiQLFetcher({
  url: "/graphql",
  headers: { Authorization: `Bearer ${bearer}` },
  wsClient: createClient({ url: `${location.origin.replace("http", "ws")}/graphql`, connectionParams: { token: bearer } }),
});

/**
 * For a moment after a tab was chosen GraphiQL still names the operation of the tab before, and still holds its document: what
 * the text says counts. Text that cannot be read goes out as it is, so that the server says what is wrong with it.
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
if (root === null) throw new Error("the page has no place to show anything");
root.style.height = "100vh";
document.body.style.margin = "0";
createRoot(root).render(
  bearer === null ? (
    <p style={{ padding: "1rem" }}>
      No token in this tab: <a href="/enterprise-router">sign in</a>, then come back.
    </p>
  ) : (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={TABS}
      plugins={[HISTORY_PLUGIN]}
    />
  ),
);
