// The proxy goes and comes back while the page is open.
import { afterAll, beforeAll, expect, test } from "vitest";

import { Browser } from "./browser.ts";
import { Proxy, TENANTS, until } from "./proxy.ts";

let proxy: Proxy;
let browser: Browser;

beforeAll(async () => {
  proxy = await Proxy.start(TENANTS);
  await proxy.load(TENANTS);
  browser = await Browser.start(proxy);
});

afterAll(async () => {
  await browser?.close();
  await proxy?.close();
});

test("old numbers give way to “stale since”, and new ones come by themselves", async () => {
  const page = await browser.open("");
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "orders", exact: true }) });
  await until("requests are counted", async () =>
    /[1-9]/.test(await row.getByRole("cell").first().innerText()),
  );
  // So that a page that loads anew is noticed.
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));

  await proxy.stopLoad();
  await proxy.down();
  await page.getByText(/^Stale since \d\d:\d\d:\d\d$/).waitFor();
  expect(await page.getByRole("list", { name: "State" }).innerText()).toMatch(/stale since \d\d:\d\d:\d\d/);
  expect(await row.innerText()).not.toMatch(/\d/);
  expect(await page.title()).toContain("stale");

  await proxy.up();
  await proxy.load(TENANTS);
  await page.getByText(/^Stale since/).waitFor({ state: "detached" });
  await until("requests are counted again", async () =>
    /[1-9]/.test(await row.getByRole("cell").first().innerText()),
  );
  expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
  await page.context().close();
});

test("an operation while the proxy is away fails in words and loses nothing that was typed", async () => {
  const page = await browser.open("#/tenants/orders");
  await page.getByRole("button", { name: "Edit quota" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Cache", { exact: true }).fill("20MiB");
  await proxy.stopLoad();
  await proxy.down();
  await dialog.getByRole("button", { name: "Set and pin" }).click();
  await dialog.getByText("It was not done").waitFor();
  expect(await dialog.getByLabel("Cache", { exact: true }).inputValue()).toBe("20MiB");
  await proxy.up();
  await dialog.getByRole("button", { name: "Set and pin" }).click();
  await dialog.waitFor({ state: "detached" });
  expect(await proxy.ask("/v1/tenants/orders/quota")).toMatchObject({
    cache_bytes: 20 * 2 ** 20,
    pinned: true,
  });
  expect(browser.complaints).toEqual([]);
  await page.context().close();
});
