// Who may come in, and what a token that only reads may do.
import { afterAll, beforeAll, expect, test } from "vitest";

import { Browser, expectAccessible, signIn } from "./browser.ts";
import { OPERATOR, Proxy, READER, TENANTS } from "./proxy.ts";

let proxy: Proxy;
let browser: Browser;

beforeAll(async () => {
  proxy = await Proxy.start(TENANTS);
  browser = await Browser.start(proxy);
});

afterAll(async () => {
  await browser?.close();
  await proxy?.close();
});

test("a wrong token is refused in words, the right one lets in and stays in this tab only", async () => {
  const page = await browser.open("", { token: null });
  await expectAccessible(page);
  await page.getByLabel("Admin token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The proxy does not accept this token.").waitFor();
  await signIn(page, OPERATOR);
  const kept = await page.evaluate(() => [
    JSON.stringify(localStorage),
    JSON.stringify(sessionStorage),
    document.cookie,
  ]);
  expect(kept[0]).not.toContain(OPERATOR);
  expect(kept[1]).toContain(OPERATOR);
  expect(kept[2]).toBe("");

  await page.reload();
  await page.getByRole("link", { name: "orders", exact: true }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Admin token").waitFor();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await page.context().close();
});

test("a token that only reads sees all and may change nothing, and is told why", async () => {
  const page = await browser.open("#/tenants/orders", { token: READER });
  await page.getByText("read-only", { exact: true }).waitFor();
  const edit = page.getByRole("button", { name: "Edit quota" });
  await edit.waitFor();
  expect(await edit.getAttribute("aria-disabled")).toBe("true");
  expect(await edit.getAttribute("title")).toContain("may only read");
  await edit.click({ force: true });
  expect(await page.getByRole("dialog").count()).toBe(0);

  await page.goto(`${browser.url}/#/allocator`);
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText("asked at").waitFor();
  expect(await page.getByRole("button", { name: /^Run .* once$/ }).getAttribute("aria-disabled")).toBe(
    "true",
  );
  await expectAccessible(page);

  await page.goto(`${browser.url}/#/connect`);
  await page.getByText("Only operators create tenants").waitFor();
  expect(await page.getByRole("button", { name: "Create tenant" }).isDisabled()).toBe(true);
  await page.context().close();
});

test("the keyboard alone signs in, opens a tenant and leaves a dialog again", async () => {
  const page = await browser.open("", { token: null });
  await page.getByLabel("Admin token").waitFor();
  await page.keyboard.type(OPERATOR);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "orders", exact: true }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("sess");
  await page.getByRole("link", { name: "orders", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "sessions", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "sessions", exact: true }).waitFor();
  await page.getByRole("button", { name: "Pin", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(browser.complaints).toEqual([]);
  await page.context().close();
});
