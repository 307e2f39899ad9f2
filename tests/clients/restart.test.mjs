// A client of graphql-ws, and a server that stops and restarts.
import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { test } from "node:test";

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { resuming } from "./resuming.mjs";
import { ALERTS, ask, AUTHORIZATION, DAILY_ALERT, LOG, startServer, WS_URL } from "./support.mjs";

const { ROUTER_SIGNAL: signal } = process.env;

test(`alerts go on behind the last cursor after ${signal}`, { timeout: 60_000 }, async () => {
  // given a client that receives alert events
  let server = await startServer();
  let comeBack;
  const mayComeBack = new Promise((resolve) => (comeBack = resolve));
  const client = createClient({
    url: WS_URL,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: AUTHORIZATION },
    retryAttempts: 100,
    retryWait: () => mayComeBack,
    shouldRetry: () => true,
  });
  const lost = new Promise((resolve) => client.on("closed", resolve));
  const events = new EventEmitter();
  const seen = on(events, "next");
  const next = async () => (await seen.next()).value[0].data.alertTriggered.level;
  const sink = { next: (result) => events.emit("next", result), error: assert.fail, complete() {} };
  resuming(client).subscribe({ query: ALERTS, variables: { after: "" } }, sink);
  await ask(DAILY_ALERT, { threshold: "1" });
  await ask(LOG, { cost: "0.9" });
  assert.equal(await next(), "NEAR_LIMIT");

  // when the server stops and restarts, and the alert fires again before the client reconnects
  await server.stop(signal);
  assert.equal((await lost).code, signal === "SIGTERM" ? 1001 : 1006);
  server = await startServer();
  await ask(LOG, { cost: "0.1" });
  comeBack();

  // then it receives the missed event, and then later ones
  assert.equal(await next(), "TRIGGERED");
  await ask(DAILY_ALERT, { threshold: "10" });
  await ask(LOG, { cost: "8" });
  assert.equal(await next(), "NEAR_LIMIT");
  await client.dispose();
  await server.stop("SIGTERM");
});
