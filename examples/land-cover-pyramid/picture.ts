import { PNG } from "pngjs";
import { ALL_LAND, type Raster } from "./raster.ts";

/** Red, green and blue, each from 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** Marks to draw over a map, at given pixels; longer lists cost more, so marks are meant to be sparse. */
export type Marks = Readonly<{ colour: Colour; pixels: readonly number[] }>;

const SEA: Colour = [24, 58, 92];
const LAND: Colour = [196, 190, 142];

/** Draws a raster as an RGB picture, coasts blended by how much of a pixel is land, with marks over it; returns a PNG file's bytes. */
export function drawPicture(raster: Raster, marks: readonly Marks[] = []): Uint8Array {
  const png = new PNG({ width: raster.side, height: raster.side, colorType: 2 });
  raster.pixels.forEach((count, pixel) => {
    paint(png, pixel, blend(count / ALL_LAND));
  });
  for (const { colour, pixels } of marks) {
    for (const pixel of pixels) paint(png, pixel, colour);
  }
  return PNG.sync.write(png, { colorType: 2 });
}

/**
 * How many pixels of two PNG files differ.
 *
 * Errors: throws when a file is not a PNG or the pictures differ in size.
 */
export function countDifferentPixels(one: Uint8Array, other: Uint8Array): number {
  const [a, b] = [PNG.sync.read(Buffer.from(one)), PNG.sync.read(Buffer.from(other))];
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`the pictures are ${a.width}x${a.height} and ${b.width}x${b.height} pixels large`);
  }
  let different = 0;
  for (let offset = 0; offset < a.data.length; offset += 4) {
    if (a.data.readUInt32BE(offset) !== b.data.readUInt32BE(offset)) different++;
  }
  return different;
}

function blend(land: number): Colour {
  const mix = (sea: number, shore: number) => Math.round(sea + (shore - sea) * land);
  return [mix(SEA[0], LAND[0]), mix(SEA[1], LAND[1]), mix(SEA[2], LAND[2])];
}

function paint(png: PNG, pixel: number, colour: Colour): void {
  png.data.set([...colour, 255], pixel * 4);
}
