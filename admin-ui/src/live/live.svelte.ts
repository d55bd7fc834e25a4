// What the proxy says by itself, second by second: overviews, the statistics of one tenant, runs of the allocator.
import type { Api } from "../api/client.ts";
import type { Overview, Row, Stats } from "../api/model.ts";
import { isStale } from "./freshness.ts";
import { Sparklines } from "./sparklines.ts";
import { EventStream } from "./stream.ts";

class Live {
  /** The newest overview, however old; `overview` is null when it is too old to be shown. */
  private last = $state.raw<Overview | null>(null);
  private lastStats = $state.raw<Stats | null>(null);
  private connected = $state(false);
  heardAtMs = $state<number | null>(null);
  nowMs = $state(Date.now());
  /** Changes with each start of the proxy. */
  instance = $state<string | null>(null);
  /** Number of the allocator's last run. */
  runId = $state<number | null>(null);
  /** Why the proxy does not talk, if it says so. */
  problem = $state<string | null>(null);
  /** Rises when sparklines have changed. */
  beats = $state(0);

  readonly stale = $derived(isStale(this.heardAtMs, this.nowMs, this.connected));
  readonly overview = $derived(this.stale ? null : this.last);
  readonly stats = $derived(this.stale ? null : this.lastStats);
  /** Names of all tenants, known also while numbers are stale. */
  readonly names = $derived(this.last?.tenants.map((row) => row.name) ?? null);
  private readonly byName = $derived(new Map(this.overview?.tenants.map((row) => [row.name, row])));

  private readonly lines = new Sparklines();
  private stream: EventStream | null = null;
  private api: Api | null = null;

  constructor() {
    setInterval(() => (this.nowMs = Date.now()), 1000);
  }

  row(name: string): Row | undefined {
    return this.byName.get(name);
  }

  sparkline(name: string): readonly number[] {
    void this.beats;
    return this.lines.of(name);
  }

  /** Follows the proxy; with `tenant`, its statistics too. `refused` is called if the token is not accepted. */
  follow(api: Api, tenant: string | null, refused: () => void): () => void {
    this.lastStats = null;
    if (this.api !== api) this.forget(api);
    this.open(api, tenant, refused);
    return () => this.stream?.close();
  }

  private open(api: Api, tenant: string | null, refused: () => void): void {
    this.stream?.close();
    const query = tenant === null ? "" : `?tenant=${encodeURIComponent(tenant)}`;
    this.stream = new EventStream({
      url: `/v1/events${query}`,
      headers: api.headers(),
      onEvent: (event, data) => this.hear(event, data),
      onOpen: () => {
        this.connected = true;
        this.problem = null;
      },
      onLost: (problem) => {
        this.connected = false;
        this.problem = problem;
      },
      // A tenant that is not there: everything else is still worth following.
      onRefused: (status) => (status === 404 && tenant !== null ? this.open(api, null, refused) : refused()),
    });
  }

  private forget(api: Api): void {
    this.api = api;
    this.last = null;
    this.heardAtMs = null;
    this.instance = null;
    this.runId = null;
    this.connected = false;
  }

  private hear(event: string, data: unknown): void {
    this.heardAtMs = this.nowMs = Date.now();
    this.connected = true;
    if (event === "overview") this.hearOverview(data as Overview);
    if (event === "tenant") this.lastStats = data as Stats;
    if (event === "tenant_removed") this.lastStats = null;
    if (event === "run") this.runId = (data as { id: number }).id;
  }

  private hearOverview(overview: Overview): void {
    if (overview.instance !== this.instance) {
      this.instance = overview.instance;
      void this.remember();
    }
    this.last = overview;
    this.runId = overview.state.allocator.last_run?.id ?? this.runId;
    if (this.lines.hear(overview.tenants, Date.now())) this.beats += 1;
  }

  private async remember(): Promise<void> {
    try {
      const history = await this.api?.history();
      if (!history) return;
      this.lines.remember(history.sparklines, Date.now());
      this.beats += 1;
    } catch {
      // Sparklines then begin now; whatever is wrong shows elsewhere.
    }
  }
}

export const live = new Live();
