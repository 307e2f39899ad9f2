// Checks the schema with the rules of graphql-eslint. The comment of each changed option says why.
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
      // Lists are read in one direction, starting with the newest row.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      "@graphql-eslint/relay-edge-types": [
        "error",
        {
          withEdgeSuffix: true,
          // There is no `node(id:)`: each kind of row has its own field, such as `costAlert(id:)`.
          shouldImplementNode: false,
          // Short, complete lists, such as the hours of a week, are plain lists.
          listTypeCanWrapOnlyEdgeType: false,
        },
      ],
      // These are not rows but values, parts of a row or results of a request: a cache stores them with their parent.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        { exceptions: { suffixes: ["Connection", "Edge"], types: VALUES } },
      ],
      // The field `model` of Model is its name next to `provider`, as in every other type that names a model.
      "@graphql-eslint/no-typename-prefix": "off",
    },
  },
];
