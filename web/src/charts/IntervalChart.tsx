export interface IntervalAt {
  /** Milliseconds since 1970, UTC. */
  at: number;
  low: number;
  high: number;
}

const WIDTH = 400;
const HEIGHT = 90;

interface Props {
  history: IntervalAt[];
  /** The name of the quantity, for people. */
  of: string;
  /** The value at which A and B are equal. While the interval contains it, no difference is shown. */
  same: number;
}

/** A confidence interval over time. */
export function IntervalChart({ history, of, same }: Props) {
  const [first, last] = [history[0], history[history.length - 1]];
  if (first === undefined || last === undefined) return <p>Not enough calls for an interval yet.</p>;
  const lowest = Math.min(same, ...history.map((each) => each.low));
  const highest = Math.max(same, ...history.map((each) => each.high));
  const x = (at: number) => ((at - first.at) / (last.at - first.at || 1)) * WIDTH;
  const y = (value: number) => 5 + (1 - (value - lowest) / (highest - lowest || 1)) * (HEIGHT - 10);
  const line = (end: "low" | "high") => history.map((each) => `${x(each.at)},${y(each[end])}`);
  const caption = `${of}: between ${last.low.toPrecision(3)} and ${last.high.toPrecision(3)}`;
  return (
    <figure className="interval">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={caption} preserveAspectRatio="none">
        <polygon points={[...line("high"), ...line("low").reverse()].join(" ")} className="band" />
        <line x1={0} x2={WIDTH} y1={y(same)} y2={y(same)} className="same" />
      </svg>
      <figcaption>
        {caption} (95 % confidence interval). The dashed line marks no difference. From {new Date(first.at).toLocaleString()} to{" "}
        {new Date(last.at).toLocaleString()}.
      </figcaption>
    </figure>
  );
}
