/** Where a view lies in the plane: the same arithmetic as the kernel's, so that its tiles fit to the pixel. */

/** Units of the plane along the shorter side at zoom 1, as the kernel's own help says. */
const SHORTER_SIDE = 2.6;

export interface View {
  re: number;
  im: number;
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Rect extends Size {
  left: number;
  top: number;
}

/** Units of the plane from one pixel to the next. */
export function pixelOf(view: View, size: Size): number {
  return SHORTER_SIDE / (view.zoom * Math.min(size.width, size.height));
}

/** Moves by pixels: what was under the pointer stays under it. */
export function moved(view: View, size: Size, x: number, y: number): View {
  const pixel = pixelOf(view, size);
  return { ...view, re: view.re - x * pixel, im: view.im + y * pixel };
}

/** Zooms by a factor about a point of the picture. */
export function zoomedAbout(view: View, size: Size, factor: number, x: number, y: number, most: number, least: number): View {
  const zoom = Math.min(most, Math.max(least, view.zoom * factor));
  const before = pixelOf(view, size);
  const after = pixelOf({ ...view, zoom }, size);
  const [dx, dy] = [x - size.width / 2, y - size.height / 2];
  return { zoom, re: view.re + dx * (before - after), im: view.im - dy * (before - after) };
}

/** The view of a part of a picture, as a picture of its own at the same scale. */
export function partOf(view: View, size: Size, part: Rect): View {
  const pixel = pixelOf(view, size);
  return {
    re: view.re + (part.left + part.width / 2 - size.width / 2) * pixel,
    im: view.im - (part.top + part.height / 2 - size.height / 2) * pixel,
    zoom: SHORTER_SIDE / (pixel * Math.min(part.width, part.height)),
  };
}

/** The middle first, then what is around it. */
export function centreFirst({ width, height }: Size): Rect[] {
  const [left, top] = [Math.floor(width / 4), Math.floor(height / 4)];
  const [right, bottom] = [width - left, height - top];
  const parts: Rect[] = [
    { left, top, width: right - left, height: bottom - top },
    { left: 0, top: 0, width, height: top },
    { left: 0, top: bottom, width, height: height - bottom },
    { left: 0, top, width: left, height: bottom - top },
    { left: right, top, width: width - right, height: bottom - top },
  ];
  return parts.filter((part) => part.width > 0 && part.height > 0);
}

/** What a move by whole pixels brings into the picture; all of it for a long one. */
export function uncovered({ width, height }: Size, x: number, y: number): Rect[] {
  if (Math.abs(x) >= width || Math.abs(y) >= height) return [{ left: 0, top: 0, width, height }];
  const parts: Rect[] = [];
  if (y !== 0) parts.push({ left: 0, top: y > 0 ? 0 : height + y, width, height: Math.abs(y) });
  if (x !== 0) parts.push({ left: x > 0 ? 0 : width + x, top: Math.max(0, y), width: Math.abs(x), height: height - Math.abs(y) });
  return parts;
}

/** A tile's place; of a side that does not divide evenly, tiles differ by one pixel, as the kernel has it. */
export function tileOf({ width, height }: Size, [columns, rows]: readonly [number, number], index: number): Rect {
  const [column, row] = [index % columns, Math.floor(index / columns)];
  const edge = (side: number, of: number, at: number): number => Math.floor((side * at) / of);
  const [left, right] = [edge(width, columns, column), edge(width, columns, column + 1)];
  const [top, bottom] = [edge(height, rows, row), edge(height, rows, row + 1)];
  return { left, top, width: right - left, height: bottom - top };
}

/** Where the picture of one view lies in another: offset and scale. */
export function placed(from: View, to: View, size: Size): { x: number; y: number; scale: number } {
  const [a, b] = [pixelOf(from, size), pixelOf(to, size)];
  const scale = a / b;
  return {
    scale,
    x: (from.re - to.re) / b + (size.width / 2) * (1 - scale),
    y: -(from.im - to.im) / b + (size.height / 2) * (1 - scale),
  };
}

/** A coordinate with as many digits as pixels can tell apart. */
export function coordinate(value: number, pixel: number): string {
  const digits = Math.min(16, Math.max(2, Math.ceil(-Math.log10(pixel))));
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}
