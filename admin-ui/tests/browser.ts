// Debian's chromium, and the page in it as the proxy serves it.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { chromium, type Browser as Chromium, type Page } from "playwright-core";
import { preview } from "vite";
import { expect } from "vitest";

import { OPERATOR, PATIENCE_MS, type Proxy } from "./proxy.ts";

const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 390, height: 844 };

type View = { size?: { width: number; height: number }; dark?: boolean; token?: string | null };

export class Browser {
  /** What any page asked of another host, and what any of them logged as an error. */
  readonly foreign: string[] = [];
  readonly complaints: string[] = [];

  private constructor(
    private readonly chromium: Chromium,
    readonly url: string,
    private readonly closed: () => Promise<void>,
  ) {}

  static async start(proxy: Proxy): Promise<Browser> {
    const { url, close } = await served(proxy);
    const browser = await chromium.launch({
      executablePath: executable(),
      args: ["--no-sandbox", "--disable-gpu"],
    });
    return new Browser(browser, url, close);
  }

  /** The page at a hash, signed in unless `token` is null. */
  async open(hash: string, { size = WIDE, dark = false, token = OPERATOR }: View = {}): Promise<Page> {
    const context = await this.chromium.newContext({ viewport: size, colorScheme: dark ? "dark" : "light" });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url)) this.foreign.push(request.url());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      // That the proxy is away, or refuses, is what some tests are about; the browser logs it by itself.
      const said = message.text();
      if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(said))
        this.complaints.push(said);
    });
    await page.goto(`${this.url}/${hash}`);
    if (token !== null) await signIn(page, token);
    return page;
  }

  async close(): Promise<void> {
    await this.chromium.close();
    await this.closed();
  }
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails with what is wrong, where, if axe finds anything. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: object) => Promise<AxeResults> } };
    return (await axe.run({ resultTypes: ["violations"] })).violations;
  });
  const said = found.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join("\n")}`,
  );
  expect(said.join("\n")).toBe("");
}

type AxeResults = {
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
};

/** Fails if the page is wider than the window. */
export async function expectNoOverflow(page: Page): Promise<void> {
  const [needed, given] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    window.innerWidth,
  ]);
  expect(needed).toBeLessThanOrEqual(given ?? 0);
}

function executable(): string {
  const known = [
    process.env["HOPPERKV_CHROMIUM"],
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ];
  const found = known.find((path) => path !== undefined && existsSync(path));
  if (!found) throw new Error("there is no chromium: install it, or say where it is in HOPPERKV_CHROMIUM");
  return found;
}

/**
 * The page as it is part of the proxy. With HOPPERKV_UI_PREVIEW, for work on the page without building the proxy anew, as
 * it is in `dist`, with that proxy behind it.
 */
async function served(proxy: Proxy): Promise<{ url: string; close: () => Promise<void> }> {
  if (!process.env["HOPPERKV_UI_PREVIEW"]) return { url: proxy.admin, close: async () => undefined };
  const server = await preview({
    root: join(import.meta.dirname, ".."),
    configFile: false,
    preview: {
      port: 4300 + Math.floor(Math.random() * 1000),
      host: "127.0.0.1",
      proxy: { "/v1": proxy.admin },
      headers: { "content-security-policy": "default-src 'self'" },
    },
  });
  const url = (server.resolvedUrls?.local[0] ?? "").replace(/\/$/, "");
  return { url, close: () => server.close() };
}
