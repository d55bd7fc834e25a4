// Server-sent events over fetch, because EventSource cannot send the token. Reconnects by itself, for ever.
import { createParser } from "eventsource-parser";

import { refusal, type ApiError } from "../api/client.ts";

/** Longest silence of a living stream; the server sends something every few seconds. */
const SILENCE_MS = 12_000;
/** Waits between attempts, the last one again and again. */
const RETRY_MS = [250, 500, 1000, 2000];

type Options = {
  url: string;
  headers: Record<string, string>;
  /** An event, its data read as JSON. */
  onEvent: (event: string, data: unknown) => void;
  onOpen?: () => void;
  /** Lost, or refused for a reason that may pass; `problem` is the server's, if it gave one. */
  onLost?: (problem: string | null) => void;
  /** The server refuses the token (401), or does not know what was asked for (404); no further attempt is made. */
  onRefused: (status: number) => void;
  /** For tests. */
  send?: typeof fetch;
  silenceMs?: number;
  retryMs?: number[];
};

/** Follows the stream until `close`. */
export class EventStream {
  private readonly stop = new AbortController();
  private attempts = 0;

  constructor(private readonly options: Options) {
    void this.follow();
  }

  close(): void {
    this.stop.abort();
  }

  private async follow(): Promise<void> {
    const retries = this.options.retryMs ?? RETRY_MS;
    while (!this.stop.signal.aborted) {
      const refused = await this.attempt();
      if (this.stop.signal.aborted) return;
      if (refused?.status === 401 || refused?.status === 404) return this.options.onRefused(refused.status);
      this.options.onLost?.(refused?.message ?? null);
      const wait = retries[Math.min(this.attempts, retries.length - 1)] ?? 1000;
      this.attempts += 1;
      await pause(wait, this.stop.signal);
    }
  }

  /** One connection, from request to end; the refusal, if it was one. */
  private async attempt(): Promise<ApiError | null> {
    const { url, headers, send = fetch, silenceMs = SILENCE_MS } = this.options;
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), silenceMs);
    const signal = AbortSignal.any([this.stop.signal, silent.signal]);
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (!signal.aborted) this.options.onEvent(event ?? "message", JSON.parse(data));
      },
    });
    try {
      const response = await send(url, { headers, signal, cache: "no-store" });
      if (!response.ok) return refusal(response.status, await response.text());
      if (!response.body) return null;
      this.options.onOpen?.();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), silenceMs);
        this.attempts = 0;
        parser.feed(value);
      }
    } catch {
      // Lost connection, silence, or a text that is no JSON: all of them are mended by connecting again.
      return null;
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
