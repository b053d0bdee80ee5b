const steps: [limit: number, seconds: number, unit: string][] = [
  [3600, 60, "min"],
  [24 * 3600, 3600, "h"],
  [7 * 24 * 3600, 24 * 3600, "d"],
];

/** ago formats a time relative to now, or as a date if it is more than a week ago. */
export function ago(time: string, now = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (Number.isNaN(seconds)) return "";
  if (seconds < 60) return "just now";
  const step = steps.find(([limit]) => seconds < limit);
  return step ? `${Math.floor(seconds / step[1])} ${step[2]} ago` : time.slice(0, 10);
}
