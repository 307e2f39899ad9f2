/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "query Looks($id: ID!) { abTestLooks(id: $id) { at comparison { low high } } }": typeof types.LooksDocument,
    "\n  query Series($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    analyticsSummary(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start calls latencyP50Ms latencyP95Ms latencyP99Ms\n    }\n    total: analyticsSummary(filter: $filter, timeZone: $timeZone) { totalCost unpricedCalls }\n  }\n": typeof types.SeriesDocument,
    "\n  query Costs($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    costTrend(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start unpricedCalls providers { provider totalCost unpricedCalls }\n    }\n  }\n": typeof types.CostsDocument,
    "\n  query Leaders($filter: AnalyticsFilter) {\n    leaderboard(by: MODEL, filter: $filter, first: 20) {\n      provider model callsChange totalCostChange\n      current { calls totalCost unpricedCalls avgCost successRate latencyP95Ms }\n      previous { unpricedCalls }\n    }\n  }\n": typeof types.LeadersDocument,
    "\n  query Heat($filter: AnalyticsFilter, $timeZone: String!) {\n    heatMap(filter: $filter, timeZone: $timeZone) { weekday hour calls errorRate latencyP95Ms }\n  }\n": typeof types.HeatDocument,
    "\n  query Opportunities($filter: AnalyticsFilter, $timeZone: String!) {\n    opportunities(filter: $filter, timeZone: $timeZone) {\n      id kind title explanation evidence { name value } monthlySaving savingLow savingHigh suggestedTest { testName }\n    }\n  }\n": typeof types.OpportunitiesDocument,
    "query Aliases { providerAliases { id alias provider } }": typeof types.AliasesDocument,
    "\n  query Simulate($input: RouteRequestInput!) {\n    simulateRouting(input: $input) {\n      provider model estimatedCost expectedLatencyMs rules notes\n      refusal { message }\n      candidates { provider model eligible reason }\n    }\n  }\n": typeof types.SimulateDocument,
    "\n  fragment PreferenceFields on RouterPreferences {\n    id defaultPriority maxCostPerRequest maxLatencyMs preferredProviders blockedProviders costAlertThreshold updatedAt\n    customRules {\n      name abTestId\n      when {\n        taskType priority inputTokensAbove inputTokensBelow maxOutputTokensAbove maxOutputTokensBelow\n        metadata { key oneOf } hours { from to } weekdays timeZone\n      }\n      then { use { provider model parameters } prefer block maxCost priority }\n    }\n  }\n": typeof types.PreferenceFieldsFragmentDoc,
    "\n  fragment VariantFields on VariantMetrics {\n    config { provider model } calls successes successRate avgLatencyMs totalCost unpricedCalls trafficShare\n  }\n": typeof types.VariantFieldsFragmentDoc,
    "\n  fragment TestFields on ABTest {\n    id testName taskType active startedAt endedAt winner primaryMetric split minimumRunHours\n    variantA { ...VariantFields }\n    variantB { ...VariantFields }\n    inference {\n      verdict sentence\n      comparisons { metric verdict sentence countA countB valueA valueB effect low high probabilityABetter }\n    }\n  }\n": typeof types.TestFieldsFragmentDoc,
    "\n  fragment CostAlertFields on CostAlert {\n    id alertType period mode timeZone thresholdAmount currentAmount assumedAmount heldAmount availableAmount unpricedCalls\n    percentUsed remaining nearLimitPercent state windowStart resetsAt triggeredAt acknowledgedAt active enforced unknownCost\n  }\n": typeof types.CostAlertFieldsFragmentDoc,
    "\n  fragment CallFields on RouterAnalytics {\n    id occurredAt provider reportedProvider modelUsed reportedModel taskType success latencyMs qualityScore\n    cost costSource serviceTier inputTokens outputTokens cachedTokens cacheWriteTokens reasoningTokens\n    inputAudioTokens inputImageTokens inputVideoTokens citationTokens outputAudioTokens outputImageTokens outputVideoTokens\n    metadataTruncated amendedAt\n  }\n": typeof types.CallFieldsFragmentDoc,
    "query Preferences { preferences { ...PreferenceFields } }": typeof types.PreferencesDocument,
    "query ABTests { abTests(first: 200) { nodes { ...TestFields } } }": typeof types.AbTestsDocument,
    "query CostAlerts { costAlerts(first: 200) { nodes { ...CostAlertFields } } }": typeof types.CostAlertsDocument,
    "query LastFiring { alertEvents(first: 1) { nodes { cursor } } }": typeof types.LastFiringDocument,
    "\n  query Analytics($filter: AnalyticsFilter, $after: String) {\n    analytics(filter: $filter, first: 100, after: $after) {\n      nodes { ...CallFields }\n      pageInfo { hasNextPage endCursor }\n    }\n  }\n": typeof types.AnalyticsDocument,
    "\n  mutation SavePreferences($input: SavePreferencesInput!) {\n    savePreferences(input: $input) { __typename ... on RouterPreferences { ...PreferenceFields } ... on Error { message path } }\n  }\n": typeof types.SavePreferencesDocument,
    "\n  mutation CreateABTest($input: CreateABTestInput!) {\n    createABTest(input: $input) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n": typeof types.CreateAbTestDocument,
    "\n  mutation EndABTest($id: ID!, $winner: Variant) {\n    endABTest(id: $id, winner: $winner) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n": typeof types.EndAbTestDocument,
    "\n  mutation CreateCostAlert($input: CreateCostAlertInput!) {\n    createCostAlert(input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n": typeof types.CreateCostAlertDocument,
    "\n  mutation UpdateCostAlert($id: ID!, $input: UpdateCostAlertInput!) {\n    updateCostAlert(id: $id, input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n": typeof types.UpdateCostAlertDocument,
    "\n  mutation DeleteCostAlert($id: ID!) {\n    deleteCostAlert(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n": typeof types.DeleteCostAlertDocument,
    "\n  mutation Acknowledge($id: ID!) {\n    acknowledgeCostAlert(id: $id) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n": typeof types.AcknowledgeDocument,
    "\n  mutation LogAnalytics($input: LogAnalyticsInput!) {\n    logAnalytics(input: $input) { __typename ... on LoggedAnalytics { record { id } deduplicated } ... on Error { message path } }\n  }\n": typeof types.LogAnalyticsDocument,
    "\n  mutation AmendAnalytics($id: ID!, $input: AmendAnalyticsInput!) {\n    amendAnalytics(id: $id, input: $input) { __typename ... on AmendedAnalytics { record { ...CallFields } } ... on Error { message path } }\n  }\n": typeof types.AmendAnalyticsDocument,
    "\n  mutation RegisterAlias($alias: String!, $provider: String!) {\n    registerProviderAlias(alias: $alias, provider: $provider) {\n      __typename ... on ProviderAlias { id alias provider } ... on Error { message path }\n    }\n  }\n": typeof types.RegisterAliasDocument,
    "\n  mutation DeleteAlias($id: ID!) {\n    deleteProviderAlias(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n": typeof types.DeleteAliasDocument,
    "\n  mutation StartSuggested($id: ID!, $filter: AnalyticsFilter, $timeZone: String!) {\n    startSuggestedTest(opportunityId: $id, filter: $filter, timeZone: $timeZone) {\n      __typename ... on ABTest { ...TestFields } ... on Error { message path }\n    }\n  }\n": typeof types.StartSuggestedDocument,
    "subscription PreferencesChanged { preferencesChanged(initial: true) { ...PreferenceFields } }": typeof types.PreferencesChangedDocument,
    "subscription Logged { analyticsLogged { ...CallFields } }": typeof types.LoggedDocument,
    "\n  subscription AlertTriggered($after: String) {\n    alertTriggered(after: $after) { id cursor level amount threshold firedAt alert { id alertType unpricedCalls } }\n  }\n": typeof types.AlertTriggeredDocument,
    "subscription TestUpdated($id: ID!) { abTestUpdated(id: $id, initial: true) { ...TestFields } }": typeof types.TestUpdatedDocument,
    "query Providers { providers { id name aliases calls } }": typeof types.ProvidersDocument,
};
const documents: Documents = {
    "query Looks($id: ID!) { abTestLooks(id: $id) { at comparison { low high } } }": types.LooksDocument,
    "\n  query Series($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    analyticsSummary(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start calls latencyP50Ms latencyP95Ms latencyP99Ms\n    }\n    total: analyticsSummary(filter: $filter, timeZone: $timeZone) { totalCost unpricedCalls }\n  }\n": types.SeriesDocument,
    "\n  query Costs($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    costTrend(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start unpricedCalls providers { provider totalCost unpricedCalls }\n    }\n  }\n": types.CostsDocument,
    "\n  query Leaders($filter: AnalyticsFilter) {\n    leaderboard(by: MODEL, filter: $filter, first: 20) {\n      provider model callsChange totalCostChange\n      current { calls totalCost unpricedCalls avgCost successRate latencyP95Ms }\n      previous { unpricedCalls }\n    }\n  }\n": types.LeadersDocument,
    "\n  query Heat($filter: AnalyticsFilter, $timeZone: String!) {\n    heatMap(filter: $filter, timeZone: $timeZone) { weekday hour calls errorRate latencyP95Ms }\n  }\n": types.HeatDocument,
    "\n  query Opportunities($filter: AnalyticsFilter, $timeZone: String!) {\n    opportunities(filter: $filter, timeZone: $timeZone) {\n      id kind title explanation evidence { name value } monthlySaving savingLow savingHigh suggestedTest { testName }\n    }\n  }\n": types.OpportunitiesDocument,
    "query Aliases { providerAliases { id alias provider } }": types.AliasesDocument,
    "\n  query Simulate($input: RouteRequestInput!) {\n    simulateRouting(input: $input) {\n      provider model estimatedCost expectedLatencyMs rules notes\n      refusal { message }\n      candidates { provider model eligible reason }\n    }\n  }\n": types.SimulateDocument,
    "\n  fragment PreferenceFields on RouterPreferences {\n    id defaultPriority maxCostPerRequest maxLatencyMs preferredProviders blockedProviders costAlertThreshold updatedAt\n    customRules {\n      name abTestId\n      when {\n        taskType priority inputTokensAbove inputTokensBelow maxOutputTokensAbove maxOutputTokensBelow\n        metadata { key oneOf } hours { from to } weekdays timeZone\n      }\n      then { use { provider model parameters } prefer block maxCost priority }\n    }\n  }\n": types.PreferenceFieldsFragmentDoc,
    "\n  fragment VariantFields on VariantMetrics {\n    config { provider model } calls successes successRate avgLatencyMs totalCost unpricedCalls trafficShare\n  }\n": types.VariantFieldsFragmentDoc,
    "\n  fragment TestFields on ABTest {\n    id testName taskType active startedAt endedAt winner primaryMetric split minimumRunHours\n    variantA { ...VariantFields }\n    variantB { ...VariantFields }\n    inference {\n      verdict sentence\n      comparisons { metric verdict sentence countA countB valueA valueB effect low high probabilityABetter }\n    }\n  }\n": types.TestFieldsFragmentDoc,
    "\n  fragment CostAlertFields on CostAlert {\n    id alertType period mode timeZone thresholdAmount currentAmount assumedAmount heldAmount availableAmount unpricedCalls\n    percentUsed remaining nearLimitPercent state windowStart resetsAt triggeredAt acknowledgedAt active enforced unknownCost\n  }\n": types.CostAlertFieldsFragmentDoc,
    "\n  fragment CallFields on RouterAnalytics {\n    id occurredAt provider reportedProvider modelUsed reportedModel taskType success latencyMs qualityScore\n    cost costSource serviceTier inputTokens outputTokens cachedTokens cacheWriteTokens reasoningTokens\n    inputAudioTokens inputImageTokens inputVideoTokens citationTokens outputAudioTokens outputImageTokens outputVideoTokens\n    metadataTruncated amendedAt\n  }\n": types.CallFieldsFragmentDoc,
    "query Preferences { preferences { ...PreferenceFields } }": types.PreferencesDocument,
    "query ABTests { abTests(first: 200) { nodes { ...TestFields } } }": types.AbTestsDocument,
    "query CostAlerts { costAlerts(first: 200) { nodes { ...CostAlertFields } } }": types.CostAlertsDocument,
    "query LastFiring { alertEvents(first: 1) { nodes { cursor } } }": types.LastFiringDocument,
    "\n  query Analytics($filter: AnalyticsFilter, $after: String) {\n    analytics(filter: $filter, first: 100, after: $after) {\n      nodes { ...CallFields }\n      pageInfo { hasNextPage endCursor }\n    }\n  }\n": types.AnalyticsDocument,
    "\n  mutation SavePreferences($input: SavePreferencesInput!) {\n    savePreferences(input: $input) { __typename ... on RouterPreferences { ...PreferenceFields } ... on Error { message path } }\n  }\n": types.SavePreferencesDocument,
    "\n  mutation CreateABTest($input: CreateABTestInput!) {\n    createABTest(input: $input) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n": types.CreateAbTestDocument,
    "\n  mutation EndABTest($id: ID!, $winner: Variant) {\n    endABTest(id: $id, winner: $winner) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n": types.EndAbTestDocument,
    "\n  mutation CreateCostAlert($input: CreateCostAlertInput!) {\n    createCostAlert(input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n": types.CreateCostAlertDocument,
    "\n  mutation UpdateCostAlert($id: ID!, $input: UpdateCostAlertInput!) {\n    updateCostAlert(id: $id, input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n": types.UpdateCostAlertDocument,
    "\n  mutation DeleteCostAlert($id: ID!) {\n    deleteCostAlert(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n": types.DeleteCostAlertDocument,
    "\n  mutation Acknowledge($id: ID!) {\n    acknowledgeCostAlert(id: $id) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n": types.AcknowledgeDocument,
    "\n  mutation LogAnalytics($input: LogAnalyticsInput!) {\n    logAnalytics(input: $input) { __typename ... on LoggedAnalytics { record { id } deduplicated } ... on Error { message path } }\n  }\n": types.LogAnalyticsDocument,
    "\n  mutation AmendAnalytics($id: ID!, $input: AmendAnalyticsInput!) {\n    amendAnalytics(id: $id, input: $input) { __typename ... on AmendedAnalytics { record { ...CallFields } } ... on Error { message path } }\n  }\n": types.AmendAnalyticsDocument,
    "\n  mutation RegisterAlias($alias: String!, $provider: String!) {\n    registerProviderAlias(alias: $alias, provider: $provider) {\n      __typename ... on ProviderAlias { id alias provider } ... on Error { message path }\n    }\n  }\n": types.RegisterAliasDocument,
    "\n  mutation DeleteAlias($id: ID!) {\n    deleteProviderAlias(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n": types.DeleteAliasDocument,
    "\n  mutation StartSuggested($id: ID!, $filter: AnalyticsFilter, $timeZone: String!) {\n    startSuggestedTest(opportunityId: $id, filter: $filter, timeZone: $timeZone) {\n      __typename ... on ABTest { ...TestFields } ... on Error { message path }\n    }\n  }\n": types.StartSuggestedDocument,
    "subscription PreferencesChanged { preferencesChanged(initial: true) { ...PreferenceFields } }": types.PreferencesChangedDocument,
    "subscription Logged { analyticsLogged { ...CallFields } }": types.LoggedDocument,
    "\n  subscription AlertTriggered($after: String) {\n    alertTriggered(after: $after) { id cursor level amount threshold firedAt alert { id alertType unpricedCalls } }\n  }\n": types.AlertTriggeredDocument,
    "subscription TestUpdated($id: ID!) { abTestUpdated(id: $id, initial: true) { ...TestFields } }": types.TestUpdatedDocument,
    "query Providers { providers { id name aliases calls } }": types.ProvidersDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Looks($id: ID!) { abTestLooks(id: $id) { at comparison { low high } } }"): (typeof documents)["query Looks($id: ID!) { abTestLooks(id: $id) { at comparison { low high } } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Series($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    analyticsSummary(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start calls latencyP50Ms latencyP95Ms latencyP99Ms\n    }\n    total: analyticsSummary(filter: $filter, timeZone: $timeZone) { totalCost unpricedCalls }\n  }\n"): (typeof documents)["\n  query Series($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    analyticsSummary(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start calls latencyP50Ms latencyP95Ms latencyP99Ms\n    }\n    total: analyticsSummary(filter: $filter, timeZone: $timeZone) { totalCost unpricedCalls }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Costs($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    costTrend(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start unpricedCalls providers { provider totalCost unpricedCalls }\n    }\n  }\n"): (typeof documents)["\n  query Costs($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {\n    costTrend(filter: $filter, grain: $grain, timeZone: $timeZone) {\n      start unpricedCalls providers { provider totalCost unpricedCalls }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Leaders($filter: AnalyticsFilter) {\n    leaderboard(by: MODEL, filter: $filter, first: 20) {\n      provider model callsChange totalCostChange\n      current { calls totalCost unpricedCalls avgCost successRate latencyP95Ms }\n      previous { unpricedCalls }\n    }\n  }\n"): (typeof documents)["\n  query Leaders($filter: AnalyticsFilter) {\n    leaderboard(by: MODEL, filter: $filter, first: 20) {\n      provider model callsChange totalCostChange\n      current { calls totalCost unpricedCalls avgCost successRate latencyP95Ms }\n      previous { unpricedCalls }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Heat($filter: AnalyticsFilter, $timeZone: String!) {\n    heatMap(filter: $filter, timeZone: $timeZone) { weekday hour calls errorRate latencyP95Ms }\n  }\n"): (typeof documents)["\n  query Heat($filter: AnalyticsFilter, $timeZone: String!) {\n    heatMap(filter: $filter, timeZone: $timeZone) { weekday hour calls errorRate latencyP95Ms }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Opportunities($filter: AnalyticsFilter, $timeZone: String!) {\n    opportunities(filter: $filter, timeZone: $timeZone) {\n      id kind title explanation evidence { name value } monthlySaving savingLow savingHigh suggestedTest { testName }\n    }\n  }\n"): (typeof documents)["\n  query Opportunities($filter: AnalyticsFilter, $timeZone: String!) {\n    opportunities(filter: $filter, timeZone: $timeZone) {\n      id kind title explanation evidence { name value } monthlySaving savingLow savingHigh suggestedTest { testName }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Aliases { providerAliases { id alias provider } }"): (typeof documents)["query Aliases { providerAliases { id alias provider } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Simulate($input: RouteRequestInput!) {\n    simulateRouting(input: $input) {\n      provider model estimatedCost expectedLatencyMs rules notes\n      refusal { message }\n      candidates { provider model eligible reason }\n    }\n  }\n"): (typeof documents)["\n  query Simulate($input: RouteRequestInput!) {\n    simulateRouting(input: $input) {\n      provider model estimatedCost expectedLatencyMs rules notes\n      refusal { message }\n      candidates { provider model eligible reason }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment PreferenceFields on RouterPreferences {\n    id defaultPriority maxCostPerRequest maxLatencyMs preferredProviders blockedProviders costAlertThreshold updatedAt\n    customRules {\n      name abTestId\n      when {\n        taskType priority inputTokensAbove inputTokensBelow maxOutputTokensAbove maxOutputTokensBelow\n        metadata { key oneOf } hours { from to } weekdays timeZone\n      }\n      then { use { provider model parameters } prefer block maxCost priority }\n    }\n  }\n"): (typeof documents)["\n  fragment PreferenceFields on RouterPreferences {\n    id defaultPriority maxCostPerRequest maxLatencyMs preferredProviders blockedProviders costAlertThreshold updatedAt\n    customRules {\n      name abTestId\n      when {\n        taskType priority inputTokensAbove inputTokensBelow maxOutputTokensAbove maxOutputTokensBelow\n        metadata { key oneOf } hours { from to } weekdays timeZone\n      }\n      then { use { provider model parameters } prefer block maxCost priority }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment VariantFields on VariantMetrics {\n    config { provider model } calls successes successRate avgLatencyMs totalCost unpricedCalls trafficShare\n  }\n"): (typeof documents)["\n  fragment VariantFields on VariantMetrics {\n    config { provider model } calls successes successRate avgLatencyMs totalCost unpricedCalls trafficShare\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment TestFields on ABTest {\n    id testName taskType active startedAt endedAt winner primaryMetric split minimumRunHours\n    variantA { ...VariantFields }\n    variantB { ...VariantFields }\n    inference {\n      verdict sentence\n      comparisons { metric verdict sentence countA countB valueA valueB effect low high probabilityABetter }\n    }\n  }\n"): (typeof documents)["\n  fragment TestFields on ABTest {\n    id testName taskType active startedAt endedAt winner primaryMetric split minimumRunHours\n    variantA { ...VariantFields }\n    variantB { ...VariantFields }\n    inference {\n      verdict sentence\n      comparisons { metric verdict sentence countA countB valueA valueB effect low high probabilityABetter }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment CostAlertFields on CostAlert {\n    id alertType period mode timeZone thresholdAmount currentAmount assumedAmount heldAmount availableAmount unpricedCalls\n    percentUsed remaining nearLimitPercent state windowStart resetsAt triggeredAt acknowledgedAt active enforced unknownCost\n  }\n"): (typeof documents)["\n  fragment CostAlertFields on CostAlert {\n    id alertType period mode timeZone thresholdAmount currentAmount assumedAmount heldAmount availableAmount unpricedCalls\n    percentUsed remaining nearLimitPercent state windowStart resetsAt triggeredAt acknowledgedAt active enforced unknownCost\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment CallFields on RouterAnalytics {\n    id occurredAt provider reportedProvider modelUsed reportedModel taskType success latencyMs qualityScore\n    cost costSource serviceTier inputTokens outputTokens cachedTokens cacheWriteTokens reasoningTokens\n    inputAudioTokens inputImageTokens inputVideoTokens citationTokens outputAudioTokens outputImageTokens outputVideoTokens\n    metadataTruncated amendedAt\n  }\n"): (typeof documents)["\n  fragment CallFields on RouterAnalytics {\n    id occurredAt provider reportedProvider modelUsed reportedModel taskType success latencyMs qualityScore\n    cost costSource serviceTier inputTokens outputTokens cachedTokens cacheWriteTokens reasoningTokens\n    inputAudioTokens inputImageTokens inputVideoTokens citationTokens outputAudioTokens outputImageTokens outputVideoTokens\n    metadataTruncated amendedAt\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Preferences { preferences { ...PreferenceFields } }"): (typeof documents)["query Preferences { preferences { ...PreferenceFields } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query ABTests { abTests(first: 200) { nodes { ...TestFields } } }"): (typeof documents)["query ABTests { abTests(first: 200) { nodes { ...TestFields } } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query CostAlerts { costAlerts(first: 200) { nodes { ...CostAlertFields } } }"): (typeof documents)["query CostAlerts { costAlerts(first: 200) { nodes { ...CostAlertFields } } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query LastFiring { alertEvents(first: 1) { nodes { cursor } } }"): (typeof documents)["query LastFiring { alertEvents(first: 1) { nodes { cursor } } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Analytics($filter: AnalyticsFilter, $after: String) {\n    analytics(filter: $filter, first: 100, after: $after) {\n      nodes { ...CallFields }\n      pageInfo { hasNextPage endCursor }\n    }\n  }\n"): (typeof documents)["\n  query Analytics($filter: AnalyticsFilter, $after: String) {\n    analytics(filter: $filter, first: 100, after: $after) {\n      nodes { ...CallFields }\n      pageInfo { hasNextPage endCursor }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SavePreferences($input: SavePreferencesInput!) {\n    savePreferences(input: $input) { __typename ... on RouterPreferences { ...PreferenceFields } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation SavePreferences($input: SavePreferencesInput!) {\n    savePreferences(input: $input) { __typename ... on RouterPreferences { ...PreferenceFields } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateABTest($input: CreateABTestInput!) {\n    createABTest(input: $input) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation CreateABTest($input: CreateABTestInput!) {\n    createABTest(input: $input) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation EndABTest($id: ID!, $winner: Variant) {\n    endABTest(id: $id, winner: $winner) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation EndABTest($id: ID!, $winner: Variant) {\n    endABTest(id: $id, winner: $winner) { __typename ... on ABTest { ...TestFields } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateCostAlert($input: CreateCostAlertInput!) {\n    createCostAlert(input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation CreateCostAlert($input: CreateCostAlertInput!) {\n    createCostAlert(input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateCostAlert($id: ID!, $input: UpdateCostAlertInput!) {\n    updateCostAlert(id: $id, input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation UpdateCostAlert($id: ID!, $input: UpdateCostAlertInput!) {\n    updateCostAlert(id: $id, input: $input) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteCostAlert($id: ID!) {\n    deleteCostAlert(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation DeleteCostAlert($id: ID!) {\n    deleteCostAlert(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Acknowledge($id: ID!) {\n    acknowledgeCostAlert(id: $id) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation Acknowledge($id: ID!) {\n    acknowledgeCostAlert(id: $id) { __typename ... on CostAlert { ...CostAlertFields } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation LogAnalytics($input: LogAnalyticsInput!) {\n    logAnalytics(input: $input) { __typename ... on LoggedAnalytics { record { id } deduplicated } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation LogAnalytics($input: LogAnalyticsInput!) {\n    logAnalytics(input: $input) { __typename ... on LoggedAnalytics { record { id } deduplicated } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation AmendAnalytics($id: ID!, $input: AmendAnalyticsInput!) {\n    amendAnalytics(id: $id, input: $input) { __typename ... on AmendedAnalytics { record { ...CallFields } } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation AmendAnalytics($id: ID!, $input: AmendAnalyticsInput!) {\n    amendAnalytics(id: $id, input: $input) { __typename ... on AmendedAnalytics { record { ...CallFields } } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RegisterAlias($alias: String!, $provider: String!) {\n    registerProviderAlias(alias: $alias, provider: $provider) {\n      __typename ... on ProviderAlias { id alias provider } ... on Error { message path }\n    }\n  }\n"): (typeof documents)["\n  mutation RegisterAlias($alias: String!, $provider: String!) {\n    registerProviderAlias(alias: $alias, provider: $provider) {\n      __typename ... on ProviderAlias { id alias provider } ... on Error { message path }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteAlias($id: ID!) {\n    deleteProviderAlias(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n"): (typeof documents)["\n  mutation DeleteAlias($id: ID!) {\n    deleteProviderAlias(id: $id) { __typename ... on Deleted { id } ... on Error { message path } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation StartSuggested($id: ID!, $filter: AnalyticsFilter, $timeZone: String!) {\n    startSuggestedTest(opportunityId: $id, filter: $filter, timeZone: $timeZone) {\n      __typename ... on ABTest { ...TestFields } ... on Error { message path }\n    }\n  }\n"): (typeof documents)["\n  mutation StartSuggested($id: ID!, $filter: AnalyticsFilter, $timeZone: String!) {\n    startSuggestedTest(opportunityId: $id, filter: $filter, timeZone: $timeZone) {\n      __typename ... on ABTest { ...TestFields } ... on Error { message path }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "subscription PreferencesChanged { preferencesChanged(initial: true) { ...PreferenceFields } }"): (typeof documents)["subscription PreferencesChanged { preferencesChanged(initial: true) { ...PreferenceFields } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "subscription Logged { analyticsLogged { ...CallFields } }"): (typeof documents)["subscription Logged { analyticsLogged { ...CallFields } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription AlertTriggered($after: String) {\n    alertTriggered(after: $after) { id cursor level amount threshold firedAt alert { id alertType unpricedCalls } }\n  }\n"): (typeof documents)["\n  subscription AlertTriggered($after: String) {\n    alertTriggered(after: $after) { id cursor level amount threshold firedAt alert { id alertType unpricedCalls } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "subscription TestUpdated($id: ID!) { abTestUpdated(id: $id, initial: true) { ...TestFields } }"): (typeof documents)["subscription TestUpdated($id: ID!) { abTestUpdated(id: $id, initial: true) { ...TestFields } }"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Providers { providers { id name aliases calls } }"): (typeof documents)["query Providers { providers { id name aliases calls } }"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;