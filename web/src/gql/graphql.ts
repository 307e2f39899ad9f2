/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** A metric that compares the variants of an A/B test. */
export type AbTestMetric =
  /** The mean cost of successful calls, in USD, with each call capped at `costCap`. Lower is better. */
  | 'COST'
  /** The geometric mean latency of successful calls, in milliseconds. Lower is better. */
  | 'LATENCY'
  /** The share of calls that succeeded, 0 to 1. Higher is better. */
  | 'SUCCESS_RATE';

/** What the data say about an A/B test. */
export type AbTestVerdict =
  /** Variant A is significantly better. */
  | 'A_BETTER'
  /** Variant B is significantly better. */
  | 'B_BETTER'
  /** A variant has fewer than 100 calls or 50 units, or the minimum run time has not passed. */
  | 'NOT_ENOUGH_DATA'
  /** There is enough data, and it shows no significant difference so far. */
  | 'NO_DIFFERENCE_YET'
  /** Traffic is not split as configured. No figure of the test can be trusted. */
  | 'SAMPLE_RATIO_MISMATCH';

/** The length of an alert's window. */
export type AlertPeriod =
  /** A number of hours, days or weeks, counted from an anchor. */
  | 'CUSTOM'
  /** One day. */
  | 'DAILY'
  /** One hour. */
  | 'HOURLY'
  /** One month; 30 days for a rolling alert. */
  | 'MONTHLY'
  /** One week; 7 days for a rolling alert. */
  | 'WEEKLY';

/** The state of a cost alert in its current window. */
export type AlertState =
  /** Spend is below the near-limit percentage of the threshold. */
  | 'ACTIVE'
  /** Spend has reached the near-limit percentage and is below the threshold. */
  | 'NEAR_LIMIT'
  /** Spend has reached the threshold. */
  | 'TRIGGERED';

/** The fields of a call to change. An omitted field stays as it is. */
export type AmendAnalyticsInput = {
  /** Your idempotency key of the amendment: 1 to 200 characters. A repetition with the same content is recorded once. Omitted or null: the server generates one. */
  amendmentId?: string | null | undefined;
  /** The number of input tokens that the provider wrote to its prompt cache for 1 hour: 0 to 1,000,000,000. `cacheWriteTokens` includes them; its other tokens are cached for 5 minutes. */
  cacheWrite1hTokens?: number | null | undefined;
  /** The number of input tokens that the provider wrote to its prompt cache: 0 to 1,000,000,000. `inputTokens` includes them. */
  cacheWriteTokens?: number | null | undefined;
  /** The number of audio input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. `cachedTokens` and `inputAudioTokens` include them. */
  cachedAudioTokens?: number | null | undefined;
  /** The number of image input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. `cachedTokens` and `inputImageTokens` include them. */
  cachedImageTokens?: number | null | undefined;
  /** The number of input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. `inputTokens` includes them. */
  cachedTokens?: number | null | undefined;
  /** The number of citation tokens: 0 to 1,000,000,000. `outputTokens` includes them. */
  citationTokens?: number | null | undefined;
  /** The cost of the call in USD: 0 to 100,000. Omitted: the cost is unchanged, except that a cost which the server computed is computed again when token counts change. */
  cost?: string | null | undefined;
  /** The number of audio input tokens: 0 to 1,000,000,000. `inputTokens` includes them. */
  inputAudioTokens?: number | null | undefined;
  /** The number of image input tokens: 0 to 1,000,000,000. `inputTokens` includes them. */
  inputImageTokens?: number | null | undefined;
  /** The number of input tokens, of all kinds: 0 to 1,000,000,000. */
  inputTokens?: number | null | undefined;
  /** The number of video input tokens: 0 to 1,000,000,000. `inputTokens` includes them. */
  inputVideoTokens?: number | null | undefined;
  /** The number of audio output tokens: 0 to 1,000,000,000. `outputTokens` includes them. */
  outputAudioTokens?: number | null | undefined;
  /** The number of image output tokens: 0 to 1,000,000,000. `outputTokens` includes them. */
  outputImageTokens?: number | null | undefined;
  /** The number of output tokens, of all kinds: 0 to 1,000,000,000. */
  outputTokens?: number | null | undefined;
  /** The number of video output tokens: 0 to 1,000,000,000. `outputTokens` includes them. */
  outputVideoTokens?: number | null | undefined;
  /** A quality score of the answer: 0 to 1. */
  qualityScore?: number | null | undefined;
  /** The number of reasoning tokens: 0 to 1,000,000,000. `outputTokens` includes them. */
  reasoningTokens?: number | null | undefined;
  /** The service tier that the call was billed at. */
  serviceTier?: ServiceTier | null | undefined;
  /** True when the call succeeded. */
  success?: boolean | null | undefined;
};

/** A filter on calls. A call matches when it meets every given condition; an omitted condition matches every call. */
export type AnalyticsFilter = {
  /** Include calls of this A/B test. */
  abTestId?: string | number | null | undefined;
  /** Include calls that a fallback served (true) or that the first choice served (false). */
  fallbackUsed?: boolean | null | undefined;
  /** Include calls that happened at this time or later. */
  from?: string | null | undefined;
  /** Include calls of these models, ignoring case: at most 100. */
  models?: Array<string> | null | undefined;
  /** Include calls of these providers, under any of their names: at most 100. */
  providers?: Array<string> | null | undefined;
  /** Include calls that succeeded (true) or failed (false). */
  success?: boolean | null | undefined;
  /** Include calls of these task types: at most 100. */
  taskTypes?: Array<string> | null | undefined;
  /** Include calls that happened before this time. */
  to?: string | null | undefined;
};

/** Where the cost of a call comes from. */
export type CostSource =
  /** It is computed from the price list. */
  | 'LIST_PRICE'
  /** The client reported it with the call. */
  | 'RECORDED'
  /** It is computed from prices that you registered, and from the price list where you omitted one. */
  | 'REGISTERED_PRICE'
  /** The cost is unknown. */
  | 'UNKNOWN';

/** An A/B test to start. A running test cannot be edited: end it and start another one. */
export type CreateAbTestInput = {
  /** The cap in USD that applies to the cost of each call when mean costs are compared: more than 0. Omitted or null: 3 times the 99th percentile of the cost of your latest 1,000 calls of the task type, each at the price of the more expensive variant where that is higher. Without such calls: 3 times the price of 100,000 input and 10,000 output tokens. */
  costCap?: string | null | undefined;
  /** The guardrail metrics: a variant that is worse on one of them is not declared the winner. Omitted or null: all metrics except the primary one. Leave out COST to allow a more expensive winner. */
  guardrails?: Array<AbTestMetric> | null | undefined;
  /** The minimum run time in hours before a variant can be declared better: 0 to 2,160. 168 hours cover nights and weekends. */
  minimumRunHours?: number | null | undefined;
  /** The metric that decides the test. */
  primaryMetric?: AbTestMetric | null | undefined;
  /** The share of requests that variant A serves: 0.01 to 0.99. */
  split?: number | null | undefined;
  /** The task type of the requests that the test covers. Omitted or null: every task type. At most one test runs per task type. */
  taskType?: string | null | undefined;
  /** The display name of the test: 1 to 200 characters. */
  testName: string;
  /** Variant A. */
  variantA: VariantConfigInput;
  /** Variant B. It must differ from variant A. */
  variantB: VariantConfigInput;
};

/** A cost alert to create. */
export type CreateCostAlertInput = {
  /** The name of the alert. Omitted or null: derived from the period, such as "daily_spend". */
  alertType?: string | null | undefined;
  /** The custom period. Required when `period` is CUSTOM, not allowed otherwise. */
  custom?: CustomPeriodInput | null | undefined;
  /** True to make the alert a budget: routing rejects requests that would exceed it. */
  enforced?: boolean | null | undefined;
  /** Whether windows are aligned to the calendar or end now. */
  mode?: WindowMode | null | undefined;
  /** The day of the month that monthly windows start on: 1 to 28. */
  monthAnchor?: number | null | undefined;
  /** The percentage of the threshold from which the state is NEAR_LIMIT: above 0, at most 100. */
  nearLimitPercent?: number | null | undefined;
  /** The length of a window. */
  period: AlertPeriod;
  /** The spend in one window at which the alert triggers, in USD: more than 0, at most 1,000,000,000. */
  thresholdAmount: string;
  /** The IANA time zone to align windows in. */
  timeZone?: string | null | undefined;
  /** Whether an enforced alert rejects models whose calls have no known cost. */
  unknownCost?: UnknownCost | null | undefined;
  /** The day that weekly windows start on. */
  weekStart?: WeekDay | null | undefined;
};

/** A custom period: a number of hours, days or weeks, counted from an anchor. */
export type CustomPeriodInput = {
  /** A time at which a window starts. Other windows are counted from it. */
  anchor: string;
  /** The number of units per window: 1 to 1000. */
  every: number;
  /** The unit of the period. Days and weeks follow the local time of the alert's time zone. */
  unit: PeriodUnit;
};

