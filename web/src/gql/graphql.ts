/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What variants of a test are compared by. */
export type AbTestMetric =
  | 'COST'
  | 'LATENCY'
  | 'SUCCESS_RATE';

/** NOT_ENOUGH_DATA before each variant has 100 calls, of 50 units or more, and before a test has run as long as it shall; SAMPLE_RATIO_MISMATCH when traffic is not split as the test says: then no figure of it can be trusted. */
export type AbTestVerdict =
  | 'A_BETTER'
  | 'B_BETTER'
  | 'NOT_ENOUGH_DATA'
  | 'NO_DIFFERENCE_YET'
  | 'SAMPLE_RATIO_MISMATCH';

/** How long a window of an alert is. */
export type AlertPeriod =
  | 'CUSTOM'
  | 'DAILY'
  | 'HOURLY'
  | 'MONTHLY'
  | 'WEEKLY';

/** ACTIVE in normal operation, NEAR_LIMIT from the near-limit percentage on, TRIGGERED from the threshold on. */
export type AlertState =
  | 'ACTIVE'
  | 'NEAR_LIMIT'
  | 'TRIGGERED';

/** What is right of a call. A field that is left out stays as it is. */
export type AmendAnalyticsInput = {
  /** Your own id of the amendment: 1 to 200 characters. Sent again with the same content, it is recorded once. */
  amendmentId?: string | null | undefined;
  /** Of the tokens written to a prompt cache, those kept for an hour: 0 to 1,000,000,000. */
  cacheWrite1hTokens?: number | null | undefined;
  /** Of the input tokens, those written to a prompt cache: 0 to 1,000,000,000. */
  cacheWriteTokens?: number | null | undefined;
  /** Of the audio sent, the tokens read from a prompt cache: 0 to 1,000,000,000. */
  cachedAudioTokens?: number | null | undefined;
  /** Of the images sent, the tokens read from a prompt cache: 0 to 1,000,000,000. */
  cachedImageTokens?: number | null | undefined;
  /** Of the input tokens, those read from a prompt cache: 0 to 1,000,000,000. */
  cachedTokens?: number | null | undefined;
  /** Of the output tokens, those of citations: 0 to 1,000,000,000. */
  citationTokens?: number | null | undefined;
  /** What it cost, in USD: 0 to 100,000. Left out, a call that was priced here is priced again when its tokens change. */
  cost?: string | null | undefined;
  /** Of the input tokens, those of audio: 0 to 1,000,000,000. */
  inputAudioTokens?: number | null | undefined;
  /** Of the input tokens, those of images: 0 to 1,000,000,000. */
  inputImageTokens?: number | null | undefined;
  /** All tokens sent: 0 to 1,000,000,000. */
  inputTokens?: number | null | undefined;
  /** Of the input tokens, those of video: 0 to 1,000,000,000. */
  inputVideoTokens?: number | null | undefined;
  /** Of the output tokens, those of audio: 0 to 1,000,000,000. */
  outputAudioTokens?: number | null | undefined;
  /** Of the output tokens, those of images: 0 to 1,000,000,000. */
  outputImageTokens?: number | null | undefined;
  /** All tokens received: 0 to 1,000,000,000. */
  outputTokens?: number | null | undefined;
  /** Of the output tokens, those of video: 0 to 1,000,000,000. */
  outputVideoTokens?: number | null | undefined;
  /** Feedback on the answer: 0 to 1. */
  qualityScore?: number | null | undefined;
  /** Of the output tokens, those of reasoning: 0 to 1,000,000,000. */
  reasoningTokens?: number | null | undefined;
  /** The service tier that it was billed as. */
  serviceTier?: ServiceTier | null | undefined;
  /** Whether it succeeded. */
  success?: boolean | null | undefined;
};

/** Which decisions: every condition that is given must hold. */
export type AnalyticsFilter = {
  /** Those of this A/B test. */
  abTestId?: string | number | null | undefined;
  /** Those that a fallback served (true), or the first choice (false). */
  fallbackUsed?: boolean | null | undefined;
  /** Those that happened at this moment or later. */
  from?: string | null | undefined;
  /** Those of these models, in any case: at most 100. */
  models?: Array<string> | null | undefined;
  /** Those of these providers, under any of their names: at most 100. */
  providers?: Array<string> | null | undefined;
  /** Those that succeeded (true) or failed (false). */
  success?: boolean | null | undefined;
  /** Those of these task types: at most 100. */
  taskTypes?: Array<string> | null | undefined;
  /** Those that happened before this moment. */
  to?: string | null | undefined;
};

