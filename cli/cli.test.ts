import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runner, Task, type TaskContext } from "taskgrove";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTlsFront, testCertificate } from "../clients/typescript/src/testing-internal/tls-front.ts";
import { CliProcess, cli, type Finished } from "./testing/processes.ts";

/** Fails until the test allows it. */
let allowed = false;

class Fan extends Task<{ readonly leaves: number; readonly strict?: boolean }> {
  static readonly identifier = ["example.com/Fan", "v1.2"] as const;

  override execute(context: TaskContext): void {
    const { leaves, strict = false } = this.input;
    const tasks = Array.from({ length: leaves }, () => new FanLeaf({ strict }));
    const handles = context.submitSubtasks(tasks, { display: "a leaf" });
    context.submitSubtask(new FanEnd(), { dependsOn: handles });
  }
}

class FanLeaf extends Task<{ readonly strict: boolean }> {
  override execute(context: TaskContext): void {
    context.progress("leaves").add(1);
    if (this.input.strict && !allowed) throw new RangeError("not yet");
    context.progress("leaves").done(1);
  }
}

class FanEnd extends Task {
  override execute(): void {}
}

const idPattern = /^[0-9A-Z]{26}\n$/;
let dev: CliProcess;
let address = "";
let runner: Runner;
let running: Promise<void>;
const run = (...args: string[]): Promise<Finished> => cli(address, args);
const submit = async (...args: string[]): Promise<string> => (await run("job", "submit", ...args)).out.trim();

beforeAll(async () => {
  dev = new CliProcess(["dev", "--memory", "--port", "0", "--http-port", "0"]);
  const banner = await dev.match(/orchestrator {2}(\S+)[\s\S]*Ctrl-C stops it/);
  address = banner[1] ?? "";
  runner = new Runner({ tasks: [Fan, FanLeaf, FanEnd], address, name: "runner of the test", concurrency: 4 });
  running = runner.run({ handleSignals: false });
});

afterAll(async () => {
  await runner.stop();
  await running;
  dev.interrupt();
  const { code, out, err } = await dev.end();
  expect(err).toBe("");
  expect(out).toMatch(/Stopped\.\n$/);
  expect(code).toBe(0);
});

describe("dev", () => {
  it("says where it is and what to do next, without escape codes in a pipe", () => {
    expect(dev.out).toContain("Taskgrove is running.");
    expect(dev.out).toMatch(/metrics {7}http:\/\/127\.0\.0\.1:\d+\/metrics/);
    expect(dev.out).toContain(`job list --address ${address}`);
    expect(dev.out).not.toContain("\u001b");
  });

  it("takes the server's flags for the store and the log as well", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "taskgrove-cli-"));
    const file = join(folder.path, "own.db");
    const flags = ["--sqlite-file", file, "--log-level=error", "--port", "0", "--http-port", "0"];
    const own = new CliProcess(["dev", ...flags]);
    expect((await own.match(/store {9}(\S+)[\s\S]*Ctrl-C stops it/))[1]).toBe(file);
    own.interrupt();
    expect((await own.end()).code).toBe(0);
  });

  it("says so when its port is taken", async () => {
    const port = address.split(":")[1] ?? "";
    const { code, err } = await run("dev", "--memory", "--port", port, "--http-port", "0");
    expect(code).toBe(2);
    expect(err).toMatch(/^taskgrove: cannot start the orchestrator: .*\n$/);
  });
});

describe("server", () => {
  it("is configured by flags, says where it listens, and stops gracefully", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "taskgrove-cli-"));
    const file = join(folder.path, "jobs.db");
    await using server = new CliProcess(["server", "--grpc-port=0", "--http-port=0", `--sqlite-file=${file}`]);
    const listening = await server.match(/"grpcAddress":"(127\.0\.0\.1:\d+)"/);
    expect((await cli(listening[1] ?? "", ["job", "list"])).out).toContain("There are no such jobs.");
    server.interrupt();
    expect((await server.end()).code).toBe(0);
  });
});

