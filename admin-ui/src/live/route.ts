// Where in the page we are, kept in the hash: #/, #/tenants/NAME, #/allocator, #/allocator/runs/ID, #/connect.

export type Route =
  | { page: "overview" }
  | { page: "tenant"; name: string }
  | { page: "allocator"; run: number | null }
  | { page: "connect"; tenant: string | null }
  | { page: "unknown"; hash: string };

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").filter(Boolean).map(decoded);
  const [first, second, third] = parts;
  if (first === undefined) return { page: "overview" };
  if (first === "tenants" && second !== undefined && parts.length === 2)
    return { page: "tenant", name: second };
  if (first === "allocator" && parts.length === 1) return { page: "allocator", run: null };
  if (first === "allocator" && second === "runs" && /^\d+$/.test(third ?? "")) {
    return { page: "allocator", run: Number(third) };
  }
  if (first === "connect" && parts.length === 1) {
    return { page: "connect", tenant: new URLSearchParams(query).get("tenant") };
  }
  return { page: "unknown", hash };
}

/** The link to a tenant's page. */
export function tenantLink(name: string): string {
  return `#/tenants/${encodeURIComponent(name)}`;
}

/** The link to a run of the allocator. */
export function runLink(id: number): string {
  return `#/allocator/runs/${id}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
