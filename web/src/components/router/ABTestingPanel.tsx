import { useEffect, useState } from "react";
import { useQuery, useSubscription } from "urql";
import { IntervalChart } from "../../charts/IntervalChart";
import { calls as ofCalls, count, milliseconds, percent, time, words } from "../../format";
import { graphql } from "../../gql";
import type { AbTestMetric, Variant } from "../../gql/graphql";
import { type Outcome, spoken, TEST_UPDATED, type Test, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { TotalCost, UnknownCostAdvice } from "../Cost";
import { FormDialog } from "../FormDialog";
import { ProviderInput } from "../ProviderInput";

const LOOKS = graphql(`query Looks($id: ID!) { abTestLooks(id: $id) { at comparison { low high } } }`);
const METRICS: AbTestMetric[] = ["SUCCESS_RATE", "LATENCY", "COST"];
const SHOWN = 20;

/** The A/B tests: the figures of both variants and the verdict so far. */
export function ABTestingPanel() {
  const { abTests, createABTest, endABTest, refresh, loading, error } = useEnterpriseRouter();
  useEffect(() => refresh(), [refresh]); // the figures may have changed since the page was opened
  const [shown, setShown] = useState(SHOWN);
  const active = abTests?.filter((test) => test.active) ?? [];
  const completed = abTests?.filter((test) => !test.active) ?? [];
  return (
    <section aria-labelledby="tests-title">
      <div className="head">
        <h2 id="tests-title">A/B tests</h2>
        <FormDialog
          label="New Test"
          title="New A/B test"
          submit="Start test"
          onSubmit={(fields) =>
            createABTest({
              testName: fields["name"] ?? "",
              taskType: fields["taskType"] || undefined,
              variantA: { provider: fields["providerA"] ?? "", model: fields["modelA"] ?? "" },
              variantB: { provider: fields["providerB"] ?? "", model: fields["modelB"] ?? "" },
              primaryMetric: fields["metric"] as AbTestMetric,
              split: Number(fields["split"]) / 100,
            })
          }
        >
          <label>
            Name
            <input name="name" required maxLength={100} />
          </label>
          <label>
            Task type (empty: all)
            <input name="taskType" maxLength={100} placeholder="chat" />
          </label>
          {(["A", "B"] as const).map((variant) => (
            <fieldset key={variant}>
              <legend>Variant {variant}</legend>
              <VariantProvider name={`provider${variant}`} />
              <label>
                Model
                <input name={`model${variant}`} required placeholder="gpt-4o-mini" />
              </label>
            </fieldset>
          ))}
          <label>
            Primary metric
            <select name="metric" defaultValue="SUCCESS_RATE">
              {METRICS.map((metric) => (
                <option key={metric} value={metric}>
                  {words(metric)}
                </option>
              ))}
            </select>
          </label>
          <label>
            Traffic to variant A, %
            <input name="split" type="number" min={1} max={99} defaultValue={50} />
          </label>
        </FormDialog>
      </div>
      {error !== undefined && <p role="alert">The A/B tests could not be loaded.</p>}
      <UnknownCostAdvice unpriced={abTests?.some((test) => test.variantA.unpricedCalls + test.variantB.unpricedCalls > 0)} />
      {abTests === undefined && loading && <p role="status">Loading…</p>}
      {abTests?.length === 0 && <p>No A/B tests yet. A test compares two models on your requests.</p>}
      {active.length > 0 && <h3>Active</h3>}
      <ul className="cards wide">
        {active.slice(0, shown).map((test) => (
          <LiveTest key={test.id} test={test} end={endABTest} />
        ))}
      </ul>
      {completed.length > 0 && <h3>Completed</h3>}
      <ul className="cards wide">
        {completed.slice(0, shown).map((test) => (
          <TestCard key={test.id} test={test} />
        ))}
      </ul>
      {Math.max(active.length, completed.length) > shown && (
        <button type="button" onClick={() => setShown(shown + SHOWN)}>
          Show more
        </button>
      )}
    </section>
  );
}

function VariantProvider({ name }: { name: string }) {
  const [provider, setProvider] = useState("");
  return <ProviderInput label="Provider" name={name} value={provider} onChange={setProvider} required placeholder="openai" />;
}

type End = (id: string, winner: Variant | null) => Promise<Outcome<Test>>;

/** A running test. Its figures are pushed as calls are counted. */
function LiveTest({ test, end }: { test: Test; end: End }) {
  const [updated] = useSubscription({ query: TEST_UPDATED, variables: { id: test.id } });
  const pushed = updated.data?.abTestUpdated;
  // The later one: counts only grow, and an ended test does not change.
  const current = pushed && test.active && calls(pushed) >= calls(test) ? pushed : test;
  return current.active ? <TestCard test={current} end={end} /> : <TestCard test={current} />;
}

/** The confidence interval of the primary metric since the test began. It is loaded when opened. */
function Snapshots({ test }: { test: Test }) {
  const [open, setOpen] = useState(false);
  const [found] = useQuery({ query: LOOKS, variables: { id: test.id }, pause: !open, requestPolicy: "cache-and-network" });
  const metric = test.primaryMetric;
  const now = test.inference.comparisons.find((each) => each.metric === metric);
  const snapshots = (found.data?.abTestLooks ?? []).map(({ at, comparison }) => ({ at: Date.parse(at), ...comparison }));
  const all = test.active && now ? [...snapshots, { at: Date.now(), ...now }] : snapshots;
  const history = all.flatMap(({ at, low, high }) => (low === null || high === null ? [] : [{ at, low, high }]));
  const of = metric === "LATENCY" ? "Latency of A divided by latency of B" : `Difference in ${words(metric)}, A minus B`;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Confidence interval over time</summary>
      {found.fetching && <p role="status">Loading…</p>}
      {found.error && <p role="alert">{spoken(found.error)}</p>}
      {found.data?.abTestLooks === null && <p>Not available: the test has more than 200,000 calls.</p>}
      {found.data?.abTestLooks && <IntervalChart history={history} of={of} same={metric === "LATENCY" ? 1 : 0} />}
    </details>
  );
}

