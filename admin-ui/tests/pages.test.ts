// Every page with a real proxy under real load, and what operators do on them.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Browser, expectAccessible, expectNoOverflow, NARROW } from "./browser.ts";
import { Proxy, TENANTS, until } from "./proxy.ts";

let proxy: Proxy;
let browser: Browser;

type Quota = { cache_bytes: number; read_units_per_s: number; pinned: boolean };
type Runs = { runs: { id: number; trigger: string; applied: boolean; policy: string; tenants: unknown[] }[] };

beforeAll(async () => {
  proxy = await Proxy.start(TENANTS);
  await proxy.load(TENANTS);
  browser = await Browser.start(proxy);
  await until("the allocator has run on real requests", async () => {
    const { runs } = await proxy.ask<Runs>("/v1/allocator/runs?limit=1");
    return (runs[0]?.tenants.length ?? 0) > 0 && (runs[0]?.id ?? 0) >= 3;
  });
});

afterAll(async () => {
  await browser?.close();
  await proxy?.close();
});

test("the overview has every tenant with numbers of now, sorted and filtered as asked", async () => {
  const page = await browser.open("");
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "orders", exact: true }) });
  await until("requests of orders are counted", async () =>
    /[1-9]/.test(await row.getByRole("cell").first().innerText()),
  );
  expect(await row.innerText()).toContain("/ 16 MiB");
  for (const part of ["Proxy", "Redis", "Storage", "Allocator"]) {
    expect(await page.getByRole("list", { name: "State" }).innerText()).toContain(part);
  }

  await page.getByRole("button", { name: "Tenant", exact: true }).click();
  await until("sorted by name", async () => (await names(page)).join(" ") === "orders search sessions");
  await page.getByRole("button", { name: "Tenant", exact: true }).click();
  await until("the other way round", async () => (await names(page)).join(" ") === "sessions search orders");
  await page.getByLabel("Filter tenants").fill("se is:active");
  await until("filtered", async () => (await names(page)).join(" ") === "sessions search");
  await page.getByLabel("Filter tenants").fill("nobody");
  await page.getByText("No tenant fits the filter").waitFor();
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await until("all again", async () => (await names(page)).length === 3);
  await page.context().close();
});

test("a tenant's page has charts, a curve, hot keys and connections", async () => {
  const page = await browser.open("#/tenants/orders");
  await page.getByRole("heading", { name: "orders", exact: true }).waitFor();
  const throughput = page.getByRole("img", { name: /^Throughput over time/ });
  await until("throughput is drawn from real points", async () =>
    /hits [\d,.]+ \/s/.test((await throughput.getAttribute("aria-label")) ?? ""),
  );
  await page.getByRole("heading", { name: "Miss ratio over cache size" }).waitFor();
  await page.getByRole("img", { name: /^Miss ratio falls/ }).waitFor();
  await page.getByRole("cell", { name: /^K0/ }).first().waitFor();
  await page.getByRole("heading", { name: /Connections: [1-9]/ }).waitFor();
  await page.context().close();
});

