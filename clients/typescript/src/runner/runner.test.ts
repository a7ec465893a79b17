import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import type { AttemptAbortedError, TaskContext } from "../context.ts";
import { NonRetryableError, TaskgroveError } from "../errors.ts";
import { RevocationReason } from "../gen/taskgrove/v1/lease.ts";
import { BytesTask, Task } from "../task.ts";
import { startScriptedRunner } from "../testing-internal/scripted-runner.ts";
import { ScriptedServer } from "../testing-internal/scripted-server.ts";
import { Runner } from "./runner.ts";

class Nothing extends Task {
  override execute(): void {}
}

class Fails extends Task<string> {
  override execute(): void {
    class TooHot extends Error {}
    if (this.input === "never again") throw new NonRetryableError("pointless");
    if (this.input === "long") throw new Error("x".repeat(1_000_000));
    throw new TooHot("it burned");
  }
}

/** Runs until the test lets it end, or its signal aborts. */
class Waits extends Task {
  static readonly running: { context: TaskContext; end: () => void }[] = [];
  static #onStart: (() => void) | undefined;

  static async started(): Promise<{ context: TaskContext; end: () => void }> {
    if (Waits.running.length === 0) await new Promise<void>((resolve) => (Waits.#onStart = resolve));
    return Waits.running.shift() as { context: TaskContext; end: () => void };
  }

  override async execute(context: TaskContext): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    context.signal.addEventListener("abort", () => reject(context.signal.reason));
    Waits.running.push({ context, end: resolve });
    Waits.#onStart?.();
    await promise;
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<AttemptAbortedError>((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));

describe("a runner", () => {
  it("says who it is and what it takes", async () => {
    class Other extends Task {
      static readonly identifier = ["example.com/Other", "v1.3"] as const;
      override execute(): void {}
    }
    await using scripted = await startScriptedRunner({
      tasks: [Nothing, Other],
      cluster: "gpu",
      concurrency: 7,
      name: "me",
    });
    expect(scripted.stream.hello).toEqual({
      runnerName: "me",
      cluster: "gpu",
      identifiers: [
        { name: "Nothing", version: "v0.0" },
        { name: "example.com/Other", version: "v1.3" },
      ],
      credits: 7,
      sessionId: "",
      leases: [],
      notifyIdle: false,
    });
  });

  it("executes what it is granted, with the newest version that may", async () => {
    const executed: unknown[] = [];
    class Old extends Task<{ n: number }> {
      static readonly identifier = ["T", "v1.1"] as const;
      override execute(): void {
        executed.push("old");
      }
    }
    class New extends Task<{ n: number }> {
      static readonly identifier = ["T", "v1.4"] as const;
      override execute({ currentTask, job }: TaskContext): void {
        executed.push([this.input, currentTask.identifier, currentTask.attempt, currentTask.parentId, job.id]);
      }
    }
    class Raw extends BytesTask {
      override execute(): void {
        executed.push(Buffer.from(this.input).toString());
      }
    }
    await using scripted = await startScriptedRunner({ tasks: [Old, New, Raw] });
    scripted.stream.welcome();
    const leases = scripted.stream.grant({ name: "T", version: "v1.0", input: { n: 3 } }, { name: "Raw", input: 12 });
    for (const lease of leases) {
      const outcome = await scripted.stream.nextOutcome();
      expect(outcome).toMatchObject({ ...lease, result: { $case: "computed" }, progress: [], display: "" });
    }
    expect(executed).toEqual([[{ n: 3 }, ["T", "v1.0"], 1, undefined, "job-1"], "12"]);
  });

  it("reports what a handler throws, cut to a size that fits", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Fails], concurrency: 3 });
    scripted.stream.welcome();
    scripted.stream.grant(
      { name: "Fails", input: "" },
      { name: "Fails", input: "never again" },
      { name: "Fails", input: "long" },
    );
    const results = [];
    for (const _ of [1, 2, 3]) results.push((await scripted.stream.nextOutcome()).result);
    expect(results[0]).toMatchObject({
      value: { error: { reason: "TooHot", message: "it burned" }, nonRetryable: false },
    });
    expect(results[1]).toMatchObject({ value: { error: { reason: "NonRetryableError" }, nonRetryable: true } });
    const long = results[2]?.$case === "failed" ? results[2].value.error : undefined;
    expect(long?.details).toContain("xxx");
    expect(Buffer.byteLength(long?.details ?? "")).toBeLessThanOrEqual(8 * 1024);
    expect(Buffer.byteLength(long?.message ?? "")).toBeLessThanOrEqual(8 * 1024);
  });