function calls(test: Test): number {
  return test.variantA.calls + test.variantB.calls;
}

function TestCard({ test, end }: { test: Test; end?: End }) {
  const { variantA: a, variantB: b } = test;
  const shareA = a.trafficShare ?? test.split;
  return (
    <li className="card" aria-label={test.testName}>
      <div className="head">
        <h4>{test.testName}</h4>
        <span className={`badge ${test.active ? "active" : "ended"}`}>
          {test.active ? "Active" : test.winner ? `Winner: ${test.winner}` : "Ended without winner"}
        </span>
      </div>
      <p className="verdict">{test.inference.sentence}</p>
      <div className="scroll" tabIndex={0} role="region" aria-label={`Variants of ${test.testName}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Variant</th>
            <th scope="col">Calls</th>
            <th scope="col">Success</th>
            <th scope="col">Avg. latency</th>
            <th scope="col">Total cost</th>
          </tr>
        </thead>
        <tbody>
          {[a, b].map((variant, index) => (
            <tr key={index}>
              <th scope="row">
                {"AB"[index]}: {variant.config.provider} {variant.config.model}
              </th>
              <td>{count(variant.calls)}</td>
              <td>{percent(variant.successRate)}</td>
              <td>{milliseconds(variant.avgLatencyMs)}</td>
              <td>
                <TotalCost of={variant.totalCost} unpriced={variant.unpricedCalls} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      </div>
      <div className="split" role="img" aria-label={`Traffic: ${percent(shareA, 0)} to A, ${percent(1 - shareA, 0)} to B`}>
        <div className="a" style={{ width: `${100 * shareA}%` }}>
          A {percent(shareA, 0)}
        </div>
        <div className="b">B {percent(1 - shareA, 0)}</div>
      </div>
      <ul className="comparisons">
        {test.inference.comparisons.map((each) => (
          <li key={each.metric}>{each.sentence}</li>
        ))}
      </ul>
      <Snapshots test={test} />
      <p className="dates">
        Started {time(test.startedAt)}
        {test.endedAt && `, ended ${time(test.endedAt)}`}
      </p>
      {end && (
        <div className="actions">
          {([["Choose A", "A"], ["Choose B", "B"], ["End without winner", null]] as const).map(([label, winner]) => (
            <FormDialog
              key={label}
              quiet
              danger={winner === null}
              label={label}
              title={winner ? `Choose ${winner} as the winner of “${test.testName}”?` : `End “${test.testName}” without a winner?`}
              submit={winner ? `Choose ${winner}` : "End test"}
              onSubmit={() => end(test.id, winner)}
            >
              <p>
                <strong>{test.inference.sentence}</strong>
              </p>
              <ul>
                {test.inference.comparisons.map((each) => (
                  <li key={each.metric}>{each.sentence}</li>
                ))}
              </ul>
              <p>
                A: {ofCalls(a.calls)}, B: {ofCalls(b.calls)}.{" "}
                {winner
                  ? "A new rule in your preferences makes the winner the default for these requests. You can delete the rule."
                  : "Routing does not change."}
              </p>
            </FormDialog>
          ))}
        </div>
      )}
    </li>
  );
}
