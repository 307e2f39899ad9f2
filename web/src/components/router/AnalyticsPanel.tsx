import { useEffect, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { type CombinedError, useQuery } from "urql";
import { LineChart, type Series } from "../../charts/LineChart";
import { calls as ofCalls, count, dollars, milliseconds, ofUnknownCost, percent, totalCost, words } from "../../format";
import { graphql } from "../../gql";
import type { CostsQuery, OpportunitiesQuery, TimeGrain, WeekDay } from "../../gql/graphql";
import { type Call, OF_CALLS, spoken, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { token } from "../../token";
import { Cost, TotalCost, UnknownCostAdvice } from "../Cost";
import { CallRows } from "./CallRows";
import { Correction } from "./Correction";

const SERIES = graphql(`
  query Series($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {
    analyticsSummary(filter: $filter, grain: $grain, timeZone: $timeZone) {
      start calls latencyP50Ms latencyP95Ms latencyP99Ms
    }
    total: analyticsSummary(filter: $filter, timeZone: $timeZone) { totalCost unpricedCalls }
  }
`);
const COSTS = graphql(`
  query Costs($filter: AnalyticsFilter, $grain: TimeGrain!, $timeZone: String!) {
    costTrend(filter: $filter, grain: $grain, timeZone: $timeZone) {
      start unpricedCalls providers { provider totalCost unpricedCalls }
    }
  }
`);
const LEADERS = graphql(`
  query Leaders($filter: AnalyticsFilter) {
    leaderboard(by: MODEL, filter: $filter, first: 20) {
      provider model callsChange totalCostChange
      current { calls totalCost unpricedCalls avgCost successRate latencyP95Ms }
      previous { unpricedCalls }
    }
  }
`);
const HEAT = graphql(`
  query Heat($filter: AnalyticsFilter, $timeZone: String!) {
    heatMap(filter: $filter, timeZone: $timeZone) { weekday hour calls errorRate latencyP95Ms }
  }
`);
const OPPORTUNITIES = graphql(`
  query Opportunities($filter: AnalyticsFilter, $timeZone: String!) {
    opportunities(filter: $filter, timeZone: $timeZone) {
      id kind title explanation evidence { name value } monthlySaving savingLow savingHigh suggestedTest { testName }
    }
  }
`);
const RANGES = { day: 1, week: 7, month: 30, quarter: 90, year: 365 };
type Range = keyof typeof RANGES;
/** Up to this many days, charts have one point per hour; up to `DAYS_UP_TO`, one per day; above, one per week. */
const HOURS_UP_TO = 8;
const DAYS_UP_TO = 120;
/** The maximum number of providers in the cost chart. */
const DRAWN = 5;
const WEEKDAYS: WeekDay[] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
const DAY_MS = 86_400_000;
/** The interval after which a time range that ends now is moved forward. */
const RENEWED_MS = 300_000;

const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const inDollars = (value: number) => dollars(String(value));
const inMilliseconds = (value: number) => milliseconds(value);

/** Volume, latency, cost and opportunities of the calls in a time range, and the calls themselves. */
export default function AnalyticsPanel() {
  const [filter, setFilter] = useState(() => lastDays(RANGES.month));
  const [range, setRange] = useState<Range | "days">("month");
  const [days, setDays] = useState<{ from: string; to: string }>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    if (range === "days") return;
    const timer = setInterval(() => setFilter(lastDays(RANGES[range])), RENEWED_MS);
    return () => clearInterval(timer);
  }, [range]);
  const length = (Date.parse(filter.to) - Date.parse(filter.from)) / DAY_MS;
  const grain: TimeGrain = length <= HOURS_UP_TO ? "HOUR" : length <= DAYS_UP_TO ? "DAY" : "WEEK";
  const pick = (picked: { from: string; to: string }) => {
    setDays(picked);
    // Days in the browser's time zone, both inclusive.
    const [from, to] = [new Date(`${picked.from}T00:00`), new Date(`${picked.to}T00:00`)];
    to.setDate(to.getDate() + 1);
    if (from < to) setFilter({ from: from.toISOString(), to: to.toISOString() });
    setProblem(from < to ? undefined : "From must not be after To.");
  };
  return (
    <section aria-labelledby="analytics-title">
      <div className="head">
        <h2 id="analytics-title">Analytics</h2>
        <label className="inline">
          Range
          <select
            value={range}
            onChange={(event) => {
              setRange(event.target.value as Range | "days");
              if (event.target.value === "days") return pick({ from: localDay(filter.from), to: localDay(filter.to) });
              setDays(undefined);
              setProblem(undefined);
              setFilter(lastDays(RANGES[event.target.value as Range]));
            }}
          >
            {Object.keys(RANGES).map((each) => (
              <option key={each} value={each}>
                Last {each}
              </option>
            ))}
            <option value="days">Date range…</option>
          </select>
        </label>
        {days && (
          <>
            {(["from", "to"] as const).map((end) => (
              <label key={end} className="inline">
                {end === "from" ? "From" : "To"}
                <input type="date" value={days[end]} onChange={(event) => event.target.value && pick({ ...days, [end]: event.target.value })} />
              </label>
            ))}
          </>
        )}
        <Export filter={filter} />
      </div>
      {problem !== undefined && <p role="alert">{problem}</p>}
      <div className="grid">
        <Overview filter={filter} grain={grain} />
        <CostTrend filter={filter} grain={grain} />
        <Opportunities filter={filter} />
        <Leaders filter={filter} />
        <HeatMap filter={filter} />
        <Calls filter={filter} />
      </div>
    </section>
  );
}

