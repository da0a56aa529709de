/** Real pictures for the demo: tiles of the Mandelbrot set, as PNG. */

/** Units of the plane along the shorter side at zoom 1, as the kernel has it. */
const SHORTER_SIDE = 2.6;
const TILE_WIDTH = 120;
const TILE_HEIGHT = 68;
const GRID_SIDE_MAX = 128;
/** Enough for views that a demo shows. */
const STEPS_MAX = 400;

const LAGOON: readonly (readonly [number, number, number])[] = [
  [3, 18, 38], [11, 79, 108], [18, 164, 160], [200, 245, 224], [255, 253, 240], [92, 208, 216], [20, 108, 164], [8, 42, 85],
];
const HONEY: readonly (readonly [number, number, number])[] = [
  [27, 15, 5], [107, 50, 8], [217, 138, 18], [255, 214, 92], [255, 246, 216], [247, 183, 51], [156, 74, 10], [58, 26, 6],
];

export interface Picture {
  width: number;
  height: number;
  centre: readonly [number, number];
  zoom: number;
  palette: "honey" | "lagoon";
}

export function pictureOf(params: Readonly<Record<string, string>>): Picture {
  const number = (name: string, otherwise: number): number => {
    const value = Number(params[name]);
    return params[name] === undefined || Number.isNaN(value) ? otherwise : value;
  };
  return {
    width: number("width", 1920),
    height: number("height", 1080),
    centre: [number("centre_re", -0.65), number("centre_im", 0)],
    zoom: number("zoom", 1),
    palette: params["palette"] === "lagoon" ? "lagoon" : "honey",
  };
}

/** Columns and rows of tiles. */
export function gridOf(picture: Picture): [number, number] {
  const side = (pixels: number, tile: number): number => Math.min(GRID_SIDE_MAX, Math.max(1, Math.round(pixels / tile)));
  return [side(picture.width, TILE_WIDTH), side(picture.height, TILE_HEIGHT)];
}

/** One tile, at most `pixels` wide and high. */
export function tilePng(picture: Picture, index: number, pixels = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const [columns, rows] = gridOf(picture);
  const x = index % columns;
  const y = Math.floor(index / columns);
  const left = Math.floor((picture.width * x) / columns);
  const top = Math.floor((picture.height * y) / rows);
  const width = Math.floor((picture.width * (x + 1)) / columns) - left;
  const height = Math.floor((picture.height * (y + 1)) / rows) - top;
  return draw(picture, left, top, width, height, Math.min(1, pixels / Math.max(width, height)));
}

/** The whole picture, at most `pixels` wide and high. */
export function wholePng(picture: Picture, pixels: number): Promise<Uint8Array> {
  const scale = Math.min(1, pixels / Math.max(picture.width, picture.height));
  return draw(picture, 0, 0, picture.width, picture.height, scale);
}

async function draw(picture: Picture, left: number, top: number, width: number, height: number, scale: number): Promise<Uint8Array> {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no canvas here");
  const image = context.createImageData(canvas.width, canvas.height);
  const unit = SHORTER_SIDE / (picture.zoom * Math.min(picture.width, picture.height));
  for (let y = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1) {
      const re = picture.centre[0] + (left + x / scale - picture.width / 2) * unit;
      const im = picture.centre[1] - (top + y / scale - picture.height / 2) * unit;
      image.data.set(colour(steps(re, im), picture.palette), (y * canvas.width + x) * 4);
    }
  }
  context.putImageData(image, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the picture was not encoded");
  return new Uint8Array(await blob.arrayBuffer());
}

/** Steps until the point escapes, smoothed; -1 inside the set. */
function steps(re: number, im: number): number {
  let x = 0;
  let y = 0;
  for (let n = 0; n < STEPS_MAX; n += 1) {
    const square = x * x + y * y;
    if (square > 256) return n + 1 - Math.log2(Math.log2(square) / 2);
    [x, y] = [x * x - y * y + re, 2 * x * y + im];
  }
  return -1;
}

function colour(n: number, palette: Picture["palette"]): [number, number, number, number] {
  if (n < 0) return [6, 9, 18, 255];
  const circle = palette === "honey" ? HONEY : LAGOON;
  const at = Math.max(0, Math.log2(Math.max(1, n)) - 1.6) * 0.36 * circle.length;
  const from = circle[Math.floor(at) % circle.length] ?? [0, 0, 0];
  const to = circle[(Math.floor(at) + 1) % circle.length] ?? [0, 0, 0];
  const part = at - Math.floor(at);
  const mix = (a: number, b: number): number => a + (b - a) * part;
  return [mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2]), 255];
}
