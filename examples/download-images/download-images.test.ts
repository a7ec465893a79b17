import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer } from "taskgrove/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalServer, startFileServer } from "../shared/file-server.ts";
import { countTasks, formatTree, runJob } from "../shared/run-job.ts";
import { writeSampleImages } from "./sample-images.ts";
import { DownloadImages, DownloadImagesRecursively, downloadTasks } from "./tasks.ts";

let base: string;
let files: LocalServer;
let orchestrator: TestServer;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "taskgrove-images-"));
  await mkdir(join(base, "served"));
  await writeSampleImages(join(base, "served"), 9);
  files = await startFileServer(join(base, "served"));
  orchestrator = await startTestServer();
});

afterAll(async () => {
  await orchestrator.stop();
  await files[Symbol.asyncDispose]();
  await rm(base, { recursive: true });
});

async function download(TaskClass: typeof DownloadImages | typeof DownloadImagesRecursively, names: string[]) {
  const directory = await mkdtemp(join(base, "target-"));
  const urls = names.map((name) => `${files.url}/${name}`);
  const tree = await runJob({
    address: orchestrator.address,
    name: "download",
    root: new TaskClass({ urls, directory }),
    runner: { tasks: downloadTasks, concurrency: 4 },
  });
  return { tree, directory };
}

/** The first `count` names of the images that are served. */
function images(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `image-${index + 1}.png`);
}

async function expectSameFiles(directory: string, names: string[]): Promise<void> {
  expect((await readdir(directory)).sort()).toEqual([...names].sort());
  for (const name of names) {
    const [served, downloaded] = [await readFile(join(base, "served", name)), await readFile(join(directory, name))];
    expect(downloaded.equals(served), name).toBe(true);
  }
}

describe("flat", () => {
  it.each([
    [5, 6],
    [9, 10],
  ])("downloads %i images with %i tasks", async (count, tasks) => {
    const { tree, directory } = await download(DownloadImages, images(count));
    expect(tree.job.state).toBe("COMPLETED");
    expect(countTasks(tree)).toBe(tasks);
    expect(formatTree(tree)).toBe(
      ["DownloadImages COMPLETED", ...images(count).map((name) => `  ${name} COMPLETED`)].join("\n"),
    );
    expect(tree.job.progress).toEqual([{ label: "images", total: count, done: count }]);
    await expectSameFiles(directory, images(count));
  });
});

describe("recursive", () => {
  it("halves 5 images once", async () => {
    const { tree, directory } = await download(DownloadImagesRecursively, images(5));
    expect(formatTree(tree)).toBe(
      `
DownloadImagesRecursively COMPLETED
  2 images COMPLETED
    image-1.png COMPLETED
    image-2.png COMPLETED
  3 images COMPLETED
    image-3.png COMPLETED
    image-4.png COMPLETED
    image-5.png COMPLETED`.trimStart(),
    );
    await expectSameFiles(directory, images(5));
  });

  it("halves 9 images, and the larger half again", async () => {
    const { tree, directory } = await download(DownloadImagesRecursively, images(9));
    expect(formatTree(tree)).toBe(
      `
DownloadImagesRecursively COMPLETED
  4 images COMPLETED
    image-1.png COMPLETED
    image-2.png COMPLETED
    image-3.png COMPLETED
    image-4.png COMPLETED
  5 images COMPLETED
    2 images COMPLETED
      image-5.png COMPLETED
      image-6.png COMPLETED
    3 images COMPLETED
      image-7.png COMPLETED
      image-8.png COMPLETED
      image-9.png COMPLETED`.trimStart(),
    );
    await expectSameFiles(directory, images(9));
  });
});

describe("an image that is not there", () => {
  it("fails the job at once, however many retries are left", async () => {
    const { tree } = await download(DownloadImages, ["missing.png"]);
    expect(tree.job.state).toBe("FAILED");
    expect(tree.job.error?.message).toContain("missing.png: 404");
    expect(tree.roots[0]?.children.map(({ attempt, state }) => ({ attempt, state }))).toEqual([
      { attempt: 1, state: "FAILED" },
    ]);
  });

  it("is not taken for one that is not a PNG file", async () => {
    await writeFile(join(base, "served", "text.png"), "no picture");
    const { tree } = await download(DownloadImages, ["text.png"]);
    expect(tree.job.error?.message).toContain("text.png is no PNG file");
  });
});