/** Where a cost comes from. RECORDED: it was reported with the call; LIST_PRICE: the price list; REGISTERED_PRICE: the prices you registered, and the list's where you left one out; UNKNOWN: it is not known. */
export type CostSource =
  | 'LIST_PRICE'
  | 'RECORDED'
  | 'REGISTERED_PRICE'
  | 'UNKNOWN';

/** A test to start. It cannot be edited once it runs: end it and start another. */
export type CreateAbTestInput = {
  /** What one call counts for at most where mean costs are compared, in USD, more than 0. Left out, 3 times the 99th percentile of what your latest 1,000 calls of the task type cost, or would have with the dearer variant; for who has none, 3 times what 100,000 input and 10,000 output tokens cost. */
  costCap?: string | null | undefined;
  /** The metrics in which a winner must not be worse; all others when left out. Leave out cost to find out whether a dearer variant is better. */
  guardrails?: Array<AbTestMetric> | null | undefined;
  /** For how many hours it is to run before anything wins: 0 to 2,160. A week holds nights and weekends. */
  minimumRunHours?: number | null | undefined;
  /** The metric that decides it. */
  primaryMetric?: AbTestMetric | null | undefined;
  /** The share of traffic that A is to get: 0.01 to 0.99. */
  split?: number | null | undefined;
  /** The task type it is about; any when left out. One test runs for each at a time. */
  taskType?: string | null | undefined;
  /** What to call it: 1 to 200 characters. */
  testName: string;
  /** The one side. */
  variantA: VariantConfigInput;
  /** The other side; it must differ from A. */
  variantB: VariantConfigInput;
};

/** An alert to set. */
export type CreateCostAlertInput = {
  /** What to call its kind; left out, made from the period: "daily_spend". */
  alertType?: string | null | undefined;
  /** The period, when it is CUSTOM; left out otherwise. */
  custom?: CustomPeriodInput | null | undefined;
  /** Whether it is meant as a hard limit for routing. */
  enforced?: boolean | null | undefined;
  /** How its windows lie in time. */
  mode?: WindowMode | null | undefined;
  /** The day of the month that monthly windows begin on: 1 to 28. */
  monthAnchor?: number | null | undefined;
  /** The percentage from which it is near its limit: above 0, at most 100. */
  nearLimitPercent?: number | null | undefined;
  /** How long its windows are. */
  period: AlertPeriod;
  /** The spend in one window at which it fires, in USD: more than 0, at most 1,000,000,000. */
  thresholdAmount: string;
  /** The IANA time zone to align its windows in. */
  timeZone?: string | null | undefined;
  /** When it is enforced: what it does with models whose calls have no known cost. */
  unknownCost?: UnknownCost | null | undefined;
  /** The day that weekly windows begin on. */
  weekStart?: WeekDay | null | undefined;
};

/** A period of so many hours, days or weeks, counted from an anchor. */
export type CustomPeriodInput = {
  /** A moment at which a window begins. */
  anchor: string;
  /** How many units a window is long: 1 to 1000. */
  every: number;
  /** The unit. Days and weeks follow the alert's local time. */
  unit: PeriodUnit;
};

/** Hours of the day by the clock on the wall: from the first up to the last, which is left out. */
export type HourRangeInput = {
  /** The first hour: 0 to 23. */
  from: number;
  /** The hour it ends at: 1 to 24, not the first one; before that, it ends on the next day. */
  to: number;
};

