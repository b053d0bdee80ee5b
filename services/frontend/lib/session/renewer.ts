import { Problem } from "@/lib/gateway/problem";
import type { Tokens } from "@/lib/gateway/types";

/** Renewal is the result of a renewal: new tokens, an ended session, or unknown if the gateway is unavailable. */
export type Renewal = { state: "renewed"; tokens: Tokens } | { state: "ended" } | { state: "unknown" };

/** Refresher is the part of the gateway that a Renewer uses. */
export interface Refresher {
  refresh(refreshToken: string): Promise<Tokens>;
}

/**
 * Renewer exchanges refresh tokens. A token works once, and using it again ends
 * its session. Concurrent requests of one browser therefore share an exchange, and
 * its result is kept for requests that were sent with the old token.
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