/** A range of hours of the day in local time, from `from` (inclusive) to `to` (exclusive). */
export type HourRangeInput = {
  /** The first hour of the range: 0 to 23. */
  from: number;
  /** The end of the range (exclusive): 1 to 24, not equal to `from`. When it is less than `from`, the range ends on the next day. */
  to: number;
};

/** A call to record, with its outcome. */
export type LogAnalyticsInput = {
  /** The id of one of your A/B tests: a UUID. The call is counted for the test while the test runs. */
  abTestId?: string | number | null | undefined;
  /** The assigned A/B test variant. Omitted or null: the variant whose provider and model are those of the call. */
  abVariant?: Variant | null | undefined;
  /** The number of input tokens that the provider wrote to its prompt cache for 1 hour: 0 to 1,000,000,000. `cacheWriteTokens` includes them; its other tokens are cached for 5 minutes. Omitted or null: unknown. */
  cacheWrite1hTokens?: number | null | undefined;
  /** The number of input tokens that the provider wrote to its prompt cache: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: unknown. */
  cacheWriteTokens?: number | null | undefined;
  /** The number of audio input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. `cachedTokens` and `inputAudioTokens` include them. Omitted or null: unknown. */
  cachedAudioTokens?: number | null | undefined;
  /** The number of image input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. `cachedTokens` and `inputImageTokens` include them. Omitted or null: unknown. */
  cachedImageTokens?: number | null | undefined;
  /** The number of input tokens that the provider read from its prompt cache: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: unknown. */
  cachedTokens?: number | null | undefined;
  /** The number of citation tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: unknown. */
  citationTokens?: number | null | undefined;
  /** The cost in USD: 0 to 100,000, rounded half-even to 9 decimals. Omitted or null: the server computes it from the tokens. When no price applies, the cost stays null, never 0. */
  cost?: string | null | undefined;
  /** The id of the routing decision that the call results from: a UUID. The call is counted for the A/B test and variant of the routing decision, even when a fallback served it. */
  decisionId?: string | number | null | undefined;
  /** Your idempotency key of the call: 1 to 200 characters. A repetition with the same content is recorded once. Omitted or null: the server generates one. */
  eventId?: string | null | undefined;
  /** True when a fallback served the call. */
  fallbackUsed?: boolean | null | undefined;
  /** The number of audio input tokens: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: unknown. */
  inputAudioTokens?: number | null | undefined;
  /** The number of image input tokens: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: unknown. */
  inputImageTokens?: number | null | undefined;
  /** The number of input tokens, of all kinds: 0 to 1,000,000,000. Omitted or null: unknown. The fields for single kinds of tokens, such as `cachedTokens`, are parts of `inputTokens` or `outputTokens`. A kind of token without a price makes the computed cost unknown. */
  inputTokens?: number | null | undefined;
  /** The number of video input tokens: 0 to 1,000,000,000. `inputTokens` includes them. Omitted or null: unknown. */
  inputVideoTokens?: number | null | undefined;
  /** The latency in milliseconds: 0 to 86,400,000. Omitted or null: unknown. */
  latencyMs?: number | null | undefined;
  /** Additional data to store: a JSON object. Above 16 KiB, the largest keys are dropped until it fits. A key is also dropped when its value is nested more than 20 levels or cannot be stored. The call is recorded in every case, and `metadataTruncated` is then true. */
  metadata?: unknown;
  /** The model that served the call: 1 to 200 characters. */
  modelUsed: string;
  /** When the call happened. Omitted or null: now. At most 5 minutes ahead of the server's clock, and not before the two full calendar months (UTC) that precede the current one. Import older calls with `python -m server import`. */
  occurredAt?: string | null | undefined;
  /** The number of audio output tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: unknown. */
  outputAudioTokens?: number | null | undefined;
  /** The number of image output tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: unknown. */
  outputImageTokens?: number | null | undefined;
  /** The number of output tokens, of all kinds: 0 to 1,000,000,000. Omitted or null: unknown. */
  outputTokens?: number | null | undefined;
  /** The number of video output tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: unknown. */
  outputVideoTokens?: number | null | undefined;
  /** The priority that the request was routed with. Omitted or null: unknown. */
  priority?: RoutingPriority | null | undefined;
  /** The provider that served the call, under any of its names: 1 to 200 characters. */
  provider: string;
  /** A quality score of the answer: 0 to 1. Omitted or null: none. */
  qualityScore?: number | null | undefined;
  /** The number of reasoning tokens: 0 to 1,000,000,000. `outputTokens` includes them. Omitted or null: unknown. */
  reasoningTokens?: number | null | undefined;
  /** The service tier that served the call. The cost is computed from the prices of this tier, and is unknown when it has none. */
  serviceTier?: ServiceTier | null | undefined;
  /** True when the call succeeded. */
  success: boolean;
  /** The task type of the request: 1 to 200 characters. */
  taskType: string;
  /** The time until the first token arrived, in milliseconds: 0 to 86,400,000. Omitted or null: unknown. */
  timeToFirstTokenMs?: number | null | undefined;
  /** The unit that was passed to `assignVariant`: 1 to 200 characters. Set it when units make more than one call: calls of one unit are similar, and the statistics account for that. Use it only with `abTestId`; a routing decision stores its own unit. */
  unitKey?: string | null | undefined;
};

/** Matches when the request's metadata has this key with one of these values. */
export type MetadataConditionInput = {
  /** The metadata key: 1 to 200 characters. */
  key: string;
  /** The values that match: 1 to 100. Numbers and booleans in the metadata are compared as text. */
  oneOf: Array<string>;
};

/** The kind of an opportunity. */
export type OpportunityKind =
  /** A cheaper model succeeds as often at the same task type. */
  | 'CHEAPER_MODEL'
  /** A provider fails more often at certain hours of the day. */
  | 'FAILING_HOURS'
  /** The spend of a cost alert never comes near its threshold. */
  | 'IDLE_ALERT'
  /** A provider is slower at certain hours of the day. */
  | 'SLOW_HOURS'
  /** A preferred provider costs more, without a measured advantage. */
  | 'UNPROVEN_PREFERENCE'
  /** A rule applied to no routing decision. */
  | 'UNUSED_RULE';

/** The unit of a custom period. */
export type PeriodUnit =
  /** One day in the alert's local time. */
  | 'DAY'
  /** One hour. */
  | 'HOUR'
  /** Seven days in the alert's local time. */
  | 'WEEK';

/** A request to route. */
export type RouteRequestInput = {
  /** The models that can serve the request: 1 to 100, at most 64 KiB as JSON. Of duplicates, the first counts. Omitted or null: the models that you registered, that served you in the last 7 days or that a rule names, and the listed models of preferred providers. When these are none: all listed models. */
  candidates?: Array<VariantConfigInput> | null | undefined;
  /** The number of input tokens: 0 to 1,000,000,000. Omitted or null: the 95th percentile of your latest calls to the model, or 1,000 when there are fewer than 20 of them. */
  inputTokens?: number | null | undefined;
  /** The maximum number of output tokens: 0 to 1,000,000,000. Omitted or null: estimated in the same way as `inputTokens`. When you set it and enforce it, the first choice cannot cost more than its estimate. */
  maxOutputTokens?: number | null | undefined;
  /** Data that your rules can match: a JSON object of at most 16 KiB, nested at most 20 levels. */
  metadata?: unknown;
  /** What routing optimises for. Omitted or null: the default priority of your preferences. */
  priority?: RoutingPriority | null | undefined;
  /** Your id of the request: 1 to 200 characters. */
  requestId?: string | null | undefined;
  /** The service tier that the request is sent at. Costs are estimated with the prices of this tier. */
  serviceTier?: ServiceTier | null | undefined;
  /** The task type of the request: 1 to 200 characters. */
  taskType: string;
  /** Who or what the request is for, such as a user id: 1 to 200 characters. A unit keeps its A/B test variant. Omitted or null: each `requestId` is assigned independently. */
  unitKey?: string | null | undefined;
};

/** What routing optimises for. */
export type RoutingPriority =
  /** The lowest expected cost per successful request. */
  | 'COST'
  /** Local models first; among equals, the lowest expected latency. */
  | 'PRIVACY'
  /** The highest product of quality and success rate. */
  | 'QUALITY'
  /** The lowest expected latency per successful request. */
  | 'SPEED';

/** A custom routing rule. */
export type RoutingRuleInput = {
  /** The id of the A/B test whose winner this rule makes the default: a UUID. When you save a rule of an A/B test again, send the id that `customRules` returned; omit it for any other rule. */
  abTestId?: string | number | null | undefined;
  /** The name of the rule: 1 to 200 characters, unique among your rules. */
  name: string;
  /** What the rule does when it applies. */
  then: RuleActionInput;
  /** The condition under which the rule applies. */
  when: RuleConditionInput;
};

