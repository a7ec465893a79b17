import { readFile, rename, writeFile } from "node:fs/promises";
import { Task, type TaskContext, type TaskHandle } from "taskgrove";
import { graticulePixels, numbersOf, parsePlaces, pixelAt } from "./decoration.ts";
import { type Coastline, loadCoastline, quartersOf, type Tile, tilePath, WORLD } from "./geometry.ts";
import { drawPicture, type Marks } from "./picture.ts";
import { decodeRaster, encodeRaster, joinQuarters, type Raster, rasterise } from "./raster.ts";

/** What map to draw. */
export type MapInput = {
  /** How often the world is split into quarters, at least 1: there are `4^zoom` leaves. */
  zoom: number;
  /** Pixels along each side of the map; a power of two, at least `2^zoom`. */
  side: number;
  /** Where the picture goes, on the runner's disk. */
  picture: string;
  /** Where the picture with decoration goes, if it comes to be. */
  decoratedPicture: string;
  /** A JSON file with the places of cities, on the runner's disk. The map does not need it. */
  cityLights: string;
};

/** A tile with its pixels along each side. */
type TileInput = { tile: Tile; side: number };

/** A tile that may have to be split further. */
type SplitInput = TileInput & { zoom: number };

/** Draws a land cover map of the world: the root of the tree. */
export class WorldMap extends Task<MapInput> {
  override execute(context: TaskContext): void {
    const { zoom, side, picture, decoratedPicture, cityLights } = this.input;
    // The root knows how large the tree will be; so the bars show from the beginning what there is to do.
    context.progress("leaves").add(4 ** zoom);
    context.progress("merges").add((4 ** zoom - 1) / 3);
    const world = submitQuarters(context, { tile: WORLD, side, zoom });
    context.submitSubtask(new WritePicture({ picture }), { dependsOn: world });
    context.submitSubtask(new DecorateMap({ side, decoratedPicture, cityLights }), {
      dependsOn: world,
      optional: true,
    });
  }
}

/** Splits a tile into its quarters and has them assembled when everything below them is done. */
export class SplitTile extends Task<SplitInput> {
  override execute(context: TaskContext): void {
    submitQuarters(context, this.input);
  }
}

/** Draws a leaf of the pyramid. Flaky on purpose, to show retries: of every 31st tile the first attempt fails. */
export class RasteriseTile extends Task<TileInput> {
  override async execute(context: TaskContext): Promise<void> {
    const { tile, side } = this.input;
    if (context.currentTask.attempt === 1 && (tile.x + tile.y * 2 ** tile.z) % 31 === 0) {
      throw new Error("the first attempt at every 31st tile fails on purpose");
    }
    const raster = rasterise(sharedCoastline(), tile, side);
    await storeRaster(context, tile, raster);
    context.progress("leaves").done(1);
  }
}

/** Assembles a tile from its quarters, which are in the job cache by then. */
export class MergeTiles extends Task<{ tile: Tile }> {
  override async execute(context: TaskContext): Promise<void> {
    const { tile } = this.input;
    const quarters = quartersOf(tile);
    const rasters = await Promise.all(quarters.map((quarter) => loadRaster(context, quarter)));
    await storeRaster(context, tile, joinQuarters(quarters, rasters));
    context.progress("merges").done(1);
  }
}

/** Writes the assembled world to disk. */
export class WritePicture extends Task<{ picture: string }> {
  override async execute(context: TaskContext): Promise<void> {
    const raster = await loadRaster(context, WORLD);
    await writeWhole(this.input.picture, drawPicture(raster), context);
    context.logger.info("the picture is written", { landFraction: raster.landFraction });
  }
}