describe("a job", () => {
  it("is submitted with its input, waited for, shown and listed", async () => {
    const submitted = await run(
      "job",
      "submit",
      "fan",
      "--task",
      "example.com/Fan@v1.0",
      "--input",
      '{"leaves":3}',
      "--wait",
    );
    expect(submitted.code).toBe(0);
    const [id = "", first, second] = submitted.out.split("\n");
    expect(`${id}\n`).toMatch(idPattern);
    expect(first).toMatch(/^✓ fan completed in /);
    expect(second).toBe("  5 tasks: 5 completed");

    const got = await run("job", "get", id);
    expect(got.out).toMatch(/^id {15}\S{26}\nname {13}fan\nstate {12}✓ completed\n/);
    expect(got.out).toContain("tasks            5/5: 5 completed\nprogress leaves  3/3\n");
    expect(JSON.parse((await run("job", "get", id, "--json")).out)).toMatchObject({
      id,
      state: "COMPLETED",
      name: "fan",
    });

    const listed = await run("job", "list", "--name", "FAN", "--state", "completed");
    expect(listed.out).toMatch(
      new RegExp(`^ID +STATE +NAME +TASKS +SUBMITTED +DURATION\n${id} {2}✓ completed  fan +5/5 `),
    );
    const lines = (await run("job", "list", "--json")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).id)).toContain(id);

    const tree = await run("job", "tree", id);
    expect(tree.out).toMatch(/^✓ fan {2}completed/);
    expect(tree.out).toContain("├ ✓ a leaf  FanLeaf@v0.0  completed in ");
    expect(tree.out).toContain("└ ✓ FanEnd@v0.0  completed in ");
    const tasks = (await run("job", "tree", id, "--json")).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(tasks).toHaveLength(5);
    expect(tasks[0]).toMatchObject({ jobId: id, identifier: ["example.com/Fan", "v1.0"], state: "COMPLETED" });
  });

  it("takes its input from standard input", async () => {
    const args = ["job", "submit", "piped", "--task", "example.com/Fan@v1.0", "--input", "-", "--wait", "--json"];
    const { code, out } = await cli(address, args, '{"leaves": 7}');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: "piped", state: "COMPLETED", taskCounts: { completed: 9 } });
  });

  it("that fails is told as it fails and by the exit code, and goes on when it is retried", async () => {
    allowed = false;
    const args = ["--task", "example.com/Fan@v1.0", "--input", '{"leaves":2,"strict":true}', "--watch"];
    const watched = await run("job", "submit", "strict", ...args);
    expect(watched.code).toBe(1);
    expect(watched.out).toMatch(/attempt 1 of a leaf failed for good: RangeError: not yet\n/);
    expect(watched.out).toMatch(/✗ strict failed after /);
    expect(watched.out).toContain("  RangeError: not yet\n  in task a leaf ");
    expect(watched.out).not.toContain("\u001b");
    const id = /taskgrove job retry (\S+)/.exec(watched.out)?.[1] ?? "";

    allowed = true;
    const retried = await run("job", "retry", id, "--watch");
    expect(retried.out).toContain("✓ strict completed in ");
    expect(retried.code).toBe(0);

    const again = await run("job", "retry", id);
    expect(again.code).toBe(5);
    expect(again.err).toMatch(/^taskgrove: .+ \(\w+\)\n$/);
  });

  it("that nobody can run says why, is canceled, and ends the watch with 1", async () => {
    const id = await submit("lonely", "--task", "Nobody@v3.1");
    expect((await run("job", "tree", id)).out).toContain(
      "○ Nobody@v3.1  queued: ready, but no runner of cluster default executes Nobody@v3.1",
    );
    await using watching = new CliProcess(["job", "watch", id, "--json"], { TASKGROVE_ADDRESS: address });
    await watching.match(/"resumeToken"/);
    expect((await run("job", "cancel", id)).out).toBe("Canceled lonely.\n");
    const { code, out } = await watching.end();
    expect(code).toBe(1);
    const updates = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(updates[0].tasks[0]).toMatchObject({ identifier: ["Nobody", "v3.1"], state: "QUEUED" });
    expect(updates.at(-1).job.state).toBe("CANCELED");
  });

  it("goes on when Ctrl-C stops the watch", async () => {
    const id = await submit("goes on", "--task", "Nobody");
    await using watching = new CliProcess(["job", "watch", "latest"], { TASKGROVE_ADDRESS: address });
    await watching.match(/submitted {2}/);
    watching.interrupt();
    const { code, err } = await watching.end();
    expect(code).toBe(130);
    expect(err).toBe(`Stopped watching; the job goes on. Watch it again with: taskgrove job watch ${id}\n`);
    expect(JSON.parse((await run("job", "get", id, "--json")).out).state).toBe("SUBMITTED");
  });

  it("is the same one for the same idempotency key", async () => {
    const args = ["once", "--task", "Nobody", "--idempotency-key", "key-1"];
    const id = await submit(...args);
    expect(await submit(...args)).toBe(id);
    const other = await run("job", "submit", "another name", ...args.slice(1));
    expect(other.code).toBe(5);
    expect(other.err).toContain("(IDEMPOTENCY_CONFLICT)");
  });

  it("that does not exist ends with 3, one that the orchestrator finds not valid with 2", async () => {
    for (const command of ["get", "tree", "watch", "cancel", "retry"]) {
      const { code, out, err } = await run("job", command, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
      expect([command, code, out]).toEqual([command, 3, ""]);
      expect(err).toMatch(/^taskgrove: .+\n$/);
    }
    expect((await run("job", "submit", "x", "--task", "A", "--cluster", "nowhere")).code).toBe(3);
    expect((await run("job", "submit", "", "--task", "A")).code).toBe(2);
  });
});

