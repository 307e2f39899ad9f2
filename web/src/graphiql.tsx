import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import "graphiql/setup-workers/vite";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
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
      fetcher={createGraphiQLFetcher({
        url: "/graphql",
        headers: { Authorization: `Bearer ${bearer}` },
        wsClient: createClient({ url: `${location.origin.replace("http", "ws")}/graphql`, connectionParams: { token: bearer } }),
      })}
      defaultTabs={TABS}
      plugins={[HISTORY_PLUGIN]}
    />
  ),
);
