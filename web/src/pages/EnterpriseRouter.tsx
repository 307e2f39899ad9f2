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
import { type Firing, RouterContext, useFirings, useRouterState } from "../hooks/useEnterpriseRouter";
import { dollars, known, ofUnknownCost } from "../format";
import { forgetToken, keepToken, token } from "../token";

// Charts are half of all there is to load, and not on the first tab.
const AnalyticsPanel = lazy(() => import("../components/router/AnalyticsPanel"));

/** The page at /enterprise-router: four tabs for who is signed in, a token field for who is not. */
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
    const connected = connect(signedIn, () => signOut("The token does not hold, or has expired."));
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
function spentOf({ amount, threshold, alert }: Firing): string {
  const spent = `${known(amount, alert.unpricedCalls)} of ${dollars(threshold)}`;
  return alert.unpricedCalls === 0 ? spent : `${spent} · ${ofUnknownCost(alert.unpricedCalls)}`;
}

function Dashboard({ api, signOut }: { api: Api; signOut: () => void }) {
  const [connection, setConnection] = useState<Connection>("connecting");
  const { toasts, show, dismiss } = useToasts();
  const router = useRouterState();
  const { refresh, refreshAlerts } = router;
  useEffect(() => {
    let lost = false;
    return api.watch((now) => {
      setConnection(now);
      if (now === "lost") lost = true;
      // What was changed meanwhile was pushed to nobody.
      else if (now === "connected" && lost) refresh();
    });
  }, [api, refresh]);
  const following = useFirings((firing) => {
    refreshAlerts();
    show({
      // What crosses a line was near it before: one notification of each alert.
      id: firing.alert.id,
      urgent: firing.level === "TRIGGERED",
      title: firing.level === "TRIGGERED" ? `${firing.alert.alertType}: threshold crossed` : `${firing.alert.alertType}: near its limit`,
      text: spentOf(firing),
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
