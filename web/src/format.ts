// Formats numbers for display. Amounts arrive as decimal text and are rounded for display only.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** An amount in USD: two decimals from $1 on, three significant digits below, so that a non-zero amount never reads as $0.00. */
export function dollars(amount: string | null | undefined): string {
  return amount === null || amount === undefined ? "unknown" : inDollars(amount, "halfExpand");
}

/** A sum of known costs. It is a lower bound when some calls have an unknown cost. */
export function known(amount: string, unpriced: number): string {
  if (unpriced === 0) return dollars(amount);
  return Number(amount) === 0 ? "unknown" : `at least ${inDollars(amount, "floor")}`;
}

/** A sum of costs and the number of calls it leaves out: `at least $1.20 · 3 calls of unknown cost` */
export function totalCost(amount: string, unpriced: number): string {
  return unpriced === 0 ? dollars(amount) : `${known(amount, unpriced)} · ${ofUnknownCost(unpriced)}`;
}

/** `3 calls of unknown cost` */
export function ofUnknownCost(number: number): string {
  return `${calls(number)} of unknown cost`;
}

function inDollars(amount: string, roundingMode: "halfExpand" | "floor"): string {
  const value = Math.abs(Number(amount));
  const digits = value === 0 || value >= 1 ? 2 : Math.max(2, 2 - Math.floor(Math.log10(value)));
  const format = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: digits, roundingMode });
  return `$${format.format(amount as `${number}`)}`; // as text, to keep decimals exact
}

/** `3 calls` */
export function calls(number: number): string {
  return `${count(number)} ${number === 1 ? "call" : "calls"}`;
}

export function count(value: number): string {
  return whole.format(value);
}

export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
}

export function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${whole.format(value)} ms`;
}

/** A time in the browser's time zone. */
export function time(iso: string | null | undefined): string {
  return iso ? moment.format(new Date(iso)) : "–";
}

/** The duration from `now` until then: `3 h 20 min`. */
export function until(iso: string, now: number): string {
  const minutes = Math.max(0, Math.ceil((new Date(iso).getTime() - now) / 60_000));
  const days = Math.floor(minutes / 1_440);
  const hours = Math.floor((minutes % 1_440) / 60);
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

/** An enumeration's value in words: `NEAR_LIMIT` is `near limit`. */
export function words(value: string): string {
  return value.toLowerCase().replaceAll("_", " ");
}
