/** Items that came, and those who wait for one. */
export class FrameQueue<Item> {
  readonly #items: Item[] = [];
  readonly #waiters: ((item: Item) => void)[] = [];

  push(item: Item): void {
    const waiter = this.#waiters.shift();
    if (waiter) waiter(item);
    else this.#items.push(item);
  }

  /** The oldest that nobody took yet; waits for it. */
  next(): Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** How many came that nobody took. */
  get size(): number {
    return this.#items.length;
  }
}
