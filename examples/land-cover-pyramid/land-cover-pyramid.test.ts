import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { Client, type TaskChange } from "taskgrove";
import { startTestServer, type TestServer } from "taskgrove/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runJob } from "../shared/run-job.ts";
import { graticulePixels, pixelAt } from "./decoration.ts";
import { quartersOf, tilePath, WORLD } from "./geometry.ts";
import { drawPicture } from "./picture.ts";
import { landCoverTasks, type MapInput, WorldMap } from "./tasks.ts";
import { checkPicture, checkTasks, expectedTasks, summarise, tasksOf } from "./verify.ts";

const ZOOM = 3;
const SIDE = 128;

let directory: string;
let orchestrator: TestServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "taskgrove-map-"));
  orchestrator = await startTestServer();
});

afterAll(async () => {
  await orchestrator.stop();
  await rm(directory, { recursive: true });
});

/** Runs a map of its own directory; `cities`: the text of the file with city lights, if there is to be one. */
async function drawMap(cities?: string) {
  const base = await mkdtemp(join(directory, "map-"));
  const cityLights = join(base, "cities.json");
  if (cities !== undefined) await writeFile(cityLights, cities);
  const input: MapInput = {
    zoom: ZOOM,
    side: SIDE,
    picture: join(base, "world.png"),
    decoratedPicture: join(base, "decorated.png"),
    cityLights,
  };
  const tree = await runJob({
    address: orchestrator.address,
    name: "a small map",
    root: new WorldMap(input),
    runner: { tasks: landCoverTasks, concurrency: 4 },
  });
  return { base, input, job: tree.job, tasks: tasksOf(tree) };
}

describe("the land cover pyramid", () => {
  it("draws exactly what a straight rendering draws, although leaves and the decoration fail", async () => {
    const { base, input, job, tasks } = await drawMap();
    expect(job.state).toBe("COMPLETED");
    expect(await checkPicture(input.picture, SIDE)).toMatchObject({ ok: true });
    expect(checkTasks(tasks, ZOOM).filter(({ ok }) => !ok)).toEqual([]);
    // No draft is left over, and no decorated picture came to be.
    expect(await readdir(base)).toEqual(["world.png"]);
    expect(job.progress).toEqual([
      { label: "leaves", total: 64, done: 64 },
      { label: "merges", total: 21, done: 21 },
    ]);
    // Leaves 0, 31 and 62 fail once each, and the city lights once and for all.
    expect(summarise(tasks)).toEqual({ tasks: expectedTasks(ZOOM), failedAttempts: 4, lostAttempts: 0 });
    const retried = tasks.filter(({ attempt }) => attempt > 1);
    expect(retried.map(({ display, attempt }) => `${display}: ${attempt}`).sort()).toEqual([
      "leaf 3/0/0: 2",
      "leaf 3/6/7: 2",
      "leaf 3/7/3: 2",
    ]);
  });

  it("assembles a tile only when everything below its quarters is done", async () => {
    const { job } = await drawMap();
    using client = new Client({ address: orchestrator.address });
    const displays = new Map<string, string>();
    const done = new Set<string>();
    const merged: string[] = [];
    const handle = ({ taskId, display, state }: TaskChange) => {
      if (display !== undefined) displays.set(taskId, display);
      const [kind, path] = (displays.get(taskId) ?? "").split(" ");
      if (state === "COMPLETED" && (kind === "leaf" || kind === "split") && path !== undefined) done.add(path);
      if (kind !== "merge" || path === undefined || state !== "RUNNING") return;
      const [z = 0, x = 0, y = 0] = path.split("/").map(Number);
      expect(
        quartersOf({ z, x, y })
          .map(tilePath)
          .filter((quarter) => !done.has(quarter)),
        path,
      ).toEqual([]);
      merged.push(path);
    };
    for await (const { tasks } of client.jobs.watch(job.id)) tasks.forEach(handle);
    expect(merged).toHaveLength(21);
    expect(merged.at(-1)).toBe(tilePath(WORLD));
  });

  it("decorates a second picture when there are city lights", async () => {
    const { input, job, tasks } = await drawMap("[[13.4, 52.5], [139.7, 35.7], [-58.4, -34.6]]");
    expect(job.state).toBe("COMPLETED");
    expect(tasks.filter(({ state }) => state !== "COMPLETED")).toEqual([]);
    expect(await checkPicture(input.picture, SIDE)).toMatchObject({ ok: true });
    const plain = PNG.sync.read(await readFile(input.picture));
    const decorated = PNG.sync.read(await readFile(input.decoratedPicture));
    const changed = Array.from({ length: SIDE * SIDE }, (_, pixel) => pixel).filter(
      (pixel) => plain.data.readUInt32BE(pixel * 4) !== decorated.data.readUInt32BE(pixel * 4),
    );
    const cities = [pixelAt(SIDE, [13.4, 52.5]), pixelAt(SIDE, [139.7, 35.7]), pixelAt(SIDE, [-58.4, -34.6])];
    const marked = new Set([...graticulePixels(SIDE), ...cities]);
    expect(changed).toEqual([...marked].sort((a, b) => a - b));
  });
});

describe("checkTasks", () => {
  it("finds a task that is missing, and one that did not complete", async () => {
    const { tasks } = await drawMap();
    const leaf = tasks.findIndex(({ display }) => display.startsWith("leaf"));
    const others = tasks.filter((_, index) => index !== leaf);
    expect(checkTasks(others, ZOOM).map(({ ok }) => ok)).toEqual([false, true]);
    const halted = tasks.map((task, index) => (index === leaf ? { ...task, state: "FAILED" as const } : task));
    expect(checkTasks(halted, ZOOM).map(({ ok }) => ok)).toEqual([true, false]);
  });
});

describe("checkPicture", () => {
  it("finds a single wrong pixel", async () => {
    const { input } = await drawMap();
    const png = PNG.sync.read(await readFile(input.picture));
    png.data[4 * 1000] = (png.data[4 * 1000] ?? 0) ^ 1;
    await writeFile(input.picture, PNG.sync.write(png));
    expect(await checkPicture(input.picture, SIDE)).toEqual({
      ok: false,
      text: "1 of 16384 pixels differ from a straight rendering",
    });
  });

  it("finds a picture of another place", async () => {
    const path = join(directory, "sea.png");
    await writeFile(path, drawPicture({ side: SIDE, pixels: new Uint8Array(SIDE * SIDE), landFraction: 0 }));
    expect(await checkPicture(path, SIDE)).toMatchObject({ ok: false });
  });
});
