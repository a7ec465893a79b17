/** Lets watchers of a job wait for its next change in this process. */
export class Notifier {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Calls `listener` once, at the next change. Returns a function that takes it back. */
  once(key: string, listener: () => void): () => void {
    const listeners = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#waiting.get(key) === listeners) this.#waiting.delete(key);
    };
  }

  notify(key: string): void {
    const listeners = this.#waiting.get(key);
    if (listeners === undefined) return;
    this.#waiting.delete(key);
    for (const listener of listeners) listener();
  }

  notifyAll(): void {
    for (const key of [...this.#waiting.keys()]) this.notify(key);
  }
}
