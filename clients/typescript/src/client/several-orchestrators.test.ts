import { once } from "node:events";
import { createServer } from "node:net";
import {
  Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { describe, expect, it, vi } from "vitest";
import type { ClusterServiceServer } from "../gen/taskgrove/v1/cluster.ts";
import type {
  GetJobRequest,
  GetJobResponse,
  KeyedSubmission,
  SubmissionAck,
  SubmitJobRequest,
  SubmitJobResponse,
  SubmitJobsRequest,
  SubmitJobsResponse,
  WatchJobRequest,
  WatchJobResponse,
} from "../gen/taskgrove/v1/job_service.ts";
import { Orchestrators } from "../rpc/orchestrators.ts";
import { namedTask } from "../task.ts";
import { aJob, away, startHandMade } from "../testing-internal/hand-made-orchestrator.ts";
import { Client } from "./client.ts";
import { JobClient } from "./jobs.ts";

type Callback<Response> = sendUnaryData<Response>;
type Submissions = ServerDuplexStream<SubmitJobsRequest, SubmitJobsResponse>;
type Watch = ServerWritableStream<WatchJobRequest, WatchJobResponse>;

const nobody = namedTask(["Nobody", "v1.0"]);

/** Answers whatever job is asked for. */
function getJob(call: ServerUnaryCall<GetJobRequest, GetJobResponse>, callback: Callback<GetJobResponse>): void {
  callback(null, { job: aJob(call.request.jobId) });
}

/** An address at which nobody listens. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return `127.0.0.1:${address.port}`;
}

/** The first address is taken, in the order in which they are given. */
function takeTheFirst(): Disposable {
  const spy = vi.spyOn(Math, "random").mockReturnValue(0);
  return { [Symbol.dispose]: () => spy.mockRestore() };
}

describe("several orchestrators", () => {
  it("share the clients by chance", async () => {
    const asked = [0, 0, 0];
    const start = (index: number) =>
      startHandMade({
        getJob: (call: ServerUnaryCall<GetJobRequest, GetJobResponse>, callback: Callback<GetJobResponse>) => {
          asked[index] = (asked[index] ?? 0) + 1;
          getJob(call, callback);
        },
      });
    await using first = await start(0);
    await using second = await start(1);
    await using third = await start(2);
    const addresses = [first.address, second.address, third.address];
    for (let n = 0; n < 60; n++) {
      using client = new Client({ addresses });
      await client.jobs.get("1");
      await client.jobs.get("2");
    }
    // Each client asked one of them twice; that one of the three is never taken has a chance of one in ten thousand millions.
    expect(asked.map((count) => count > 0 && count % 2 === 0)).toEqual([true, true, true]);
  });

  it("may be away: calls go to one that is there, also those that must not be repeated", async () => {
    using _first = takeTheFirst();
    const created: string[] = [];
    const createCluster: ClusterServiceServer["createCluster"] = ({ request }, callback) => {
      created.push(request.slug);
      callback(null, {
        cluster: { slug: request.slug, displayName: "", description: "", deletable: true, createdAt: new Date() },
      });
    };
    await using there = await startHandMade({ createCluster });
    using client = new Client({ address: `${await deadAddress()},${there.address}` });
    expect(await client.clusters.create({ slug: "gpu" })).toMatchObject({ slug: "gpu" });
    expect(created).toEqual(["gpu"]);
  });

  it("are found behind a name, whichever of its addresses answers", async () => {
    await using there = await startHandMade({ getJob });
    using client = new Client({ address: there.address.replace("127.0.0.1", "localhost") });
    expect((await client.jobs.get("1")).id).toBe("1");
  });

  it("may come behind a name later, while others go", async () => {
    const connected: string[] = [];
    const start = (name: string) =>
      startHandMade({
        getJob: (call: ServerUnaryCall<GetJobRequest, GetJobResponse>, callback: Callback<GetJobResponse>) => {
          connected.push(name);
          getJob(call, callback);
        },
      });
    const old = await start("old");
    await using young = await start("young");
    let behindTheName = [old.address];
    const resolve = async () => behindTheName.map((target) => ({ target, options: {} }));
    const config = { addresses: ["orchestrators:4150"], tls: false, maxOutageMs: 60_000 };
    const orchestrators = new Orchestrators(config, resolve);
    const jobs = new JobClient(orchestrators);
    await jobs.get("1");
    behindTheName = [young.address];
    await jobs.get("2");
    await old[Symbol.asyncDispose]();
    await jobs.get("3");
    orchestrators.close();
    expect(connected).toEqual(["old", "old", "young"]);
  });

  it("that are all away are reported at once by a client that never had an answer", async () => {
    const [first, second] = [await deadAddress(), await deadAddress()];
    using client = new Client({ addresses: [first, second] });
    await expect(client.jobs.get("1")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    using nowhere = new Client({ address: "no-such-host.invalid:1" });
    await expect(nowhere.jobs.get("1")).rejects.toMatchObject({ message: expect.stringContaining("no-such-host") });
  });

  it("are left by what goes on when one of them says that it stops", async () => {
    using _first = takeTheFirst();
    let asked = 0;
    await using stopping = await startHandMade({
      getJob: (_call: unknown, callback: Callback<GetJobResponse>) => {
        asked++;
        callback(away());
      },
    });
    await using other = await startHandMade({ getJob });
    using client = new Client({ addresses: [stopping.address, other.address] });
    expect((await client.jobs.get("1")).id).toBe("1");
    expect((await client.jobs.get("2")).id).toBe("2");
    expect(asked).toBe(1);
  });

  it("are not asked twice for what may have been done already", async () => {
    let retries = 0;
    const lose = (_call: unknown, callback: Callback<never>) => {
      retries++;
      callback(away());
    };
    await using first = await startHandMade({ getJob, retryJob: lose });
    await using second = await startHandMade({ getJob, retryJob: lose });
    using client = new Client({ addresses: [first.address, second.address] });
    await client.jobs.get("1");
    await expect(client.jobs.retry("1")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(retries).toBe(1);
  });

  it("get a submission whose answer was lost with the same idempotency key", async () => {
    using _first = takeTheFirst();
    const keys: string[] = [];
    const submitJob =
      (isLost: boolean) =>
      ({ request }: ServerUnaryCall<SubmitJobRequest, SubmitJobResponse>, callback: Callback<SubmitJobResponse>) => {
        keys.push(request.idempotencyKey);
        if (isLost) callback(away());
        else callback(null, { job: aJob("1"), alreadyExisted: true });
      };
    await using first = await startHandMade({ submitJob: submitJob(true) });
    await using second = await startHandMade({ submitJob: submitJob(false) });
    using client = new Client({ addresses: [first.address, second.address] });
    expect((await client.jobs.submit("a job", nobody)).id).toBe("1");
    await client.jobs.submit("another", nobody);
    expect(keys[0]).toMatch(/^\w+-[\w-]{36}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });
});

describe("a stream of submissions", () => {
  const accept = ({ key, job }: KeyedSubmission, alreadyExisted = false): SubmissionAck => ({
    key,
    result: { $case: "jobId", value: `job ${job?.name}` },
    alreadyExisted,
  });

  /** Stores by idempotency key. */
  function store(jobs: Map<string, string>, submission: KeyedSubmission): SubmissionAck {
    const { idempotencyKey = "", name = "" } = submission.job ?? {};
    const alreadyExisted = jobs.has(idempotencyKey);
    if (!alreadyExisted) jobs.set(idempotencyKey, name);
    return accept(submission, alreadyExisted);
  }

  it("that breaks goes on elsewhere: what was not answered is sent again, in its order, and stored once", async () => {
    using _first = takeTheFirst();
    const jobs = new Map<string, string>();
    const order: string[] = [];
    const broken = Promise.withResolvers<void>();
    // Stores everything, answers the first half, and is gone.
    await using first = await startHandMade({
      submitJobs: (call: Submissions) => {
        call.on("data", ({ submissions }: SubmitJobsRequest) => {
          const acks = submissions.map((submission) => store(jobs, submission));
          call.write({ acks: acks.slice(0, acks.length / 2) });
          call.emit("error", away());
          broken.resolve();
        });
      },
    });
    await using second = await startHandMade({
      submitJobs: (call: Submissions) => {
        call.on("data", ({ submissions }: SubmitJobsRequest) => {
          order.push(...submissions.map(({ job }) => job?.name ?? ""));
          call.write({ acks: submissions.map((submission) => store(jobs, submission)) });
        });
        call.on("end", () => call.end());
      },
    });
    using client = new Client({ addresses: [first.address, second.address] });
    await using stream = client.jobs.submitStream();
    const names = Array.from({ length: 100 }, (_, n) => `${n}`);
    const answers = names.map((name) => stream.submit(name, nobody));
    await broken.promise;
    const later = stream.submit("later", nobody);
    const results = await Promise.all([...answers, later]);
    expect(results).toEqual([...names, "later"].map((name) => ({ jobId: `job ${name}`, alreadyExisted: false })));
    expect([...jobs.values()]).toEqual([...names, "later"]);
    expect(order).toEqual([...names.slice(50), "later"]);
  });

  it("tells of the caller's own key that it was used before", async () => {
    const jobs = new Map([["mine", "old"]]);
    await using server = await startHandMade({
      submitJobs: (call: Submissions) => {
        call.on("data", ({ submissions }: SubmitJobsRequest) => {
          call.write({ acks: submissions.map((submission) => store(jobs, submission)) });
        });
        call.on("end", () => call.end());
      },
    });
    using client = new Client({ address: server.address });
    await using stream = client.jobs.submitStream();
    const submitted = await stream.submit("old", nobody, { idempotencyKey: "mine" });
    expect(submitted).toEqual({ jobId: "job old", alreadyExisted: true });
  });

  it("brings what an orchestrator without its store refuses to another one", async () => {
    using _first = takeTheFirst();
    const refusal = { code: status.UNAVAILABLE, reason: "UNAVAILABLE", message: "the store is away" };
    await using first = await startHandMade({
      submitJobs: (call: Submissions) => {
        call.on("data", ({ submissions }: SubmitJobsRequest) => {
          const [good, ...bad] = submissions;
          const refused = bad.map(({ key }) => ({
            key,
            result: { $case: "refusal" as const, value: refusal },
            alreadyExisted: false,
          }));
          call.write({ acks: [...(good ? [accept(good)] : []), ...refused] });
        });
      },
    });
    const brought: string[] = [];
    await using second = await startHandMade({
      submitJobs: (call: Submissions) => {
        call.on("data", ({ submissions }: SubmitJobsRequest) => {
          brought.push(...submissions.map(({ job }) => job?.name ?? ""));
          call.write({ acks: submissions.map((submission) => accept(submission)) });
        });
        call.on("end", () => call.end());
      },
    });
    using client = new Client({ addresses: [first.address, second.address] });
    await using stream = client.jobs.submitStream();
    const results = await Promise.all(["a", "b", "c"].map((name) => stream.submit(name, nobody)));
    expect(results.map(({ jobId }) => jobId)).toEqual(["job a", "job b", "job c"]);
    expect(brought).toEqual(["b", "c"]);
  });

  it("rejects what was not answered when the outage lasts too long, and works again afterwards", async () => {
    let isThere = false;
    await using server = await startHandMade({
      submitJobs: (call: Submissions) => {
        call.on("data", ({ submissions }: SubmitJobsRequest) => {
          if (isThere) call.write({ acks: submissions.map((submission) => accept(submission)) });
          else call.emit("error", away());
        });
        call.on("end", () => call.end());
      },
    });
    using client = new Client({ address: server.address, maxOutageMs: 0 });
    await using stream = client.jobs.submitStream();
    const submitted = await Promise.allSettled([stream.submit("a", nobody), stream.submit("b", nobody)]);
    const rejected = { status: "rejected", reason: expect.objectContaining({ code: "UNAVAILABLE" }) };
    expect(submitted).toEqual([rejected, rejected]);
    isThere = true;
    expect(await stream.submit("c", nobody)).toMatchObject({ jobId: "job c" });
  });
});

describe("a watch of a job", () => {
  const update = (resumeToken: string): WatchJobResponse => ({ resumeToken, job: undefined, tasks: [] });

  it("goes on behind its last update at another orchestrator", async () => {
    using _first = takeTheFirst();
    const tokens: string[] = [];
    await using first = await startHandMade({
      watchJob: (call: Watch) => {
        tokens.push(call.request.resumeToken);
        call.write(update("1"));
        call.write(update("2"), () => call.emit("error", away()));
      },
    });
    await using second = await startHandMade({
      watchJob: (call: Watch) => {
        tokens.push(call.request.resumeToken);
        call.write(update("3"));
        call.end();
      },
    });
    using client = new Client({ addresses: [first.address, second.address] });
    const updates = await Array.fromAsync(client.jobs.watch("1"), ({ resumeToken }) => resumeToken);
    expect(updates).toEqual(["1", "2", "3"]);
    expect(tokens).toEqual(["", "2"]);
  });

  it("of a job without changes outlasts any number of short outages", async () => {
    // The longest waits that there are: together they last longer than one outage may.
    using _random = vi.spyOn(Math, "random").mockReturnValue(0.999);
    let watches = 0;
    await using server = await startHandMade({
      watchJob: (call: Watch) => {
        call.sendMetadata(new Metadata());
        if (++watches < 8) call.emit("error", away());
        else call.end();
      },
    });
    using client = new Client({ address: server.address, maxOutageMs: 300 });
    expect(await Array.fromAsync(client.jobs.watch("1"))).toEqual([]);
    expect(watches).toBe(8);
  });
});
