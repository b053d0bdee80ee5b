import type { NextConfig } from "next";

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
  // The application has no images to optimize, and the container image is smaller.
  images: { unoptimized: true },
  outputFileTracingExcludes: { "*": ["node_modules/@img/**", "node_modules/sharp/**", "node_modules/typescript/**"] },
  poweredByHeader: false,
  devIndicators: false,
  // The root file system is read-only. Pages are rendered for each request and not stored.
  experimental: { isrFlushToDisk: false },
};

export default config;
