// The data of the dashboard: preferences, A/B tests, cost alerts and analytics of the signed-in user, kept current by
// subscriptions. Expected errors of the server are returned, not thrown.

import { createContext, useCallback, useContext, useEffect, useState } from "react";
import { type AnyVariables, type CombinedError, type TypedDocumentNode, useClient, useQuery, useSubscription } from "urql";
import type { Api } from "../client";
import { graphql } from "../gql";
import type {
  AlertTriggeredSubscription,
  AmendAnalyticsInput,
  AnalyticsFilter,
  CallFieldsFragment,
  CostAlertFieldsFragment,
  CreateAbTestInput,
  CreateCostAlertInput,
  LogAnalyticsInput,
  PreferenceFieldsFragment,
  SavePreferencesInput,
  TestFieldsFragment,
  UpdateCostAlertInput,
  Variant,
} from "../gql/graphql";

export type Preferences = PreferenceFieldsFragment;
export type Test = TestFieldsFragment;
export type Alert = CostAlertFieldsFragment;
/** A call that was logged. */
export type Call = CallFieldsFragment;
export type AlertEvent = AlertTriggeredSubscription["alertTriggered"];

/** The result of a mutation: the row, or the problem and the path of the wrong field. */
export type Outcome<Row> = { row: Row; problem?: never; path?: never } | { row?: never; problem: string; path?: string[] | null };

graphql(`
  fragment PreferenceFields on RouterPreferences {
    id defaultPriority maxCostPerRequest maxLatencyMs preferredProviders blockedProviders costAlertThreshold updatedAt
    customRules {
      name abTestId
      when {
        taskType priority inputTokensAbove inputTokensBelow maxOutputTokensAbove maxOutputTokensBelow
        metadata { key oneOf } hours { from to } weekdays timeZone
      }
      then { use { provider model parameters } prefer block maxCost priority }
    }
  }
`);
graphql(`
  fragment VariantFields on VariantMetrics {
    config { provider model } calls successes successRate avgLatencyMs totalCost unpricedCalls trafficShare
  }
`);
graphql(`
  fragment TestFields on ABTest {
    id testName taskType active startedAt endedAt winner primaryMetric split minimumRunHours
    variantA { ...VariantFields }
    variantB { ...VariantFields }
    inference {
      verdict sentence
      comparisons { metric verdict sentence countA countB valueA valueB effect low high probabilityABetter }
    }
  }
`);
graphql(`
  fragment CostAlertFields on CostAlert {
    id alertType period mode timeZone thresholdAmount currentAmount assumedAmount heldAmount availableAmount unpricedCalls
    percentUsed remaining nearLimitPercent state windowStart resetsAt triggeredAt acknowledgedAt active enforced unknownCost
  }
`);
graphql(`
  fragment CallFields on RouterAnalytics {
    id occurredAt provider reportedProvider modelUsed reportedModel taskType success latencyMs qualityScore
    cost costSource serviceTier inputTokens outputTokens cachedTokens cacheWriteTokens reasoningTokens
    inputAudioTokens inputImageTokens inputVideoTokens citationTokens outputAudioTokens outputImageTokens outputVideoTokens
    metadataTruncated amendedAt
  }
`);
const PREFERENCES = graphql(`query Preferences { preferences { ...PreferenceFields } }`);
const TESTS = graphql(`query ABTests { abTests(first: 200) { nodes { ...TestFields } } }`);
const ALERTS = graphql(`query CostAlerts { costAlerts(first: 200) { nodes { ...CostAlertFields } } }`);
const LAST_ALERT_EVENT = graphql(`query LastFiring { alertEvents(first: 1) { nodes { cursor } } }`);
const ANALYTICS = graphql(`
  query Analytics($filter: AnalyticsFilter, $after: String) {
    analytics(filter: $filter, first: 100, after: $after) {
      nodes { ...CallFields }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
const SAVE = graphql(`
  mutation SavePreferences($input: SavePreferencesInput!) {
    savePreferences(input: $input) { __typename ... on RouterPreferences { ...PreferenceFields } ... on Error { message path } }
  }
`);
const CREATE_TEST = graphql(`
  mutation CreateABTest($input: CreateABTestInput!) {
    createABTest(input: $input) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }
  }
