import { expect, test, vi } from "vitest";

import { EventStream } from "./stream.ts";

/** A fetch that answers with these bodies, one after the other; a number is a status, "hang" never ends. */
function server(...answers: (string | number)[]) {
  const asked: { headers: Record<string, string> }[] = [];
  const send = vi.fn(async (_url: unknown, init?: RequestInit) => {
    asked.push({ headers: init?.headers as Record<string, string> });
    const answer = answers.shift() ?? "hang";
    if (typeof answer === "number") return new Response('{"detail":"nothing here"}', { status: answer });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        init?.signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
        if (answer === "hang") return;
        // Byte by byte, as the worst of networks would.
        for (const byte of new TextEncoder().encode(answer)) controller.enqueue(Uint8Array.of(byte));
        if (!answer.endsWith("…")) controller.close();
      },
    });
    return new Response(body, { status: 200 });
  });
  return { send: send as unknown as typeof fetch, asked };
}

function listen(answers: (string | number)[], extra = {}) {
  const { send, asked } = server(...answers);
  const seen: [string, unknown][] = [];
  const on = { onOpen: vi.fn(), onLost: vi.fn(), onRefused: vi.fn() };
  const stream = new EventStream({
    url: "/v1/events",
    headers: { authorization: "Bearer t" },
    onEvent: (event, data) => seen.push([event, data]),
    send,
    retryMs: [1],
    ...on,
    ...extra,
  });
  return { stream, seen, asked, ...on };
}

test("events are read whatever the chunks, and comments are ignored", async () => {
  const { stream, seen, asked } = listen([
    ': hello\n\nevent: overview\ndata: {"name":"größe"}\n\nevent: run\ndata: {"id":7}\n\n',
  ]);
  await vi.waitFor(() => expect(seen).toHaveLength(2));
  stream.close();
  expect(seen).toEqual([
    ["overview", { name: "größe" }],
    ["run", { id: 7 }],
  ]);
  expect(asked[0]?.headers["authorization"]).toBe("Bearer t");
});

test("it connects again after an end, an error and a 503", async () => {
  const { stream, seen, onLost } = listen(["event: run\ndata: 1\n\n", 503, "event: run\ndata: 2\n\n"]);
  await vi.waitFor(() => expect(seen).toHaveLength(2));
  stream.close();
  expect(onLost.mock.calls.slice(0, 2)).toEqual([[null], ["nothing here"]]);
});

test("data that is no JSON ends the connection, not the stream", async () => {
  const { stream, seen } = listen(["event: run\ndata: {oops\n\n", "event: run\ndata: 2\n\n"]);
  await vi.waitFor(() => expect(seen).toEqual([["run", 2]]));
  stream.close();
});

test("silence counts as a lost connection", async () => {
  const { stream, seen, onLost } = listen(["hang", "event: run\ndata: 1\n\n"], { silenceMs: 20 });
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  stream.close();
  expect(onLost).toHaveBeenCalled();
});

test.each([401, 404])("a refusal that lasts (%d) is said once and not tried again", async (status) => {
  const { stream, onRefused, asked } = listen([status, status]);
  await vi.waitFor(() => expect(onRefused.mock.calls).toEqual([[status]]));
  await new Promise((resolve) => setTimeout(resolve, 20));
  stream.close();
  expect(asked).toHaveLength(1);
});

test("a closed stream stays silent", async () => {
  const { stream, onOpen, onLost } = listen(["hang"]);
  await vi.waitFor(() => expect(onOpen).toHaveBeenCalled());
  stream.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(onLost).not.toHaveBeenCalled();
});
