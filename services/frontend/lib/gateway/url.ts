/** gatewayURL says where the gateway is, without a slash at the end. */
export function gatewayURL(): string {
  return (process.env.GATEWAY_URL || "http://api-gateway:4000").replace(/\/+$/, "");
}