describe("clusters and runners", () => {
  it("are created, shown, changed, listed and deleted", async () => {
    const created = await run("cluster", "create", "gpu", "--name", "GPU machines");
    expect(created.code).toBe(0);
    expect(created.out).toMatch(/^slug {7}gpu\nname {7}GPU machines\ncreated {4}.+\ndeletable {2}yes\n$/);
    expect((await run("cluster", "create", "gpu")).code).toBe(5);
    expect((await run("cluster", "update", "gpu", "--description", "two cards")).out).toContain(
      "description  two cards\n",
    );
    expect(JSON.parse((await run("cluster", "get", "gpu", "--json")).out)).toMatchObject({
      slug: "gpu",
      description: "two cards",
    });
    const listed = await run("cluster", "list");
    expect(listed.out).toMatch(/^SLUG +NAME +CREATED +DESCRIPTION\ndefault .+\ngpu +GPU machines +.+ {2}two cards\n$/);
    expect((await run("cluster", "delete", "gpu")).out).toBe("Deleted cluster gpu.\n");
    expect((await run("cluster", "get", "gpu")).code).toBe(3);
    expect((await run("cluster", "delete", "default")).code).toBe(5);
  });

  it("lists runners", async () => {
    const { code, out } = await run("runner", "list");
    expect(code).toBe(0);
    expect(out).toMatch(/^NAME +CLUSTER .+\nrunner of the test {2}default /);
    expect(out).toContain("example.com/Fan@v1.2, FanLeaf@v0.0, FanEnd@v0.0\n");
    expect((await run("runner", "list", "--cluster", "default", "--json")).out).toContain(
      '"name":"runner of the test"',
    );
  });
});

describe("a connection", () => {
  it("goes to one of several addresses that is there", async () => {
    const { code, out } = await run("runner", "list", "--address", `127.0.0.1:9,${address}`);
    expect(code).toBe(0);
    expect(out).toContain("runner of the test");
  });

  it("is made with TLS, when the certificate is trusted", async () => {
    await using front = await startTlsFront(address);
    await using folder = await mkdtempDisposable(join(tmpdir(), "taskgrove-cli-"));
    const ca = join(folder.path, "ca.pem");
    await writeFile(ca, testCertificate);
    const [byName, byNumber] = [`localhost:${front.port}`, `127.0.0.1:${front.port}`];
    for (const place of [byName, byNumber]) {
      const trusted = await run("runner", "list", "--address", place, "--ca", ca);
      expect(trusted).toMatchObject({ code: 0, out: expect.stringContaining("runner of the test") });
    }
    await using byVariable = new CliProcess(["runner", "list"], { TASKGROVE_ADDRESS: byName, TASKGROVE_CA: ca });
    expect(await byVariable.end()).toMatchObject({ code: 0, out: expect.stringContaining("runner of the test") });

    const untrusted = await run("runner", "list", "--address", byName, "--tls");
    expect(untrusted.code).toBe(4);
    expect(untrusted.err).toContain("self-signed certificate");
    await using byDefault = new CliProcess(["runner", "list"], { TASKGROVE_ADDRESS: byName, TASKGROVE_TLS: "true" });
    expect(await byDefault.end()).toMatchObject({ code: 4, err: expect.stringContaining("self-signed certificate") });
    expect((await run("runner", "list", "--address", byName)).code).toBe(4);
  });
});
