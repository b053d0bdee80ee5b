/** gatewayURL returns the gateway's URL without a trailing slash. */
export function gatewayURL(): string {
  return (process.env.GATEWAY_URL || "http://api-gateway:4000").replace(/\/+$/, "");
}
