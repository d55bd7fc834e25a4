// The only place that calls the API: adds the token, reads refusals, gives up after a while.
import type {
  Connect,
  Created,
  Curve,
  Allocator,
  AllocatorChange,
  ClientList,
  ErrorList,
  History,
  Overview,
  Quota,
  QuotaChange,
  Run,
  Runs,
  Session,
  ShareHistory,
  Stats,
  Tenant,
  TenantFields,
  TenantHistory,
} from "./model.ts";

/** How long a call may take; creating a tenant may create a table. */
const DEADLINE_MS = 30_000;

/** A refused request, or a proxy that does not answer (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What is wrong, field by field. */
    readonly fields: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** Calls, one per route. Every one rejects with `ApiError`. */
export class Api {
  constructor(
    readonly token: string | null,
    private readonly send: typeof fetch = (...request) => fetch(...request),
  ) {}

  session = (signal?: AbortSignal) => this.get<Session>("/v1/session", signal);
  overview = (signal?: AbortSignal) => this.get<Overview>("/v1/overview", signal);
  history = (signal?: AbortSignal) => this.get<History>("/v1/history?last=5m", signal);
  connect = (signal?: AbortSignal) => this.get<Connect>("/v1/connect", signal);
  allocator = (signal?: AbortSignal) => this.get<Allocator>("/v1/allocator", signal);
  runs = (limit: number, signal?: AbortSignal) => this.get<Runs>(`/v1/allocator/runs?limit=${limit}`, signal);
  shares = (signal?: AbortSignal) => this.get<ShareHistory>("/v1/allocator/shares", signal);
  tenant = (name: string, signal?: AbortSignal) => this.get<Tenant>(at(name), signal);
  stats = (name: string, signal?: AbortSignal) => this.get<Stats>(at(name, "/stats"), signal);
  curve = (name: string, signal?: AbortSignal) => this.get<Curve>(at(name, "/curve"), signal);
  clients = (name: string, signal?: AbortSignal) => this.get<ClientList>(at(name, "/clients"), signal);
  errors = (name: string, signal?: AbortSignal) => this.get<ErrorList>(at(name, "/errors"), signal);
  tenantHistory = (name: string, last: string, signal?: AbortSignal) =>
    this.get<TenantHistory>(at(name, `/history?last=${last}`), signal);

  setQuota = (name: string, change: QuotaChange) => this.call<Quota>("PUT", at(name, "/quota"), change);
  releaseQuota = (name: string) => this.call<Quota>("DELETE", at(name, "/quota"));
  changeTenant = (name: string, change: TenantFields) => this.call<Tenant>("PATCH", at(name), change);
  createTenant = (tenant: TenantFields) => this.call<Created>("POST", "/v1/tenants", tenant);
  removeTenant = (name: string) => this.call<undefined>("DELETE", at(name));
  setAllocator = (change: AllocatorChange) => this.call<Allocator>("PUT", "/v1/allocator", change);
  run = (policy: string, dryRun: boolean) =>
    this.call<Run>("POST", `/v1/allocator/runs?dry_run=${dryRun}&policy=${encodeURIComponent(policy)}`);

  headers(): Record<string, string> {
    return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
  }

  private get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.call<T>("GET", path, undefined, signal);
  }

  private async call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const headers = this.headers();
    if (body !== undefined) headers["content-type"] = "application/json";
    let response: Response;
    let text: string;
    try {
      response = await this.send(path, {
        method,
        headers,
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(
        0,
        deadline.aborted ? "The proxy did not answer in time." : "The proxy cannot be reached.",
      );
    }
    if (!response.ok) throw refusal(response.status, text);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
}

function at(tenant: string, rest = ""): string {
  return `/v1/tenants/${encodeURIComponent(tenant)}${rest}`;
}

/** The error of a problem document, or of whatever else came. */
export function refusal(status: number, text: string): ApiError {
  try {
    const problem = JSON.parse(text) as { detail?: string; errors?: { field?: string; message: string }[] };
    const fields: Record<string, string> = {};
    for (const { field, message } of problem.errors ?? []) if (field) fields[field] = message;
    if (problem.detail) return new ApiError(status, problem.detail, fields);
  } catch {
    // Not JSON: something between us and the proxy answered.
  }
  return new ApiError(status, `The answer was HTTP ${status}.`);
}

/** What to show of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
