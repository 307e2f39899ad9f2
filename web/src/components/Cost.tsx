import { dollars, totalCost } from "../format";

const ADVICE = "Log token counts or a cost, register a price, or correct the calls.";

/** The cost of one call, in USD. */
export function Cost({ of }: { of: string | null | undefined }) {
  return of === null || of === undefined ? (
    <span className="soft" title={ADVICE}>
      unknown
    </span>
  ) : (
    dollars(of)
  );
}

/** The total cost of several calls, in USD. */
export function TotalCost({ of, unpriced }: { of: string; unpriced: number }) {
  return unpriced === 0 ? (
    dollars(of)
  ) : (
    <span className={Number(of) === 0 ? "total soft" : "total"} title={ADVICE}>
      {totalCost(of, unpriced)}
    </span>
  );
}

/** Advice on calls of unknown cost; nothing when there are none. */
export function UnknownCostAdvice({ unpriced }: { unpriced: boolean | undefined }) {
  return unpriced && <p className="hint">Sums do not include calls of unknown cost. {ADVICE}</p>;
}
