// Whether what was last heard still holds. Pure, so that it can be tested without waiting.

/** Overviews come every second, every two above 200 tenants; twice missed and more is stale. */
const STALE_AFTER_MS = 6000;

/** True if something was heard and it is too old, or the connection was lost a moment ago. */
export function isStale(heardAtMs: number | null, nowMs: number, connected: boolean): boolean {
  if (heardAtMs === null) return false;
  const age = nowMs - heardAtMs;
  return age > STALE_AFTER_MS || (!connected && age > 2000);
}
