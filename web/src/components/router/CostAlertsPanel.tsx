import { useEffect, useState } from "react";
import { Button, Label, Meter } from "react-aria-components";
import { dollars, time, until, words } from "../../format";
import type { AlertPeriod } from "../../gql/graphql";
import { type Alert, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { FormDialog } from "../FormDialog";

const PERIODS: AlertPeriod[] = ["HOURLY", "DAILY", "WEEKLY", "MONTHLY"];

/** Budgets: how much of each is spent, and what has crossed its line. */
export function CostAlertsPanel() {
  const { costAlerts, createCostAlert, acknowledgeCostAlert, deleteCostAlert, refreshAlerts, loading, error } = useEnterpriseRouter();
  const [problem, setProblem] = useState<string>();
  const now = useNow();
  const ended = costAlerts?.some((alert) => alert.resetsAt && Date.parse(alert.resetsAt) <= now) ?? false;
  useEffect(() => {
    if (ended) refreshAlerts(); // a new window has begun, without a call that would tell
  }, [ended, now, refreshAlerts]);
  return (
    <section aria-labelledby="alerts-title">
      <div className="head">
        <h2 id="alerts-title">Cost alerts</h2>
        <FormDialog
          label="New Alert"
          title="New cost alert"
          submit="Create alert"
          onSubmit={(fields) =>
            createCostAlert({
              alertType: fields["name"] || undefined,
              thresholdAmount: fields["threshold"] ?? "",
              period: fields["period"] as AlertPeriod,
              timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
              enforced: fields["enforced"] === "on",
            })
          }
        >
          <label>
            Name
            <input name="name" maxLength={100} placeholder="daily spend" />
          </label>
          <label>
            Threshold, USD
            <input name="threshold" inputMode="decimal" pattern="[0-9]*[.]?[0-9]+" required placeholder="25.00" />
          </label>
          <label>
            Period
            <select name="period" defaultValue="DAILY">
              {PERIODS.map((period) => (
                <option key={period} value={period}>
                  {words(period)}
                </option>
              ))}
            </select>
          </label>
          <label className="check">
            <input type="checkbox" name="enforced" /> Refuse requests that would cross it
          </label>
        </FormDialog>
      </div>
      {(error ?? problem) !== undefined && <p role="alert">{problem ?? "The alerts could not be read."}</p>}
      {costAlerts?.length === 0 && <p>No alert yet. One tells you the moment spending crosses a line.</p>}
      {costAlerts === undefined && loading && <p role="status">Loading…</p>}
      <ul className="cards">
        {costAlerts?.map((alert) => (
          <AlertCard
            key={alert.id}
            alert={alert}
            now={now}
            acknowledge={async () => setProblem((await acknowledgeCostAlert(alert.id)).problem)}
            remove={() => deleteCostAlert(alert.id)}
          />
        ))}
      </ul>
    </section>
  );
}

interface CardProps {
  alert: Alert;
  now: number;
  acknowledge: () => Promise<void>;
  remove: () => ReturnType<ReturnType<typeof useEnterpriseRouter>["deleteCostAlert"]>;
}

function AlertCard({ alert, now, acknowledge, remove }: CardProps) {
  const state = alert.active ? alert.state.toLowerCase() : "off";
  return (
    <li className={`card ${state}`} aria-label={alert.alertType}>
      <div className="head">
        <h3>{alert.alertType}</h3>
        <span className={`badge ${state}`}>
          {alert.active ? { ACTIVE: "Active", NEAR_LIMIT: "Near limit", TRIGGERED: "Triggered" }[alert.state] : "Off"}
        </span>
      </div>
      <Meter value={Math.min(alert.percentUsed, 100)} valueLabel={`${alert.percentUsed.toFixed(1)} %`} className={`meter ${state}`}>
        {({ percentage, valueText }) => (
          <>
            <Label>
              {dollars(alert.currentAmount)} of {dollars(alert.thresholdAmount)}
            </Label>
            <span>{valueText}</span>
            <div className="track">
              <div className="bar" style={{ width: `${percentage}%` }} />
            </div>
          </>
        )}
      </Meter>
      <dl>
        <dt>Remaining</dt>
        <dd>{dollars(alert.remaining)}</dd>
        <dt>Period</dt>
        <dd>
          {words(alert.period)}
          {alert.enforced && ", enforced"}
        </dd>
        <dt>Resets</dt>
        <dd>{alert.resetsAt ? `in ${until(alert.resetsAt, now)}` : "continuously"}</dd>
        {alert.triggeredAt && (
          <>
            <dt>Triggered</dt>
            <dd>
              <time dateTime={alert.triggeredAt}>{time(alert.triggeredAt)}</time>
            </dd>
          </>
        )}
        {alert.acknowledgedAt && (
          <>
            <dt>Acknowledged</dt>
            <dd>{time(alert.acknowledgedAt)}</dd>
          </>
        )}
      </dl>
      <div className="actions">
        {alert.state !== "ACTIVE" && !alert.acknowledgedAt && (
          <Button onPress={acknowledge} className="primary">
            Acknowledge
          </Button>
        )}
        <FormDialog quiet danger label="Delete" title={`Delete “${alert.alertType}”?`} submit="Delete alert" onSubmit={remove}>
          <p>Its history of firings goes with it. What was spent stays counted.</p>
        </FormDialog>
      </div>
    </li>
  );
}

/** The time in milliseconds, told anew every half minute. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
