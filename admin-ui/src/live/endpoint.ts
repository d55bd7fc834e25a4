// Where a tenant's clients connect.
import type { Connect } from "../api/model.ts";

export type Endpoint = { host: string; port: number; ownPort: boolean };

/** The tenant's own port, if it has one, else the one of all tenants. */
export function endpointOf(connect: Connect, tenant: string): Endpoint | null {
  const own = connect.endpoints.find((one) => one.tenant === tenant);
  const found = own ?? connect.endpoints.find((one) => !one.tenant);
  return found ? { host: found.host, port: found.port, ownPort: own !== undefined } : null;
}
