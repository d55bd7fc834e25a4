import { expect, test } from "vitest";

import { SNIPPETS } from "./snippet.ts";

const at = { host: "::1", port: 6380, user: "orders", password: `a"b'c d`, ownPort: false };
const of = (language: string) => SNIPPETS.find((one) => one.language === language)?.text(at) ?? "";

test("every language has a snippet with host, port, user and password", () => {
  for (const snippet of SNIPPETS) {
    const text = snippet.text({ ...at, host: "db.example", password: "pw" });
    for (const part of ["db.example", "6380", "orders", "pw", "greeting"]) expect(text).toContain(part);
  }
});

test("passwords are quoted as each language wants it", () => {
  expect(of("redis-cli")).toContain(`--pass 'a"b'\\''c d'`);
  expect(of("Python")).toContain(`password="a\\"b'c d"`);
  expect(of("Rust")).toContain("redis://orders:a%22b'c%20d@[::1]:6380");
  expect(of("Go")).toContain(`"[::1]:6380"`);
});