test("a quota set by hand says what will happen and takes effect in Redis", async () => {
  const page = await browser.open("#/tenants/sessions");
  await page.getByRole("button", { name: "Edit quota" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Cache", { exact: true }).fill("24mb");
  await dialog.getByText('"mb" is not a unit here').waitFor();
  await dialog.getByLabel("Cache", { exact: true }).fill("24MiB");
  await dialog.getByText("The tenant is pinned, also after a restart of the proxy.").waitFor();
  expect(await dialog.innerText()).toContain("24 MiB");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Set and pin" }).click();
  await dialog.waitFor({ state: "detached" });

  await until("Redis has the new size", async () => (await proxy.maxmemory("sessions")) === 24 * 2 ** 20);
  expect(await proxy.ask<Quota>("/v1/tenants/sessions/quota")).toMatchObject({ pinned: true });
  await page.getByText("pinned", { exact: true }).first().waitFor();

  await page.getByRole("button", { name: "Release", exact: true }).click();
  await dialog.getByText("It gets its base share at once").waitFor();
  await dialog.getByRole("button", { name: "Release", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await until("released", async () => !(await proxy.ask<Quota>("/v1/tenants/sessions/quota")).pinned);

  await page.getByRole("button", { name: "Weight 1" }).click();
  await dialog.getByLabel("Weight, 0 to 1000").fill("2");
  await dialog.getByText("this one gains 20 %").waitFor();
  await dialog.getByRole("button", { name: "Set weight" }).click();
  await page.getByRole("button", { name: "Weight 2" }).waitFor();
  await page.context().close();
});

test("a dry run compares policies, and applying one makes a run by hand", async () => {
  const page = await browser.open("#/allocator");
  await page.getByRole("img", { name: /^Shares of cache over time/ }).waitFor();
  await page.getByLabel("Policy", { exact: true }).selectOption("drf");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText("asked at").waitFor();
  await page.getByRole("button", { name: "Run drf once" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The timer goes on").waitFor();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Run now" }).click();
  const link = page.getByRole("link", { name: /^Open run \d+/ });
  await link.waitFor();
  const id = Number(/\d+/.exec(await link.innerText())?.[0]);
  const { runs } = await proxy.ask<Runs>("/v1/allocator/runs?limit=20");
  expect(runs.find((run) => run.id === id)).toMatchObject({ trigger: "manual", policy: "drf" });

  await link.click();
  await page.getByRole("heading", { name: new RegExp(`^Run ${id}:`) }).waitFor();
  await page
    .getByRole("region", { name: `Tenants of run ${id}` })
    .getByRole("link", { name: "orders" })
    .waitFor();
  await page.context().close();
});

test("options are changed after it was said what that does", async () => {
  const page = await browser.open("#/allocator");
  await page.getByRole("button", { name: "Change options" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Threshold/).fill("0.07");
  await dialog.getByText("threshold: 0.05 →").waitFor();
  await dialog.getByRole("button", { name: "Change options" }).click();
  await dialog.waitFor({ state: "detached" });
  expect(await proxy.ask("/v1/allocator")).toMatchObject({ threshold: 0.07, policy: "optimum" });
  await page.context().close();
});

test("a tenant made on the page serves a real client with the password that is shown once", async () => {
  const page = await browser.open("#/connect");
  await page.getByRole("button", { name: "Create tenant" }).click();
  await page.getByText("1 to 64 letters, digits, - or _").waitFor();
  await page.getByLabel(/^Name/).fill("orders");
  await page.getByRole("button", { name: "Create tenant" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await dialog.getByText('there is a tenant "orders" already').waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await page.getByLabel(/^Name/).fill("made-here");
  await page.getByRole("button", { name: "Create tenant" }).click();
  await dialog.getByText("Base share: 64 MiB of cache").waitFor();
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("Its password, shown only now").waitFor();
  const password = await page.locator("code.password").innerText();
  expect(await page.getByRole("tabpanel").innerText()).toContain(password);
  for (const language of ["Python", "Node", "Java", "Go", "Rust", "redis-cli"]) {
    await page.getByRole("tab", { name: language }).click();
    expect(await page.getByRole("tabpanel").innerText()).toContain("made-here");
  }

  const client = await proxy.connect("made-here", password);
  await client.set("greeting", "hello");
  expect(await client.get("greeting")).toBe("hello");
  client.destroy();

  await page.goto(`${browser.url}/#/tenants/made-here`);
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog.getByLabel(/^Type made-here/).fill("made-here");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await until("it is gone", async () => !(await names(page)).includes("made-here"));
  await page.context().close();
});

const PAGES = ["", "#/tenants/orders", "#/tenants/nobody", "#/allocator", "RUN", "#/connect", "#/nowhere"];

for (const dark of [false, true]) {
  test(`axe finds nothing on any page, and none is wider than a telephone: ${dark ? "dark" : "light"}`, async () => {
    const { runs } = await proxy.ask<Runs>("/v1/allocator/runs?limit=1");
    for (const size of [{ width: 1280, height: 800 }, NARROW]) {
      const page = await browser.open("", { dark, size });
      for (const hash of PAGES) {
        await page.goto(`${browser.url}/${hash === "RUN" ? `#/allocator/runs/${runs[0]?.id}` : hash}`);
        await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
        await expectAccessible(page);
        await expectNoOverflow(page);
      }
      await page.context().close();
    }
  });
}

test("nothing was asked of another host, and nothing went wrong in any page", () => {
  expect(browser.foreign).toEqual([]);
  expect(browser.complaints).toEqual([]);
});

function names(page: Page): Promise<string[]> {
  return page.locator("[data-tenant]").allInnerTexts();
}
