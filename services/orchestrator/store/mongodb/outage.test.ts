import { describe, expect, test, vi } from "vitest";
import { Link, type LinkMode } from "../../../../faults/proxy.ts";
import { describeWithMongo, describeWithOwnMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { type CommandFault, CommandProxy } from "../../testing/mongodb/command-proxy.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { portOf, through } from "../../testing/mongodb/through-proxy.ts";
import { aJob } from "../../testing/records.ts";
import { type Store, StoreUnavailable } from "../store.ts";

/** How long a step is tried. */
const PATIENCE_MS = 400;
/** How long a connection is waited for, and an answer: a busy machine needs more than half a second for either, and then nothing is away. */
const CONNECT_MS = 1_500;
const ANSWER_MS = 2_000;
const TIMES = `serverSelectionTimeoutMS=${CONNECT_MS}&connectTimeoutMS=${CONNECT_MS}&socketTimeoutMS=${ANSWER_MS}`;
/** What a machine that is busy may add. */
const SLACK_MS = 2_500;
/** When a step is refused at the latest: the driver sends the command that goes out at the end of the patience twice. */
const STEP_MS = PATIENCE_MS + 2 * (CONNECT_MS + ANSWER_MS) + SLACK_MS;
/** When a read is refused at the latest, whatever the driver waits for. */
const READ_MS = PATIENCE_MS + 3_000 + SLACK_MS;
/** When a store is closed at the latest: its step, its others, its connections. */
const CLOSE_MS = PATIENCE_MS + 2_000 + SLACK_MS;
/** When a step succeeds at the latest, once the database answers: the driver looks for it every half second. */
const BACK_MS = 8_000;

const write = (store: Store) => store.transact((tx) => tx.write({ insertJobs: [aJob()] }));
const read = (store: Store) => store.job("some job");

/** How it ends, as a value: what tests that run at the same time expect must not be left to promises. */
const endOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof StoreUnavailable ? "refused" : error),
  );

async function expectUnavailable(work: Promise<unknown>, withinMs: number): Promise<void> {
  const begun = performance.now();
  expect(await endOf(work)).toBe("refused");
  expect(performance.now() - begun).toBeLessThan(withinMs);
}

async function expectEnd(work: Promise<unknown>, withinMs: number): Promise<void> {
  const begun = performance.now();
  await work;
  expect(performance.now() - begun).toBeLessThan(withinMs);
}

const AWAY: readonly LinkMode[] = [
  { kind: "black-hole" },
  { kind: "reset" },
  { kind: "cut", direction: "up" },
  { kind: "cut", direction: "down" },
];

// Nearly all of their time these tests wait, so they do so at the same time.

/** A store, and the link to its database. */
async function openThroughLink(uri: string) {
  const link = await Link.open();
  link.setTarget(portOf(uri));
  const several = await openSeveralStores(uri, 0);
  const store = await several.open({ uri: through(link.port, uri, TIMES), patienceMs: PATIENCE_MS });
  return {
    link,
    several,
    store,
    async [Symbol.asyncDispose]() {
      await several[Symbol.asyncDispose]();
      await link.close();
    },
  };
}

const isBack = (store: Store) => vi.waitFor(() => write(store), { timeout: BACK_MS, interval: 100 });

describeWithMongo("while the database is away", (uri) => {
  describe.concurrent.each(AWAY)("$kind $direction", (mode) => {
    test("steps and reads are refused in time, and the same store works again afterwards", async () => {
      await using opened = await openThroughLink(uri);
      const { store, link } = opened;
      await write(store);
      link.setMode(mode);
      await Promise.all([expectUnavailable(write(store), STEP_MS), expectUnavailable(read(store), READ_MS)]);
      await expectUnavailable(write(store), STEP_MS);
      link.setMode({ kind: "normal" });
      await isBack(store);
      expect(await read(store)).toBeNull();
    });

    test("a step in the middle of its reads fails, and leaves nothing behind that others have to wait for", async () => {
      await using opened = await openThroughLink(uri);
      const { store, link, several } = opened;
      const job = aJob();
      await store.transact((tx) => tx.write({ insertJobs: [job] }));
      const failing = store.transact(async (tx) => {
        await tx.write({ updateJobs: [{ ...job, openGroups: 1 }] });
        await tx.loadJobs([job.id]);
        link.setMode(mode);
        await tx.loadTasks(["some task"]);
      });
      await expectUnavailable(failing, STEP_MS);
      link.setMode({ kind: "normal" });
      await isBack(store);
      const other = await several.open();
      let runs = 0;
      await other.transact(async (tx) => {
        runs++;
        await tx.write({ updateJobs: [{ ...job, openGroups: 2 }] });
      });
      expect(runs).toBe(1);
      expect(await store.job(job.id)).toMatchObject({ openGroups: 2 });
    });

    test("it closes in time, whatever it is waiting for", async () => {
      await using opened = await openThroughLink(uri);
      const { store, link } = opened;
      const woken = Promise.withResolvers<void>();
      store.onWakeup(() => woken.resolve());
      await woken.promise;
      await write(store);
      link.setMode(mode);
      const waiting = [write(store), write(store), read(store)].map(endOf);
      await expectEnd(store.close(), CLOSE_MS);
      expect(await Promise.all(waiting)).toEqual(["refused", "refused", "refused"]);
    });
  });
});

describeWithMongo("while it is not known what became of a commit", (uri) => {
  test.concurrent.each<CommandFault>(["lose-answer", "swallow-answer"])(
    "%s: the store closes in time",
    async (fault) => {
      await using proxy = await CommandProxy.open(uri);
      await using link = await openLink(proxy);
      await using several = await openSeveralStores(uri, 0);
      const store = await several.open({ uri: link.uri, patienceMs: PATIENCE_MS });
      const lost = Promise.withResolvers<void>();
      proxy.faults = [fault];
      proxy.onFault = () => {
        link.setMode({ kind: "black-hole" });
        lost.resolve();
      };
      const step = write(store).catch((error: Error) => error.message);
      await lost.promise;
      await expectEnd(store.close(), CLOSE_MS);
      expect(await step).toBe("the store was closed before it was known what became of a commit");
    },
  );
});

/** A link to a proxy. */
async function openLink(proxy: CommandProxy) {
  const link = await Link.open();
  link.setTarget(portOf(proxy.uri));
  return {
    uri: through(link.port, proxy.uri, TIMES),
    setMode: (mode: LinkMode) => link.setMode(mode),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

describeWithOwnMongo("while the server", (start) => {
  test("is stopped or dead, steps and reads are refused in time; when it is back, the same store works again", async () => {
    await using server = await start();
    await using several = await openSeveralStores(server.uri, 0);
    const store = await several.open({ uri: `${server.uri}&${TIMES}`, patienceMs: PATIENCE_MS });
    await write(store);
    server.kill("SIGSTOP");
    await expectUnavailable(write(store), STEP_MS);
    await expectUnavailable(read(store), READ_MS);
    server.kill("SIGCONT");
    await isBack(store);
    server.kill("SIGKILL");
    await expectUnavailable(write(store), STEP_MS);
    await expectUnavailable(read(store), READ_MS);
    await server.restart();
    await isBack(store);
    expect(await read(store)).toBeNull();
  });
});
