import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { BuiltImage } from "./build-image.ts";

/** How long a start may take until the health check passes. */
const HEALTHY_WITHIN_MS = 60_000;
const HEALTH_INTERVAL_MS = 200;
/** Above the orchestrator's shutdown timeout and below what compose.yaml and Kubernetes wait. */
const STOPPED_WITHIN_MS = 20_000;

export interface ContainerOptions {
  /** For messages. */
  readonly name: string;
  /** Replaces or adds variables of the image. */
  readonly env?: Readonly<Record<string, string>>;
  /** Stand for CMD. */
  readonly args?: readonly string[];
}

/**
 * The entrypoint of an image as a process: with the variables of the image and no others, nothing on the PATH but what the image has, and as the image's
 * user when this runs as root.
 */
export class Container implements AsyncDisposable {
  /** What it has written, to both outputs. */
  output = "";
  readonly #name: string;
  readonly #image: BuiltImage;
  readonly #env: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor(image: BuiltImage, { name, env = {}, args = image.config.cmd }: ContainerOptions) {
    this.#name = name;
    this.#image = image;
    this.#env = environmentIn(image, env);
    this.#child = this.#spawn([...image.config.entrypoint, ...args]);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.#closed = once(this.#child, "close");
  }

  /** Runs the health check of the image until it passes. @throws Error with what was written when the process ends or the time is over. */
  async untilHealthy(): Promise<void> {
    const { healthcheck } = this.#image.config;
    if (healthcheck === undefined) throw this.#failed("has no HEALTHCHECK");
    const deadline = Date.now() + HEALTHY_WITHIN_MS;
    while (Date.now() < deadline && this.#isRunning) {
      const [code] = await once(
        this.#spawn(healthcheck).on("error", () => {}),
        "exit",
      );
      if (code === 0) return;
      await delay(HEALTH_INTERVAL_MS);
    }
    throw this.#failed(this.#isRunning ? "did not become healthy in time" : "ended during the start");
  }

  /** Sends the stop signal of the image. @throws Error when the process does not end with 0 in time. */
  async stop(): Promise<void> {
    this.#child.kill(this.#image.config.stopSignal as NodeJS.Signals);
    const ended = await Promise.race([this.#closed, delay(STOPPED_WITHIN_MS, undefined, { ref: false })]);
    if (ended === undefined) throw this.#failed(`did not stop within ${STOPPED_WITHIN_MS} ms`);
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0) throw this.#failed(`ended with ${exitCode ?? signalCode} when it was stopped`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isRunning) return;
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  get #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #failed(problem: string): Error {
    return new Error(`${this.#name} ${problem}; it wrote:\n${this.output}`);
  }

  #spawn(argv: readonly string[]): ChildProcess {
    const [program = "", ...args] = argv;
    return spawn(program, args, {
      cwd: join(this.#image.root, this.#image.config.workdir),
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
      ...userOf(this.#image),
    });
  }
}

/** Absolute paths become those of the folder that is the `/` of the image. */
function environmentIn({ root, config }: BuiltImage, overrides: Readonly<Record<string, string>>) {
  const all = { ...Object.fromEntries(config.env), ...overrides };
  const moved = Object.entries(all).map(([name, value]) => [name, value.startsWith("/") ? join(root, value) : value]);
  return { ...Object.fromEntries(moved), PATH: join(root, "usr/local/bin") };
}

function userOf({ root, config }: BuiltImage): { uid?: number; gid?: number } {
  const match = /^([1-9]\d*):([1-9]\d*)$/.exec(config.user);
  if (!match) throw new Error(`USER must be two numbers, and not those of root; it is ${JSON.stringify(config.user)}`);
  const missing = config.volumes.find((volume) => !existsSync(join(root, volume)));
  if (missing !== undefined)
    throw new Error(`the image must make the folder ${missing}, else its VOLUME belongs to root`);
  return process.getuid?.() === 0 ? { uid: Number(match[1]), gid: Number(match[2]) } : {};
}
