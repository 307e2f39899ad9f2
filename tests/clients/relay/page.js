// What a page in Relay asks for: lists that go on, and fragments that can be asked for again.
graphql`
  query pageQuery($first: Int!, $after: String) {
    ...page_tests @arguments(first: $first, after: $after)
    ...page_alerts
    viewer {
      ...page_viewer
    }
  }
`;

graphql`
  fragment page_tests on Query
  @refetchable(queryName: "pageTestsQuery")
  @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" }, active: { type: "Boolean" }) {
    abTests(first: $first, after: $after, active: $active) @connection(key: "page_abTests") {
      edges {
        node {
          id
          testName
          ...page_test
        }
      }
    }
  }
`;

graphql`
  fragment page_test on ABTest {
    variantA {
      calls
      totalCost
    }
    inference {
      verdict
    }
  }
`;

graphql`
  fragment page_alerts on Query
  @refetchable(queryName: "pageAlertsQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
    costAlerts(first: $first, after: $after) @connection(key: "page_costAlerts", filters: []) {
      edges {
        node {
          id
          state
        }
      }
    }
  }
`;

graphql`
  fragment page_viewer on Viewer @refetchable(queryName: "pageViewerQuery") {
    id
  }
`;

graphql`
  mutation pageSaveMutation($input: SavePreferencesInput!) {
    savePreferences(input: $input) {
      __typename
      ... on RouterPreferences {
        id
        defaultPriority
      }
      ... on Error {
        message
      }
    }
  }
`;

graphql`
  subscription pageAlertSubscription($after: String) {
    alertTriggered(after: $after) {
      cursor
      alert {
        ...page_alert
      }
    }
  }
`;

graphql`
  fragment page_alert on CostAlert {
    state
    remaining
  }
`;