  it("sends heartbeats while a handler blocks the event loop", async () => {
    class Blocks extends Task {
      override execute(): void {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      }
    }
    await using scripted = await startScriptedRunner({ tasks: [Blocks] });
    scripted.stream.welcome({ heartbeatInterval: { seconds: 0, nanos: 20_000_000 } });
    scripted.stream.grantOne({ name: "Blocks" });
    const before = scripted.stream.heartbeats;
    await scripted.stream.nextOutcome();
    // Frames come in order: these were sent before the outcome, while the handler blocked.
    expect(scripted.stream.heartbeats - before).toBeGreaterThanOrEqual(5);
  });

  it("answers a ping with a heartbeat", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing] });
    scripted.stream.welcome({ heartbeatInterval: { seconds: 1_000, nanos: 0 } });
    scripted.stream.send({ $case: "ping", value: {} });
    scripted.stream.grantOne({ name: "Nothing" });
    await scripted.stream.nextOutcome();
    expect(scripted.stream.heartbeats).toBe(1);
  });

  it("reports progress and display while it runs, and with the outcome", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits] });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Waits" });
    const { context, end } = await Waits.started();
    context.progress().add(10);
    context.progress("tiles").add(4);
    context.progress("tiles").done(1);
    context.currentTask.display = "busy";
    const progress = [
      { label: "", total: 10, done: 0 },
      { label: "tiles", total: 4, done: 1 },
    ];
    expect(await scripted.stream.nextFrame()).toEqual({
      $case: "progressReports",
      value: { reports: [{ ...lease, progress, display: "busy" }] },
    });
    context.progress("tiles").done(3);
    end();
    const outcome = await scripted.stream.nextOutcome();
    expect(outcome.progress[1]).toEqual({ label: "tiles", total: 4, done: 4 });
    expect(outcome.display).toBe("busy");
  });
});

