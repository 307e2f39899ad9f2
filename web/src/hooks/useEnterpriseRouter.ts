// All that a page of the router needs: preferences, A/B tests, cost alerts and analytics of the user who is signed in,
// kept current by subscriptions. Errors are data: a refusal of the server is returned, not thrown.

import { createContext, useCallback, useContext, useEffect, useState } from "react";
import { type AnyVariables, type CombinedError, type TypedDocumentNode, useClient, useQuery, useSubscription } from "urql";
import { graphql } from "../gql";
import type {
  AlertTriggeredSubscription,
  AnalyticsFilter,
  CostAlertFieldsFragment,
  CreateAbTestInput,
  CreateCostAlertInput,
  LogAnalyticsInput,
  LoggedSubscription,
  PreferenceFieldsFragment,
  SavePreferencesInput,
  TestFieldsFragment,
  Variant,
} from "../gql/graphql";

export type Preferences = PreferenceFieldsFragment;
export type Test = TestFieldsFragment;
export type Alert = CostAlertFieldsFragment;
export type Logged = LoggedSubscription["analyticsLogged"];
export type Firing = AlertTriggeredSubscription["alertTriggered"];

/** What came of a mutation: the row, or what was wrong with what was asked. */
export type Outcome<Row> = { row: Row; problem?: never } | { row?: never; problem: string; path?: string[] | null };

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
    config { provider model } calls successes successRate avgLatencyMs totalCost trafficShare
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
    id alertType period mode timeZone thresholdAmount currentAmount percentUsed remaining nearLimitPercent state
    windowStart resetsAt triggeredAt acknowledgedAt active enforced
  }
