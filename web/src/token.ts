// The token of this tab: it comes in the fragment of a link, which no server sees, and is kept until the tab is closed.

const KEY = "enterprise-router.token";

/** Takes the token from the address, if it has one, and out of it: no bookmark and no screenshot should hold it. */
export function takeTokenFromAddress(): void {
  take();
  // A link that is opened where the page is open already changes the fragment alone.
  addEventListener("hashchange", () => {
    if (take()) location.reload();
  });
}

function take(): boolean {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return false;
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

export function token(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepToken(value: string): void {
  sessionStorage.setItem(KEY, value.trim());
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
