// Figures as people read them. Amounts come as decimal text and are rounded for the eye only.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** US dollars: to the cent from a dollar on, to three digits below. */
export function dollars(amount: string | null | undefined): string {
  if (amount === null || amount === undefined) return "unknown";
  const value = Number(amount);
  const digits = Math.abs(value) >= 1 || value === 0 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumSignificantDigits: 3 };
  return `$${new Intl.NumberFormat(undefined, digits).format(value)}`;
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

/** In the time zone of who looks. */
export function time(iso: string | null | undefined): string {
  return iso ? moment.format(new Date(iso)) : "–";
}

/** How long it is until then: `3 h 20 min`. */
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