`);
const PREFERENCES = graphql(`query Preferences { preferences { ...PreferenceFields } }`);
const TESTS = graphql(`query ABTests { abTests(first: 200) { nodes { ...TestFields } } }`);
const ALERTS = graphql(`query CostAlerts { costAlerts(first: 200) { nodes { ...CostAlertFields } } }`);
const LAST_FIRING = graphql(`query LastFiring { alertEvents(first: 1) { nodes { cursor } } }`);
const ANALYTICS = graphql(`
  query Analytics($filter: AnalyticsFilter, $after: String) {
    analytics(filter: $filter, first: 100, after: $after) {
      nodes { id occurredAt provider modelUsed taskType success latencyMs cost inputTokens outputTokens fallbackUsed }
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
const START_SUGGESTED = graphql(`
  mutation StartSuggested($id: ID!, $filter: AnalyticsFilter, $timeZone: String!) {
    startSuggestedTest(opportunityId: $id, filter: $filter, timeZone: $timeZone) {
      __typename ... on ABTest { ...TestFields } ... on Error { message path }
    }
  }
`);
const PREFERENCES_CHANGED = graphql(`subscription PreferencesChanged { preferencesChanged(initial: true) { ...PreferenceFields } }`);
const LOGGED = graphql(`subscription Logged { analyticsLogged { id occurredAt provider modelUsed taskType success latencyMs cost } }`);
const TRIGGERED = graphql(`
  subscription AlertTriggered($after: String) {
    alertTriggered(after: $after) { id cursor level amount threshold firedAt alert { id alertType } }
  }
`);
export const TEST_UPDATED = graphql(`subscription TestUpdated($id: ID!) { abTestUpdated(id: $id, initial: true) { ...TestFields } }`);

// What is changed makes all that may show it be asked for again: a winner makes a rule, a threshold an alert.
const EVERYTHING = { additionalTypenames: ["RouterPreferences", "ABTest", "CostAlert"] };

/** Decisions come many at a time: what they change is shown, and asked for, once in so long. */
const REFRESH_MS = 1_000;
const FEED = 20;

type Router = ReturnType<typeof useRouterState>;
export const RouterContext = createContext<Router | null>(null);

/** What `useRouterState` made for the page: one state, whichever tab is shown. */
export function useEnterpriseRouter(): Router {
  const router = useContext(RouterContext);
  if (router === null) throw new Error("useEnterpriseRouter is used inside RouterContext");
  return router;
}

/** The state of the page, to be made once. */
export function useRouterState() {
  const client = useClient();
  const [preferences, askPreferences] = useQuery({ query: PREFERENCES, context: EVERYTHING });
  const [tests, askTests] = useQuery({ query: TESTS, context: EVERYTHING });
  const [alerts, askAlerts] = useQuery({ query: ALERTS, context: EVERYTHING });
  // Its first message comes once the page hears of changes: what was read before is asked for again.
  const [changed] = useSubscription({ query: PREFERENCES_CHANGED, context: EVERYTHING });
  const [live, setLive] = useState<Logged[]>([]);
  const refreshAlerts = useCallback(() => askAlerts({ requestPolicy: "network-only" }), [askAlerts]);

  useEffect(() => {
    let latest: Logged[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const logged = client.subscription(LOGGED, {}).subscribe(({ data }) => {
      if (!data) return;
      latest = [data.analyticsLogged, ...latest].slice(0, FEED);
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
    ): Promise<Outcome<Row>> => {
      const result = await client.mutation(document, withoutTypes(variables), EVERYTHING).toPromise();
      if (result.error) return { problem: spoken(result.error) };
      const [value] = Object.values(result.data as Record<string, { __typename: string; message?: string; path?: string[] }>);
      if (value?.__typename === type) return { row: value as Row };
      return { problem: value?.message ?? "The server did not say what is wrong.", path: value?.path ?? null };
    },
    [client],
  );

  return {
    preferences: newer(preferences.data?.preferences, changed.data?.preferencesChanged),
    abTests: tests.data?.abTests.nodes,
    costAlerts: alerts.data?.costAlerts.nodes,
    /** The latest decisions that were logged while the page was open, newest first. */
    live,
    loading: preferences.fetching || tests.fetching || alerts.fetching,
    error: [preferences.error, tests.error, alerts.error].find((error) => error !== undefined),
    refreshAlerts,
    refresh: useCallback(() => {
      for (const ask of [askPreferences, askTests, askAlerts]) ask({ requestPolicy: "network-only" });
    }, [askPreferences, askTests, askAlerts]),
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
    deleteCostAlert: (id: string) => mutate<unknown, { id: string }, { id: string }>(DELETE_ALERT, { id }, "Deleted"),
    acknowledgeCostAlert: (id: string) => mutate<unknown, { id: string }, Alert>(ACKNOWLEDGE, { id }, "CostAlert"),
    logAnalytics: (input: LogAnalyticsInput) =>
      mutate<unknown, { input: LogAnalyticsInput }, { record: { id: string }; deduplicated: boolean }>(
        LOG,
        { input },
        "LoggedAnalytics",
      ),
    getAnalytics: async (filter?: AnalyticsFilter, after?: string | null) => {
      const result = await client
        .query(ANALYTICS, { filter: filter ?? null, after: after ?? null }, { requestPolicy: "network-only" })
        .toPromise();
      if (result.error || !result.data) return { problem: result.error ? spoken(result.error) : "Nothing came back." };
      return { page: result.data.analytics };
    },
  };
}

/** What was read, as it may be sent again: urql names the type of each object that it reads. */
function withoutTypes<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutTypes) as Value;
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([name]) => name !== "__typename");
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutTypes(inner)])) as Value;
}

/**
 * Calls back with each firing from now on, and with those that were missed while the socket was lost. Returns whether "now"
 * has begun: until then it is not known where to go on from.
 */
export function useFirings(heard: (firing: Firing) => void): boolean {
  const [last, askLast] = useQuery({ query: LAST_FIRING, requestPolicy: "network-only" });
  const [after, setAfter] = useState<string>();
  useEffect(() => {
    // From where it was when the page was opened: what fired before is in the list of alerts.
    if (last.data && after === undefined) setAfter(last.data.alertEvents.nodes[0]?.cursor ?? "");
  }, [last.data, after]);
  useEffect(() => {
    if (!last.error || after !== undefined) return;
    const timer = setTimeout(() => askLast({ requestPolicy: "network-only" }), REFRESH_MS);
    return () => clearTimeout(timer);
  }, [last.error, after, askLast]);
  useSubscription({ query: TRIGGERED, variables: { after: after ?? null }, pause: after === undefined }, (_, data) => {
    heard(data.alertTriggered);
    return data;
  });
  return after !== undefined;
}

export function spoken(error: CombinedError): string {
  return error.graphQLErrors[0]?.message ?? (error.networkError ? "The server does not answer." : error.message);
}

function newer(stored: Preferences | undefined, pushed: Preferences | undefined): Preferences | undefined {
  if (stored === undefined || pushed === undefined) return pushed ?? stored;
  return (pushed.updatedAt ?? "") >= (stored.updatedAt ?? "") ? pushed : stored;
}