/** A routing decision to record, and what came of it. */
export type LogAnalyticsInput = {
  /** One of your A/B tests. It is counted for the test while that runs. */
  abTestId?: string | number | null | undefined;
  /** The variant that was assigned; left out, the one whose provider and model these are. */
  abVariant?: Variant | null | undefined;
  /** Tokens sent that it wrote to its cache for an hour: part of `cacheWriteTokens`; the others are kept for 5 minutes, 0 to 1,000,000,000. */
  cacheWrite1hTokens?: number | null | undefined;
  /** Tokens sent that the provider wrote to its cache: part of the input tokens, 0 to 1,000,000,000. */
  cacheWriteTokens?: number | null | undefined;
  /** Tokens of audio sent that the provider had cached: part of `cachedTokens` and of `inputAudioTokens`, 0 to 1,000,000,000. */
  cachedAudioTokens?: number | null | undefined;
  /** Tokens of images sent that the provider had cached: part of `cachedTokens` and of `inputImageTokens`, 0 to 1,000,000,000. */
  cachedImageTokens?: number | null | undefined;
  /** Tokens sent that the provider had cached: part of the input tokens, 0 to 1,000,000,000. */
  cachedTokens?: number | null | undefined;
  /** Tokens of citations received: part of the output tokens, 0 to 1,000,000,000. */
  citationTokens?: number | null | undefined;
  /** What it cost, in USD: 0 to 100,000, rounded half-even to the nano-dollar. Left out, it is priced from the tokens; where the price is not known it stays null, never 0. */
  cost?: string | null | undefined;
  /** The routing decision it came from: a UUID. It is counted for the A/B test and variant that this was assigned, also where a fallback served it. */
  decisionId?: string | number | null | undefined;
  /** Your own id of it: 1 to 200 characters. Sent again with the same content, it is recorded once. */
  eventId?: string | null | undefined;
  /** Whether a fallback served it. */
  fallbackUsed?: boolean | null | undefined;
  /** Tokens of audio sent: part of the input tokens, 0 to 1,000,000,000. */
  inputAudioTokens?: number | null | undefined;
  /** Tokens of images sent: part of the input tokens, 0 to 1,000,000,000. */
  inputImageTokens?: number | null | undefined;
  /** Tokens sent, of all kinds: 0 to 1,000,000,000. The kinds below are parts of them, or of `outputTokens`; a kind without a price makes the cost unknown. */
  inputTokens?: number | null | undefined;
  /** Tokens of video sent: part of the input tokens, 0 to 1,000,000,000. */
  inputVideoTokens?: number | null | undefined;
  /** How long it took, in milliseconds: 0 to 86,400,000. */
  latencyMs?: number | null | undefined;
  /** What else to keep: a JSON object. Of one above 16 KiB, the largest keys are left out until it fits; so is a key whose value is nested more than 20 deep, or cannot be stored. The call is recorded all the same. */
  metadata?: unknown;
  /** The model that served it: 1 to 200 characters. */
  modelUsed: string;
  /** When it happened; now, when left out. At most 5 minutes ahead of the server's clock, and not before the two whole months that precede the current one (UTC): older calls are taken by `python -m server import`. */
  occurredAt?: string | null | undefined;
  /** Tokens of audio received: part of the output tokens, 0 to 1,000,000,000. */
  outputAudioTokens?: number | null | undefined;
  /** Tokens of images received: part of the output tokens, 0 to 1,000,000,000. */
  outputImageTokens?: number | null | undefined;
  /** Tokens received, of all kinds: 0 to 1,000,000,000. */
  outputTokens?: number | null | undefined;
  /** Tokens of video received: part of the output tokens, 0 to 1,000,000,000. */
  outputVideoTokens?: number | null | undefined;
  /** The priority it was routed with. */
  priority?: RoutingPriority | null | undefined;
  /** The provider that served it: 1 to 200 characters. */
  provider: string;
  /** Feedback on the answer: 0 to 1. */
  qualityScore?: number | null | undefined;
  /** Tokens of reasoning received: part of the output tokens, 0 to 1,000,000,000. */
  reasoningTokens?: number | null | undefined;
  /** The service tier it was served at: it is priced where this tier has prices. */
  serviceTier?: ServiceTier | null | undefined;
  /** Whether it succeeded. */
  success: boolean;
  /** The type of task it was: 1 to 200 characters. */
  taskType: string;
  /** How long it took until the first token came, in milliseconds: 0 to 86,400,000. */
  timeToFirstTokenMs?: number | null | undefined;
  /** The unit that `assignVariant` was asked for: 1 to 200 characters. Say it wherever units make more than one call, as these are alike and tell less than they seem to. Only with `abTestId`; a decision knows its own. */
  unitKey?: string | null | undefined;
};

/** Holds when the request's metadata has this key with one of these values. */
export type MetadataConditionInput = {
  /** The key in the request's metadata: 1 to 200 characters. */
  key: string;
  /** The values that pass: 1 to 100 of them. Numbers, true and false of the metadata are compared as text. */
  oneOf: Array<string>;
};

