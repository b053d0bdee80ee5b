import { Problem } from "@/lib/gateway/problem";
import type { Tokens } from "@/lib/gateway/types";

/** What became of a session: new tokens, over for good, or not known because the gateway is away. */
export type Renewal = { state: "renewed"; tokens: Tokens } | { state: "ended" } | { state: "unknown" };

/** The part of the gateway that a Renewer needs. */
export interface Refresher {
  refresh(refreshToken: string): Promise<Tokens>;
}

/**
 * Renewer exchanges refresh tokens. One works once, and using it again ends its
 * session; so requests of one browser that come together share one exchange, and
 * those that were under way with the old token get its result for a while.
 */
export class Renewer {
  private readonly exchanges = new Map<string, Promise<Renewal>>();

  constructor(private readonly keepFor = 30_000 /* ms */) {}

  renew(gateway: Refresher, refreshToken: string): Promise<Renewal> {
    const open = this.exchanges.get(refreshToken);
    if (open) return open;
    const exchange = this.exchange(gateway, refreshToken);
    this.exchanges.set(refreshToken, exchange);
    return exchange;
  }

  private async exchange(gateway: Refresher, refreshToken: string): Promise<Renewal> {
    const forget = () => this.exchanges.delete(refreshToken);
    try {
      const tokens = await gateway.refresh(refreshToken);
      setTimeout(forget, this.keepFor).unref();
      return { state: "renewed", tokens };
    } catch (failure) {
      forget();
      if (!(failure instanceof Problem)) throw failure;
      return { state: failure.status === 401 ? "ended" : "unknown" };
    }
  }
}