/** The action of a rule. At least one field is required. */
export type RuleActionInput = {
  /** Providers to exclude: at most 100. */
  block?: Array<string>;
  /** The maximum cost of the request, in USD: 0 to 100,000. */
  maxCost?: string | null | undefined;
  /** Providers to prefer, before those that the preferences prefer: at most 100. */
  prefer?: Array<string>;
  /** The priority to route with. */
  priority?: RoutingPriority | null | undefined;
  /** The provider and model to use, unless a block or a limit excludes it or it is not a candidate. */
  use?: RuleTargetInput | null | undefined;
};

/** The condition of a rule. It matches when every given condition matches; without any, it always matches. */
export type RuleConditionInput = {
  /** The hours of the day at which the rule applies. Omitted or null: all hours. */
  hours?: HourRangeInput | null | undefined;
  /** Matches requests with more input tokens than this: 0 to 1,000,000,000. Omitted or null: any. */
  inputTokensAbove?: number | null | undefined;
  /** Matches requests with fewer input tokens than this: 0 to 1,000,000,000. Omitted or null: any. */
  inputTokensBelow?: number | null | undefined;
  /** Matches requests with a higher maximum of output tokens than this: 0 to 1,000,000,000. Omitted or null: any. */
  maxOutputTokensAbove?: number | null | undefined;
  /** Matches requests with a lower maximum of output tokens than this: 0 to 1,000,000,000. Omitted or null: any. */
  maxOutputTokensBelow?: number | null | undefined;
  /** Conditions on the metadata of the request: at most 20. All of them must match. */
  metadata?: Array<MetadataConditionInput>;
  /** The priority that the request is routed with. Omitted or null: any. */
  priority?: RoutingPriority | null | undefined;
  /** The task type of the request. Omitted or null: any. */
  taskType?: string | null | undefined;
  /** The IANA time zone of `hours` and `weekdays`. */
  timeZone?: string;
  /** The days of the week on which the rule applies: at most 7. Empty: all days. */
  weekdays?: Array<WeekDay>;
};

/** A provider and one of its models. */
export type RuleTargetInput = {
  /** The model: 1 to 200 characters. */
  model: string;
  /** Parameters to send to the model: a JSON object of at most 16 KiB, nested at most 20 levels. Omitted or null: none. */
  parameters?: unknown;
  /** The provider: 1 to 200 characters. */
  provider: string;
};

/** Changes to preferences. An omitted field stays as it is; null clears it. */
export type SavePreferencesInput = {
  /** Excluded providers: at most 100, none of them preferred. */
  blockedProviders?: Array<string> | null | undefined;
  /** The spend per UTC day at which an alert triggers, in USD: more than 0, at most 1,000,000,000. The server maintains a daily cost alert with this threshold. Null: no such alert. */
  costAlertThreshold?: string | null | undefined;
  /** Your routing rules, in order of evaluation: at most 50. The list replaces the stored one. */
  customRules?: Array<RoutingRuleInput> | null | undefined;
  /** What routing optimises for, unless a request or a rule says otherwise. */
  defaultPriority?: RoutingPriority | null | undefined;
  /** The maximum cost of one request, in USD: 0 to 100,000. Null: not limited. */
  maxCostPerRequest?: string | null | undefined;
  /** The maximum latency of one request, in milliseconds: 1 to 86,400,000. Null: not limited. */
  maxLatencyMs?: number | null | undefined;
  /** Preferred providers, most preferred first: at most 100, none of them blocked. */
  preferredProviders?: Array<string> | null | undefined;
};

/** The service level that a provider sells. Each tier has its own prices. */
export type ServiceTier =
  /** Asynchronous processing of batches. */
  | 'BATCH'
  /** Slower processing than STANDARD. */
  | 'FLEX'
  /** Faster processing than STANDARD. */
  | 'PRIORITY'
  /** The provider's default tier. */
  | 'STANDARD';

/** The length of a time bucket, in the given time zone. */
export type TimeGrain =
  /** One day, from midnight. */
  | 'DAY'
  /** One hour. */
  | 'HOUR'
  /** One month, from its first day. */
  | 'MONTH'
  /** One week, from Monday. */
  | 'WEEK';

/** What an enforced alert does with a model of unknown cost: one with a call in the current window that has no known cost and no hold. */
export type UnknownCost =
  /** Requests are routed to the model. Its calls of unknown cost do not count as spend. */
  | 'ALLOW'
  /** No request is routed to the model, because its spend cannot be limited. */
  | 'REFUSE';

/** Changes to a cost alert. An omitted field stays as it is. */
export type UpdateCostAlertInput = {
  /** True to turn the alert on, false to turn it off. */
  active?: boolean | null | undefined;
  /** True to make the alert a budget: routing rejects requests that would exceed it. */
  enforced?: boolean | null | undefined;
  /** The day of the month that monthly windows start on: 1 to 28. A change restarts the current window. */
  monthAnchor?: number | null | undefined;
  /** The percentage of the threshold from which the state is NEAR_LIMIT: above 0, at most 100. */
  nearLimitPercent?: number | null | undefined;
  /** The new threshold in USD: more than 0, at most 1,000,000,000. A higher threshold re-arms the alert in its current window. */
  thresholdAmount?: string | null | undefined;
  /** The IANA time zone to align windows in. A change restarts the current window. */
  timeZone?: string | null | undefined;
  /** Whether an enforced alert rejects models whose calls have no known cost. */
  unknownCost?: UnknownCost | null | undefined;
  /** The day that weekly windows start on. A change restarts the current window. */
  weekStart?: WeekDay | null | undefined;
};

/** One of the two variants of an A/B test. */
export type Variant =
  /** Variant A. */
  | 'A'
  /** Variant B. */
  | 'B';

/** A provider, a model and its parameters: what serves a request. */
export type VariantConfigInput = {
  /** The model: 1 to 200 characters. */
  model: string;
  /** Parameters to send to the model: a JSON object of at most 16 KiB, nested at most 20 levels. Omitted or null: none. */
  parameters?: unknown;
  /** The provider: 1 to 200 characters. */
  provider: string;
};

/** A day of the week. */
export type WeekDay =
  /** Friday. */
  | 'FRIDAY'
  /** Monday. */
  | 'MONDAY'
  /** Saturday. */
  | 'SATURDAY'
  /** Sunday. */
  | 'SUNDAY'
  /** Thursday. */
  | 'THURSDAY'
  /** Tuesday. */
  | 'TUESDAY'
  /** Wednesday. */
  | 'WEDNESDAY';

/** How the windows of an alert lie in time. */
export type WindowMode =
  /** Consecutive windows, aligned in the alert's time zone. Spend restarts at 0 in each window. */
  | 'CALENDAR'
  /** One window that ends now: the last hour, 24 hours, 7 days or 30 days. After the alert has fired, it is armed again when spend falls below 75 % of the threshold. 75 % applies to a near-limit percentage of 80; for another one it changes in proportion. */
  | 'ROLLING';

export type LooksQueryVariables = Exact<{
  id: string | number;
}>;


export type LooksQuery = { abTestLooks: Array<{ at: string, comparison: { low: number | null, high: number | null } }> | null };

export type SeriesQueryVariables = Exact<{
  filter?: AnalyticsFilter | null | undefined;
  grain: TimeGrain;
  timeZone: string;
}>;


export type SeriesQuery = { analyticsSummary: Array<{ start: string | null, calls: number, latencyP50Ms: number | null, latencyP95Ms: number | null, latencyP99Ms: number | null }>, total: Array<{ totalCost: string, unpricedCalls: number }> };

export type CostsQueryVariables = Exact<{
  filter?: AnalyticsFilter | null | undefined;
  grain: TimeGrain;
  timeZone: string;
}>;


export type CostsQuery = { costTrend: Array<{ start: string, unpricedCalls: number, providers: Array<{ provider: string, totalCost: string, unpricedCalls: number }> }> };

export type LeadersQueryVariables = Exact<{
  filter?: AnalyticsFilter | null | undefined;
}>;


export type LeadersQuery = { leaderboard: Array<{ provider: string | null, model: string | null, callsChange: number | null, totalCostChange: number | null, current: { calls: number, totalCost: string, unpricedCalls: number, avgCost: string | null, successRate: number | null, latencyP95Ms: number | null }, previous: { unpricedCalls: number } }> };

export type HeatQueryVariables = Exact<{
  filter?: AnalyticsFilter | null | undefined;
  timeZone: string;
}>;


export type HeatQuery = { heatMap: Array<{ weekday: WeekDay, hour: number, calls: number, errorRate: number | null, latencyP95Ms: number | null }> };

export type OpportunitiesQueryVariables = Exact<{
  filter?: AnalyticsFilter | null | undefined;
  timeZone: string;
}>;


export type OpportunitiesQuery = { opportunities: Array<{ id: string, kind: OpportunityKind, title: string, explanation: string, monthlySaving: string | null, savingLow: string | null, savingHigh: string | null, evidence: Array<{ name: string, value: string }>, suggestedTest: { testName: string } | null }> };

export type AliasesQueryVariables = Exact<{ [key: string]: never; }>;


export type AliasesQuery = { providerAliases: Array<{ id: string, alias: string, provider: string }> };

export type SimulateQueryVariables = Exact<{
  input: RouteRequestInput;
}>;


