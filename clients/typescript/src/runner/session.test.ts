import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { ScriptedServer } from "../testing-internal/scripted-server.ts";
import { Session } from "./session.ts";
import { ToMain } from "./to-main.ts";

const config = {
  addresses: ["orchestrators:4150"],
  tls: false,
  runnerName: "a runner",
  cluster: "",
  identifiers: [{ name: "Nothing", version: "v0.0" }],
  concurrency: 1,
  notifyIdle: false,
};

describe("a session", () => {
  it("finds orchestrators that came behind its name later", async () => {
    await using old = await ScriptedServer.start();
    await using young = await ScriptedServer.start();
    // At first there is none at all, then one, and in the end another one has taken its place.
    const behindTheName = [[], [old.address], [young.address]];
    let asked = 0;
    const resolve = async (configured: readonly string[]) => {
      expect(configured).toEqual(config.addresses);
      return (behindTheName[asked++] ?? []).map((target) => ({ target, options: {} }));
    };
    const session = new Session(config, new ToMain(() => {}), resolve);
    session.start();
    const first = await old.nextStream();
    first.welcome({ sessionId: "session-7" });
    first.fail(status.UNAVAILABLE, "the pod is deleted");
    const second = await young.nextStream();
    expect(second.hello.sessionId).toBe("session-7");
    second.welcome({ sessionId: "session-7" });
    session.apply({ shutdown: "finish" });
    await second.halfClosed;
    expect(asked).toBe(3);
  });
});
