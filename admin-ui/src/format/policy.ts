// Policies and reasons of the allocator, in words.

export const POLICIES: Record<string, string> = {
  optimum: "cache, units and bandwidth together, so that all gain as much as they can",
  hare: "the paper's: trades one step of cache at a time",
  hare_nonconserving: "the paper's; all grow by one ratio, the rest stays unused",
  drf: "shares out idle units and bandwidth, moves no cache",
  memshare: "moves cache to where it saves most misses",
  static: "base shares",
};

const TRIGGERS: Record<string, string> = {
  timer: "timer",
  manual: "by hand",
  dry_run: "dry run",
  options: "options changed",
};

export function trigger(name: string): string {
  return TRIGGERS[name] ?? name;
}

/** What of an account a role is, in words; empty for those that simply take part. */
export function role(name: string): string {
  return name === "active" ? "" : name.replaceAll("_", " ");
}