`);
const END_TEST = graphql(`
  mutation EndABTest($id: ID!, $winner: Variant) {
    endABTest(id: $id, winner: $winner) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }
  }
`);
const CREATE_ALERT = graphql(`
  mutation CreateCostAlert($input: CreateCostAlertInput!) {
    createCostAlert(input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }
  }
`);
const UPDATE_ALERT = graphql(`
  mutation UpdateCostAlert($id: ID!, $input: UpdateCostAlertInput!) {
    updateCostAlert(id: $id, input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }
  }
`);
const DELETE_ALERT = graphql(`
  mutation DeleteCostAlert($id: ID!) {
    deleteCostAlert(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }
  }
`);
const ACKNOWLEDGE = graphql(`
  mutation Acknowledge($id: ID!) {
    acknowledgeCostAlert(id: $id) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }
  }
`);
const LOG = graphql(`
  mutation LogAnalytics($input: LogAnalyticsInput!) {
    logAnalytics(input: $input) { __typename ... on LoggedAnalytics { record { id } deduplicated } ... on Error { message path } }
  }
`);
const AMEND = graphql(`
  mutation AmendAnalytics($id: ID!, $input: AmendAnalyticsInput!) {
    amendAnalytics(id: $id, input: $input) { __typename ... on AmendedAnalytics { record { ...CallFields } } ... on Error { message path } }
  }
`);
const REGISTER_ALIAS = graphql(`
  mutation RegisterAlias($alias: String!, $provider: String!) {
    registerProviderAlias(alias: $alias, provider: $provider) {
      __typename ... on ProviderAlias { id alias provider } ... on Error { message path }
    }
  }
`);
const DELETE_ALIAS = graphql(`
  mutation DeleteAlias($id: ID!) {
    deleteProviderAlias(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }
  }
`);
const START_SUGGESTED = graphql(`
  mutation StartSuggested($id: ID!, $filter: AnalyticsFilter, $timeZone: String!) {
    startSuggestedTest(opportunityId: $id, filter: $filter, timeZone: $timeZone) {
      __typename ... on ABTest { ...TestFields } ... on Error { message path }
    }
  }
`);
const PREFERENCES_CHANGED = graphql(`subscription PreferencesChanged { preferencesChanged(initial: true) { ...PreferenceFields } }`);
const LOGGED = graphql(`subscription Logged { analyticsLogged { ...CallFields } }`);
const TRIGGERED = graphql(`
  subscription AlertTriggered($after: String) {
    alertTriggered(after: $after) { id cursor level amount threshold firedAt alert { id alertType unpricedCalls } }
  }
