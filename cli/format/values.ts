const count = new Intl.NumberFormat("en-US");

/** A whole number for people: `12,345`. */
export function formatCount(value: number): string {
  return count.format(value);
}

/** `1 task`, `2 tasks`. */
export function formatCountOf(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A duration in milliseconds for people: `850ms`, `12.4s`, `3m 20s`, `2h 05m`, `3d 4h`. Never negative. */
export function formatDuration(ms: number): string {
  const clamped = Math.max(0, ms);
  if (clamped < 1_000) return `${Math.round(clamped)}ms`;
  if (clamped < 59_950) return `${(clamped / 1_000).toFixed(1)}s`;
  const seconds = Math.round(clamped / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${pad(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${pad(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** How long ago, to one unit: `just now`, `12s ago`, `3m ago`, `5h ago`, `2d ago`. */
export function formatAgo(time: Date, now: number): string {
  const seconds = Math.floor((now - time.getTime()) / 1_000);
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

/** A point in time for people, in the local time zone: `2026-11-24 04:30:01`. */
export function formatTime(time: Date): string {
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  return `${date} ${formatClock(time)}`;
}

/** The time of day in the local time zone: `04:30:01`. */
export function formatClock(time: Date): string {
  return `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
