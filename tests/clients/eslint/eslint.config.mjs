// The schema by the rules of graphql-eslint; where it departs from one, the option says so, and the comment why.
import graphql from "@graphql-eslint/eslint-plugin";

const VALUES = [
  "ABTestInference",
  "ABTestLook",
  "AmendedAnalytics",
  "AnalyticsBucket",
  "AppliedFilter",
  "CandidateVerdict",
  "Conflict",
  "CostShare",
  "CostTrendPoint",
  "Evidence",
  "HeatMapCell",
  "HourRange",
  "InvalidInput",
  "LeaderboardRow",
  "LogAnalyticsBatchResult",
  "LoggedAnalytics",
  "MetadataCondition",
  "MetricComparison",
  "NotFound",
  "Overloaded",
  "PageInfo",
  "PriceTier",
  "RejectedRecord",
  "RouteRefused",
  "RoutingRule",
  "RoutingSimulation",
  "RuleAction",
  "RuleCondition",
  "RuleTarget",
  "SuggestedTest",
  "VariantAssignment",
  "VariantConfig",
  "VariantMetrics",
];

export default [
  {
    files: ["schema.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // Lists are read one way, from the newest on.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      "@graphql-eslint/relay-edge-types": [
        "error",
        {
          withEdgeSuffix: true,
          // There is no `node(id:)`: each kind of row is asked for by a field of its own, such as `costAlert(id:)`.
          shouldImplementNode: false,
          // What is short and comes whole, such as the hours of a week, is a plain list.
          listTypeCanWrapOnlyEdgeType: false,
        },
      ],
      // These are no rows but values, parts of a row or what became of a request: a cache keeps them with their parent.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        { exceptions: { suffixes: ["Connection", "Edge"], types: VALUES } },
      ],
      // A Model's `model` is its name beside `provider`, as it is wherever a model is named.
      "@graphql-eslint/no-typename-prefix": "off",
    },
  },
];