/** CHEAPER_MODEL: one that succeeds as often at the same task; FAILING_HOURS, SLOW_HOURS: a provider at some hours of the day; UNUSED_RULE: one that applied to no decision; IDLE_ALERT: one that is never near; UNPROVEN_PREFERENCE: a preferred provider that costs more without a measured advantage. */
export type OpportunityKind =
  | 'CHEAPER_MODEL'
  | 'FAILING_HOURS'
  | 'IDLE_ALERT'
  | 'SLOW_HOURS'
  | 'UNPROVEN_PREFERENCE'
  | 'UNUSED_RULE';

/** The unit of a custom period. */
export type PeriodUnit =
  | 'DAY'
  | 'HOUR'
  | 'WEEK';

/** A request that waits to be sent somewhere. */
export type RouteRequestInput = {
  /** What could serve it: 1 to 100, of at most 64 KiB as JSON; of a model that is named twice, the first counts. Left out, the models you have: those you registered, those that served you in the last 7 days, those that a rule names, and the listed ones of preferred providers; for who has none, all listed models. */
  candidates?: Array<VariantConfigInput> | null | undefined;
  /** Tokens to be sent: 0 to 1,000,000,000. Left out, the 95th percentile of your latest calls to the model is taken, or 1,000 where there are fewer than 20. */
  inputTokens?: number | null | undefined;
  /** The most tokens that may come back: 0 to 1,000,000,000. Left out, it is estimated as `inputTokens` is; given and kept to, the first choice cannot cost more than its estimate. */
  maxOutputTokens?: number | null | undefined;
  /** What your rules may look at: a JSON object of at most 16 KiB, nested at most 20 deep. */
  metadata?: unknown;
  /** What to optimise for; as your preferences say when left out. */
  priority?: RoutingPriority | null | undefined;
  /** Your own id of it: 1 to 200 characters. */
  requestId?: string | null | undefined;
  /** The service tier it is to be sent at: what it is estimated to cost is of this tier's prices. */
  serviceTier?: ServiceTier | null | undefined;
  /** The type of task it is: 1 to 200 characters. */
  taskType: string;
  /** Who or what the request is for, such as a user's id: 1 to 200 characters. It keeps its variant of an A/B test; left out, each `requestId` is assigned for itself. */
  unitKey?: string | null | undefined;
};

/** What routing optimises for. */
export type RoutingPriority =
  | 'COST'
  | 'PRIVACY'
  | 'QUALITY'
  | 'SPEED';

/** A rule of the user's own. */
export type RoutingRuleInput = {
  /** The A/B test whose winner it makes the default: a UUID, as it was read; left out for any other rule. */
  abTestId?: string | number | null | undefined;
  /** What to call it: 1 to 200 characters, unlike the other rules' names. */
  name: string;
  /** What it does. */
  then: RuleActionInput;
  /** When it applies. */
  when: RuleConditionInput;
};

/** What a rule does when it applies: at least one of these. */
export type RuleActionInput = {
  /** Providers not to use: at most 100. */
  block?: Array<string>;
  /** The most the request may cost, in USD: 0 to 100,000. */
  maxCost?: string | null | undefined;
  /** Providers to put first: at most 100. */
  prefer?: Array<string>;
  /** The priority to route with. */
  priority?: RoutingPriority | null | undefined;
  /** Send the request there. */
  use?: RuleTargetInput | null | undefined;
};

/** When a rule applies: every condition that is given must hold; none given, it always does. */
export type RuleConditionInput = {
  /** The hours of the day at which it holds; all when left out. */
  hours?: HourRangeInput | null | undefined;
  /** Holds for more input tokens than this: 0 to 1,000,000,000. */
  inputTokensAbove?: number | null | undefined;
  /** Holds for fewer input tokens than this: 0 to 1,000,000,000. */
  inputTokensBelow?: number | null | undefined;
  /** Holds for more output tokens than this: 0 to 1,000,000,000. */
  maxOutputTokensAbove?: number | null | undefined;
  /** Holds for fewer output tokens than this: 0 to 1,000,000,000. */
  maxOutputTokensBelow?: number | null | undefined;
  /** Conditions on the request's metadata: at most 20. */
  metadata?: Array<MetadataConditionInput>;
  /** The priority the request is routed with. */
  priority?: RoutingPriority | null | undefined;
  /** The request's task type. */
  taskType?: string | null | undefined;
  /** The IANA time zone that hours and weekdays are of. */
  timeZone?: string;
  /** The days of the week on which it holds: at most 7; all when empty. */
  weekdays?: Array<WeekDay>;
};

