import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { atExit } from "../bench/harness/cleanup.ts";
import type { LinkMode } from "./proxy.ts";
import type { FromProxy, ToProxy } from "./proxy-process.ts";

const SCRIPT = fileURLToPath(new URL("./proxy-process.ts", import.meta.url));

/** All links, in the process that they run in. */
export class Proxies {
  readonly #child: ChildProcess;
  readonly #ports: FromProxy["ports"];

  private constructor(child: ChildProcess, ports: FromProxy["ports"]) {
    this.#child = child;
    this.#ports = ports;
  }

  /** Starts the process and opens links of these names. */
  static async open(links: readonly string[]): Promise<Proxies> {
    const child = fork(SCRIPT, { stdio: ["ignore", "inherit", "inherit", "ipc"], detached: true });
    atExit(() => child.kill("SIGKILL"));
    const failed = once(child, "exit").then(() => {
      throw new Error("the process of the proxies ended");
    });
    failed.catch(() => {});
    child.send({ kind: "open", links } satisfies ToProxy);
    const [{ ports }] = (await Promise.race([once(child, "message"), failed])) as [FromProxy];
    return new Proxies(child, ports);
  }

  /** Where the client of the link connects. */
  address(link: string): string {
    return `127.0.0.1:${this.#ports[link]}`;
  }

  setTarget(link: string, port: number | undefined): void {
    this.#send({ kind: "target", link, port });
  }

  setMode(link: string, mode: LinkMode): void {
    this.#send({ kind: "mode", link, mode });
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }

  #send(message: ToProxy): void {
    if (!this.#child.connected) throw new Error("the process of the proxies has ended");
    this.#child.send(message);
  }
}
