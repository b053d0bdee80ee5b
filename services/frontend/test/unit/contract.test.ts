import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

const file = new URL("../../../api-gateway/internal/api/openapi.yaml", import.meta.url);
const paths = readFileSync(file, "utf8").split("\n  /").slice(1);

test.each([
  ["/api/v1/auth/register", "post"],
  ["/api/v1/auth/login", "post"],
  ["/api/v1/auth/refresh", "post"],
  ["/api/v1/me", "get"],
  ["/api/v1/me", "delete"],
  ["/api/v1/feed", "get"],
  ["/api/v1/videos", "post"],
  ["/api/v1/videos/{id}", "get"],
  ["/api/v1/videos/{id}/content", "get"],
  ["/api/v1/videos/{id}/like", "put"],
  ["/api/v1/videos/{id}/like", "delete"],
  ["/api/v1/videos/{id}/comments", "get"],
  ["/api/v1/videos/{id}/comments", "post"],
  ["/api/v1/videos/{id}/views", "post"],
  ["/api/v1/notifications", "get"],
  ["/api/v1/notifications/{id}/read", "post"],
])("the gateway's document describes %s with %s", (path, method) => {
  const described = paths.find((text) => `/${text}`.startsWith(`${path}:`));
  expect(described).toMatch(new RegExp(`^    ${method}:`, "m"));
});
