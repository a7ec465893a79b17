import { BAND_COUNT, type Coastline, rowArea, type Tile, tileArea } from "./geometry.ts";

/** Each pixel is looked at in 15 by 15 places; so the count of those on land fits in a byte. */
export const SAMPLES_PER_SIDE = 15;

/** What a pixel holds that is all land. */
export const ALL_LAND = SAMPLES_PER_SIDE ** 2;

/** A tile drawn. Exact: pixels are counts, never rounded, so that assembling tiles gives what drawing the whole at once gives. */
export type Raster = Readonly<{
  /** Pixels along each side. */
  side: number;
  /** Row by row from the north-west: how many of the pixel's `ALL_LAND` samples are land. */
  pixels: Uint8Array;
  /** Which part of the tile's surface on the sphere is land, from 0 to 1. */
  landFraction: number;
}>;

/**
 * Draws one tile as `side` by `side` pixels.
 *
 * Samples lie on one grid over the whole world, and where an edge crosses a row of it is computed without regard to the
 * tile; so two tiles never disagree about a sample.
 */
export function rasterise(coastline: Coastline, tile: Tile, side: number): Raster {
  const columns = side * SAMPLES_PER_SIDE;
  const firstColumn = tile.x * columns;
  const crossings = findCrossings(coastline, tile, columns);
  const pixels = new Uint8Array(side * side);
  crossings.forEach((row, index) => {
    row.sort((a, b) => a - b);
    const offset = Math.floor(index / SAMPLES_PER_SIDE) * side;
    for (let pair = 0; pair < row.length; pair += 2) {
      const from = (row[pair] ?? 0) - firstColumn;
      const until = (row[pair + 1] ?? Number.POSITIVE_INFINITY) - firstColumn;
      addSpan(pixels, offset, Math.max(from, 0), Math.min(until, columns));
    }
  });
  return { side, pixels, landFraction: measureLand(pixels, tile, side) };
}

/** Assembles four rasters of one size (north-west, north-east, south-west, south-east) into that of the tile they cover. */
export function joinQuarters(tiles: readonly Tile[], quarters: readonly Raster[]): Raster {
  const half = quarters[0]?.side ?? 0;
  if (tiles.length !== 4 || quarters.length !== 4 || quarters.some(({ side }) => side !== half)) {
    throw new Error("a tile is assembled from four rasters of one size");
  }
  const side = half * 2;
  const pixels = new Uint8Array(side * side);
  quarters.forEach((quarter, index) => {
    const corner = Math.floor(index / 2) * half * side + (index % 2) * half;
    for (let row = 0; row < half; row++) {
      pixels.set(quarter.pixels.subarray(row * half, (row + 1) * half), corner + row * side);
    }
  });
  const areas = tiles.map(tileArea);
  const land = areas.reduce((sum, area, index) => sum + area * (quarters[index]?.landFraction ?? 0), 0);
  return { side, pixels, landFraction: land / areas.reduce((sum, area) => sum + area, 0) };
}

/** Packs a raster for the job cache: its land fraction (8 bytes, little-endian), then its pixels. */
export function encodeRaster(raster: Raster): Uint8Array {
  const bytes = new Uint8Array(8 + raster.pixels.length);
  new DataView(bytes.buffer).setFloat64(0, raster.landFraction, true);
  bytes.set(raster.pixels, 8);
  return bytes;
}

/** Unpacks what `encodeRaster` packed. Throws when the size cannot be that of a square. */
export function decodeRaster(bytes: Uint8Array): Raster {
  const side = Math.sqrt(bytes.length - 8);
  if (!Number.isInteger(side)) throw new Error(`${bytes.length} bytes are no raster`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { side, pixels: bytes.subarray(8), landFraction: view.getFloat64(0, true) };
}

/** For each row of samples of a tile, the columns (of the world's grid) at which land begins or ends. Those east of the tile may be missing. */
function findCrossings(coastline: Coastline, tile: Tile, rows: number): number[][] {
  const { edges, bands } = coastline;
  const grid = rows * 2 ** tile.z;
  const [top, bottom] = [tile.y * rows, (tile.y + 1) * rows];
  const east = (tile.x + 1) / 2 ** tile.z;
  const crossings = Array.from({ length: rows }, (): number[] => []);
  for (let band = 0; band < BAND_COUNT; band++) {
    const bandTop = Math.max(firstSampleFrom((band / BAND_COUNT) * grid), top);
    const bandBottom = Math.min(firstSampleFrom(((band + 1) / BAND_COUNT) * grid), bottom);
    if (bandTop >= bandBottom) continue;
    for (const edge of bands[band] ?? []) {
      const [x1, y1] = [edges[edge] ?? 0, edges[edge + 1] ?? 0];
      const [x2, y2] = [edges[edge + 2] ?? 0, edges[edge + 3] ?? 0];
      if (x1 > east && x2 > east) continue;
      const slope = (x2 - x1) / (y2 - y1);
      const until = Math.min(firstSampleFrom(y2 * grid), bandBottom);
      for (let row = Math.max(firstSampleFrom(y1 * grid), bandTop); row < until; row++) {
        const x = x1 + ((row + 0.5) / grid - y1) * slope;
        crossings[row - top]?.push(firstSampleFrom(x * grid));
      }
    }
  }
  return crossings;
}

/** The first sample at or behind a position on the grid: samples lie in the middle of their cells. */
function firstSampleFrom(position: number): number {
  return Math.ceil(position - 0.5);
}

/** Adds the samples from column `from` up to `until` of one row to the pixels that they lie in. */
function addSpan(pixels: Uint8Array, offset: number, from: number, until: number): void {
  let column = from;
  while (column < until) {
    const pixel = Math.floor(column / SAMPLES_PER_SIDE);
    const end = Math.min((pixel + 1) * SAMPLES_PER_SIDE, until);
    pixels[offset + pixel] = (pixels[offset + pixel] ?? 0) + end - column;
    column = end;
  }
}

/** Pixels far from the equator cover less of the sphere, so each row counts by its area. */
function measureLand(pixels: Uint8Array, tile: Tile, side: number): number {
  const grid = side * 2 ** tile.z;
  let [land, area] = [0, 0];
  for (let row = 0; row < side; row++) {
    const top = tile.y * side + row;
    const weight = rowArea(top / grid, (top + 1) / grid);
    const samples = pixels.subarray(row * side, (row + 1) * side).reduce((sum, count) => sum + count, 0);
    land += weight * samples;
    area += weight * side * ALL_LAND;
  }
  return land / area;
}
