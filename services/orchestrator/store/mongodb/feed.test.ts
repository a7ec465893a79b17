import type { CommandStartedEvent } from "mongodb";
import { expect, test, vi } from "vitest";
import { describeWithMongo, describeWithOwnMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { CHANGE_STREAM, CommandProxy } from "../../testing/mongodb/command-proxy.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aJob } from "../../testing/records.ts";
import { type Store, StoreUnavailable, type Wakeup } from "../store.ts";

/** What a store has heard of others, in order. */
function listen(store: Store): (Wakeup | null)[] {
  const heard: (Wakeup | null)[] = [];
  store.onWakeup((wakeup) => heard.push(wakeup));
  return heard;
}

/** Writes something that others may act on, and returns it. */
async function tell(store: Store): Promise<Wakeup> {
  const job = aJob();
  const wakeup = { queueIds: [1], jobIds: [job.id], overJobIds: [], canceledJobIds: [] };
  await store.transact((tx) => tx.write({ insertJobs: [job], wakeup }));
  return wakeup;
}

/** Waits until a stream brings what others do: then everything that they do from then on is heard, in its order. */
async function expectStream(heard: (Wakeup | null)[], teller: Store): Promise<void> {
  const told: Wakeup[] = [];
  const news = () => heard.filter((wakeup) => told.some((each) => each.jobIds[0] === wakeup?.jobIds[0]));
  await vi.waitFor(async () => {
    // A stream that has just been opened may have missed what was told before, so it is told something new each time.
    told.push(await tell(teller));
    expect(news()).not.toEqual([]);
  }, WAIT);
  for (let more = 0; more < 3; more++) told.push(await tell(teller));
  await vi.waitFor(() => expect(news().at(-1)).toEqual(told.at(-1)), WAIT);
  expect(news()).toEqual(told.slice(-news().length));
}

const WAIT = { timeout: 20_000, interval: 50 };

describeWithMongo("wake-ups", (uri) => {
  test.concurrent("say what each of several others did, in its order, and never what the listener did itself", async () => {
    await using several = await openSeveralStores(uri, 3);
    const [listener, ...others] = several.stores;
    const heard = listen(listener as Store);
    await vi.waitFor(() => expect(heard).toEqual([null]), WAIT);
    const told: Wakeup[][] = await Promise.all(
      others.map(async (store) => {
        const own: Wakeup[] = [];
        for (let step = 0; step < 20; step++) own.push(await tell(store));
        return own;
      }),
    );
    await tell(listener as Store);
    await vi.waitFor(() => expect(heard.length).toBe(41), WAIT);
    for (const own of told)
      expect(
        heard.filter((wakeup) => wakeup !== null && own.some((each) => each.jobIds[0] === wakeup.jobIds[0])),
      ).toEqual(own);
  });

  test.concurrent("of a step that changed more than can be listed say that anything may have happened, and what was canceled", async () => {
    await using several = await openSeveralStores(uri, 2);
    const [listener, other] = several.stores;
    const heard = listen(listener as Store);
    await vi.waitFor(() => expect(heard).toEqual([null]), WAIT);
    const jobIds = Array.from({ length: 1_000 }, (_, index) => `job ${index}`);
    const wakeup = { queueIds: [1], jobIds, overJobIds: [], canceledJobIds: ["canceled"] };
    await other?.transact((tx) => tx.write({ insertJobs: [aJob()], wakeup }));
    await vi.waitFor(() => expect(heard.length).toBe(3), WAIT);
    expect(heard.slice(1)).toEqual([{ queueIds: [], jobIds: [], overJobIds: [], canceledJobIds: ["canceled"] }, null]);
  });

  test.concurrent("come by polling while there is no change stream, and by the stream when there is one again", async () => {
    await using proxy = await CommandProxy.open(uri, CHANGE_STREAM);
    await using several = await openSeveralStores(uri, 1);
    proxy.faults = Array.from({ length: 10_000 }, () => "lose-request" as const);
    let polls = 0;
    const onRoundTrip = ({ command }: CommandStartedEvent) => {
      if (command.find === "replica") polls++;
    };
    const heard = listen(await several.open({ uri: proxy.uri, onRoundTrip }));
    await vi.waitFor(() => expect(heard).toContain(null), WAIT);
    for (let told = 0; told < 3; told++) {
      heard.length = 0;
      await tell(several.any);
      await vi.waitFor(() => expect(heard).toContain(null), WAIT);
    }
    expect(heard.filter((wakeup) => wakeup !== null)).toEqual([]);
    heard.length = 0;
    polls = 0;
    await vi.waitFor(() => expect(polls).toBeGreaterThan(5), WAIT);
    expect(heard).toEqual([]);
    proxy.faults = [];
    await expectStream(heard, several.any);
  });

  test.concurrent("do not come any more when nobody listens", async () => {
    await using several = await openSeveralStores(uri, 2);
    const [listener, other] = several.stores;
    const gone: (Wakeup | null)[] = [];
    const stop = listener?.onWakeup((wakeup) => gone.push(wakeup));
    const heard = listen(listener as Store);
    await vi.waitFor(() => expect(heard).toEqual([null]), WAIT);
    stop?.();
    gone.length = 0;
    const told = await tell(other as Store);
    await vi.waitFor(() => expect(heard).toEqual([null, told]), WAIT);
    expect(gone).toEqual([]);
  });
});

describeWithOwnMongo("wake-ups of a server that is killed", (start) => {
  test.concurrent("come again when it is back", async () => {
    await using server = await start();
    await using several = await openSeveralStores(server.uri, 2);
    const [listener, other] = several.stores;
    const heard = listen(listener as Store);
    await vi.waitFor(() => expect(heard).toEqual([null]), WAIT);
    for (let restart = 0; restart < 2; restart++) {
      server.kill("SIGKILL");
      await server.restart();
      heard.length = 0;
      const told = await vi.waitFor(() => tellOrRefuse(other as Store), WAIT);
      // What happened while there was no stream may have been missed: then it is said that anything may have happened.
      await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0), WAIT);
      expect(heard.every((wakeup) => wakeup === null || wakeup.jobIds[0] === told.jobIds[0])).toBe(true);
      await expectStream(heard, other as Store);
    }
  });

  async function tellOrRefuse(store: Store): Promise<Wakeup> {
    return tell(store).catch((error: unknown) => {
      expect(error).toBeInstanceOf(StoreUnavailable);
      throw error;
    });
  }
});
