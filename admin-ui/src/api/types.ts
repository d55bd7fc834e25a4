// Made from openapi.json by `npm run types`; not to be changed by hand.
export interface paths {
  "/healthz": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The process runs. */
    get: operations["healthz"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/metrics": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Counters and gauges in the Prometheus text format. */
    get: operations["metrics"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/readyz": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Storage and every cache are reachable; if not, says which is not. */
    get: operations["readyz"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/allocator": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The allocator's options. */
    get: operations["show_allocator"];
    /** Changes options. `static` puts base shares back at once; switched off, the last quotas hold. */
    put: operations["change_allocator"];
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/allocator/runs": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What was decided, newest first, with what came of it. */
    get: operations["list_runs"];
    put?: never;
    /** Runs the allocator now, whether it is switched on or not. A dry run only says what would be decided. */
    post: operations["run_allocator"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/allocator/runs/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What the policy was asked in a run, in the form that `hopperkv allocate --file` takes. */
    get: operations["run_inputs"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/allocator/shares": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The quotas of all tenants over time, and the runs that changed them. */
    get: operations["shares"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/connect": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Where clients connect. */
    get: operations["connect"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/events": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * What happens, as it happens. `event: overview` once a second (every two seconds with more than 200 tenants) has the JSON
     *     of `/v1/overview`; `event: run` has a `RunEvent`. With `tenant`, `event: tenant` follows each overview and has the JSON of
     *     that tenant's `stats`, and `event: tenant_removed` a `TenantRemovedEvent`. Comments keep a silent connection open.
     *     The stream ends when the proxy stops.
     */
    get: operations["events"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/history": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The last minutes of all tenants together, and a sparkline of each. */
    get: operations["history"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/overview": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The proxy and all of its tenants now, with rates over the last five seconds. */
    get: operations["overview"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/session": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What the token is good for, and which run of which proxy answers. */
    get: operations["session"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** All tenants. */
    get: operations["list_tenants"];
    put?: never;
    /** Creates a tenant: opens its table, starts or takes over its Redis. */
    post: operations["create_tenant"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants/{tenant}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One tenant. */
    get: operations["show_tenant"];
    put?: never;
    post?: never;
    /** Removes a tenant: its clients are cut off and its managed Redis is stopped. Its table stays. */
    delete: operations["remove_tenant"];
    options?: never;
    head?: never;
    /**
     * Changes password, base share, longest wait, whether it may flush, weight or bounds; what is left out stays. A password
     *     that was generated is in the answer, once.
     */
    patch: operations["change_tenant"];
    trace?: never;
  };
  "/v1/tenants/{tenant}/clients": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who is signed in. */
    get: operations["list_clients"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants/{tenant}/curve": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A tenant's miss-ratio curve, and where the tenant is on it. */
    get: operations["show_curve"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants/{tenant}/errors": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Why requests were not served lately. */
    get: operations["list_errors"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants/{tenant}/history": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The last minutes of a tenant, a point every five seconds, up to an hour. */
    get: operations["tenant_history"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants/{tenant}/quota": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The four quotas of a tenant. */
    get: operations["show_quota"];
    /** Sets quotas by hand and pins the tenant: the allocator keeps away until it is released. */
    put: operations["set_quota"];
    post?: never;
    /** Releases a pinned tenant: it gets its base share back, and the allocator takes it from there. */
    delete: operations["release_quota"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tenants/{tenant}/stats": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Counters, rates, latencies, waits by limit, hot keys and cache of a tenant. */
    get: operations["show_stats"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /**
     * @description What a token is good for.
     * @enum {string}
     */
    AccessRole: "operator" | "read_only";
    /** @description A change of options, in the units of the configuration file; what is left out stays. */
    AllocatorChange: {
      /** @description `gradual`, `direct` or `boost`. */
      apply?: string | null;
      /**
       * Format: double
       * @description How far curves reach, in base caches.
       */
      curve_max?: number | null;
      /** @description Whether the epoch loop decides. */
      enabled?: boolean | null;
      /** @description Cache moved per round of a gradual change, such as "16MiB". */
      gradual_step?: string | null;
      /** @description Time between epochs, such as "20s". */
      interval?: string | null;
      /** @description Cache no tenant drops below, such as "10MiB". */
      min_cache?: string | null;
      /** @description `optimum`, `hare`, `hare_nonconserving`, `drf`, `memshare` or `static`. */
      policy?: string | null;
      /**
       * Format: double
       * @description Part of every total that is held back, 0 to 0.9.
       */
      reserve?: number | null;
      salt?: components["schemas"]["SaltView"] | null;
      /**
       * Format: int32
       * @description Epochs summed into one curve and one demand.
       */
      smoothing?: number | null;
      /**
       * Format: double
       * @description Improvement that moving cache must bring, 0 to 1.
       */
      stability?: number | null;
      /**
       * Format: double
       * @description Improvement over the present allocation that makes a change worth it.
       */
      threshold?: number | null;
      /**
       * Format: int32
       * @description Keys watched for a tenant's curve, at most, 256 to 1,048,576; takes effect at the next start.
       */
      tracked_keys?: number | null;
    };
    /** @description Who moves quotas. */
    AllocatorState: {
      /** @description Whether the epoch loop decides. */
      enabled: boolean;
      /**
       * Format: double
       * @description Seconds between epochs.
       */
      interval_s: number;
      last_run?: components["schemas"]["LastRunView"] | null;
      /**
       * Format: double
       * @description Seconds until the next one; absent while one is under way, and while it is switched off.
       */
      next_run_in_s?: number | null;
      /** @description How resources are divided. */
      policy: string;
      /** @description Rounds of a gradual change that are still to come. */
      rounds_to_come: number;
    };
    /** @description The allocator's options. */
    AllocatorView: {
      /** @description `gradual`, `direct` or `boost`. */
      apply: string;
      /**
       * Format: double
       * @description How far curves reach, in base caches.
       */
      curve_max: number;
      /** @description Whether the epoch loop decides; switched off, the last quotas hold. */
      enabled: boolean;
      /**
       * Format: int64
       * @description Cache moved per round of a gradual change.
       */
      gradual_step_bytes: number;
      /**
       * Format: double
       * @description Seconds between epochs.
       */
      interval_s: number;
      /**
       * Format: int64
       * @description Cache no tenant drops below.
       */
      min_cache_bytes: number;
      /** @description How resources are divided. */
      policy: string;
      /**
       * Format: double
       * @description Part of every total that is held back, as far as everybody keeps its base throughput.
       */
      reserve: number;
      /** @description Rounds of a gradual change that are still to come. */
      rounds_to_come: number;
      /** @description What makes curves worse before they are decided on. */
      salt: components["schemas"]["SaltView"];
      /**
       * Format: int32
       * @description Epochs summed into one curve and one demand.
       */
      smoothing: number;
      /**
       * Format: double
       * @description Improvement that moving cache must bring: 0.02 is two points of the improve ratio.
       */
      stability: number;
      /**
       * Format: double
       * @description Improvement over the present allocation that makes a change worth it.
       */
      threshold: number;
      /**
       * Format: int32
       * @description Keys watched for a tenant's curve, at most; takes effect at the next start.
       */
      tracked_keys: number;
    };
    /** @description Rates above those decided. */
    Boost: {
      /**
       * Format: double
       * @description Bytes per second.
       */
      net_bytes_per_s: number;
      /**
       * Format: double
       * @description Read units per second.
       */
      read_units_per_s: number;
      /**
       * Format: double
       * @description Write units per second.
       */
      write_units_per_s: number;
    };
    /**
     * @description What a tenant is short of, or what else sets its pace.
     * @enum {string}
     */
    Bottleneck: "cache" | "read_units" | "write_units" | "net" | "storage" | "clients";
    /** @description A bound on a share; resources that are left out are not bounded. */
    BoundFields: {
      /** @description Cache, such as "64MiB". */
      cache?: string | null;
      /** @description Bandwidth, such as "10MB/s". */
      net?: string | null;
      /**
       * Format: double
       * @description Read units per second.
       */
      read_units?: number | null;
      /**
       * Format: double
       * @description Write units per second.
       */
      write_units?: number | null;
    };
    /** @description A bound on a share; resources that are not bounded are left out. */
    BoundView: {
      /**
       * Format: int64
       * @description Cache.
       */
      cache_bytes?: number | null;
      /**
       * Format: double
       * @description Bytes per second, client and storage side together.
       */
      net_bytes_per_s?: number | null;
      /**
       * Format: double
       * @description Read units per second.
       */
      read_units_per_s?: number | null;
      /**
       * Format: double
       * @description Write units per second.
       */
      write_units_per_s?: number | null;
    };
    /** @description A tenant's Redis. */
    CacheView: {
      /** @description Where it is. */
      address: string;
      /**
       * Format: int64
       * @description Keys evicted since it started.
       */
      evicted?: number | null;
      /**
       * Format: int64
       * @description Reports that it was lost or may hold something stale.
       */
      interruptions: number;
      /**
       * Format: int64
       * @description Keys it holds, our own records included.
       */
      keys?: number | null;
      /**
       * Format: int64
       * @description Its limit.
       */
      maxmemory_bytes?: number | null;
      near?: components["schemas"]["NearView"] | null;
      /** @description False while it is out of service. */
      serving: boolean;
      /** @description False while it does not run as nobody has needed it yet: a managed one starts with the first sign-in. */
      started: boolean;
      /**
       * Format: int64
       * @description Memory in use; this and what follows is absent while it cannot be asked.
       */
      used_bytes?: number | null;
    };
    /** @description Clients that are signed in. */
    ClientList: {
      /** @description Those who came first, by `id`. */
      clients: components["schemas"]["ClientView"][];
      /** @description How many there are. */
      total: number;
    };
    /** @description A client. */
    ClientView: {
      /** @description IP address and port of its end. */
      address: string;
      /**
       * Format: double
       * @description Seconds since it connected.
       */
      age_s: number;
      /**
       * Format: int64
       * @description `CLIENT ID`.
       */
      id: number;
      /**
       * Format: double
       * @description Seconds since its last command.
       */
      idle_s: number;
      /** @description Its last command, in lower case; absent before the first. */
      last_command?: string | null;
      /** @description Its library and version (CLIENT SETINFO); empty unless it said. */
      library: string;
      /** @description What it calls itself (CLIENT SETNAME); empty unless it said. */
      name: string;
      /**
       * Format: int32
       * @description RESP version.
       */
      resp: number;
    };
    /** @description Whether one part works. */
    Component: {
      /** @description Why not. */
      error?: string | null;
      /** @description It works. */
      ok: boolean;
    };
    /** @description What a curve rests on. */
    ConfidenceView: {
      /**
       * Format: int32
       * @description Epochs without any read since the curve was learned.
       */
      age_epochs: number;
      /**
       * Format: double
       * @description Mean absolute difference between the last epoch's curve and the one before, 0 to 1.
       */
      drift: number;
      /**
       * Format: int64
       * @description Sampled reads behind it.
       */
      sampled_reads: number;
      /**
       * Format: double
       * @description Standard error of the ratios from watching some keys only; 0 if all were watched.
       */
      sampling_error: number;
    };
    /** @description Where clients connect. */
    ConnectView: {
      /** @description Tenant of clients that do not sign in, if there is one. */
      default_tenant?: string | null;
      /** @description The one for all tenants first, then those of single tenants, by name. */
      endpoints: components["schemas"]["Endpoint"][];
      /** @description Whether clients have to speak TLS. The proxy does not; put a TLS proxy in front where it is needed. */
      tls: boolean;
    };
    /** @description A tenant that was just created or changed. */
    CreatedTenant: components["schemas"]["TenantView"] & {
      /** @description The password that was generated. It is not shown again. */
      password?: string | null;
    };
    /** @description The present cache size, and the miss ratio there. */
    CurvePoint: {
      /**
       * Format: int64
       * @description Cache size.
       */
      cache_bytes: number;
      /**
       * Format: double
       * @description What the last ten seconds say.
       */
      measured_miss_ratio?: number | null;
      /**
       * Format: double
       * @description What the curve says.
       */
      predicted_miss_ratio?: number | null;
    };
    /** @description The curve where it matters, as it was decided on. */
    CurveSummary: {
      /**
       * Format: double
       * @description Part of the fall of misses above the base cache that was believed, 0..=1.
       */
      believed_gain: number;
      /**
       * Format: double
       * @description Mean absolute difference between the last epoch's curve and the one before.
       */
      drift: number;
      /**
       * Format: double
       * @description By what the rise of misses below the base cache was multiplied, at least 1.
       */
      feared_loss: number;
      /**
       * Format: double
       * @description Added to every miss ratio, against over-optimism.
       */
      margin: number;
      /**
       * Format: double
       * @description Miss ratio with the base cache.
       */
      miss_ratio_at_base: number;
      /**
       * Format: double
       * @description Miss ratio with the present cache.
       */
      miss_ratio_at_current: number;
      /**
       * Format: double
       * @description Miss ratio with the cache decided on.
       */
      miss_ratio_at_share: number;
      /**
       * Format: int64
       * @description Sampled reads behind it.
       */
      sampled_reads: number;
    };
    /** @description A tenant's miss-ratio curve. */
    CurveView: {
      /** @description Cache sizes, as Redis counts `maxmemory`; empty before the first epoch with sampled reads. */
      bytes: number[];
      /** @description How far the curve can be trusted. */
      confidence: components["schemas"]["ConfidenceView"];
      /** @description Where the tenant is. */
      current: components["schemas"]["CurvePoint"];
      /** @description Miss ratio at each size, without salt. */
      miss_ratio: number[];
      /**
       * Format: int64
       * @description Sampled reads behind the curve.
       */
      sampled_reads: number;
      /** @description Keys in the ghost cache. */
      tracked_keys: number;
    };
    /** @description What was decided, and on what grounds. */
    Decision: {
      /**
       * Format: double
       * @description The same for the present shares.
       */
      current_improvement: number;
      /**
       * Format: double
       * @description What the policy says everybody could gain over base: 0.5 is 50 %.
       */
      improve_ratio: number;
      /**
       * Format: double
       * @description Gain over base per weight of the tenant that gains least, predicted for the new shares; those at their cap and those
       *     of weight 0 do not count.
       */
      improvement: number;
      /** @description The policy's name. */
      policy: string;
      /** @description Why it is applied or not, for people. */
      reason: string;
      /** @description Why it is applied or not, for programs. */
      reason_code: components["schemas"]["ReasonCode"];
      /** @description Trades the policy made. */
      rounds: number;
      /** @description Tenant by tenant, in the order of the snapshot. */
      tenants: components["schemas"]["TenantDecision"][];
    };
    /** @description Demand per request as the policy saw it. */
    DemandSummary: {
      /**
       * Format: double
       * @description Part of `net_bytes` that hits save.
       */
      net_alpha: number;
      /**
       * Format: double
       * @description Bytes per request if every read missed.
       */
      net_bytes: number;
      /**
       * Format: double
       * @description Read units per request if every read missed.
       */
      read_units: number;
      /**
       * Format: int64
       * @description Requests in the smoothed window.
       */
      requests: number;
      /**
       * Format: double
       * @description Write units per request.
       */
      write_units: number;
    };
    /** @description A place that clients connect to. */
    Endpoint: {
      /**
       * @description Host name or IP address. If the proxy listens on all addresses of its machine, the one under which the admin API
       *     was asked.
       */
      host: string;
      /**
       * Format: int32
       * @description Port.
       */
      port: number;
      /** @description Whose it is: its clients need no user name. Absent where a client says by its user name which tenant it is. */
      tenant?: string | null;
    };
    /**
     * @description The last requests that were refused by a limit or ended in an error of storage or cache, newest first. What a client did
     *     wrong, such as a wrong number of words, is not among them.
     */
    ErrorList: {
      /** @description At most 50. */
      errors: components["schemas"]["ErrorView"][];
    };
    /** @description A request that was not served, or several of one client in a row that ended alike. */
    ErrorView: {
      /**
       * Format: int64
       * @description When the last of them was, in milliseconds since 1970.
       */
      at_ms: number;
      /**
       * Format: int64
       * @description Which client; its `id` among the connected ones.
       */
      client: number;
      /** @description The first word of what the client was answered, such as `THROTTLED`. */
      code: string;
      /**
       * Format: int64
       * @description How many.
       */
      count: number;
      /** @description The rest of it. */
      text: string;
    };
    /** @description What is wrong with one field. */
    FieldError: {
      /** @description The field; absent if the whole is wrong. */
      field?: string | null;
      /** @description What is wrong with it, and the fix. */
      message: string;
    };
    /** @description Requests per second. */
    FlowRates: {
      /**
       * Format: double
       * @description Requests that ended in an error of storage or cache.
       */
      errors_per_s: number;
      /**
       * Format: double
       * @description Hits over reads; absent without reads.
       */
      hit_ratio?: number | null;
      /**
       * Format: double
       * @description Reads answered by the cache.
       */
      hits_per_s: number;
      /**
       * Format: double
       * @description Reads that went to storage.
       */
      misses_per_s: number;
      /**
       * Format: double
       * @description Keys read.
       */
      reads_per_s: number;
      /**
       * Format: double
       * @description Requests refused by a limit.
       */
      throttled_per_s: number;
      /**
       * Format: double
       * @description Keys written.
       */
      writes_per_s: number;
    };
    /** @description What happened in the five seconds before each time. */
    History: {
      /** @description Ends of the intervals, in milliseconds since 1970. */
      at_ms: number[];
      /** @description Requests that ended in an error of storage or cache. */
      errors_per_s: number[];
      /** @description Median latency of reads answered by the cache, in microseconds, within 10 %; null without such requests. */
      hit_p50_us: (number | null)[];
      /** @description Their 99th percentile. */
      hit_p99_us: (number | null)[];
      /** @description Hits over reads; null without reads. */
      hit_ratio: (number | null)[];
      /** @description Reads answered by the cache. */
      hits_per_s: number[];
      /** @description Median latency of reads that went further. */
      miss_p50_us: (number | null)[];
      /** @description Their 99th percentile. */
      miss_p99_us: (number | null)[];
      /** @description Reads that went to storage. */
      misses_per_s: number[];
      /** @description Quota in force: cache. */
      quota_cache_bytes: number[];
      /** @description Quota in force: bytes per second. */
      quota_net_bytes_per_s: number[];
      /** @description Quota in force: read units per second. */
      quota_read_units_per_s: number[];
      /** @description Quota in force: write units per second. */
      quota_write_units_per_s: number[];
      /** @description Keys read. */
      reads_per_s: number[];
      /** @description Requests refused by a limit. */
      throttled_per_s: number[];
      /** @description Cache in use. */
      use_cache_bytes: number[];
      /** @description Bytes to and from clients and storage. */
      use_net_bytes_per_s: number[];
      /** @description Read units consumed. */
      use_read_units_per_s: number[];
      /** @description Write units consumed. */
      use_write_units_per_s: number[];
      /** @description Requests that had to wait for bandwidth. */
      waits_per_s_net: number[];
      /** @description Requests that had to wait for read units. */
      waits_per_s_read_units: number[];
      /** @description Requests that had to wait for write units. */
      waits_per_s_write_units: number[];
      /** @description Median latency of writes. */
      write_p50_us: (number | null)[];
      /** @description Their 99th percentile. */
      write_p99_us: (number | null)[];
      /** @description Keys written. */
      writes_per_s: number[];
    };
    /** @description A frequently read key. */
    HotKeyView: {
      /** @description The key, with everything that is not printable ASCII escaped. */
      key: string;
      /** @description The key's bytes. */
      key_base64: string;
      /**
       * Format: int64
       * @description Estimated reads since start.
       */
      reads: number;
    };
    /** @description A run in a line. */
    LastRunView: {
      /** @description Whether quotas were changed. */
      applied: boolean;
      /**
       * Format: int64
       * @description When, in milliseconds since 1970.
       */
      at_ms: number;
      /**
       * Format: int64
       * @description Its number.
       */
      id: number;
      /** @description Why or why not, for people. */
      reason: string;
      /** @description Why or why not, for programs. */
      reason_code: components["schemas"]["ReasonCode"];
    };
    /** @description Latencies by kind of request, in microseconds, since the start of the proxy. */
    Latencies: {
      /** @description Reads answered by the cache. */
      hit: components["schemas"]["Quantiles"];
      /** @description Reads that went further. */
      miss: components["schemas"]["Quantiles"];
      /** @description Commands over all keys. */
      scan: components["schemas"]["Quantiles"];
      /** @description Writes. */
      write: components["schemas"]["Quantiles"];
    };
    /** @description Replies to hot keys that the proxy itself keeps. */
    NearView: {
      /**
       * Format: int64
       * @description What it may take of the cache quota now; Redis has the rest.
       */
      budget_bytes: number;
      /**
       * Format: int64
       * @description Copies; a key that is hot on several workers has several.
       */
      copies: number;
      /**
       * Format: int64
       * @description What it takes: copies and tables, all workers together.
       */
      used_bytes: number;
    };
    /** @description The proxy and all of its tenants at one moment. */
    Overview: {
      /**
       * Format: int64
       * @description When, in milliseconds since 1970.
       */
      at_ms: number;
      /** @description Identifies this run of the proxy. */
      instance: string;
      /** @description Storage, caches, allocator. */
      state: components["schemas"]["PartsView"];
      /** @description Each tenant, by name. */
      tenants: components["schemas"]["Row"][];
      /** @description All tenants together. */
      totals: components["schemas"]["OverviewTotals"];
      /**
       * Format: double
       * @description Since when it runs, in seconds.
       */
      uptime_s: number;
      /** @description Version of the proxy. */
      version: string;
    };
    /** @description All tenants together. */
    OverviewTotals: components["schemas"]["FlowRates"] & {
      /** @description Sum of the base shares. */
      base: components["schemas"]["Share"];
      /** @description Clients connected, signed in or not. */
      clients: number;
      /** @description Sum of the quotas in force. */
      quota: components["schemas"]["Share"];
      /** @description Sum of what is used. */
      use: components["schemas"]["Share"];
    };
    /** @description How the parts of the proxy are. */
    PartsView: {
      /** @description Who moves quotas. */
      allocator: components["schemas"]["AllocatorState"];
      /** @description The tenants' caches. */
      redis: components["schemas"]["RedisView"];
      /** @description Where the truth is. */
      storage: components["schemas"]["StorageView"];
    };
    /** @description Something of each of the three limits. */
    PerLimit_f64: {
      /** Format: double */
      net: number;
      /** Format: double */
      read_units: number;
      /** Format: double */
      write_units: number;
    };
    /** @description Something of each of the three limits. */
    PerLimit_usize: {
      net: number;
      read_units: number;
      write_units: number;
    };
    /** @description `application/problem+json`. */
    ProblemBody: {
      /** @description What is wrong, for programs; does not change between releases. */
      code: string;
      /** @description What is wrong here, for people. */
      detail: string;
      /** @description Field by field, for requests that hold wrong values. */
      errors?: components["schemas"]["FieldError"][];
      /**
       * Format: int32
       * @description The HTTP status.
       */
      status: number;
      /** @description The status in words. */
      title: string;
      /** @description `urn:hopperkv:problem:` and the code. */
      type: string;
    };
    /** @description A distribution, in microseconds. */
    Quantiles: {
      /** Format: int64 */
      count: number;
      /** Format: int64 */
      max: number;
      /** Format: double */
      mean: number;
      /** Format: int64 */
      p50: number;
      /** Format: int64 */
      p90: number;
      /** Format: int64 */
      p99: number;
      /** Format: int64 */
      p999: number;
    };
    /** @description A change of quotas; what is left out stays. */
    QuotaChange: {
      /**
       * Format: int64
       * @description Cache, at least `[allocator] min_cache`.
       * @default null
       */
      cache_bytes?: number | null;
      /**
       * Format: double
       * @description Bytes per second, client and storage side together, above 0.
       * @default null
       */
      net_bytes_per_s?: number | null;
      /**
       * @description `true` (the default) keeps the allocator away; `false` sets the quota until the allocator's next decision, and
       *     alone releases the tenant to its base share.
       * @default null
       */
      pinned?: boolean | null;
      /**
       * Format: double
       * @description Read units per second, above 0.
       * @default null
       */
      read_units_per_s?: number | null;
      /**
       * Format: double
       * @description Write units per second, above 0.
       * @default null
       */
      write_units_per_s?: number | null;
    };
    /** @description Quotas of a tenant. */
    QuotaView: components["schemas"]["Share"] & {
      /** @description What it is entitled to. */
      base: components["schemas"]["Share"];
      /** @description Set by hand: the allocator keeps away. */
      pinned: boolean;
    };
    /** @description Per second, over the last ten seconds. */
    Rates: {
      /**
       * Format: double
       * @description Hits over reads; absent without reads.
       */
      hit_ratio?: number | null;
      /**
       * Format: double
       * @description Reads answered by the cache.
       */
      hits_per_s: number;
      /**
       * Format: double
       * @description Reads that went to storage.
       */
      misses_per_s: number;
      /**
       * Format: double
       * @description Bytes to and from clients and storage.
       */
      net_bytes_per_s: number;
      /**
       * Format: double
       * @description Seconds that were looked at.
       */
      over_s: number;
      /**
       * Format: double
       * @description Read units consumed.
       */
      read_units_per_s: number;
      /**
       * Format: double
       * @description Keys read.
       */
      reads_per_s: number;
      /**
       * Format: double
       * @description Requests refused by a limit.
       */
      throttled_per_s: number;
      /**
       * Format: double
       * @description Write units consumed.
       */
      write_units_per_s: number;
      /**
       * Format: double
       * @description Keys written.
       */
      writes_per_s: number;
    };
    /** @description Whether requests can be served in full. */
    Readiness: {
      /**
       * @description Tenants whose cache is out of service; their reads go to storage. A managed Redis that nobody has needed yet, and so
       *     does not run, is not among them.
       */
      caches_down: string[];
      /** @description Storage and every cache are reachable. */
      ready: boolean;
      /** @description Whether storage answers. */
      storage: components["schemas"]["Component"];
      /** @description Tenants in all. */
      tenants: number;
    };
    /**
     * @description Why a decision is applied, or is not.
     * @enum {string}
     */
    ReasonCode:
      | "improves"
      | "ends_harm"
      | "restores_base"
      | "total_exceeded"
      | "unchanged"
      | "unconfirmed"
      | "below_threshold"
      | "no_progress"
      | "too_few_tenants"
      | "would_harm"
      | "dry_run";
    /** @description How many tenants' caches are in which state. */
    RedisView: {
      /** @description Do not run, as nobody has needed them yet. */
      asleep: number;
      /** @description Are out of service: reads go to storage. */
      down: number;
      /** @description Serve, or are being started. */
      serving: number;
    };
    /** @description Counters since the start of the proxy. */
    Requests: {
      /**
       * Format: int64
       * @description Reads and writes of keys that exist nowhere.
       */
      absent: number;
      /**
       * Format: int64
       * @description Requests that went past a cache that was out of service.
       */
      bypassed: number;
      /**
       * Format: int64
       * @description Reads that joined another read (counted as hits too).
       */
      coalesced: number;
      /**
       * Format: int64
       * @description Commands on keys.
       */
      commands: number;
      /**
       * Format: int64
       * @description Writes decided again because storage held another item than was thought.
       */
      conflicts: number;
      /**
       * Format: int64
       * @description Requests that ended in an error of storage or cache.
       */
      errors: number;
      /**
       * Format: int64
       * @description Reads answered by the cache, or by somebody else's storage read.
       */
      hits: number;
      /**
       * Format: int64
       * @description Thousandths of read units consumed.
       */
      milli_read_units: number;
      /**
       * Format: int64
       * @description Thousandths of read units, had every read missed.
       */
      milli_read_units_if_missed: number;
      /**
       * Format: int64
       * @description Thousandths of write units consumed.
       */
      milli_write_units: number;
      /**
       * Format: int64
       * @description Reads that went to storage.
       */
      misses: number;
      /**
       * Format: int64
       * @description Reads answered from the proxy's own near cache (counted as hits too).
       */
      near_hits: number;
      /**
       * Format: int64
       * @description Reads answered by a negative entry (counted as hits too).
       */
      negative_hits: number;
      /**
       * Format: int64
       * @description Key and value bytes of reads.
       */
      read_bytes: number;
      /**
       * Format: int64
       * @description Keys read by clients.
       */
      reads: number;
      /**
       * Format: int64
       * @description Items that SCAN, KEYS, DBSIZE, RANDOMKEY and flushes looked at.
       */
      scanned_items: number;
      /**
       * Format: int64
       * @description Bytes moved to and from storage.
       */
      storage_bytes: number;
      /**
       * Format: int64
       * @description Requests refused because a limit's wait was too long.
       */
      throttled: number;
      /**
       * Format: int64
       * @description Keys written or deleted by clients.
       */
      writes: number;
      /**
       * Format: int64
       * @description Key and value bytes of writes.
       */
      written_bytes: number;
    };
    /**
     * @description Whether and why a tenant takes part.
     * @enum {string}
     */
    Role: "active" | "pinned" | "idle" | "arrived" | "starved" | "too_few_samples" | "no_progress";
    /** @description One tenant at a glance. */
    Row: {
      /** @description Whether it was asked for anything in the last seconds. */
      active: boolean;
      /** @description What it is entitled to. */
      base: components["schemas"]["Share"];
      bottleneck?: components["schemas"]["Bottleneck"] | null;
      /** @description Clients signed in. */
      clients: number;
      /**
       * Format: double
       * @description Throughput that the allocator's model gives with the present quota over that with the base share; absent before
       *     anything is known of its traffic.
       */
      gain?: number | null;
      /** @description The tenant. */
      name: string;
      /** @description Its quota was set by hand: the allocator keeps away. */
      pinned: boolean;
      /** @description What it has now. */
      quota: components["schemas"]["Share"];
      /** @description Requests per second. */
      rates: components["schemas"]["FlowRates"];
      role?: components["schemas"]["Role"] | null;
      /** @description What it uses: bytes in its cache as last seen, units and bytes per second. */
      use: components["schemas"]["Share"];
      /** @description Requests that wait for each limit now. */
      waiting: components["schemas"]["PerLimit_usize"];
      /** @description Requests per second that had to wait for each limit. */
      waits_per_s: components["schemas"]["PerLimit_f64"];
    };
    /** @description One run of the allocator. */
    Run: components["schemas"]["Decision"] & {
      /** @description Whether quotas were changed, or a gradual change was begun. */
      applied: boolean;
      /**
       * Format: int64
       * @description When, in milliseconds since 1970.
       */
      at_ms: number;
      /**
       * Format: int64
       * @description Counts up from 1 since the start of the proxy.
       */
      id: number;
      /**
       * @description Whether the decision was in place before the epoch began in which its gain was measured; absent until then, and false
       *     while a gradual change or a boost was under way.
       */
      measured_in_place?: boolean | null;
      /** @description What set it off. */
      trigger: components["schemas"]["Trigger"];
    };
    /** @description `event: run`: the allocator has run, or was asked what it would do. */
    RunEvent: {
      /**
       * Format: int64
       * @description Number of the run.
       */
      id: number;
    };
    /** @description A run on the timeline. */
    RunMark: {
      /** @description Whether quotas were changed. */
      applied: boolean;
      /**
       * Format: int64
       * @description When, in milliseconds since 1970.
       */
      at_ms: number;
      /**
       * Format: int64
       * @description Its number.
       */
      id: number;
    };
    /** @description A run, and who gave what to whom in it. */
    RunView: components["schemas"]["Run"] & {
      /** @description From those who get less to those who get more, the 64 largest of each resource. */
      trades: components["schemas"]["Trade"][];
    };
    /** @description The last runs, newest first. */
    Runs: {
      /** @description At most 256 are kept. */
      runs: components["schemas"]["RunView"][];
    };
    /** @description What makes curves worse before they are decided on. */
    SaltView: string | number;
    /** @description Who is asking, and whom. */
    Session: {
      /** @description Identifies this run of the proxy: another one after each start. */
      instance: string;
      /** @description What the token that was sent is good for. */
      role: components["schemas"]["AccessRole"];
      /** @description False if anybody who reaches this address is an operator. */
      token_required: boolean;
      /** @description Version of the proxy. */
      version: string;
    };
    /** @description A tenant's part of the four resources. */
    Share: {
      /**
       * Format: int64
       * @description Cache, as Redis counts `maxmemory`.
       */
      cache_bytes: number;
      /**
       * Format: double
       * @description Bytes per second, client and storage side together.
       */
      net_bytes_per_s: number;
      /**
       * Format: double
       * @description Read units per second.
       */
      read_units_per_s: number;
      /**
       * Format: double
       * @description Write units per second.
       */
      write_units_per_s: number;
    };
    /** @description The four resources over time; null where nothing is known. */
    ShareSeries: {
      /** @description Cache. */
      cache_bytes: (number | null)[];
      /** @description Bytes per second, client and storage side together. */
      net_bytes_per_s: (number | null)[];
      /** @description Read units per second. */
      read_units_per_s: (number | null)[];
      /** @description Write units per second. */
      write_units_per_s: (number | null)[];
    };
    /** @description Quotas over time. */
    SharesView: {
      /** @description In milliseconds since 1970, at most 120 of them. */
      at_ms: number[];
      /** @description Runs of the allocator in that time, dry ones left out, oldest first. */
      runs: components["schemas"]["RunMark"][];
      /** @description The quotas of each tenant by name, one number for each time; null before it came. */
      tenants: {
        [key: string]: components["schemas"]["ShareSeries"];
      };
    };
    /** @description One tenant in numbers. Counters count since the start of the proxy. */
    Stats: {
      /** @description Its Redis. */
      cache: components["schemas"]["CacheView"];
      /** @description Clients signed in. */
      clients: number;
      /** @description The most frequently read keys, hottest first. */
      hot_keys: components["schemas"]["HotKeyView"][];
      /** @description By kind of request. */
      latency_us: components["schemas"]["Latencies"];
      /** @description Per second, over the last ten seconds. */
      rates: components["schemas"]["Rates"];
      /** @description What was counted since start. */
      requests: components["schemas"]["Requests"];
      /** @description The tenant. */
      tenant: string;
      /** @description Waits for each limit. */
      waits: components["schemas"]["Waits"];
    };
    /** @description Where the truth is. */
    StorageView: {
      /** @description Why not. */
      error?: string | null;
      /** @description `embedded`, `dynamodb` or `synthetic`. */
      kind: string;
      /** @description Whether it answered when it was last asked, at most some seconds ago. */
      serving: boolean;
    };
    /** @description A decision as far as it concerns one tenant. */
    TenantDecision: {
      /** @description What it is entitled to. */
      base: components["schemas"]["Share"];
      /**
       * Format: double
       * @description Requests/s that `base` sustains; absent if nothing limits it.
       */
      base_requests_per_s?: number | null;
      boost?: components["schemas"]["Boost"] | null;
      /** @description What it had, or was on its way to. */
      current: components["schemas"]["Share"];
      /**
       * Format: double
       * @description Predicted throughput with `current` over that with `base`, likewise.
       */
      current_gain: number;
      /** @description The miss-ratio curve at the three cache sizes. */
      curve: components["schemas"]["CurveSummary"];
      /** @description What an average request costs, and how many there were. */
      demand: components["schemas"]["DemandSummary"];
      /**
       * Format: double
       * @description Requests/s that the base share sustains by the demand and the curve of that same epoch.
       */
      measured_base_requests_per_s?: number | null;
      /**
       * Format: double
       * @description The one over the other.
       */
      measured_gain?: number | null;
      /**
       * @description Whether a limit held it back in that epoch: without that it was served all it asked for, and the gain says nothing
       *     of the share.
       */
      measured_limited?: boolean | null;
      /**
       * Format: double
       * @description Requests/s served in the epoch after the decision; absent until then.
       */
      measured_requests_per_s?: number | null;
      /** @description Its name. */
      name: string;
      /**
       * Format: double
       * @description Predicted throughput with `share` over that with `base`, until the next run: with a cache as far as it is filled by then.
       *     It is what the curve says as it was learned. What was decided on is a curve with a margin, and so `improvement`, which
       *     is safe to promise, may be less than anybody's predicted gain.
       */
      predicted_gain: number;
      /** @description Whether it takes part. */
      role: components["schemas"]["Role"];
      /** @description What it should have. */
      share: components["schemas"]["Share"];
      /**
       * Format: double
       * @description Its part of an improvement, relative to other tenants.
       */
      weight: number;
    };
    /** @description A tenant to create, or what to change of one; quantities as in the configuration file ("256MiB", 1000, "50MB/s"). */
    TenantFields: {
      /** @description Whether its clients may delete all of its keys with FLUSHALL and FLUSHDB; false unless given. */
      allow_flush?: boolean | null;
      /** @description Base cache; required to create. */
      cache?: string | null;
      /** @description Has a password generated, in place of `password`. */
      generate_password?: boolean | null;
      max?: components["schemas"]["BoundFields"] | null;
      /** @description Longest wait for a limit, such as "1s". */
      max_wait?: string | null;
      min?: components["schemas"]["BoundFields"] | null;
      /** @description User name; required to create, fixed afterwards. */
      name?: string | null;
      /**
       * @description The most of the cache that the proxy may use itself for replies to hot keys, such as "16MiB"; none unless given,
       *     fixed afterwards.
       */
      near_cache?: string | null;
      /** @description Base bandwidth; required to create. */
      net?: string | null;
      /** @description A text, or `sha256:` and its digest; `generate` has one generated, and so does leaving it out of a new tenant. */
      password?: string | null;
      /**
       * Format: int32
       * @description Port of its own; fixed once given.
       */
      port?: number | null;
      /**
       * Format: double
       * @description Base read units per second; required to create.
       */
      read_units?: number | null;
      /** @description URL of its Redis, if the cache kind is `dedicated`; fixed afterwards. */
      redis?: string | null;
      /** @description Table; the name unless given, fixed afterwards. */
      table?: string | null;
      /**
       * Format: double
       * @description Improvement over base relative to a tenant of weight 1, 0 to 1000; 0 keeps it at its base throughput.
       */
      weight?: number | null;
      /**
       * Format: double
       * @description Base write units per second; required to create.
       */
      write_units?: number | null;
    };
    /** @description One tenant's last minutes; the arrays have one number for each of `at_ms`. */
    TenantHistory: components["schemas"]["History"] & {
      /** @description The tenant. */
      tenant: string;
    };
    /** @description All tenants, by name. */
    TenantList: {
      tenants: components["schemas"]["TenantView"][];
    };
    /** @description `event: tenant_removed`: there will be no more `tenant` events. */
    TenantRemovedEvent: {
      /** @description Its name. */
      tenant: string;
    };
    /** @description A tenant. */
    TenantView: {
      /** @description Whether FLUSHALL and FLUSHDB are served. */
      allow_flush: boolean;
      /** @description False while its Redis is out of service. */
      cache_serving: boolean;
      /** @description False while its Redis does not run as nobody has needed it yet: a managed one starts with the first sign-in. */
      cache_started: boolean;
      /** @description Clients signed in. */
      clients: number;
      /** @description Whether clients need a password. */
      has_password: boolean;
      /** @description The most that the allocator gives it. */
      max: components["schemas"]["BoundView"];
      /** @description Longest wait of a request for its limits. */
      max_wait_ms: number;
      /** @description The least that the allocator gives it. */
      min: components["schemas"]["BoundView"];
      /** @description User name of its clients. */
      name: string;
      /**
       * Format: int64
       * @description The most of its cache that the proxy may use itself for replies to hot keys; 0 is none.
       */
      near_cache_bytes: number;
      /**
       * Format: int32
       * @description Port of its own, if it has one.
       */
      port?: number | null;
      /** @description Quota in force, and base share. */
      quota: components["schemas"]["QuotaView"];
      /** @description Its table. */
      table: string;
      /**
       * Format: double
       * @description Improvement over base relative to a tenant of weight 1.
       */
      weight: number;
    };
    /** @description The last minutes of all tenants together. */
    TotalHistory: components["schemas"]["History"] & {
      /**
       * @description Requests per second of each tenant by name, oldest first, at most 60 numbers over the same time. Shorter for tenants
       *     that came later.
       */
      sparklines: {
        [key: string]: number[];
      };
    };
    /** @description An amount of one resource that goes from one tenant to another. */
    Trade: {
      /**
       * Format: double
       * @description How much, in the unit of that field.
       */
      amount: number;
      /** @description Who gives; absent if nobody in particular does. */
      from?: string | null;
      /** @description Which resource, by the name of its field in a share. */
      resource: components["schemas"]["TradedResource"];
      /** @description Who gets; absent if nobody in particular does. */
      to?: string | null;
    };
    /**
     * @description A resource, by the name of its field in a share.
     * @enum {string}
     */
    TradedResource: "cache_bytes" | "read_units_per_s" | "write_units_per_s" | "net_bytes_per_s";
    /**
     * @description What set a run off.
     * @enum {string}
     */
    Trigger: "timer" | "manual" | "dry_run" | "options";
    /** @description Waits for one limit. */
    Wait: {
      /**
       * Format: double
       * @description The limit, per second; absent without one.
       */
      limit_per_s?: number | null;
      /**
       * Format: int64
       * @description Requests that waited in vain.
       */
      throttled: number;
      /**
       * Format: double
       * @description Units or bytes granted.
       */
      used: number;
      /**
       * Format: double
       * @description Time they waited, together.
       */
      waited_ms: number;
      /** @description Requests waiting now. */
      waiting: number;
      /**
       * Format: int64
       * @description Requests that had to wait.
       */
      waits: number;
    };
    /** @description Waits for each limit. */
    Waits: {
      /** @description For bandwidth. */
      net: components["schemas"]["Wait"];
      /** @description For read units. */
      read_units: components["schemas"]["Wait"];
      /** @description For write units. */
      write_units: components["schemas"]["Wait"];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  healthz: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The process runs */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/plain": string;
        };
      };
    };
  };
  metrics: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Prometheus text format */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/plain": string;
        };
      };
    };
  };
  readyz: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Ready */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Readiness"];
        };
      };
      /** @description Something is not reachable */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Readiness"];
        };
      };
    };
  };
  show_allocator: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["AllocatorView"];
        };
      };
    };
  };
  change_allocator: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["AllocatorChange"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["AllocatorView"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  list_runs: {
    parameters: {
      query?: {
        /** @description Most runs to list; 50 unless given */
        limit?: number;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Runs"];
        };
      };
    };
  };
  run_allocator: {
    parameters: {
      query?: {
        /** @description Decide, but change nothing */
        dry_run?: boolean;
        /** @description A policy for this run only */
        policy?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["RunView"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  run_inputs: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Number of the run */
        id: number;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description An allocation problem: id, params and tenants */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": Record<string, never>;
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  shares: {
    parameters: {
      query?: {
        /** @description How far back, such as "30m"; "10m" unless given, "1h" at most */
        last?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["SharesView"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  connect: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ConnectView"];
        };
      };
    };
  };
  events: {
    parameters: {
      query?: {
        /** @description Name of a tenant to tell of in detail */
        tenant?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Server-sent events */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "text/event-stream": string;
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  history: {
    parameters: {
      query?: {
        /** @description How far back, such as "30m"; "10m" unless given, "1h" at most */
        last?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["TotalHistory"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  overview: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Overview"];
        };
      };
    };
  };
  session: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Session"];
        };
      };
    };
  };
  list_tenants: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["TenantList"];
        };
      };
    };
  };
  create_tenant: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["TenantFields"];
      };
    };
    responses: {
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["CreatedTenant"];
        };
      };
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  show_tenant: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["TenantView"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  remove_tenant: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  change_tenant: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["TenantFields"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["CreatedTenant"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  list_clients: {
    parameters: {
      query?: {
        /** @description Most clients to list; 200 unless given */
        limit?: number;
      };
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ClientList"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  show_curve: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["CurveView"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  list_errors: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ErrorList"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  tenant_history: {
    parameters: {
      query?: {
        /** @description How far back, such as "30m"; "10m" unless given, "1h" at most */
        last?: string;
      };
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["TenantHistory"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  show_quota: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["QuotaView"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  set_quota: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["QuotaChange"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["QuotaView"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  release_quota: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["QuotaView"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
  show_stats: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Name of the tenant */
        tenant: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Stats"];
        };
      };
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["ProblemBody"];
        };
      };
    };
  };
}
