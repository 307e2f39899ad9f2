export interface IntervalAt {
  at: number;
  low: number;
  high: number;
}

const WIDTH = 400;
const HEIGHT = 90;

/** The interval of the difference of A and B as it narrows while this page is open: zero within it is no difference yet. */
export function IntervalChart({ history, metric }: { history: IntervalAt[]; metric: string }) {
  const last = history[history.length - 1];
  if (last === undefined) return null;
  const lowest = Math.min(0, ...history.map((each) => each.low));
  const highest = Math.max(0, ...history.map((each) => each.high));
  const x = (index: number) => (history.length === 1 ? WIDTH : (index / (history.length - 1)) * WIDTH);
  const y = (value: number) => 5 + (1 - (value - lowest) / (highest - lowest || 1)) * (HEIGHT - 10);
  const line = (of: (each: IntervalAt) => number) => history.map((each, index) => `${x(index)},${y(of(each))}`);
  const from = history.length === 1 ? [`0,${y(last.low)}`] : [];
  const to = history.length === 1 ? [`0,${y(last.high)}`] : [];
  const area = [...to, ...line((each) => each.high), ...line((each) => each.low).reverse(), ...from];
  const told = `Difference in ${metric}, A less B: between ${last.low.toPrecision(3)} and ${last.high.toPrecision(3)}`;
  return (
    <figure className="interval">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={told} preserveAspectRatio="none">
        <polygon points={area.join(" ")} className="band" />
        <line x1={0} x2={WIDTH} y1={y(0)} y2={y(0)} className="zero" />
      </svg>
      <figcaption>{told}, at any look.</figcaption>
    </figure>
  );
}