export type SimulateQuery = { simulateRouting: { provider: string | null, model: string | null, estimatedCost: string | null, expectedLatencyMs: number | null, rules: Array<string>, notes: Array<string>, refusal: { message: string } | null, candidates: Array<{ provider: string, model: string, eligible: boolean, reason: string }> } };

export type PreferenceFieldsFragment = { id: string, defaultPriority: RoutingPriority, maxCostPerRequest: string | null, maxLatencyMs: number | null, preferredProviders: Array<string>, blockedProviders: Array<string>, costAlertThreshold: string | null, updatedAt: string | null, customRules: Array<{ name: string, abTestId: string | null, when: { taskType: string | null, priority: RoutingPriority | null, inputTokensAbove: number | null, inputTokensBelow: number | null, maxOutputTokensAbove: number | null, maxOutputTokensBelow: number | null, weekdays: Array<WeekDay>, timeZone: string, metadata: Array<{ key: string, oneOf: Array<string> }>, hours: { from: number, to: number } | null }, then: { prefer: Array<string>, block: Array<string>, maxCost: string | null, priority: RoutingPriority | null, use: { provider: string, model: string, parameters: unknown } | null } }> };

export type VariantFieldsFragment = { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } };

export type TestFieldsFragment = { id: string, testName: string, taskType: string | null, active: boolean, startedAt: string, endedAt: string | null, winner: Variant | null, primaryMetric: AbTestMetric, split: number, minimumRunHours: number, variantA: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, variantB: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, inference: { verdict: AbTestVerdict, sentence: string, comparisons: Array<{ metric: AbTestMetric, verdict: AbTestVerdict, sentence: string, countA: number, countB: number, valueA: number | null, valueB: number | null, effect: number | null, low: number | null, high: number | null, probabilityABetter: number | null }> } };

export type CostAlertFieldsFragment = { id: string, alertType: string, period: AlertPeriod, mode: WindowMode, timeZone: string, thresholdAmount: string, currentAmount: string, assumedAmount: string, heldAmount: string, availableAmount: string, unpricedCalls: number, percentUsed: number, remaining: string, nearLimitPercent: number, state: AlertState, windowStart: string, resetsAt: string | null, triggeredAt: string | null, acknowledgedAt: string | null, active: boolean, enforced: boolean, unknownCost: UnknownCost };

export type CallFieldsFragment = { id: string, occurredAt: string, provider: string, reportedProvider: string, modelUsed: string, reportedModel: string, taskType: string, success: boolean, latencyMs: number | null, qualityScore: number | null, cost: string | null, costSource: CostSource, serviceTier: ServiceTier, inputTokens: number | null, outputTokens: number | null, cachedTokens: number | null, cacheWriteTokens: number | null, reasoningTokens: number | null, inputAudioTokens: number | null, inputImageTokens: number | null, inputVideoTokens: number | null, citationTokens: number | null, outputAudioTokens: number | null, outputImageTokens: number | null, outputVideoTokens: number | null, metadataTruncated: boolean, amendedAt: string | null };

export type PreferencesQueryVariables = Exact<{ [key: string]: never; }>;


export type PreferencesQuery = { preferences: { id: string, defaultPriority: RoutingPriority, maxCostPerRequest: string | null, maxLatencyMs: number | null, preferredProviders: Array<string>, blockedProviders: Array<string>, costAlertThreshold: string | null, updatedAt: string | null, customRules: Array<{ name: string, abTestId: string | null, when: { taskType: string | null, priority: RoutingPriority | null, inputTokensAbove: number | null, inputTokensBelow: number | null, maxOutputTokensAbove: number | null, maxOutputTokensBelow: number | null, weekdays: Array<WeekDay>, timeZone: string, metadata: Array<{ key: string, oneOf: Array<string> }>, hours: { from: number, to: number } | null }, then: { prefer: Array<string>, block: Array<string>, maxCost: string | null, priority: RoutingPriority | null, use: { provider: string, model: string, parameters: unknown } | null } }> } };

export type AbTestsQueryVariables = Exact<{ [key: string]: never; }>;


export type AbTestsQuery = { abTests: { nodes: Array<{ id: string, testName: string, taskType: string | null, active: boolean, startedAt: string, endedAt: string | null, winner: Variant | null, primaryMetric: AbTestMetric, split: number, minimumRunHours: number, variantA: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, variantB: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, inference: { verdict: AbTestVerdict, sentence: string, comparisons: Array<{ metric: AbTestMetric, verdict: AbTestVerdict, sentence: string, countA: number, countB: number, valueA: number | null, valueB: number | null, effect: number | null, low: number | null, high: number | null, probabilityABetter: number | null }> } }> } };

export type CostAlertsQueryVariables = Exact<{ [key: string]: never; }>;


export type CostAlertsQuery = { costAlerts: { nodes: Array<{ id: string, alertType: string, period: AlertPeriod, mode: WindowMode, timeZone: string, thresholdAmount: string, currentAmount: string, assumedAmount: string, heldAmount: string, availableAmount: string, unpricedCalls: number, percentUsed: number, remaining: string, nearLimitPercent: number, state: AlertState, windowStart: string, resetsAt: string | null, triggeredAt: string | null, acknowledgedAt: string | null, active: boolean, enforced: boolean, unknownCost: UnknownCost }> } };

export type LastFiringQueryVariables = Exact<{ [key: string]: never; }>;


export type LastFiringQuery = { alertEvents: { nodes: Array<{ cursor: string }> } };

