import { useCallback, useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Series {
  name: string;
  values: (number | null)[];
  /** The text of each value, when it differs from the formatted number. */
  texts?: string[];
}

interface Props {
  /** The accessible name of the chart. */
  label: string;
  /** Seconds since 1970, UTC. */
  times: number[];
  series: Series[];
  format: (value: number) => string;
  fetching: boolean;
}

const HEIGHT = 220;
const FONT = "12px system-ui, sans-serif";
const TICK = 10;
const GAP = 5;
export const COLOURS = ["#2f6fde", "#c2570c", "#0d8a6a", "#8a3ffc", "#b5179e", "#6b7280"];

/** The width of the value axis in CSS pixels. `labels` is null before the first layout. */
function axisWidth({ ctx }: uPlot, labels: string[] | null): number {
  ctx.save();
  ctx.font = FONT;
  const widest = Math.max(0, ...(labels ?? []).map((label) => ctx.measureText(label).width));
  ctx.restore();
  return TICK + GAP + Math.ceil(widest);
}

/** A line chart over time, with its values in a collapsible table below. */
export function LineChart({ label, times, series, format, fetching }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const textOf = useCallback(
    ({ texts }: Series, index: number | null, value: number | null | undefined) =>
      (index === null ? undefined : texts?.[index]) ?? (value === null || value === undefined ? "–" : format(value)),
    [format],
  );
  useEffect(() => {
    const element = place.current;
    if (element === null || times.length === 0) return;
    const ink = getComputedStyle(element).color;
    const lines = "rgba(128,128,128,0.2)";
    const axis = { stroke: ink, font: FONT, gap: GAP, grid: { stroke: lines }, ticks: { stroke: lines, size: TICK } };
    const chart = new uPlot(
      {
        width: element.clientWidth || 600,
        height: HEIGHT,
        axes: [axis, { ...axis, size: axisWidth, values: (_, splits) => splits.map(format) }],
        scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) * 1.05 || 1] } },
        series: [
          {},
          ...series.map((each, index) => ({
            label: each.name,
            stroke: COLOURS[index % COLOURS.length] ?? "#2f6fde",
            width: 2,
            points: { show: times.length < 40 },
            value: (_: uPlot, value: number | null, __: number, place: number | null) => textOf(each, place, value),
          })),
        ],
      },
      [times, ...series.map((each) => each.values)],
      element,
    );
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [times, series, format, textOf]);
  if (times.length === 0) return <p role="status">{fetching ? "Loading…" : "No data in this time range."}</p>;
  return (
    <figure className="chart">
      <div ref={place} role="img" aria-label={label} />
      <details>
        <summary>As a table</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label={`${label}, as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((each) => (
                  <th scope="col" key={each.name}>
                    {each.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((seconds, index) => (
                <tr key={seconds}>
                  <th scope="row">{new Date(seconds * 1000).toLocaleString()}</th>
                  {series.map((each) => (
                    <td key={each.name}>{textOf(each, index, each.values[index])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
