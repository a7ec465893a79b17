import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PNG } from "pngjs";

/** Pixels along each side of a sample image. */
const SIDE = 64;

/** Writes `count` different small PNG files into a directory and returns their names. They are drawn here: rings around a wandering middle. */
export async function writeSampleImages(directory: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `image-${index + 1}.png`);
  await Promise.all(names.map((name, index) => writeFile(join(directory, name), drawSample(index))));
  return names;
}

function drawSample(index: number): Buffer {
  const png = new PNG({ width: SIDE, height: SIDE, colorType: 2 });
  const [middleX, middleY] = [SIDE * (0.5 + 0.3 * Math.cos(index)), SIDE * (0.5 + 0.3 * Math.sin(index))];
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    const distance = Math.hypot((pixel % SIDE) - middleX, Math.floor(pixel / SIDE) - middleY);
    const shade = Math.round(127 + 127 * Math.cos(distance / (2 + index)));
    png.data.set([shade, (shade + index * 40) % 256, 255 - shade, 255], pixel * 4);
  }
  return PNG.sync.write(png, { colorType: 2 });
}
