/** Entry of the session thread: a Session between the main thread and the orchestrator. */
import { parentPort, workerData } from "node:worker_threads";
import type { SessionConfig, ToSession } from "./messages.ts";
import { Session } from "./session.ts";
import { ToMain } from "./to-main.ts";

const port = parentPort;
if (!port) throw new Error("session-thread must be started as a worker thread");

const toMain = new ToMain((message, transfer) => port.postMessage(message, transfer));
const session = new Session(workerData as SessionConfig, toMain);
port.on("message", (message: ToSession) => session.apply(message));
session.start();