/** A provider and one of its models. */
export type RuleTargetInput = {
  /** The model: 1 to 200 characters. */
  model: string;
  /** Parameters for the model: a JSON object of at most 16 KiB, nested at most 20 deep. */
  parameters?: unknown;
  /** The provider: 1 to 200 characters. */
  provider: string;
};

/** Changes to preferences. A field left out stays as it is; null clears it. */
export type SavePreferencesInput = {
  /** Providers never to use: at most 100, none of them preferred. */
  blockedProviders?: Array<string> | null | undefined;
  /** Spend a day, in USD and UTC days, above which an alert fires: more than 0, at most 1,000,000,000. A daily alert is kept in step with it. */
  costAlertThreshold?: string | null | undefined;
  /** The user's own rules, in the order they apply: at most 50. */
  customRules?: Array<RoutingRuleInput> | null | undefined;
  /** What routing optimises for by default. */
  defaultPriority?: RoutingPriority | null | undefined;
  /** The most one request may cost, in USD: 0 to 100,000. */
  maxCostPerRequest?: string | null | undefined;
  /** The longest a request may take, in milliseconds: 1 to 86,400,000. */
  maxLatencyMs?: number | null | undefined;
  /** Providers to prefer, the best first: at most 100, none of them blocked. */
  preferredProviders?: Array<string> | null | undefined;
};

/** How fast a provider promises to serve a request: each tier has prices of its own. */
export type ServiceTier =
  | 'BATCH'
  | 'FLEX'
  | 'PRIORITY'
  | 'STANDARD';

/** How long the buckets of a summary are, in its time zone; weeks start Monday. */
export type TimeGrain =
  | 'DAY'
  | 'HOUR'
  | 'MONTH'
  | 'WEEK';

/** What an enforced alert does with a model of which a call in its current window has no known cost, and no decision that held for it. REFUSE: requests are not routed to it, as nobody can say what it costs. ALLOW: they are. */
export type UnknownCost =
  | 'ALLOW'
  | 'REFUSE';

/** Changes to an alert. A field left out stays as it is. */
export type UpdateCostAlertInput = {
  /** Whether it fires at all. */
  active?: boolean | null | undefined;
  /** Whether it is meant as a hard limit for routing. */
  enforced?: boolean | null | undefined;
  /** The day that monthly windows begin on, 1 to 28; the current window begins anew. */
  monthAnchor?: number | null | undefined;
  /** The percentage from which it is near its limit: above 0, at most 100. */
  nearLimitPercent?: number | null | undefined;
  /** The new threshold, in USD. Raising it re-arms the alert in its current window. */
  thresholdAmount?: string | null | undefined;
  /** The IANA time zone to align its windows in; the current window begins anew there. */
  timeZone?: string | null | undefined;
  /** When it is enforced: what it does with models whose calls have no known cost. */
  unknownCost?: UnknownCost | null | undefined;
  /** The day that weekly windows begin on; the current window begins anew. */
  weekStart?: WeekDay | null | undefined;
};

/** One of the two sides of an A/B test. */
export type Variant =
  | 'A'
  | 'B';

/** What serves the requests of one variant. */
export type VariantConfigInput = {
  /** The model: 1 to 200 characters. */
  model: string;
  /** Parameters for the model: a JSON object of at most 16 KiB, nested at most 20 deep. */
  parameters?: unknown;
  /** The provider: 1 to 200 characters. */
  provider: string;
};

/** A day of the week. */
export type WeekDay =
  | 'FRIDAY'
  | 'MONDAY'
  | 'SATURDAY'
  | 'SUNDAY'
  | 'THURSDAY'
  | 'TUESDAY'
  | 'WEDNESDAY';

/** How windows lie in time. CALENDAR: one after the other, aligned in the alert's time zone. ROLLING: the last hour, 24 hours, 7 days or 30 days up to now; it fires once, and again after spend has fallen below 75 % of the threshold (for a near-limit percentage of 80; for another, in the same proportion). */
export type WindowMode =
  | 'CALENDAR'
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