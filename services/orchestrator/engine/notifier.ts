/** Told of each change of a job; `over`: it has ended and nothing of it runs. */
export type ChangeListener = (over: boolean) => void;

/** Lets watchers of a job wait for its changes in this process. */
export class Notifier {
  readonly #listeners = new Map<string, Set<ChangeListener>>();

  /** Calls `listener` at each change. Returns a function that takes it back. */
  listen(jobId: string, listener: ChangeListener): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(jobId) === listeners) this.#listeners.delete(jobId);
    };
  }

  notify(jobId: string, over: boolean): void {
    for (const listener of this.#listeners.get(jobId) ?? []) listener(over);
  }

  /** Any job may have changed. */
  notifyAll(): void {
    for (const jobId of this.#listeners.keys()) this.notify(jobId, true);
  }
}
