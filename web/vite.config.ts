import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// Blocks may name who makes models; the API has no query for who there is.
const toml = readFileSync(new URL("../domain/providers.toml", import.meta.url), "utf8");
const vendors = [...toml.matchAll(/^\[vendor\.([^\]]+)\]\nname = "([^"]+)"/gm)].map(([, id, name]) => ({ id, name }));

// The server sends these to clients that accept them, and compresses no file itself.
const compressed = (): Plugin => ({
  name: "compressed",
  apply: "build",
  writeBundle({ dir = "dist" }) {
    for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
      if (!/\.(css|html|js|svg|ttf)$/.test(name)) continue;
      const file = readFileSync(join(dir, name));
      for (const [suffix, made] of [[".br", brotliCompressSync(file)], [".gz", gzipSync(file, { level: 9 })]] as const) {
        if (made.length < file.length) writeFileSync(join(dir, name + suffix), made);
      }
    }
  },
});

// Two pages: the dashboard, and GraphiQL, which is loaded only when it is opened.
export default defineConfig({
  base: "/enterprise-router/",
  plugins: [react(), compressed()],
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
