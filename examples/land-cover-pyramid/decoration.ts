import { tileAt } from "./geometry.ts";

/** A place on the sphere, in degrees. */
export type Place = readonly [longitude: number, latitude: number];

/** Degrees between two lines of the graticule. */
const SPACING = 30;

/** The pixel of a world map that holds a place. `side`: pixels along each side of the map, a power of two. */
export function pixelAt(side: number, [longitude, latitude]: Place): number {
  const { x, y } = tileAt(Math.log2(side), longitude, latitude);
  return y * side + x;
}

/** The pixels of a world map under its meridians and parallels. `side`: as for `pixelAt`. */
export function graticulePixels(side: number): number[] {
  const along = Array.from({ length: side }, (_, step) => step);
  const pixels = new Set<number>();
  for (let degrees = -180; degrees < 180; degrees += SPACING) {
    const column = pixelAt(side, [degrees, 0]) % side;
    for (const row of along) pixels.add(row * side + column);
    if (Math.abs(degrees) >= 90) continue;
    const row = Math.floor(pixelAt(side, [0, degrees]) / side);
    for (const column of along) pixels.add(row * side + column);
  }
  return [...pixels];
}

/** Reads places from JSON text: a list of [longitude, latitude]. Throws when it is anything else. */
export function parsePlaces(json: string): Place[] {
  const value: unknown = JSON.parse(json);
  if (!Array.isArray(value)) throw new TypeError("places must be a list");
  return value.map((place: unknown) => {
    const [longitude, latitude, ...rest] = numbersOf(place);
    if (longitude === undefined || latitude === undefined || rest.length > 0) {
      throw new TypeError("a place must be [longitude, latitude]");
    }
    return [longitude, latitude];
  });
}

/** Checks that a value from outside is a list of numbers. Throws when it is anything else. */
export function numbersOf(value: unknown): number[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "number")) {
    throw new TypeError("a list of numbers was expected");
  }
  return value;
}
