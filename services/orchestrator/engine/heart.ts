import type { Clock } from "./clock.ts";
import type { Committer } from "./committer.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { EngineSettings } from "./settings.ts";

/** The engine's timers: housekeeping at a steady beat and whenever a backoff or an attempt timeout ends, and pings. */
export class Heart {
  readonly #clock: Clock;
  readonly #settings: EngineSettings;
  readonly #committer: Committer;
  readonly #dispatcher: Dispatcher;
  readonly #onBeat: () => void;
  readonly #beatMs: number;
  #lastBeat: number;
  #cancelBeat = (): void => {};
  #cancelPing = (): void => {};
  #cancelEarly = (): void => {};
  #earlyAt = Number.POSITIVE_INFINITY;
  #stopped = false;

  /** `onBeat` is called at each steady beat, before its batch is asked for. */
  constructor(
    clock: Clock,
    settings: EngineSettings,
    committer: Committer,
    dispatcher: Dispatcher,
    onBeat: () => void,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#committer = committer;
    this.#dispatcher = dispatcher;
    this.#onBeat = onBeat;
    this.#beatMs = Math.min(1_000, settings.leaseDurationMs / 10);
    this.#lastBeat = clock.now();
  }

  start(): void {
    this.#scheduleBeat();
    this.#schedulePing();
    this.#committer.tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelBeat();
    this.#cancelPing();
    this.#cancelEarly();
  }

  /** Something is due at this time: look then, not only at the next beat. */
  beatBy(time: number): void {
    if (this.#stopped || !Number.isFinite(time) || time >= this.#earlyAt) return;
    this.#cancelEarly();
    this.#earlyAt = time;
    this.#cancelEarly = this.#clock.after(time - this.#clock.now(), () => {
      this.#earlyAt = Number.POSITIVE_INFINITY;
      this.#committer.tick();
    });
  }

  #scheduleBeat(): void {
    this.#cancelBeat = this.#clock.after(this.#beatMs, () => {
      this.#beat();
      if (!this.#stopped) this.#scheduleBeat();
    });
  }

  #beat(): void {
    const now = this.#clock.now();
    // This process stood still: it could not hear the heartbeats that came meanwhile.
    if (now - this.#lastBeat > this.#settings.leaseDurationMs / 3) this.#committer.spareLeases();
    this.#lastBeat = now;
    this.#onBeat();
    this.#committer.expectStoredWork();
    this.#committer.tick();
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.after(this.#settings.pingIntervalMs, () => {
      for (const session of this.#dispatcher.sessions.values()) session.sink.ping();
      if (!this.#stopped) this.#schedulePing();
    });
  }
}
