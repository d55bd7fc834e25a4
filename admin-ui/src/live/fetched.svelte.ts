// Something asked of the API for a page: now, again at intervals, and again when what it depends on changes.
import { ApiError, messageOf } from "../api/client.ts";

export class Fetched<T> {
  value = $state.raw<T | null>(null);
  /** Why the last attempt failed; an older value stays beside it. */
  error = $state<string | null>(null);
  /** There is nothing of that name. */
  missing = $state(false);

  private rounds = $state(0);

  /** Call while a component is set up. What `ask` reads is what it depends on. */
  constructor(ask: (signal: AbortSignal) => Promise<T>, everyMs: number | null = null) {
    $effect(() => {
      void this.rounds;
      const stop = new AbortController();
      void this.run(ask, stop.signal);
      const timer = everyMs === null ? null : setInterval(() => void this.run(ask, stop.signal), everyMs);
      return () => {
        stop.abort();
        if (timer !== null) clearInterval(timer);
      };
    });
  }

  again(): void {
    this.rounds += 1;
  }

  private async run(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<void> {
    try {
      const value = await ask(signal);
      if (signal.aborted) return;
      this.value = value;
      this.error = null;
      this.missing = false;
    } catch (error) {
      if (signal.aborted) return;
      this.error = messageOf(error);
      this.missing = error instanceof ApiError && error.status === 404;
    }
  }
}
