import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Blocks may name who makes models; the API has no query for who there is.
const toml = readFileSync(new URL("../domain/providers.toml", import.meta.url), "utf8");
const vendors = [...toml.matchAll(/^\[vendor\.([^\]]+)\]\nname = "([^"]+)"/gm)].map(([, id, name]) => ({ id, name }));

// Two pages: the dashboard, and GraphiQL, which is loaded only when it is opened.
export default defineConfig({
  base: "/enterprise-router/",
  plugins: [react()],
  define: { VENDORS: JSON.stringify(vendors) },
  build: {
    rollupOptions: { input: { dashboard: "index.html", graphiql: "graphiql.html" } },
    // Inlined files would be data: addresses, which the Content-Security-Policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    chunkSizeWarningLimit: 4_000,
  },
});
