// Replaces the package that Next.js's bundler resolves.
export {};
