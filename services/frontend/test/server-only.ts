// Stands in for the package that Next.js's bundler resolves.
export {};