`);
export const TEST_UPDATED = graphql(`subscription TestUpdated($id: ID!) { abTestUpdated(id: $id, initial: true) { ...TestFields } }`);

// A mutation refetches every query that can show its effect: a winner creates a rule, a threshold creates an alert.
const EVERYTHING = { additionalTypenames: ["RouterPreferences", "ABTest", "CostAlert"] };
/** Context of queries on logged calls. They are refetched when a call is amended or reassigned to another provider. */
export const OF_CALLS = { additionalTypenames: ["Calls"] };
/** Context of queries on provider names. */
export const OF_NAMES = { additionalTypenames: ["Names"] };
const CALLS_TOO = { additionalTypenames: [EVERYTHING, OF_CALLS, OF_NAMES].flatMap((each) => each.additionalTypenames) };

/** Calls arrive in bursts: the page updates and refetches at most once per interval. */
const REFRESH_MS = 1_000;
const FEED = 20;

type Router = ReturnType<typeof useRouterState>;
export const RouterContext = createContext<Router | null>(null);

/** The state that `useRouterState` created for the page. All tabs share it. */
export function useEnterpriseRouter(): Router {
  const router = useContext(RouterContext);
  if (router === null) throw new Error("useEnterpriseRouter is used inside RouterContext");
  return router;
}

/** Creates the state of the page. Call it once. */
export function useRouterState({ overtake }: Api) {
  const client = useClient();
  const [preferences, askPreferences] = useQuery({ query: PREFERENCES, context: EVERYTHING });
  const [tests, askTests] = useQuery({ query: TESTS, context: EVERYTHING });
  const [alerts, askAlerts] = useQuery({ query: ALERTS, context: EVERYTHING });
  // The first message arrives when the subscription is active: data read before may be stale and is refetched.
  const [changed] = useSubscription({ query: PREFERENCES_CHANGED, context: EVERYTHING });
  const [live, setLive] = useState<Call[]>([]);
  const refreshAlerts = useCallback(() => {
    overtake(ALERTS);
    askAlerts({ requestPolicy: "network-only" });
  }, [overtake, askAlerts]);

  useEffect(() => {
    let latest: Call[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const logged = client.subscription(LOGGED, {}).subscribe(({ data }) => {
      if (!data) return;
      const call = data.analyticsLogged;
      // An amended call arrives again: it replaces its row.
      const amended = call.amendedAt !== null;
      latest = amended ? latest.map((each) => (each.id === call.id ? call : each)) : [call, ...latest].slice(0, FEED);
      timer ??= setTimeout(() => {
        timer = undefined;
        setLive(latest);
        refreshAlerts();
      }, REFRESH_MS);
    });
    return () => {
      logged.unsubscribe();
      clearTimeout(timer);
    };
  }, [client, refreshAlerts]);

  const mutate = useCallback(
    async <Data, Variables extends AnyVariables, Row>(
      document: TypedDocumentNode<Data, Variables>,
      variables: Variables,
      type: string,
      changes = EVERYTHING,
    ): Promise<Outcome<Row>> => {
      const result = await client.mutation(document, withoutTypes(variables), changes).toPromise();
      if (result.error) return { problem: spoken(result.error) };
      const [value] = Object.values(result.data as Record<string, { __typename: string; message?: string; path?: string[] }>);
      if (value?.__typename === type) return { row: value as Row };
      return { problem: value?.message ?? "The server returned no error message.", path: value?.path ?? null };
    },
    [client],
  );

  return {
    preferences: newer(preferences.data?.preferences, changed.data?.preferencesChanged),
    abTests: tests.data?.abTests.nodes,
    costAlerts: alerts.data?.costAlerts.nodes,
    /** The latest calls that were logged while the page was open, newest first: at most `FEED`. */
    live,
    loading: preferences.fetching || tests.fetching || alerts.fetching,
    error: [preferences.error, tests.error, alerts.error].find((error) => error !== undefined),
    refreshAlerts,
    refresh: useCallback(() => {
      for (const query of [PREFERENCES, TESTS]) overtake(query);
      for (const ask of [askPreferences, askTests]) ask({ requestPolicy: "network-only" });
      refreshAlerts();
    }, [overtake, askPreferences, askTests, refreshAlerts]),
    savePreferences: (input: SavePreferencesInput) =>
      mutate<unknown, { input: SavePreferencesInput }, Preferences>(SAVE, { input }, "RouterPreferences"),
    createABTest: (input: CreateAbTestInput) =>
      mutate<unknown, { input: CreateAbTestInput }, Test>(CREATE_TEST, { input }, "ABTest"),
    endABTest: (id: string, winner: Variant | null) =>
      mutate<unknown, { id: string; winner: Variant | null }, Test>(END_TEST, { id, winner }, "ABTest"),
    startSuggestedTest: (id: string, filter: AnalyticsFilter, timeZone: string) =>
      mutate<unknown, { id: string; filter: AnalyticsFilter; timeZone: string }, Test>(
        START_SUGGESTED,
        { id, filter, timeZone },
        "ABTest",
      ),
    createCostAlert: (input: CreateCostAlertInput) =>
      mutate<unknown, { input: CreateCostAlertInput }, Alert>(CREATE_ALERT, { input }, "CostAlert"),
    updateCostAlert: (id: string, input: UpdateCostAlertInput) =>
      mutate<unknown, { id: string; input: UpdateCostAlertInput }, Alert>(UPDATE_ALERT, { id, input }, "CostAlert"),
    deleteCostAlert: (id: string) => mutate<unknown, { id: string }, { id: string }>(DELETE_ALERT, { id }, "Deleted"),
    acknowledgeCostAlert: (id: string) => mutate<unknown, { id: string }, Alert>(ACKNOWLEDGE, { id }, "CostAlert"),
    logAnalytics: (input: LogAnalyticsInput) =>
      mutate<unknown, { input: LogAnalyticsInput }, { record: { id: string }; deduplicated: boolean }>(
        LOG,
        { input },
        "LoggedAnalytics",
      ),
    amendAnalytics: (id: string, input: AmendAnalyticsInput) =>
      mutate<unknown, { id: string; input: AmendAnalyticsInput }, { record: Call }>(AMEND, { id, input }, "AmendedAnalytics", CALLS_TOO),
    registerProviderAlias: (alias: string, provider: string) =>
      mutate<unknown, { alias: string; provider: string }, { id: string; alias: string; provider: string }>(
        REGISTER_ALIAS,
        { alias, provider },
        "ProviderAlias",
        CALLS_TOO,
      ),
    deleteProviderAlias: (id: string) => mutate<unknown, { id: string }, { id: string }>(DELETE_ALIAS, { id }, "Deleted", CALLS_TOO),
    getAnalytics: async (filter?: AnalyticsFilter, after?: string | null) => {
      const result = await client
        .query(ANALYTICS, { filter: filter ?? null, after: after ?? null }, { requestPolicy: "network-only" })
        .toPromise();
      if (result.error || !result.data) return { problem: result.error ? spoken(result.error) : "The server returned no data." };
      return { page: result.data.analytics };
    },
  };
}

/** The value without the `__typename` fields that urql adds, so that it can be sent as input. */
function withoutTypes<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutTypes) as Value;
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([name]) => name !== "__typename");
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutTypes(inner)])) as Value;
}

/**
 * Calls back with each alert event from now on, including those missed while the WebSocket was disconnected. Returns whether
 * the start cursor is known; until then no event is delivered.
 */
export function useAlertEvents(received: (event: AlertEvent) => void): boolean {
  const [last, askLast] = useQuery({ query: LAST_ALERT_EVENT, requestPolicy: "network-only" });
  const [after, setAfter] = useState<string>();
  useEffect(() => {
    // Start after the last event before the page was opened: the list of alerts shows earlier ones.
    if (last.data && after === undefined) setAfter(last.data.alertEvents.nodes[0]?.cursor ?? "");
  }, [last.data, after]);
  useEffect(() => {
    if (!last.error || after !== undefined) return;
    const timer = setTimeout(() => askLast({ requestPolicy: "network-only" }), REFRESH_MS);
    return () => clearTimeout(timer);
  }, [last.error, after, askLast]);
  useSubscription({ query: TRIGGERED, variables: { after: after ?? null }, pause: after === undefined }, (_, data) => {
    received(data.alertTriggered);
    return data;
  });
  return after !== undefined;
}

export function spoken(error: CombinedError): string {
  return error.graphQLErrors[0]?.message ?? (error.networkError ? "The server does not respond." : error.message);
}

function newer(stored: Preferences | undefined, pushed: Preferences | undefined): Preferences | undefined {
  if (stored === undefined || pushed === undefined) return pushed ?? stored;
  return (pushed.updatedAt ?? "") >= (stored.updatedAt ?? "") ? pushed : stored;
}
