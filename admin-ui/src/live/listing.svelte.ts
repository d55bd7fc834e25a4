// How the list of tenants is sorted and filtered; kept while one looks at other pages.
import type { Order } from "./ranking.ts";

class Listing {
  order = $state<Order>("requests");
  descending = $state(true);
  filter = $state("");

  /** By this; by the same again, the other way round. Numbers begin with the largest. */
  sort(order: Order): void {
    this.descending = order === this.order ? !this.descending : order !== "name" && order !== "bottleneck";
    this.order = order;
  }
}

export const listing = new Listing();