describe("a lost stream", () => {
  it("is resumed with all leases; what was not acknowledged is sent again", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing, Waits], concurrency: 3 });
    scripted.stream.welcome({ sessionId: "session-7" });
    const leases = scripted.stream.grant({ name: "Waits" }, { name: "Nothing" });
    const { end } = await Waits.started();
    const first = await scripted.stream.nextOutcome();
    expect(first.taskId).toBe(leases[1]?.taskId);
    scripted.stream.fail(status.UNAVAILABLE, "gone");
    const second = await scripted.server.nextStream();
    expect(second.hello).toMatchObject({ sessionId: "session-7", leases, credits: 1 });
    second.welcome({ sessionId: "session-7" });
    expect(await second.nextOutcome()).toEqual(first);
    end();
    expect((await second.nextOutcome()).taskId).toBe(leases[0]?.taskId);
  });

  it("gives up the leases that the orchestrator calls lost, and offers the place when the handler has ended", async () => {
    class Stubborn extends Task {
      static readonly gate = Promise.withResolvers<void>();
      static readonly signal = Promise.withResolvers<AbortSignal>();
      override execute({ signal }: TaskContext): Promise<void> {
        Stubborn.signal.resolve(signal);
        return Stubborn.gate.promise;
      }
    }
    await using scripted = await startScriptedRunner({ tasks: [Stubborn, Nothing] });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Stubborn" });
    const stop = aborted(await Stubborn.signal.promise);
    scripted.stream.fail(status.UNAVAILABLE, "gone");
    const second = await scripted.server.nextStream();
    second.welcome({ lostLeases: [lease] });
    expect(await stop).toMatchObject({ name: "AbortError", reason: "LEASE_LOST" });
    Stubborn.gate.resolve();
    expect(await second.nextFrame()).toEqual({ $case: "addCredits", value: { credits: 1 } });
    second.grantOne({ name: "Nothing" });
    expect((await second.nextOutcome()).taskId).not.toBe(lease.taskId);
  });

  it("is resumed however long nobody was there, with what was finished meanwhile", async () => {
    const silent = { debug() {}, info() {}, error() {} };
    const manyTries = Promise.withResolvers<void>();
    let failures = 0;
    const warn = (message: string) => {
      if (message === "connection lost; reconnecting" && ++failures === 5) manyTries.resolve();
    };
    const first = await ScriptedServer.start();
    const second = await ScriptedServer.start();
    const addresses = [first.address, second.address];
    const runner = new Runner({ addresses, tasks: [Waits], shutdownGraceMs: 0, logger: { ...silent, warn } });
    const run = runner.run({ handleSignals: false });
    const stream = await Promise.race([first.nextStream(), second.nextStream()]);
    stream.welcome({ sessionId: "session-7" });
    const lease = stream.grantOne({ name: "Waits" });
    const { end } = await Waits.started();
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    end();
    await manyTries.promise;
    await using back = await ScriptedServer.start(Number(second.address.split(":")[1]));
    const resumed = await back.nextStream();
    expect(resumed.hello).toMatchObject({ sessionId: "session-7", leases: [lease], credits: 0 });
    resumed.welcome({ sessionId: "session-7" });
    const outcome = await resumed.nextOutcome();
    expect(outcome).toMatchObject({ ...lease, result: { $case: "computed" } });
    resumed.accept(outcome);
    await runner.stop();
    await run;
  });

  it("that was silent for three ping intervals counts as dead", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing] });
    scripted.stream.welcome({ pingInterval: { seconds: 0, nanos: 20_000_000 } });
    const second = await scripted.server.nextStream();
    expect(second.hello.sessionId).toBe("session-1");
    second.welcome();
  });

  it("ends the run when trying again is pointless", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing] });
    scripted.stream.fail(status.NOT_FOUND, "there is no cluster gpu");
    await expect(scripted.run).rejects.toThrow(
      expect.objectContaining({ name: "TaskgroveError", code: "NOT_FOUND", message: "there is no cluster gpu" }),
    );
    await expect(scripted.run).rejects.toBeInstanceOf(TaskgroveError);
  });

  it("that another stream has taken over: attempts are stopped, and a new session begins", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits], concurrency: 2 });
    scripted.stream.welcome();
    scripted.stream.grantOne({ name: "Waits" });
    const { context } = await Waits.started();
    const stop = aborted(context.signal);
    scripted.stream.fail(status.ABORTED, "resumed elsewhere");
    expect(await stop).toMatchObject({ reason: "LEASE_LOST" });
    const second = await scripted.server.nextStream();
    expect(second.hello).toMatchObject({ sessionId: "", leases: [] });
    second.welcome();
  });
});

describe("go away", () => {
  it("sends the runner elsewhere with its leases", async () => {
    await using other = await ScriptedServer.start();
    await using server = await ScriptedServer.start();
    const runner = new Runner({
      tasks: [Waits],
      addresses: [server.address, other.address],
      shutdownGraceMs: 0,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    const run = runner.run({ handleSignals: false });
    // Which one comes first is left to chance.
    const [here, there] = [server.nextStream(), other.nextStream()];
    const first = await Promise.race([here, there]);
    const elsewhere = first === (await Promise.race([here, undefined])) ? there : here;
    first.welcome();
    const lease = first.grantOne({ name: "Waits" });
    const { end } = await Waits.started();
    first.send({ $case: "goAway", value: { reason: "stopping" } });
    await first.halfClosed;
    const second = await elsewhere;
    expect(second.hello).toMatchObject({ sessionId: "session-1", leases: [lease] });
    second.welcome();
    end();
    second.accept(await second.nextOutcome());
    await runner.stop();
    await run;
  });
});

describe("revocations", () => {
  it("of a canceled job abort the signal; a handler that stops gives the task back", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits] });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Waits" });
    const { context } = await Waits.started();
    const stop = aborted(context.signal);
    scripted.stream.revoke(lease, RevocationReason.REVOCATION_REASON_JOB_CANCELED);
    expect(await stop).toMatchObject({ reason: "JOB_CANCELED" });
    expect(await scripted.stream.nextOutcome()).toMatchObject({ ...lease, result: { $case: "released" } });
  });

  it("of a lost lease abort the signal; the outcome says nothing but that the place is free", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits] });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Waits" });
    const { context } = await Waits.started();
    const stop = aborted(context.signal);
    scripted.stream.revoke(lease, RevocationReason.REVOCATION_REASON_LEASE_LOST);
    expect(await stop).toMatchObject({ reason: "LEASE_LOST" });
    expect(await scripted.stream.nextOutcome()).toMatchObject({ ...lease, result: { $case: "released" } });
  });

  it("are not waited for when an attempt takes too long", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits] });
    scripted.stream.welcome();
    scripted.stream.grantOne({ name: "Waits", attemptTimeoutMs: 30 });
    const outcome = await scripted.stream.nextOutcome();
    expect(outcome.result).toMatchObject({ value: { error: { reason: "ATTEMPT_TIMEOUT" }, nonRetryable: false } });
    await Waits.started();
  });
});