/** Draws a second picture with a graticule and city lights. Submitted as optional: the first picture does not need it. */
export class DecorateMap extends Task<Pick<MapInput, "side" | "decoratedPicture" | "cityLights">> {
  override execute(context: TaskContext): void {
    const { side, decoratedPicture, cityLights } = this.input;
    const marks = [
      context.submitSubtask(new DrawGraticule({ side })),
      context.submitSubtask(new DrawCityLights({ side, cityLights })),
    ];
    context.submitSubtask(new WriteDecoratedPicture({ decoratedPicture }), { dependsOn: marks });
  }
}

/** Finds the pixels of the graticule. */
export class DrawGraticule extends Task<{ side: number }> {
  override async execute(context: TaskContext): Promise<void> {
    await context.jobCache.setJson("marks/graticule", graticulePixels(this.input.side));
  }
}

/** Finds the pixels of cities. Fails when their file cannot be read, which is how the demo shows a failure in an optional branch. */
export class DrawCityLights extends Task<{ side: number; cityLights: string }> {
  override async execute(context: TaskContext): Promise<void> {
    const { side, cityLights } = this.input;
    const places = parsePlaces(await readFile(cityLights, "utf8"));
    const pixels = places.map((place) => pixelAt(side, place));
    await context.jobCache.setJson("marks/city-lights", pixels);
  }
}

/** Writes the world with its decoration to disk. */
export class WriteDecoratedPicture extends Task<{ decoratedPicture: string }> {
  override async execute(context: TaskContext): Promise<void> {
    const raster = await loadRaster(context, WORLD);
    const marks: Marks[] = [
      { colour: [120, 140, 160], pixels: numbersOf(await context.jobCache.getJson("marks/graticule")) },
      { colour: [255, 240, 120], pixels: numbersOf(await context.jobCache.getJson("marks/city-lights")) },
    ];
    await writeWhole(this.input.decoratedPicture, drawPicture(raster, marks), context);
  }
}

/** Everything that a runner of this example can execute. */
export const landCoverTasks = [
  WorldMap,
  SplitTile,
  RasteriseTile,
  MergeTiles,
  WritePicture,
  DecorateMap,
  DrawGraticule,
  DrawCityLights,
  WriteDecoratedPicture,
] as const;

/** Submits the quarters of a tile and the task that assembles them; returns the latter's handle. */
function submitQuarters(context: TaskContext, { tile, side, zoom }: SplitInput): TaskHandle {
  const quarters = quartersOf(tile).map((quarter) => {
    const input = { tile: quarter, side: side / 2 };
    const display = tilePath(quarter);
    if (quarter.z < zoom)
      return context.submitSubtask(new SplitTile({ ...input, zoom }), { display: `split ${display}` });
    return context.submitSubtask(new RasteriseTile(input), { display: `leaf ${display}`, maxRetries: 2 });
  });
  return context.submitSubtask(new MergeTiles({ tile }), { dependsOn: quarters, display: `merge ${tilePath(tile)}` });
}

let loadedCoastline: Coastline | undefined;

/** One copy for the process: loading it takes longer than drawing a hundred leaves. */
function sharedCoastline(): Coastline {
  loadedCoastline ??= loadCoastline();
  return loadedCoastline;
}

async function storeRaster(context: TaskContext, tile: Tile, raster: Raster): Promise<void> {
  await context.jobCache.set(`tiles/${tilePath(tile)}`, encodeRaster(raster));
}

async function loadRaster(context: TaskContext, tile: Tile): Promise<Raster> {
  const bytes = await context.jobCache.get(`tiles/${tilePath(tile)}`);
  if (bytes === undefined) throw new Error(`tile ${tilePath(tile)} is not in the job cache`);
  return decodeRaster(bytes);
}

/** Writes beside the target and renames: whoever looks sees the whole file or none, whatever happens to the runner. */
async function writeWhole(path: string, bytes: Uint8Array, context: TaskContext): Promise<void> {
  const draft = `${path}.${context.currentTask.id}.${context.currentTask.attempt}`;
  await writeFile(draft, bytes);
  await rename(draft, path);
}
