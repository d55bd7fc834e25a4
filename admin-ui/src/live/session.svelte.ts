// Who looks at the page: the token, what it may do, and the API that goes with it.
import { Api, ApiError, messageOf } from "../api/client.ts";
import type { Session as SessionInfo } from "../api/model.ts";

/** Session storage: gone with the tab, never on disk for other tabs. */
const KEY = "hopperkv.token";
const RETRY_MS = 2000;

type Phase = "asking" | "unreachable" | "signed_out" | "signed_in";

class Session {
  phase = $state<Phase>("asking");
  info = $state.raw<SessionInfo | null>(null);
  api = $state.raw(new Api(sessionStorage.getItem(KEY)));
  /** Why the sign-in page is shown, if there is something to say. */
  note = $state<string | null>(null);

  readonly mayAct = $derived(this.info?.role === "operator");
  /** Why actions are off. */
  readonly reason = $derived(
    this.mayAct ? null : "This token may only read. Sign in with the operator token.",
  );

  /** Asks with the token of this tab, or without one, until the proxy answers. */
  async begin(): Promise<void> {
    for (;;) {
      try {
        this.enter(await this.api.session());
        return;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) {
          const had = this.api.token !== null;
          this.leave(had ? "The token of this tab is no longer accepted." : null);
          return;
        }
        this.phase = "unreachable";
        this.note = messageOf(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Tries a token; rejects with what to tell. */
  async signIn(token: string): Promise<void> {
    const api = new Api(token);
    let info: SessionInfo;
    try {
      info = await api.session();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        throw new Error("The proxy does not accept this token.", { cause: error });
      }
      throw error;
    }
    sessionStorage.setItem(KEY, token);
    this.api = api;
    this.enter(info);
  }

  /** Asks again who we are: the proxy was started anew, perhaps with other tokens. */
  async renew(): Promise<void> {
    try {
      this.info = await this.api.session();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.refused();
    }
  }

  signOut(): void {
    this.leave(null);
  }

  refused(): void {
    this.leave("The proxy no longer accepts this token; it may have been changed.");
  }

  private enter(info: SessionInfo): void {
    this.info = info;
    this.note = null;
    this.phase = "signed_in";
  }

  private leave(note: string | null): void {
    sessionStorage.removeItem(KEY);
    this.api = new Api(null);
    this.info = null;
    this.note = note;
    this.phase = "signed_out";
  }
}

export const session = new Session();
