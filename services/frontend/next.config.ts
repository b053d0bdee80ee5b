import type { NextConfig } from "next";

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
  // Nothing here draws images; without their optimizer the image is smaller.
  images: { unoptimized: true },
  outputFileTracingExcludes: { "*": ["node_modules/@img/**", "node_modules/sharp/**", "node_modules/typescript/**"] },
  poweredByHeader: false,
  devIndicators: false,
  // The root file system is read-only: pages are rendered for each request and kept nowhere.
  experimental: { isrFlushToDisk: false },
};

export default config;
