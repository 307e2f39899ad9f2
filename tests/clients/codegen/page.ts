// A page in TypeScript. The generated types must permit every valid access to a result, and no invalid one.
import { graphql } from "./generated/gql";
import { useFragment } from "./generated/fragment-masking";
import type { AlertState, RoutingPriority } from "./generated/graphql";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";

declare function ask<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data>;
declare function subscribe<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): AsyncIterable<Data>;

const alertFields = graphql(`
  fragment Alert on CostAlert {
    id
    state
    remaining
  }
`);
const page = graphql(`
  query Page($first: Int!, $after: String, $filter: AnalyticsFilter) {
    costAlerts(first: $first, after: $after) {
      edges {
        node {
          ...Alert
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    analyticsSummary(filter: $filter) {
      totalCost
      inputTokens
      avgCost
    }
  }
`);
const save = graphql(`
  mutation Save($input: SavePreferencesInput!) {
    savePreferences(input: $input) {
      __typename
      ... on RouterPreferences {
        defaultPriority
      }
      ... on InvalidInput {
        message
        path
      }
    }
  }
`);
const alerts = graphql(`
  subscription Alerts($after: String) {
    alertTriggered(after: $after) {
      cursor
      level
      alert {
        ...Alert
      }
    }
  }
`);

export async function remaining(): Promise<string[]> {
  const { costAlerts, analyticsSummary } = await ask(page, {
    first: 20,
    filter: { from: "2026-01-01T00:00:00Z", providers: ["openai"] },
  });
  const spent: string | undefined = analyticsSummary[0]?.totalCost;
  const mean: string | null | undefined = analyticsSummary[0]?.avgCost;
  const tokens: number | string | undefined = analyticsSummary[0]?.inputTokens;
  return [spent, mean, tokens, ...costAlerts.edges.map(({ node }) => useFragment(alertFields, node).remaining)].map(String);
}

export async function saved(priority: RoutingPriority): Promise<RoutingPriority> {
  const { savePreferences: result } = await ask(save, { input: { defaultPriority: priority } });
  if (result.__typename === "RouterPreferences") return result.defaultPriority;
  // @ts-expect-error an expected error has no preferences
  const none = result.defaultPriority;
  throw new Error(`${result.message} ${result.path?.join(".")} ${none}`);
}

export async function watch(told: (state: AlertState) => void): Promise<void> {
  for await (const { alertTriggered } of subscribe(alerts, {})) told(useFragment(alertFields, alertTriggered.alert).state);
}

// @ts-expect-error the field is required
void ask(page, {});
