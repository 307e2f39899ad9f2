// Runs the GraphQL-over-HTTP audits of graphql-http against the server at ROUTER_URL.
import assert from "node:assert/strict";
import { test } from "node:test";

import { serverAudits } from "graphql-http";

const { ROUTER_URL, ROUTER_TOKEN } = process.env;

const signedIn = (url, init = {}) =>
  fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${ROUTER_TOKEN}` } });

for (const audit of serverAudits({ url: `${ROUTER_URL}/graphql`, fetchFn: signedIn })) {
  test(audit.name, async () => {
    const { status, reason } = await audit.fn();
    assert.equal(status, "ok", reason);
  });
}
