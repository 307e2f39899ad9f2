import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Two pages: the dashboard, and GraphiQL, which is loaded only when it is opened.
export default defineConfig({
  base: "/enterprise-router/",
  plugins: [react()],
  build: {
    rollupOptions: { input: { dashboard: "index.html", graphiql: "graphiql.html" } },
    // Inlined files would be data: addresses, which the Content-Security-Policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    chunkSizeWarningLimit: 4_000,
  },
});
