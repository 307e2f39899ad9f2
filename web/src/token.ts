// The token of this tab. It arrives in the fragment of a link, which browsers do not send, and is kept until the tab is closed.

const KEY = "enterprise-router.token";

/** Moves the token from the address into session storage, so that bookmarks and screenshots do not contain it. */
export function takeTokenFromAddress(): void {
  take();
  // Opening such a link in a tab that already shows the page changes the fragment only.
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
