import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { Button, Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { Provider } from "urql";
import { type Api, type Connection, connect } from "../client";
import { Boundary } from "../components/Boundary";
import { SignIn } from "../components/SignIn";
import { Toasts, useToasts } from "../components/Toasts";
import { ABTestingPanel } from "../components/router/ABTestingPanel";
import { CostAlertsPanel } from "../components/router/CostAlertsPanel";
import { RouterPreferences } from "../components/router/RouterPreferences";
import { type AlertEvent, RouterContext, useAlertEvents, useRouterState } from "../hooks/useEnterpriseRouter";
import { dollars, known, ofUnknownCost } from "../format";
import { forgetToken, keepToken, token } from "../token";

// The charts are half of the page's code and are not on the first tab: load them on demand.
const AnalyticsPanel = lazy(() => import("../components/router/AnalyticsPanel"));

/** The page at /enterprise-router: four tabs when signed in, the sign-in form otherwise. */
export function EnterpriseRouter() {
  const [signedIn, setSignedIn] = useState(token());
  const [problem, setProblem] = useState<string>();
  const [api, setApi] = useState<Api>();
  const signOut = useCallback((why?: string) => {
    forgetToken();
    setSignedIn(null);
    setProblem(why);
  }, []);

  useEffect(() => {
    if (signedIn === null) return;
    const connected = connect(signedIn, () => signOut("The token is invalid or has expired."));
    setApi(connected);
    return () => {
      setApi(undefined);
      connected.close();
    };
  }, [signedIn, signOut]);

  if (signedIn === null) {
    return (
      <SignIn
        problem={problem}
        signIn={(given) => {
          keepToken(given);
          setProblem(undefined);
          setSignedIn(token());
        }}
      />
    );
  }
  if (api === undefined) return null;
  return (
    <Provider value={api.client}>
      <Dashboard api={api} signOut={() => signOut()} />
    </Provider>
  );
}

/** `at least $8.50 of $10.00 · 1 call of unknown cost` */
function spentOf({ amount, threshold, alert }: AlertEvent): string {
  const spent = `${known(amount, alert.unpricedCalls)} of ${dollars(threshold)}`;
  return alert.unpricedCalls === 0 ? spent : `${spent} · ${ofUnknownCost(alert.unpricedCalls)}`;
}

function Dashboard({ api, signOut }: { api: Api; signOut: () => void }) {
  const [connection, setConnection] = useState<Connection>("connecting");
  const { toasts, show, dismiss } = useToasts();
  const router = useRouterState(api);
  const { refresh, refreshAlerts } = router;
  useEffect(() => {
    let lost = false;
    return api.watch((now) => {
      setConnection(now);
      if (now === "lost") lost = true;
      // Changes while the connection was lost were not pushed: read them.
      else if (now === "connected" && lost) refresh();
    });
  }, [api, refresh]);
  const following = useAlertEvents((event) => {
    refreshAlerts();
    show({
      // TRIGGERED replaces NEAR_LIMIT: one notification per alert.
      id: event.alert.id,
      urgent: event.level === "TRIGGERED",
      title: event.level === "TRIGGERED" ? `${event.alert.alertType}: threshold reached` : `${event.alert.alertType}: near its limit`,
      text: spentOf(event),
    });
  });
  const shown = connection === "connected" && !following ? "connecting" : connection;
  return (
    <RouterContext value={router}>
      <header className="top">
        <h1>Enterprise Router</h1>
        <span className={`connection ${shown}`} role="status">
          {{ connected: "Live", connecting: "Connecting…", lost: "Connection lost, trying again…" }[shown]}
        </span>
        <nav>
          <a href="/graphql">GraphiQL</a>
          <Button onPress={signOut} className="quiet">
            Sign out
          </Button>
        </nav>
      </header>
      <main>
        <Tabs>
          <TabList aria-label="Enterprise Router">
            <Tab id="preferences">Preferences</Tab>
            <Tab id="tests">A/B Testing</Tab>
            <Tab id="alerts">Cost Alerts</Tab>
            <Tab id="analytics">Analytics</Tab>
          </TabList>
          <TabPanel id="preferences">
            <Boundary>
              <RouterPreferences />
            </Boundary>
          </TabPanel>
          <TabPanel id="tests">
            <Boundary>
              <ABTestingPanel />
            </Boundary>
          </TabPanel>
          <TabPanel id="alerts">
            <Boundary>
              <CostAlertsPanel />
            </Boundary>
          </TabPanel>
          <TabPanel id="analytics">
            <Boundary>
              <Suspense fallback={<p role="status">Loading…</p>}>
                <AnalyticsPanel />
              </Suspense>
            </Boundary>
          </TabPanel>
        </Tabs>
      </main>
      <Toasts toasts={toasts} dismiss={dismiss} />
    </RouterContext>
  );
}
