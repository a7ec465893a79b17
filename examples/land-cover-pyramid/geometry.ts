import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type GeoStream, geoMercator, geoStream } from "d3-geo";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";

/** A square of the Web-Mercator world: at zoom `z` the world is `2^z` by `2^z` tiles, `x` from west to east, `y` from north to south. */
export type Tile = Readonly<{ z: number; x: number; y: number }>;

/** The whole world as one tile. */
export const WORLD: Tile = { z: 0, x: 0, y: 0 };

/**
 * Every stretch of coast on the Web-Mercator plane, where the world is the unit square with its origin in the north-west.
 *
 * A point is land when a line from it to the west crosses an odd number of edges: that one rule covers islands, lakes and
 * islands in lakes, so that edges need not know which polygon they come from.
 */
export type Coastline = Readonly<{
  /** Four numbers an edge: x and y of its northern end, then of its southern end. Horizontal edges are left out: no row crosses them. */
  edges: Float64Array;
  /** For each of `BAND_COUNT` bands of equal height, from north to south, the edges that touch it. */
  bands: readonly Uint32Array[];
}>;

/** Into how many bands the world is cut, so that a tile looks only at the edges near its own rows. */
export const BAND_COUNT = 64;

/** The four tiles of the next zoom that cover `tile`: north-west, north-east, south-west, south-east. */
export function quartersOf(tile: Tile): readonly [Tile, Tile, Tile, Tile] {
  const [z, x, y] = [tile.z + 1, tile.x * 2, tile.y * 2];
  return [
    { z, x, y },
    { z, x: x + 1, y },
    { z, x, y: y + 1 },
    { z, x: x + 1, y: y + 1 },
  ];
}

/** How a tile is written for people and in keys: `z/x/y`. */
export function tilePath(tile: Tile): string {
  return `${tile.z}/${tile.x}/${tile.y}`;
}

/** The tile of zoom `z` that holds a place; degrees, within the Mercator square (about 85.05 degrees north and south). */
export function tileAt(z: number, longitude: number, latitude: number): Tile {
  const count = 2 ** z;
  const mercator = Math.asinh(Math.tan((latitude * Math.PI) / 180));
  const column = Math.floor(((longitude + 180) / 360) * count);
  const row = Math.floor((0.5 - mercator / (2 * Math.PI)) * count);
  return { z, x: clamp(column, count), y: clamp(row, count) };
}

/**
 * The share of the sphere's surface between two rows of the Mercator square, per unit of its width, up to a constant
 * factor: on the sphere it is the difference of the sines of their latitudes, and the sine of the latitude is `tanh`.
 */
export function rowArea(top: number, bottom: number): number {
  return Math.tanh(Math.PI * (1 - 2 * top)) - Math.tanh(Math.PI * (1 - 2 * bottom));
}

/** The share of the sphere's surface that a tile covers, up to a constant factor. */
export function tileArea(tile: Tile): number {
  const count = 2 ** tile.z;
  return rowArea(tile.y / count, (tile.y + 1) / count) / count;
}

/**
 * Loads the coast from Natural Earth's land polygons at 1:50 million, which the npm package world-atlas ships.
 *
 * d3-geo projects them; it also cuts them at the antimeridian and closes Antarctica around the pole, so that what comes
 * out are plain rings within the square. Costs about 0.1 s: load it once per process.
 */
export function loadCoastline(): Coastline {
  const edges: number[] = [];
  // d3-geo bends the sides of a polygon so that they are right to about one unit of the plane, here 20 seconds of arc.
  const plane = 65_536;
  const projection = geoMercator()
    .scale(plane / (2 * Math.PI))
    .translate([plane / 2, plane / 2]);
  geoStream(loadLand(), projection.stream(collectEdges(edges, plane)));
  return createCoastline(edges);
}

/** Builds the index of bands over edges, each given as x and y of its northern end, then of its southern end. */
export function createCoastline(edges: readonly number[]): Coastline {
  const bands = Array.from({ length: BAND_COUNT }, (): number[] => []);
  for (let edge = 0; edge < edges.length; edge += 4) {
    const first = clamp(Math.floor((edges[edge + 1] ?? 0) * BAND_COUNT), BAND_COUNT);
    const last = clamp(Math.floor((edges[edge + 3] ?? 0) * BAND_COUNT), BAND_COUNT);
    for (let band = first; band <= last; band++) bands[band]?.push(edge);
  }
  return { edges: Float64Array.from(edges), bands: bands.map((band) => Uint32Array.from(band)) };
}

/** The land polygons on the sphere, in degrees. */
export function loadLand() {
  const path = createRequire(import.meta.url).resolve("world-atlas/land-50m.json");
  const topology = JSON.parse(readFileSync(path, "utf8")) as Topology<{ land: GeometryCollection }>;
  return feature(topology, topology.objects.land);
}

/** A sink for d3-geo that appends each side of each ring to `edges`, scaled from the plane to the unit square. */
function collectEdges(edges: number[], plane: number): GeoStream {
  let ring: [number, number][] = [];
  return {
    lineStart: () => {
      ring = [];
    },
    point: (x, y) => {
      ring.push([x / plane, y / plane]);
    },
    lineEnd: () => {
      ring.forEach(([x, y], index) => {
        // d3-geo does not repeat a ring's first point at its end.
        const [nextX, nextY] = ring[(index + 1) % ring.length] ?? [x, y];
        if (y < nextY) edges.push(x, y, nextX, nextY);
        if (y > nextY) edges.push(nextX, nextY, x, y);
      });
    },
    polygonStart: () => undefined,
    polygonEnd: () => undefined,
  };
}

function clamp(index: number, count: number): number {
  return Math.min(Math.max(index, 0), count - 1);
}
