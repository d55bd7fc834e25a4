// Takes every page, light and dark, wide and narrow, into the directory SHOTS (default: shots/). `npm run screenshots`.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";

import { Browser, NARROW } from "./browser.ts";
import { Proxy, TENANTS, until } from "./proxy.ts";

const directory = process.env["SHOTS"] ?? join(import.meta.dirname, "../shots");
/** Seconds of load before the first picture, so that there is a history to show. */
const warmUp = Number(process.env["SHOTS_AFTER_S"] ?? 60);
const WIDE = { width: 1280, height: 800 };
/** Tenants without load, among those that have some. */
const QUIET = ["billing", "catalog", "feed", "geo", "mail"].map((name) => ({ name }));

let proxy: Proxy;
let browser: Browser;
let run: number | null = null;

beforeAll(async () => {
  await mkdir(directory, { recursive: true });
  const tenants = [...TENANTS, ...QUIET];
  proxy = await Proxy.start(tenants);
  await proxy.load(tenants);
  browser = await Browser.start(proxy);
  const started = Date.now();
  await until(
    "there was load for long enough",
    () => Date.now() - started > warmUp * 1000,
    warmUp * 2000 + 1000,
  );
  const { runs } = await proxy.ask<{ runs: { id: number; applied: boolean }[] }>(
    "/v1/allocator/runs?limit=100",
  );
  run = runs.find((one) => one.applied)?.id ?? runs[0]?.id ?? null;
});

afterAll(async () => {
  await browser?.close();
  await proxy?.close();
});

const pages: { name: string; hash: () => string; ready: (page: Page) => Promise<unknown>; token?: null }[] = [
  {
    name: "overview",
    hash: () => "",
    ready: (page) => page.getByRole("link", { name: "orders" }).waitFor(),
  },
  {
    name: "tenant",
    hash: () => "#/tenants/orders",
    ready: (page) => page.getByRole("heading", { name: "Miss ratio over cache size" }).waitFor(),
  },
  {
    name: "allocator",
    hash: () => "#/allocator",
    ready: async (page) => {
      await page.getByRole("button", { name: "Dry run" }).click();
      await page.getByText("asked at").waitFor();
      await page.evaluate(() => scrollTo(0, 0));
    },
  },
  {
    name: "run",
    hash: () => `#/allocator/runs/${run}`,
    ready: (page) => page.getByRole("heading", { name: /^Run \d/ }).waitFor(),
  },
  {
    name: "connect",
    hash: () => "#/connect?tenant=orders",
    ready: (page) => page.getByRole("tabpanel").waitFor(),
  },
  { name: "quota", hash: () => "#/tenants/orders", ready: openQuota },
  { name: "sign-in", hash: () => "", ready: (page) => page.getByLabel("Admin token").waitFor(), token: null },
];

for (const { name, hash, ready, token } of pages) {
  test(name, async () => {
    for (const dark of [false, true]) {
      for (const [width, size] of [
        ["wide", WIDE],
        ["narrow", NARROW],
      ] as const) {
        const page = await browser.open(hash(), { size, dark, ...(token === null ? { token } : {}) });
        await ready(page).catch((error: unknown) => console.error(`${name}: ${String(error)}`));
        await new Promise((resolve) => setTimeout(resolve, 2500));
        const path = join(directory, `${name}-${width}-${dark ? "dark" : "light"}.png`);
        await page.screenshot({ path, fullPage: name !== "quota" && !process.env["SHOTS_WINDOW"] });
        await page.context().close();
      }
    }
  });
}

async function openQuota(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Edit quota" }).click();
  await page.getByLabel("Cache", { exact: true }).fill("8MiB");
  await page.getByLabel("Read units").fill("400");
}
