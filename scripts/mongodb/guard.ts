import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";

/**
 * Ends our servers and removes their folder when this process is gone, however it went: an exit handler does not run on kill -9 or on an
 * unhandled signal, and each server left behind holds some hundred megabytes. It is a shell that reads from a pipe which only this
 * process holds open; each line lists the processes that run now, and the end of the pipe is the end of this process.
 */
const GUARD = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids; rm -rf "$0"';

export class Guard {
  readonly #shell: ChildProcess;
  readonly #pipe: Socket;

  /** `folder` is removed at the end, with all that is in it. */
  constructor(folder: string) {
    // Detached: an interrupt from the terminal goes to the whole group and would end the guard before its time.
    this.#shell = spawn("sh", ["-c", GUARD, folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    this.#pipe = this.#shell.stdin as Socket;
    this.#shell.unref();
    this.#pipe.unref();
    this.#pipe.on("error", () => {}); // Without its shell there is no guard; the servers work all the same.
    this.#shell.on("error", () => {});
  }

  /** These processes, and no others, are to be ended. */
  watch(pids: readonly number[]): void {
    this.#pipe.write(`${pids.join(" ")}\n`);
  }

  /** All has been ended by us; the guard only removes what is left of the folder. */
  release(): void {
    this.#pipe.end("\n");
  }
}