export type AnalyticsQueryVariables = Exact<{
  filter?: AnalyticsFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type AnalyticsQuery = { analytics: { nodes: Array<{ id: string, occurredAt: string, provider: string, reportedProvider: string, modelUsed: string, reportedModel: string, taskType: string, success: boolean, latencyMs: number | null, qualityScore: number | null, cost: string | null, costSource: CostSource, serviceTier: ServiceTier, inputTokens: number | null, outputTokens: number | null, cachedTokens: number | null, cacheWriteTokens: number | null, reasoningTokens: number | null, inputAudioTokens: number | null, inputImageTokens: number | null, inputVideoTokens: number | null, citationTokens: number | null, outputAudioTokens: number | null, outputImageTokens: number | null, outputVideoTokens: number | null, metadataTruncated: boolean, amendedAt: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type SavePreferencesMutationVariables = Exact<{
  input: SavePreferencesInput;
}>;


export type SavePreferencesMutation = { savePreferences:
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
    | { __typename: 'RouterPreferences', id: string, defaultPriority: RoutingPriority, maxCostPerRequest: string | null, maxLatencyMs: number | null, preferredProviders: Array<string>, blockedProviders: Array<string>, costAlertThreshold: string | null, updatedAt: string | null, customRules: Array<{ name: string, abTestId: string | null, when: { taskType: string | null, priority: RoutingPriority | null, inputTokensAbove: number | null, inputTokensBelow: number | null, maxOutputTokensAbove: number | null, maxOutputTokensBelow: number | null, weekdays: Array<WeekDay>, timeZone: string, metadata: Array<{ key: string, oneOf: Array<string> }>, hours: { from: number, to: number } | null }, then: { prefer: Array<string>, block: Array<string>, maxCost: string | null, priority: RoutingPriority | null, use: { provider: string, model: string, parameters: unknown } | null } }> }
   };

export type CreateAbTestMutationVariables = Exact<{
  input: CreateAbTestInput;
}>;


export type CreateAbTestMutation = { createABTest:
    | { __typename: 'ABTest', id: string, testName: string, taskType: string | null, active: boolean, startedAt: string, endedAt: string | null, winner: Variant | null, primaryMetric: AbTestMetric, split: number, minimumRunHours: number, variantA: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, variantB: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, inference: { verdict: AbTestVerdict, sentence: string, comparisons: Array<{ metric: AbTestMetric, verdict: AbTestVerdict, sentence: string, countA: number, countB: number, valueA: number | null, valueB: number | null, effect: number | null, low: number | null, high: number | null, probabilityABetter: number | null }> } }
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
   };

export type EndAbTestMutationVariables = Exact<{
  id: string | number;
  winner?: Variant | null | undefined;
}>;


export type EndAbTestMutation = { endABTest:
    | { __typename: 'ABTest', id: string, testName: string, taskType: string | null, active: boolean, startedAt: string, endedAt: string | null, winner: Variant | null, primaryMetric: AbTestMetric, split: number, minimumRunHours: number, variantA: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, variantB: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, inference: { verdict: AbTestVerdict, sentence: string, comparisons: Array<{ metric: AbTestMetric, verdict: AbTestVerdict, sentence: string, countA: number, countB: number, valueA: number | null, valueB: number | null, effect: number | null, low: number | null, high: number | null, probabilityABetter: number | null }> } }
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
   };

export type CreateCostAlertMutationVariables = Exact<{
  input: CreateCostAlertInput;
}>;


export type CreateCostAlertMutation = { createCostAlert:
    | { __typename: 'CostAlert', id: string, alertType: string, period: AlertPeriod, mode: WindowMode, timeZone: string, thresholdAmount: string, currentAmount: string, assumedAmount: string, heldAmount: string, availableAmount: string, unpricedCalls: number, percentUsed: number, remaining: string, nearLimitPercent: number, state: AlertState, windowStart: string, resetsAt: string | null, triggeredAt: string | null, acknowledgedAt: string | null, active: boolean, enforced: boolean, unknownCost: UnknownCost }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
   };

export type UpdateCostAlertMutationVariables = Exact<{
  id: string | number;
  input: UpdateCostAlertInput;
}>;


export type UpdateCostAlertMutation = { updateCostAlert:
    | { __typename: 'CostAlert', id: string, alertType: string, period: AlertPeriod, mode: WindowMode, timeZone: string, thresholdAmount: string, currentAmount: string, assumedAmount: string, heldAmount: string, availableAmount: string, unpricedCalls: number, percentUsed: number, remaining: string, nearLimitPercent: number, state: AlertState, windowStart: string, resetsAt: string | null, triggeredAt: string | null, acknowledgedAt: string | null, active: boolean, enforced: boolean, unknownCost: UnknownCost }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
   };

export type DeleteCostAlertMutationVariables = Exact<{
  id: string | number;
}>;


export type DeleteCostAlertMutation = { deleteCostAlert:
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'Deleted', id: string }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
   };

export type AcknowledgeMutationVariables = Exact<{
  id: string | number;
}>;


export type AcknowledgeMutation = { acknowledgeCostAlert:
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'CostAlert', id: string, alertType: string, period: AlertPeriod, mode: WindowMode, timeZone: string, thresholdAmount: string, currentAmount: string, assumedAmount: string, heldAmount: string, availableAmount: string, unpricedCalls: number, percentUsed: number, remaining: string, nearLimitPercent: number, state: AlertState, windowStart: string, resetsAt: string | null, triggeredAt: string | null, acknowledgedAt: string | null, active: boolean, enforced: boolean, unknownCost: UnknownCost }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
   };

export type LogAnalyticsMutationVariables = Exact<{
  input: LogAnalyticsInput;
}>;


export type LogAnalyticsMutation = { logAnalytics:
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'DroppedAnalytics' }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
    | { __typename: 'LoggedAnalytics', deduplicated: boolean, record: { id: string } }
    | { __typename: 'Overloaded', message: string, path: Array<string> | null }
   };

export type AmendAnalyticsMutationVariables = Exact<{
  id: string | number;
  input: AmendAnalyticsInput;
}>;


export type AmendAnalyticsMutation = { amendAnalytics:
    | { __typename: 'AmendedAnalytics', record: { id: string, occurredAt: string, provider: string, reportedProvider: string, modelUsed: string, reportedModel: string, taskType: string, success: boolean, latencyMs: number | null, qualityScore: number | null, cost: string | null, costSource: CostSource, serviceTier: ServiceTier, inputTokens: number | null, outputTokens: number | null, cachedTokens: number | null, cacheWriteTokens: number | null, reasoningTokens: number | null, inputAudioTokens: number | null, inputImageTokens: number | null, inputVideoTokens: number | null, citationTokens: number | null, outputAudioTokens: number | null, outputImageTokens: number | null, outputVideoTokens: number | null, metadataTruncated: boolean, amendedAt: string | null } }
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
    | { __typename: 'Overloaded', message: string, path: Array<string> | null }
   };

export type RegisterAliasMutationVariables = Exact<{
  alias: string;
  provider: string;
}>;


export type RegisterAliasMutation = { registerProviderAlias:
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
    | { __typename: 'ProviderAlias', id: string, alias: string, provider: string }
   };

export type DeleteAliasMutationVariables = Exact<{
  id: string | number;
}>;


export type DeleteAliasMutation = { deleteProviderAlias:
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'Deleted', id: string }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
   };

export type StartSuggestedMutationVariables = Exact<{
  id: string | number;
  filter?: AnalyticsFilter | null | undefined;
  timeZone: string;
}>;


export type StartSuggestedMutation = { startSuggestedTest:
    | { __typename: 'ABTest', id: string, testName: string, taskType: string | null, active: boolean, startedAt: string, endedAt: string | null, winner: Variant | null, primaryMetric: AbTestMetric, split: number, minimumRunHours: number, variantA: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, variantB: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, inference: { verdict: AbTestVerdict, sentence: string, comparisons: Array<{ metric: AbTestMetric, verdict: AbTestVerdict, sentence: string, countA: number, countB: number, valueA: number | null, valueB: number | null, effect: number | null, low: number | null, high: number | null, probabilityABetter: number | null }> } }
    | { __typename: 'Conflict', message: string, path: Array<string> | null }
    | { __typename: 'InvalidInput', message: string, path: Array<string> | null }
    | { __typename: 'NotFound', message: string, path: Array<string> | null }
   };

export type PreferencesChangedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type PreferencesChangedSubscription = { preferencesChanged: { id: string, defaultPriority: RoutingPriority, maxCostPerRequest: string | null, maxLatencyMs: number | null, preferredProviders: Array<string>, blockedProviders: Array<string>, costAlertThreshold: string | null, updatedAt: string | null, customRules: Array<{ name: string, abTestId: string | null, when: { taskType: string | null, priority: RoutingPriority | null, inputTokensAbove: number | null, inputTokensBelow: number | null, maxOutputTokensAbove: number | null, maxOutputTokensBelow: number | null, weekdays: Array<WeekDay>, timeZone: string, metadata: Array<{ key: string, oneOf: Array<string> }>, hours: { from: number, to: number } | null }, then: { prefer: Array<string>, block: Array<string>, maxCost: string | null, priority: RoutingPriority | null, use: { provider: string, model: string, parameters: unknown } | null } }> } };

export type LoggedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type LoggedSubscription = { analyticsLogged: { id: string, occurredAt: string, provider: string, reportedProvider: string, modelUsed: string, reportedModel: string, taskType: string, success: boolean, latencyMs: number | null, qualityScore: number | null, cost: string | null, costSource: CostSource, serviceTier: ServiceTier, inputTokens: number | null, outputTokens: number | null, cachedTokens: number | null, cacheWriteTokens: number | null, reasoningTokens: number | null, inputAudioTokens: number | null, inputImageTokens: number | null, inputVideoTokens: number | null, citationTokens: number | null, outputAudioTokens: number | null, outputImageTokens: number | null, outputVideoTokens: number | null, metadataTruncated: boolean, amendedAt: string | null } };

export type AlertTriggeredSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type AlertTriggeredSubscription = { alertTriggered: { id: string, cursor: string, level: AlertState, amount: string, threshold: string, firedAt: string, alert: { id: string, alertType: string, unpricedCalls: number } } };

export type TestUpdatedSubscriptionVariables = Exact<{
  id: string | number;
}>;


export type TestUpdatedSubscription = { abTestUpdated: { id: string, testName: string, taskType: string | null, active: boolean, startedAt: string, endedAt: string | null, winner: Variant | null, primaryMetric: AbTestMetric, split: number, minimumRunHours: number, variantA: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, variantB: { calls: number, successes: number, successRate: number | null, avgLatencyMs: number | null, totalCost: string, unpricedCalls: number, trafficShare: number | null, config: { provider: string, model: string } }, inference: { verdict: AbTestVerdict, sentence: string, comparisons: Array<{ metric: AbTestMetric, verdict: AbTestVerdict, sentence: string, countA: number, countB: number, valueA: number | null, valueB: number | null, effect: number | null, low: number | null, high: number | null, probabilityABetter: number | null }> } } };

export type ProvidersQueryVariables = Exact<{ [key: string]: never; }>;


export type ProvidersQuery = { providers: Array<{ id: string, name: string, aliases: Array<string>, calls: number }> };

