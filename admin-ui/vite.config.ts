import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the page with a proxy's API behind it; HOPPERKV_ADMIN says where that is.
const api = process.env["HOPPERKV_ADMIN"] ?? "http://127.0.0.1:6390";

export default defineConfig({
  plugins: [svelte()],
  // Hashed names under assets/, which the proxy lets browsers keep for ever.
  build: { target: "es2022", modulePreload: false, assetsInlineLimit: 0 },
  server: { proxy: { "/v1": api, "/healthz": api, "/readyz": api } },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts"], environment: "node" } },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/*.test.ts"],
          environment: "node",
          // One proxy and one browser at a time: small machines are slow enough with that.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // As for tests of the proxy (.config/nextest.toml): CI's machines stall.
          retry: process.env["NEXTEST_PROFILE"] === "ci" ? 2 : 0,
        },
      },
      {
        extends: true,
        test: {
          name: "screenshots",
          include: ["tests/screenshots.ts"],
          environment: "node",
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
