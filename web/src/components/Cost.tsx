import { dollars, totalCost } from "../format";

const ADVICE = "Log token counts or a cost, register a price, or correct the calls.";

/** What one call cost. */
export function Cost({ of }: { of: string | null | undefined }) {
  return of === null || of === undefined ? (
    <span className="soft" title={ADVICE}>
      unknown
    </span>
  ) : (
    dollars(of)
  );
}

/** What calls cost together. */
export function TotalCost({ of, unpriced }: { of: string; unpriced: number }) {
  return unpriced === 0 ? (
    dollars(of)
  ) : (
    <span className={Number(of) === 0 ? "total soft" : "total"} title={ADVICE}>
      {totalCost(of, unpriced)}
    </span>
  );
}

/** What to do about calls of unknown cost; nothing where there are none. */
export function UnknownCostAdvice({ unpriced }: { unpriced: boolean | undefined }) {
  return unpriced && <p className="hint">Calls of unknown cost are in no sum. {ADVICE}</p>;
}