export const PreferenceFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PreferenceFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterPreferences"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"defaultPriority"}},{"kind":"Field","name":{"kind":"Name","value":"maxCostPerRequest"}},{"kind":"Field","name":{"kind":"Name","value":"maxLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"preferredProviders"}},{"kind":"Field","name":{"kind":"Name","value":"blockedProviders"}},{"kind":"Field","name":{"kind":"Name","value":"costAlertThreshold"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"customRules"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"abTestId"}},{"kind":"Field","name":{"kind":"Name","value":"when"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"metadata"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"oneOf"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hours"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}}]}},{"kind":"Field","name":{"kind":"Name","value":"weekdays"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}}]}},{"kind":"Field","name":{"kind":"Name","value":"then"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"use"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"parameters"}}]}},{"kind":"Field","name":{"kind":"Name","value":"prefer"}},{"kind":"Field","name":{"kind":"Name","value":"block"}},{"kind":"Field","name":{"kind":"Name","value":"maxCost"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}}]}}]}}]}}]} as unknown as DocumentNode<PreferenceFieldsFragment, unknown>;
export const VariantFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}}]} as unknown as DocumentNode<VariantFieldsFragment, unknown>;
export const TestFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"TestFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"testName"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"winner"}},{"kind":"Field","name":{"kind":"Name","value":"primaryMetric"}},{"kind":"Field","name":{"kind":"Name","value":"split"}},{"kind":"Field","name":{"kind":"Name","value":"minimumRunHours"}},{"kind":"Field","name":{"kind":"Name","value":"variantA"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"variantB"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"inference"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"comparisons"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"metric"}},{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"countA"}},{"kind":"Field","name":{"kind":"Name","value":"countB"}},{"kind":"Field","name":{"kind":"Name","value":"valueA"}},{"kind":"Field","name":{"kind":"Name","value":"valueB"}},{"kind":"Field","name":{"kind":"Name","value":"effect"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}},{"kind":"Field","name":{"kind":"Name","value":"probabilityABetter"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}}]} as unknown as DocumentNode<TestFieldsFragment, unknown>;
export const CostAlertFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CostAlertFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alertType"}},{"kind":"Field","name":{"kind":"Name","value":"period"}},{"kind":"Field","name":{"kind":"Name","value":"mode"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}},{"kind":"Field","name":{"kind":"Name","value":"thresholdAmount"}},{"kind":"Field","name":{"kind":"Name","value":"currentAmount"}},{"kind":"Field","name":{"kind":"Name","value":"assumedAmount"}},{"kind":"Field","name":{"kind":"Name","value":"heldAmount"}},{"kind":"Field","name":{"kind":"Name","value":"availableAmount"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"percentUsed"}},{"kind":"Field","name":{"kind":"Name","value":"remaining"}},{"kind":"Field","name":{"kind":"Name","value":"nearLimitPercent"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"windowStart"}},{"kind":"Field","name":{"kind":"Name","value":"resetsAt"}},{"kind":"Field","name":{"kind":"Name","value":"triggeredAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"enforced"}},{"kind":"Field","name":{"kind":"Name","value":"unknownCost"}}]}}]} as unknown as DocumentNode<CostAlertFieldsFragment, unknown>;
export const CallFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CallFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterAnalytics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"occurredAt"}},{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"reportedProvider"}},{"kind":"Field","name":{"kind":"Name","value":"modelUsed"}},{"kind":"Field","name":{"kind":"Name","value":"reportedModel"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"success"}},{"kind":"Field","name":{"kind":"Name","value":"latencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"qualityScore"}},{"kind":"Field","name":{"kind":"Name","value":"cost"}},{"kind":"Field","name":{"kind":"Name","value":"costSource"}},{"kind":"Field","name":{"kind":"Name","value":"serviceTier"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cachedTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cacheWriteTokens"}},{"kind":"Field","name":{"kind":"Name","value":"reasoningTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"citationTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"metadataTruncated"}},{"kind":"Field","name":{"kind":"Name","value":"amendedAt"}}]}}]} as unknown as DocumentNode<CallFieldsFragment, unknown>;
export const LooksDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Looks"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"abTestLooks"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"at"}},{"kind":"Field","name":{"kind":"Name","value":"comparison"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}}]}}]}}]}}]} as unknown as DocumentNode<LooksQuery, LooksQueryVariables>;
export const SeriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Series"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"grain"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeGrain"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analyticsSummary"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"grain"},"value":{"kind":"Variable","name":{"kind":"Name","value":"grain"}}},{"kind":"Argument","name":{"kind":"Name","value":"timeZone"},"value":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"start"}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"latencyP50Ms"}},{"kind":"Field","name":{"kind":"Name","value":"latencyP95Ms"}},{"kind":"Field","name":{"kind":"Name","value":"latencyP99Ms"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"total"},"name":{"kind":"Name","value":"analyticsSummary"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"timeZone"},"value":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}}]}}]}}]} as unknown as DocumentNode<SeriesQuery, SeriesQueryVariables>;
export const CostsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Costs"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"grain"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimeGrain"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"costTrend"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"grain"},"value":{"kind":"Variable","name":{"kind":"Name","value":"grain"}}},{"kind":"Argument","name":{"kind":"Name","value":"timeZone"},"value":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"start"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"providers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}}]}}]}}]}}]} as unknown as DocumentNode<CostsQuery, CostsQueryVariables>;
export const LeadersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Leaders"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"leaderboard"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"EnumValue","value":"MODEL"}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"callsChange"}},{"kind":"Field","name":{"kind":"Name","value":"totalCostChange"}},{"kind":"Field","name":{"kind":"Name","value":"current"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"avgCost"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"latencyP95Ms"}}]}},{"kind":"Field","name":{"kind":"Name","value":"previous"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}}]}}]}}]}}]} as unknown as DocumentNode<LeadersQuery, LeadersQueryVariables>;
export const HeatDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Heat"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"heatMap"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"timeZone"},"value":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"weekday"}},{"kind":"Field","name":{"kind":"Name","value":"hour"}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"errorRate"}},{"kind":"Field","name":{"kind":"Name","value":"latencyP95Ms"}}]}}]}}]} as unknown as DocumentNode<HeatQuery, HeatQueryVariables>;
export const OpportunitiesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Opportunities"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"opportunities"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"timeZone"},"value":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"title"}},{"kind":"Field","name":{"kind":"Name","value":"explanation"}},{"kind":"Field","name":{"kind":"Name","value":"evidence"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"monthlySaving"}},{"kind":"Field","name":{"kind":"Name","value":"savingLow"}},{"kind":"Field","name":{"kind":"Name","value":"savingHigh"}},{"kind":"Field","name":{"kind":"Name","value":"suggestedTest"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"testName"}}]}}]}}]}}]} as unknown as DocumentNode<OpportunitiesQuery, OpportunitiesQueryVariables>;
export const AliasesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Aliases"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"providerAliases"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alias"}},{"kind":"Field","name":{"kind":"Name","value":"provider"}}]}}]}}]} as unknown as DocumentNode<AliasesQuery, AliasesQueryVariables>;
export const SimulateDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Simulate"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"RouteRequestInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"simulateRouting"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"estimatedCost"}},{"kind":"Field","name":{"kind":"Name","value":"expectedLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"rules"}},{"kind":"Field","name":{"kind":"Name","value":"notes"}},{"kind":"Field","name":{"kind":"Name","value":"refusal"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}}]}},{"kind":"Field","name":{"kind":"Name","value":"candidates"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"eligible"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}}]}}]}}]}}]} as unknown as DocumentNode<SimulateQuery, SimulateQueryVariables>;
export const PreferencesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Preferences"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"preferences"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"PreferenceFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PreferenceFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterPreferences"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"defaultPriority"}},{"kind":"Field","name":{"kind":"Name","value":"maxCostPerRequest"}},{"kind":"Field","name":{"kind":"Name","value":"maxLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"preferredProviders"}},{"kind":"Field","name":{"kind":"Name","value":"blockedProviders"}},{"kind":"Field","name":{"kind":"Name","value":"costAlertThreshold"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"customRules"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"abTestId"}},{"kind":"Field","name":{"kind":"Name","value":"when"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"metadata"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"oneOf"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hours"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}}]}},{"kind":"Field","name":{"kind":"Name","value":"weekdays"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}}]}},{"kind":"Field","name":{"kind":"Name","value":"then"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"use"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"parameters"}}]}},{"kind":"Field","name":{"kind":"Name","value":"prefer"}},{"kind":"Field","name":{"kind":"Name","value":"block"}},{"kind":"Field","name":{"kind":"Name","value":"maxCost"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}}]}}]}}]}}]} as unknown as DocumentNode<PreferencesQuery, PreferencesQueryVariables>;
export const AbTestsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ABTests"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"abTests"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"200"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"TestFields"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"TestFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"testName"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"winner"}},{"kind":"Field","name":{"kind":"Name","value":"primaryMetric"}},{"kind":"Field","name":{"kind":"Name","value":"split"}},{"kind":"Field","name":{"kind":"Name","value":"minimumRunHours"}},{"kind":"Field","name":{"kind":"Name","value":"variantA"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"variantB"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"inference"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"comparisons"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"metric"}},{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"countA"}},{"kind":"Field","name":{"kind":"Name","value":"countB"}},{"kind":"Field","name":{"kind":"Name","value":"valueA"}},{"kind":"Field","name":{"kind":"Name","value":"valueB"}},{"kind":"Field","name":{"kind":"Name","value":"effect"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}},{"kind":"Field","name":{"kind":"Name","value":"probabilityABetter"}}]}}]}}]}}]} as unknown as DocumentNode<AbTestsQuery, AbTestsQueryVariables>;
export const CostAlertsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"CostAlerts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"costAlerts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"200"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CostAlertFields"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CostAlertFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alertType"}},{"kind":"Field","name":{"kind":"Name","value":"period"}},{"kind":"Field","name":{"kind":"Name","value":"mode"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}},{"kind":"Field","name":{"kind":"Name","value":"thresholdAmount"}},{"kind":"Field","name":{"kind":"Name","value":"currentAmount"}},{"kind":"Field","name":{"kind":"Name","value":"assumedAmount"}},{"kind":"Field","name":{"kind":"Name","value":"heldAmount"}},{"kind":"Field","name":{"kind":"Name","value":"availableAmount"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"percentUsed"}},{"kind":"Field","name":{"kind":"Name","value":"remaining"}},{"kind":"Field","name":{"kind":"Name","value":"nearLimitPercent"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"windowStart"}},{"kind":"Field","name":{"kind":"Name","value":"resetsAt"}},{"kind":"Field","name":{"kind":"Name","value":"triggeredAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"enforced"}},{"kind":"Field","name":{"kind":"Name","value":"unknownCost"}}]}}]} as unknown as DocumentNode<CostAlertsQuery, CostAlertsQueryVariables>;
export const LastFiringDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"LastFiring"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"alertEvents"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"1"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}}]}}]}}]}}]} as unknown as DocumentNode<LastFiringQuery, LastFiringQueryVariables>;
export const AnalyticsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Analytics"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analytics"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CallFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CallFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterAnalytics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"occurredAt"}},{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"reportedProvider"}},{"kind":"Field","name":{"kind":"Name","value":"modelUsed"}},{"kind":"Field","name":{"kind":"Name","value":"reportedModel"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"success"}},{"kind":"Field","name":{"kind":"Name","value":"latencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"qualityScore"}},{"kind":"Field","name":{"kind":"Name","value":"cost"}},{"kind":"Field","name":{"kind":"Name","value":"costSource"}},{"kind":"Field","name":{"kind":"Name","value":"serviceTier"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cachedTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cacheWriteTokens"}},{"kind":"Field","name":{"kind":"Name","value":"reasoningTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"citationTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"metadataTruncated"}},{"kind":"Field","name":{"kind":"Name","value":"amendedAt"}}]}}]} as unknown as DocumentNode<AnalyticsQuery, AnalyticsQueryVariables>;
export const SavePreferencesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"SavePreferences"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"SavePreferencesInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"savePreferences"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterPreferences"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"PreferenceFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PreferenceFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterPreferences"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"defaultPriority"}},{"kind":"Field","name":{"kind":"Name","value":"maxCostPerRequest"}},{"kind":"Field","name":{"kind":"Name","value":"maxLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"preferredProviders"}},{"kind":"Field","name":{"kind":"Name","value":"blockedProviders"}},{"kind":"Field","name":{"kind":"Name","value":"costAlertThreshold"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"customRules"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"abTestId"}},{"kind":"Field","name":{"kind":"Name","value":"when"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"metadata"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"oneOf"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hours"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}}]}},{"kind":"Field","name":{"kind":"Name","value":"weekdays"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}}]}},{"kind":"Field","name":{"kind":"Name","value":"then"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"use"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"parameters"}}]}},{"kind":"Field","name":{"kind":"Name","value":"prefer"}},{"kind":"Field","name":{"kind":"Name","value":"block"}},{"kind":"Field","name":{"kind":"Name","value":"maxCost"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}}]}}]}}]}}]} as unknown as DocumentNode<SavePreferencesMutation, SavePreferencesMutationVariables>;
export const CreateAbTestDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateABTest"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateABTestInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createABTest"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"TestFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"TestFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"testName"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"winner"}},{"kind":"Field","name":{"kind":"Name","value":"primaryMetric"}},{"kind":"Field","name":{"kind":"Name","value":"split"}},{"kind":"Field","name":{"kind":"Name","value":"minimumRunHours"}},{"kind":"Field","name":{"kind":"Name","value":"variantA"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"variantB"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"inference"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"comparisons"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"metric"}},{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"countA"}},{"kind":"Field","name":{"kind":"Name","value":"countB"}},{"kind":"Field","name":{"kind":"Name","value":"valueA"}},{"kind":"Field","name":{"kind":"Name","value":"valueB"}},{"kind":"Field","name":{"kind":"Name","value":"effect"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}},{"kind":"Field","name":{"kind":"Name","value":"probabilityABetter"}}]}}]}}]}}]} as unknown as DocumentNode<CreateAbTestMutation, CreateAbTestMutationVariables>;
export const EndAbTestDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"EndABTest"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"winner"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Variant"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"endABTest"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"winner"},"value":{"kind":"Variable","name":{"kind":"Name","value":"winner"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"TestFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"TestFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"testName"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"winner"}},{"kind":"Field","name":{"kind":"Name","value":"primaryMetric"}},{"kind":"Field","name":{"kind":"Name","value":"split"}},{"kind":"Field","name":{"kind":"Name","value":"minimumRunHours"}},{"kind":"Field","name":{"kind":"Name","value":"variantA"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"variantB"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"inference"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"comparisons"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"metric"}},{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"countA"}},{"kind":"Field","name":{"kind":"Name","value":"countB"}},{"kind":"Field","name":{"kind":"Name","value":"valueA"}},{"kind":"Field","name":{"kind":"Name","value":"valueB"}},{"kind":"Field","name":{"kind":"Name","value":"effect"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}},{"kind":"Field","name":{"kind":"Name","value":"probabilityABetter"}}]}}]}}]}}]} as unknown as DocumentNode<EndAbTestMutation, EndAbTestMutationVariables>;
export const CreateCostAlertDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateCostAlert"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateCostAlertInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createCostAlert"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CostAlertFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CostAlertFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alertType"}},{"kind":"Field","name":{"kind":"Name","value":"period"}},{"kind":"Field","name":{"kind":"Name","value":"mode"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}},{"kind":"Field","name":{"kind":"Name","value":"thresholdAmount"}},{"kind":"Field","name":{"kind":"Name","value":"currentAmount"}},{"kind":"Field","name":{"kind":"Name","value":"assumedAmount"}},{"kind":"Field","name":{"kind":"Name","value":"heldAmount"}},{"kind":"Field","name":{"kind":"Name","value":"availableAmount"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"percentUsed"}},{"kind":"Field","name":{"kind":"Name","value":"remaining"}},{"kind":"Field","name":{"kind":"Name","value":"nearLimitPercent"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"windowStart"}},{"kind":"Field","name":{"kind":"Name","value":"resetsAt"}},{"kind":"Field","name":{"kind":"Name","value":"triggeredAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"enforced"}},{"kind":"Field","name":{"kind":"Name","value":"unknownCost"}}]}}]} as unknown as DocumentNode<CreateCostAlertMutation, CreateCostAlertMutationVariables>;
export const UpdateCostAlertDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateCostAlert"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateCostAlertInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateCostAlert"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CostAlertFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CostAlertFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alertType"}},{"kind":"Field","name":{"kind":"Name","value":"period"}},{"kind":"Field","name":{"kind":"Name","value":"mode"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}},{"kind":"Field","name":{"kind":"Name","value":"thresholdAmount"}},{"kind":"Field","name":{"kind":"Name","value":"currentAmount"}},{"kind":"Field","name":{"kind":"Name","value":"assumedAmount"}},{"kind":"Field","name":{"kind":"Name","value":"heldAmount"}},{"kind":"Field","name":{"kind":"Name","value":"availableAmount"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"percentUsed"}},{"kind":"Field","name":{"kind":"Name","value":"remaining"}},{"kind":"Field","name":{"kind":"Name","value":"nearLimitPercent"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"windowStart"}},{"kind":"Field","name":{"kind":"Name","value":"resetsAt"}},{"kind":"Field","name":{"kind":"Name","value":"triggeredAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"enforced"}},{"kind":"Field","name":{"kind":"Name","value":"unknownCost"}}]}}]} as unknown as DocumentNode<UpdateCostAlertMutation, UpdateCostAlertMutationVariables>;
export const DeleteCostAlertDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteCostAlert"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteCostAlert"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Deleted"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}}]} as unknown as DocumentNode<DeleteCostAlertMutation, DeleteCostAlertMutationVariables>;
export const AcknowledgeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Acknowledge"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"acknowledgeCostAlert"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CostAlertFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CostAlertFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CostAlert"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alertType"}},{"kind":"Field","name":{"kind":"Name","value":"period"}},{"kind":"Field","name":{"kind":"Name","value":"mode"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}},{"kind":"Field","name":{"kind":"Name","value":"thresholdAmount"}},{"kind":"Field","name":{"kind":"Name","value":"currentAmount"}},{"kind":"Field","name":{"kind":"Name","value":"assumedAmount"}},{"kind":"Field","name":{"kind":"Name","value":"heldAmount"}},{"kind":"Field","name":{"kind":"Name","value":"availableAmount"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"percentUsed"}},{"kind":"Field","name":{"kind":"Name","value":"remaining"}},{"kind":"Field","name":{"kind":"Name","value":"nearLimitPercent"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"windowStart"}},{"kind":"Field","name":{"kind":"Name","value":"resetsAt"}},{"kind":"Field","name":{"kind":"Name","value":"triggeredAt"}},{"kind":"Field","name":{"kind":"Name","value":"acknowledgedAt"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"enforced"}},{"kind":"Field","name":{"kind":"Name","value":"unknownCost"}}]}}]} as unknown as DocumentNode<AcknowledgeMutation, AcknowledgeMutationVariables>;
export const LogAnalyticsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"LogAnalytics"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"LogAnalyticsInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"logAnalytics"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LoggedAnalytics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"record"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"Field","name":{"kind":"Name","value":"deduplicated"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}}]} as unknown as DocumentNode<LogAnalyticsMutation, LogAnalyticsMutationVariables>;
export const AmendAnalyticsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"AmendAnalytics"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"AmendAnalyticsInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"amendAnalytics"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AmendedAnalytics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"record"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CallFields"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CallFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterAnalytics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"occurredAt"}},{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"reportedProvider"}},{"kind":"Field","name":{"kind":"Name","value":"modelUsed"}},{"kind":"Field","name":{"kind":"Name","value":"reportedModel"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"success"}},{"kind":"Field","name":{"kind":"Name","value":"latencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"qualityScore"}},{"kind":"Field","name":{"kind":"Name","value":"cost"}},{"kind":"Field","name":{"kind":"Name","value":"costSource"}},{"kind":"Field","name":{"kind":"Name","value":"serviceTier"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cachedTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cacheWriteTokens"}},{"kind":"Field","name":{"kind":"Name","value":"reasoningTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"citationTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"metadataTruncated"}},{"kind":"Field","name":{"kind":"Name","value":"amendedAt"}}]}}]} as unknown as DocumentNode<AmendAnalyticsMutation, AmendAnalyticsMutationVariables>;
export const RegisterAliasDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RegisterAlias"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"alias"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"provider"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"registerProviderAlias"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"alias"},"value":{"kind":"Variable","name":{"kind":"Name","value":"alias"}}},{"kind":"Argument","name":{"kind":"Name","value":"provider"},"value":{"kind":"Variable","name":{"kind":"Name","value":"provider"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ProviderAlias"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alias"}},{"kind":"Field","name":{"kind":"Name","value":"provider"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}}]} as unknown as DocumentNode<RegisterAliasMutation, RegisterAliasMutationVariables>;
export const DeleteAliasDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteAlias"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteProviderAlias"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Deleted"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}}]} as unknown as DocumentNode<DeleteAliasMutation, DeleteAliasMutationVariables>;
export const StartSuggestedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"StartSuggested"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"AnalyticsFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"startSuggestedTest"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"opportunityId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"timeZone"},"value":{"kind":"Variable","name":{"kind":"Name","value":"timeZone"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"TestFields"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"path"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"TestFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"testName"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"winner"}},{"kind":"Field","name":{"kind":"Name","value":"primaryMetric"}},{"kind":"Field","name":{"kind":"Name","value":"split"}},{"kind":"Field","name":{"kind":"Name","value":"minimumRunHours"}},{"kind":"Field","name":{"kind":"Name","value":"variantA"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"variantB"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"inference"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"comparisons"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"metric"}},{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"countA"}},{"kind":"Field","name":{"kind":"Name","value":"countB"}},{"kind":"Field","name":{"kind":"Name","value":"valueA"}},{"kind":"Field","name":{"kind":"Name","value":"valueB"}},{"kind":"Field","name":{"kind":"Name","value":"effect"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}},{"kind":"Field","name":{"kind":"Name","value":"probabilityABetter"}}]}}]}}]}}]} as unknown as DocumentNode<StartSuggestedMutation, StartSuggestedMutationVariables>;
export const PreferencesChangedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"PreferencesChanged"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"preferencesChanged"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"initial"},"value":{"kind":"BooleanValue","value":true}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"PreferenceFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"PreferenceFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterPreferences"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"defaultPriority"}},{"kind":"Field","name":{"kind":"Name","value":"maxCostPerRequest"}},{"kind":"Field","name":{"kind":"Name","value":"maxLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"preferredProviders"}},{"kind":"Field","name":{"kind":"Name","value":"blockedProviders"}},{"kind":"Field","name":{"kind":"Name","value":"costAlertThreshold"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"customRules"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"abTestId"}},{"kind":"Field","name":{"kind":"Name","value":"when"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensAbove"}},{"kind":"Field","name":{"kind":"Name","value":"maxOutputTokensBelow"}},{"kind":"Field","name":{"kind":"Name","value":"metadata"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"oneOf"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hours"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}}]}},{"kind":"Field","name":{"kind":"Name","value":"weekdays"}},{"kind":"Field","name":{"kind":"Name","value":"timeZone"}}]}},{"kind":"Field","name":{"kind":"Name","value":"then"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"use"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}},{"kind":"Field","name":{"kind":"Name","value":"parameters"}}]}},{"kind":"Field","name":{"kind":"Name","value":"prefer"}},{"kind":"Field","name":{"kind":"Name","value":"block"}},{"kind":"Field","name":{"kind":"Name","value":"maxCost"}},{"kind":"Field","name":{"kind":"Name","value":"priority"}}]}}]}}]}}]} as unknown as DocumentNode<PreferencesChangedSubscription, PreferencesChangedSubscriptionVariables>;
export const LoggedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"Logged"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"analyticsLogged"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"CallFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"CallFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"RouterAnalytics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"occurredAt"}},{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"reportedProvider"}},{"kind":"Field","name":{"kind":"Name","value":"modelUsed"}},{"kind":"Field","name":{"kind":"Name","value":"reportedModel"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"success"}},{"kind":"Field","name":{"kind":"Name","value":"latencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"qualityScore"}},{"kind":"Field","name":{"kind":"Name","value":"cost"}},{"kind":"Field","name":{"kind":"Name","value":"costSource"}},{"kind":"Field","name":{"kind":"Name","value":"serviceTier"}},{"kind":"Field","name":{"kind":"Name","value":"inputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cachedTokens"}},{"kind":"Field","name":{"kind":"Name","value":"cacheWriteTokens"}},{"kind":"Field","name":{"kind":"Name","value":"reasoningTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"inputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"citationTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputAudioTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputImageTokens"}},{"kind":"Field","name":{"kind":"Name","value":"outputVideoTokens"}},{"kind":"Field","name":{"kind":"Name","value":"metadataTruncated"}},{"kind":"Field","name":{"kind":"Name","value":"amendedAt"}}]}}]} as unknown as DocumentNode<LoggedSubscription, LoggedSubscriptionVariables>;
export const AlertTriggeredDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"AlertTriggered"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"alertTriggered"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"level"}},{"kind":"Field","name":{"kind":"Name","value":"amount"}},{"kind":"Field","name":{"kind":"Name","value":"threshold"}},{"kind":"Field","name":{"kind":"Name","value":"firedAt"}},{"kind":"Field","name":{"kind":"Name","value":"alert"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"alertType"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}}]}}]}}]}}]} as unknown as DocumentNode<AlertTriggeredSubscription, AlertTriggeredSubscriptionVariables>;
export const TestUpdatedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"TestUpdated"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"abTestUpdated"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}},{"kind":"Argument","name":{"kind":"Name","value":"initial"},"value":{"kind":"BooleanValue","value":true}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"TestFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"VariantFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"VariantMetrics"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"config"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"provider"}},{"kind":"Field","name":{"kind":"Name","value":"model"}}]}},{"kind":"Field","name":{"kind":"Name","value":"calls"}},{"kind":"Field","name":{"kind":"Name","value":"successes"}},{"kind":"Field","name":{"kind":"Name","value":"successRate"}},{"kind":"Field","name":{"kind":"Name","value":"avgLatencyMs"}},{"kind":"Field","name":{"kind":"Name","value":"totalCost"}},{"kind":"Field","name":{"kind":"Name","value":"unpricedCalls"}},{"kind":"Field","name":{"kind":"Name","value":"trafficShare"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"TestFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ABTest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"testName"}},{"kind":"Field","name":{"kind":"Name","value":"taskType"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"endedAt"}},{"kind":"Field","name":{"kind":"Name","value":"winner"}},{"kind":"Field","name":{"kind":"Name","value":"primaryMetric"}},{"kind":"Field","name":{"kind":"Name","value":"split"}},{"kind":"Field","name":{"kind":"Name","value":"minimumRunHours"}},{"kind":"Field","name":{"kind":"Name","value":"variantA"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"variantB"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"VariantFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"inference"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"comparisons"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"metric"}},{"kind":"Field","name":{"kind":"Name","value":"verdict"}},{"kind":"Field","name":{"kind":"Name","value":"sentence"}},{"kind":"Field","name":{"kind":"Name","value":"countA"}},{"kind":"Field","name":{"kind":"Name","value":"countB"}},{"kind":"Field","name":{"kind":"Name","value":"valueA"}},{"kind":"Field","name":{"kind":"Name","value":"valueB"}},{"kind":"Field","name":{"kind":"Name","value":"effect"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}},{"kind":"Field","name":{"kind":"Name","value":"probabilityABetter"}}]}}]}}]}}]} as unknown as DocumentNode<TestUpdatedSubscription, TestUpdatedSubscriptionVariables>;
export const ProvidersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Providers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"providers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"aliases"}},{"kind":"Field","name":{"kind":"Name","value":"calls"}}]}}]}}]} as unknown as DocumentNode<ProvidersQuery, ProvidersQueryVariables>;