import { useEffect, useId, useState } from "react";
import { Button, Label, Meter } from "react-aria-components";
import { dollars, known, ofUnknownCost, time, until, words } from "../../format";
import type { AlertPeriod, UnknownCost } from "../../gql/graphql";
import { type Alert, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { UnknownCostAdvice } from "../Cost";
import { FormDialog } from "../FormDialog";

const PERIODS: AlertPeriod[] = ["HOURLY", "DAILY", "WEEKLY", "MONTHLY"];
const UNKNOWN_COSTS: Record<UnknownCost, string> = {
  REFUSE: "Reject: no request is routed to a model with a call in the window that has neither a known nor an assumed cost.",
  ALLOW: "Allow: requests are routed to such a model, and its calls of unknown cost do not count as spend.",
};

/** The cost alerts, with the spend and the state of each. */
export function CostAlertsPanel() {
  const { costAlerts, createCostAlert, updateCostAlert, acknowledgeCostAlert, deleteCostAlert, refreshAlerts, loading, error } =
    useEnterpriseRouter();
  const [problem, setProblem] = useState<string>();
  const now = useNow();
  const ended = costAlerts?.some((alert) => alert.resetsAt && Date.parse(alert.resetsAt) <= now) ?? false;
  useEffect(() => {
    if (ended) refreshAlerts(); // a new window has begun, and no call was logged that would refresh the list
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
              ...(fields["unknownCost"] && { unknownCost: fields["unknownCost"] as UnknownCost }),
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
          <Enforcement />
        </FormDialog>
      </div>
      {(error ?? problem) !== undefined && <p role="alert">{problem ?? "The cost alerts could not be loaded."}</p>}
      {costAlerts?.length === 0 && <p>No cost alerts yet. An alert notifies you when spend approaches or reaches its threshold.</p>}
      {costAlerts === undefined && loading && <p role="status">Loading…</p>}
      <UnknownCostAdvice unpriced={costAlerts?.some((alert) => alert.unpricedCalls > 0)} />
      <ul className="cards">
        {costAlerts?.map((alert) => (
          <AlertCard
            key={alert.id}
            alert={alert}
            now={now}
            acknowledge={async () => setProblem((await acknowledgeCostAlert(alert.id)).problem)}
            decide={(unknownCost) => updateCostAlert(alert.id, { unknownCost })}
            remove={() => deleteCostAlert(alert.id)}
          />
        ))}
      </ul>
    </section>
  );
}

/** Whether the alert is enforced and, if so, what it does with models of unknown cost. */
function Enforcement() {
  const [enforced, setEnforced] = useState(false);
  return (
    <>
      <label className="check">
        <input type="checkbox" name="enforced" checked={enforced} onChange={(event) => setEnforced(event.target.checked)} /> Reject
        requests that would exceed the threshold
      </label>
      {enforced && <UnknownCosts chosen="REFUSE" />}
    </>
  );
}

function UnknownCosts({ chosen }: { chosen: UnknownCost }) {
  return (
    <fieldset>
      <legend>Models of unknown cost</legend>
      {(Object.keys(UNKNOWN_COSTS) as UnknownCost[]).map((each) => (
        <label key={each} className="check">
          <input type="radio" name="unknownCost" value={each} defaultChecked={each === chosen} /> {UNKNOWN_COSTS[each]}
        </label>
      ))}
    </fieldset>
  );
}

interface CardProps {
  alert: Alert;
  now: number;
  acknowledge: () => Promise<void>;
  decide: (unknownCost: UnknownCost) => ReturnType<ReturnType<typeof useEnterpriseRouter>["updateCostAlert"]>;
  remove: () => ReturnType<ReturnType<typeof useEnterpriseRouter>["deleteCostAlert"]>;
}

function AlertCard({ alert, now, acknowledge, decide, remove }: CardProps) {
  const state = alert.active ? alert.state.toLowerCase() : "off";
  const { unpricedCalls } = alert;
  const unpriced = useId();
  return (
    <li className={`card ${state}`} aria-label={alert.alertType}>
      <div className="head">
        <h3>{alert.alertType}</h3>
        <span className={`badge ${state}`}>
          {alert.active ? { ACTIVE: "Active", NEAR_LIMIT: "Near limit", TRIGGERED: "Triggered" }[alert.state] : "Off"}
        </span>
      </div>
      <Spending alert={alert} state={state} unpriced={unpriced} />
      {unpricedCalls > 0 && (
        <p id={unpriced} className="unpriced">
          {ofUnknownCost(unpricedCalls)} {unpricedCalls === 1 ? "is" : "are"} not included in the spend
        </p>
      )}
      <dl>
        <dt>Remaining</dt>
        <dd>{left(alert.remaining, unpricedCalls)}</dd>
        <dt>Period</dt>
        <dd>
          {words(alert.period)}
          {alert.enforced && ", enforced"}
        </dd>
        <dt>Resets</dt>
        <dd>{alert.resetsAt ? `in ${until(alert.resetsAt, now)}` : "continuously"}</dd>
        {alert.enforced && (
          <>
            <dt>Unknown costs</dt>
            <dd>{{ REFUSE: "rejected", ALLOW: "allowed" }[alert.unknownCost]}</dd>
          </>
        )}
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
        {alert.enforced && (
          <FormDialog
            quiet
            label="Unknown costs…"
            name={`Unknown costs of ${alert.alertType}`}
            title={`Unknown costs and “${alert.alertType}”`}
            submit="Save"
            onSubmit={(fields) => decide(fields["unknownCost"] as UnknownCost)}
          >
            <UnknownCosts chosen={alert.unknownCost} />
          </FormDialog>
        )}
        <FormDialog quiet danger label="Delete" title={`Delete “${alert.alertType}”?`} submit="Delete alert" onSubmit={remove}>
          <p>This also deletes its alert events. The calls and their costs are kept.</p>
        </FormDialog>
      </div>
    </li>
  );
}

/** The spent, assumed and held parts of the threshold, as a bar and as text. */
function Spending({ alert, state, unpriced }: { alert: Alert; state: string; unpriced: string }) {
  const { unpricedCalls, percentUsed } = alert;
  const spent = known(alert.currentAmount, unpricedCalls);
  const nothingKnown = spent === "unknown";
  const parts = [
    { name: "spent", amount: alert.currentAmount, words: `${nothingKnown ? "an unknown amount" : spent} spent` },
    { name: "assumed", amount: alert.assumedAmount, words: `${dollars(alert.assumedAmount)} assumed` },
    { name: "held", amount: alert.heldAmount, words: `${dollars(alert.heldAmount)} held` },
  ].filter((part) => part.name === "spent" || Number(part.amount) > 0);
  const sum = parts.reduce((total, part) => total + Number(part.amount), 0);
  const whole = Math.max(sum, Number(alert.thresholdAmount)); // room for the part above the threshold
  const used = nothingKnown ? "unknown" : `${unpricedCalls > 0 ? "at least " : ""}${percentUsed.toFixed(1)} %`;
  return (
    <>
      <Meter
        value={Math.min(percentUsed, 100)}
        valueLabel={used}
        className={`meter ${state}`}
        {...(unpricedCalls > 0 && { "aria-describedby": unpriced })}
      >
        {({ valueText }) => (
          <>
            <Label>
              {parts.map((part) => part.words).join(", ")} of {dollars(alert.thresholdAmount)}
            </Label>
            <span>{valueText}</span>
            <div className="track">
              {parts.map((part) => (
                <div key={part.name} className={`bar ${part.name}`} style={{ width: `${(100 * Number(part.amount)) / whole}%` }} />
              ))}
            </div>
            {parts.length > 1 && (
              <ul className="legend">
                {parts.map((part) => (
                  <li key={part.name}>
                    <span className={`bar ${part.name}`} /> {part.name}
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Meter>
      {alert.enforced && <p className="available">{left(alert.availableAmount)} available to routing</p>}
    </>
  );
}

/** The remaining amount. It is an upper bound when calls have an unknown cost. */
function left(amount: string, unpriced = 0): string {
  if (Number(amount) === 0) return "nothing";
  return unpriced > 0 ? `at most ${dollars(amount)}` : dollars(amount);
}

/** The current time in milliseconds, updated every 30 s. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
