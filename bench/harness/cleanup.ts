import { rmSync } from "node:fs";

/**
 * What must not stay behind, however the benchmark ends: processes are killed and folders are deleted at its exit, be it after
 * Ctrl-C, SIGTERM or a crash.
 */
const pending = new Set<() => void>();

/** Runs `act` when the benchmark ends, unless the returned function is called before. */
export function atExit(act: () => void): () => void {
  pending.add(act);
  return () => pending.delete(act);
}

/** Deletes a folder at exit, behind whatever still writes to it. */
export function deleteFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

/** Makes the signals that stop a program run what {@link atExit} collected. */
export function handleSignals(): void {
  process.on("exit", () => {
    // The latest first: a folder goes after the process that writes to it.
    for (const act of [...pending].reverse()) act();
  });
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}