/** The day in the browser's time zone, as a date input formats it. */
function localDay(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function lastDays(days: number) {
  const now = Math.ceil(Date.now() / 60_000) * 60_000;
  return { from: new Date(now - days * DAY_MS).toISOString(), to: new Date(now).toISOString() };
}

interface Asked {
  filter: { from: string; to: string };
}

function Overview({ filter, grain }: Asked & { grain: TimeGrain }) {
  const [found] = useQuery({ query: SERIES, variables: { filter, grain, timeZone }, context: OF_CALLS });
  const buckets = found.data?.analyticsSummary;
  const { times, calls, latency } = useMemo(() => {
    const all = buckets ?? [];
    return {
      times: all.map((each) => seconds(each.start)),
      calls: [{ name: "Calls", values: all.map((each) => each.calls) }],
      latency: [
        { name: "p50", values: all.map((each) => each.latencyP50Ms) },
        { name: "p95", values: all.map((each) => each.latencyP95Ms) },
        { name: "p99", values: all.map((each) => each.latencyP99Ms) },
      ],
    };
  }, [buckets]);
  const sum = (buckets ?? []).reduce((sum, each) => sum + each.calls, 0);
  const total = found.data?.total[0];
  return (
    <>
      <div className="card">
        <h3>{buckets ? `Calls: ${count(sum)}` : "Calls"}</h3>
        <Problem of={found.error} />
        {total && (
          <p className="figure">
            Total cost: <TotalCost of={total.totalCost} unpriced={total.unpricedCalls} />
          </p>
        )}
        <UnknownCostAdvice unpriced={total && total.unpricedCalls > 0} />
        <LineChart fetching={found.fetching} label="Calls over time" times={times} series={calls} format={count} />
      </div>
      <div className="card">
        <h3>Latency</h3>
        <LineChart fetching={found.fetching} label="Latency percentiles over time" times={times} series={latency} format={inMilliseconds} />
      </div>
    </>
  );
}

function CostTrend({ filter, grain }: Asked & { grain: TimeGrain }) {
  const [found] = useQuery({ query: COSTS, variables: { filter, grain, timeZone }, context: OF_CALLS });
  const points = found.data?.costTrend;
  const { times, series } = useMemo(() => {
    const all = points ?? [];
    const shares = all.flatMap((point) => point.providers);
    const totals = new Map<string, { cost: number; unpriced: number }>();
    for (const { provider, totalCost, unpricedCalls } of shares) {
      const { cost, unpriced } = totals.get(provider) ?? { cost: 0, unpriced: 0 };
      totals.set(provider, { cost: cost + Number(totalCost), unpriced: unpriced + unpricedCalls });
    }
    // The most expensive first; among equals, those with more calls of unknown cost.
    const names = [...totals].sort(([, a], [, b]) => b.cost - a.cost || b.unpriced - a.unpriced).map(([name]) => name);
    const of = (name: string): Series => {
      const its = all.map((point) => point.providers.find((each) => each.provider === name));
      return { name, values: its.map(drawn), texts: its.map((each) => totalCost(each?.totalCost ?? "0", each?.unpricedCalls ?? 0)) };
    };
    return { times: all.map((each) => seconds(each.start)), series: names.slice(0, DRAWN).map(of) };
  }, [points]);
  const unpriced = (points ?? []).reduce((sum, each) => sum + each.unpricedCalls, 0);
  return (
    <div className="card full">
      <h3>Cost by provider</h3>
      <Problem of={found.error} />
      <LineChart fetching={found.fetching} label="Cost by provider over time" times={times} series={series} format={inDollars} />
      {unpriced > 0 && <p>{`${ofUnknownCost(unpriced)} ${unpriced === 1 ? "is" : "are"} not included in the chart.`}</p>}
    </div>
  );
}

/** The value in the chart; null when no cost is known. */
function drawn(share: CostsQuery["costTrend"][number]["providers"][number] | undefined): number | null {
  if (share === undefined) return 0;
  return share.unpricedCalls > 0 && Number(share.totalCost) === 0 ? null : Number(share.totalCost);
}

function Leaders({ filter }: Asked) {
  const [found] = useQuery({ query: LEADERS, variables: { filter }, context: OF_CALLS });
  return (
    <div className="card full">
      <h3>Models</h3>
      <Problem of={found.error} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Models compared">
        <table>
          <thead>
            <tr>
              {["Model", "Calls", "Change in calls", "Cost", "Change in cost", "Cost per call", "Success rate", "p95 latency"].map((name, index) => (
                <th scope="col" key={index}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.data?.leaderboard.map((row) => (
              <tr key={`${row.provider} ${row.model}`}>
                <th scope="row">
                  {row.provider} {row.model}
                </th>
                <td>{count(row.current.calls)}</td>
                <td>{percent(row.callsChange, 0)}</td>
                <td>
                  <TotalCost of={row.current.totalCost} unpriced={row.current.unpricedCalls} />
                </td>
                <td>
                  {row.current.unpricedCalls + row.previous.unpricedCalls > 0 ? (
                    <span className="soft">unknown</span>
                  ) : (
                    percent(row.totalCostChange, 0)
                  )}
                </td>
                <td>
                  <Cost of={row.current.avgCost} />
                  {row.current.avgCost !== null && row.current.unpricedCalls > 0 && (
                    <span className="soft"> · over {ofCalls(row.current.calls - row.current.unpricedCalls)}</span>
                  )}
                </td>
                <td>{percent(row.current.successRate)}</td>
                <td>{milliseconds(row.current.latencyP95Ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function HeatMap({ filter }: Asked) {
  const [shows, setShows] = useState<"latencyP95Ms" | "errorRate">("latencyP95Ms");
  const [found] = useQuery({ query: HEAT, variables: { filter, timeZone }, context: OF_CALLS });
  const cells = new Map(found.data?.heatMap.map((cell) => [`${cell.weekday} ${cell.hour}`, cell]));
  const most = Math.max(...[...cells.values()].map((cell) => cell[shows] ?? 0), 1e-9);
  const formatted = (value: number | null | undefined) => (shows === "errorRate" ? percent(value) : milliseconds(value));
  return (
    <div className="card full">
      <div className="head">
        <h3>By hour of the week</h3>
        <label className="inline">
          Shows
          <select value={shows} onChange={(event) => setShows(event.target.value as typeof shows)}>
            <option value="latencyP95Ms">p95 latency</option>
            <option value="errorRate">error rate</option>
          </select>
        </label>
      </div>
      <Problem of={found.error} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Heat map by hour of the week">
        <table className="heat">
          <thead>
            <tr>
              <td />
              {Array.from({ length: 24 }, (_, hour) => (
                <th scope="col" key={hour}>
                  {hour}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {WEEKDAYS.map((weekday) => (
              <tr key={weekday}>
                <th scope="row">{words(weekday).slice(0, 3)}</th>
                {Array.from({ length: 24 }, (_, hour) => {
                  const cell = cells.get(`${weekday} ${hour}`);
                  const value = cell?.[shows];
                  const title = `${words(weekday)} ${hour}:00: ${formatted(value)}, ${count(cell?.calls ?? 0)} calls`;
                  return (
                    <td key={hour} title={title} style={{ "--heat": `${Math.round((100 * (value ?? 0)) / most)}%` } as React.CSSProperties}>
                      <span className="unseen">{formatted(value)}</span>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Opportunities({ filter }: Asked) {
  const { startSuggestedTest } = useEnterpriseRouter();
  const [found] = useQuery({ query: OPPORTUNITIES, variables: { filter, timeZone }, context: OF_CALLS });
  const [messages, setMessages] = useState<Record<string, string>>({});
  const start = async (each: OpportunitiesQuery["opportunities"][number]) => {
    const { row, problem } = await startSuggestedTest(each.id, filter, timeZone);
    setMessages((all) => ({ ...all, [each.id]: row ? `Started “${row.testName}”.` : problem }));
  };
  const all = found.data?.opportunities;
  return (
    <div className="card full">
      <h3>Opportunities</h3>
      <Problem of={found.error} />
      {all?.length === 0 && <p>No opportunities found in this time range.</p>}
      <ul className="opportunities">
        {all?.map((each) => (
          <li key={each.id}>
            <strong>{each.title}</strong>
            {each.monthlySaving && (
              <p>
                Estimated saving in 30 days: {dollars(each.monthlySaving)}, between {dollars(each.savingLow)} and {dollars(each.savingHigh)}.
              </p>
            )}
            <details>
              <summary>How this is computed</summary>
              <p>{each.explanation}</p>
              <dl>
                {each.evidence.map(({ name, value }) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                  </div>
                ))}
              </dl>
            </details>
            {each.suggestedTest && (
              <div className="actions">
                <Button onPress={() => start(each)}>Start A/B test</Button>
                <span role="status">{messages[each.id]}</span>
              </div>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** New calls as they are logged, and earlier calls by page. */
function Calls({ filter }: Asked) {
  const { getAnalytics, live } = useEnterpriseRouter();
  const [rows, setRows] = useState<Call[]>([]);
  const [cursor, setCursor] = useState<string | null>();
  const [pageAfter, setPageAfter] = useState<string | null>();
  const [correcting, setCorrecting] = useState<Call>();
  const [problem, setProblem] = useState<string>();
  const [page, setPage] = useState(0);
  const [reading, setReading] = useState(false);

  const shown = useRef(filter);
  useEffect(() => {
    shown.current = filter;
    setCursor(undefined);
    setRows([]);
    setPage(0);
  }, [filter]);

  const load = async (number: number, after?: string | null) => {
    setReading(true);
    const answer = await getAnalytics(filter, after);
    setReading(false);
    if (shown.current !== filter) return; // the time range has changed since
    setProblem(answer.problem);
    if (!answer.page) return;
    // The document holds one page at a time, to stay small.
    setRows(answer.page.nodes);
    setPage(number);
    setPageAfter(after);
    setCursor(answer.page.pageInfo.hasNextPage ? answer.page.pageInfo.endCursor : null);
  };
  return (
    <div className="card full">
      <h3>Live calls</h3>
      <div aria-live="off">{live.length === 0 ? <p>New calls appear here when they are logged.</p> : <CallRows label="Live calls" calls={live} correct={setCorrecting} />}</div>
      <div className="head">
        <h3>Logged calls{page > 0 && `, page ${page}`}</h3>
        <Button onPress={() => load(1)} isDisabled={reading}>{page === 0 ? "Show" : "First page"}</Button>
        <Button onPress={() => load(page + 1, cursor)} isDisabled={!cursor || reading}>
          Next page
        </Button>
      </div>
      {problem !== undefined && <p role="alert">{problem}</p>}
      {rows.length > 0 && <CallRows label="Logged calls" calls={rows} correct={setCorrecting} />}
      {correcting && (
        <Correction
          call={correcting}
          close={() => setCorrecting(undefined)}
          corrected={() => void (page > 0 && load(page, pageAfter))}
        />
      )}
    </div>
  );
}

function Export({ filter }: Asked) {
  const [state, setState] = useState("");
  const save = async (format: "csv" | "ndjson") => {
    setState("Exporting…");
    try {
      setState(await download(format));
    } catch {
      setState("The export was interrupted.");
    }
  };
  const download = async (format: "csv" | "ndjson") => {
    const parameters = new URLSearchParams({ format, from: filter.from, to: filter.to });
    const answer = await fetch(`/export/analytics?${parameters}`, { headers: { Authorization: `Bearer ${token()}` } });
    if (answer.status === 401) return "The token has expired: sign in again.";
    if (!answer.ok) return "The export failed.";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `analytics.${format}`;
    link.click();
    URL.revokeObjectURL(link.href);
    return "Exported";
  };
  return (
    <span className="actions">
      <Button onPress={() => save("csv")}>Export CSV</Button>
      <Button onPress={() => save("ndjson")}>Export NDJSON</Button>
      <span role="status">{state}</span>
    </span>
  );
}

function Problem({ of }: { of: CombinedError | undefined }) {
  return of ? <p role="alert">{spoken(of)}</p> : null;
}

function seconds(iso: string | null): number {
  return iso === null ? 0 : new Date(iso).getTime() / 1000;
}