describe("outcomes", () => {
  it("that are refused are reported as failed, and then given back", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing] });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Nothing" });
    await scripted.stream.nextOutcome();
    scripted.stream.refuse(lease, "CYCLIC_DEPENDENCIES", "subtasks.groups has a cycle");
    expect(await scripted.stream.nextOutcome()).toMatchObject({
      ...lease,
      result: {
        value: {
          error: { reason: "CYCLIC_DEPENDENCIES", message: "subtasks.groups has a cycle" },
          nonRetryable: true,
        },
      },
    });
    scripted.stream.refuse(lease, "INVALID_ARGUMENT", "not even that");
    expect((await scripted.stream.nextOutcome()).result?.$case).toBe("released");
  });

  it("that are superseded are dropped without a word", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing] });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Nothing" });
    await scripted.stream.nextOutcome();
    scripted.stream.stale(lease);
    await scripted.runner.stop();
    expect(scripted.logger.records.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe("the end", () => {
  it("comes when nothing is left to do, if that was asked for", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Nothing] }, "runAll");
    expect(scripted.stream.hello.notifyIdle).toBe(true);
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Nothing" });
    await scripted.stream.nextOutcome();
    scripted.stream.accept(lease);
    scripted.stream.send({ $case: "idle", value: {} });
    expect(await scripted.stream.nextFrame()).toEqual({ $case: "drain", value: {} });
    await scripted.stream.halfClosed;
    await scripted.run;
  });

  it("waits for what runs, and for the acknowledgement", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits], shutdownGraceMs: 60_000 });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Waits" });
    const { end } = await Waits.started();
    const stopped = scripted.runner.stop();
    expect(await scripted.stream.nextFrame()).toEqual({ $case: "drain", value: {} });
    // Granted before the orchestrator knew: given back at once.
    const late = scripted.stream.grantOne({ name: "Waits" });
    expect(await scripted.stream.nextOutcome()).toMatchObject({ ...late, result: { $case: "released" } });
    scripted.stream.accept(late);
    end();
    expect(await scripted.stream.nextOutcome()).toMatchObject({ ...lease, result: { $case: "computed" } });
    scripted.stream.accept(lease);
    await scripted.stream.halfClosed;
    await stopped;
    await scripted.run;
  });

  it("gives back what still runs after the grace", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Waits], shutdownGraceMs: 10 });
    scripted.stream.welcome();
    const lease = scripted.stream.grantOne({ name: "Waits" });
    const { context } = await Waits.started();
    const stop = aborted(context.signal);
    const stopped = scripted.runner.stop();
    expect(await stop).toMatchObject({ reason: "RUNNER_SHUTDOWN" });
    expect(await scripted.stream.nextOutcome()).toMatchObject({ ...lease, result: { $case: "released" } });
    scripted.stream.accept(lease);
    await stopped;
  });
});

it("refuses to be built without tasks, with an identifier twice, or with an odd concurrency", () => {
  class Twin extends Task {
    static readonly identifier = ["Nothing", "v0.0"] as const;
    override execute(): void {}
  }
  expect(() => new Runner({ tasks: [] })).toThrow("at least one");
  expect(() => new Runner({ tasks: [Nothing, Twin] })).toThrow("Nothing v0.0");
  expect(() => new Runner({ tasks: [Nothing], concurrency: 0.5 })).toThrow("concurrency");
});
