/** What every canvas of the page needs: sharp pixels at any scale, and the theme's colours. */

export interface Colours {
  bg: string;
  s1: string;
  s2: string;
  s3: string;
  line: string;
  lineStrong: string;
  t1: string;
  t2: string;
  t3: string;
  accent: string;
  run: string;
  done: string;
  queued: string;
  warn: string;
  err: string;
  cats: readonly string[];
  sans: string;
}

/** The colours where this element is; read again when the theme changes. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    bg: of("--bg"),
    s1: of("--s1"),
    s2: of("--s2"),
    s3: of("--s3"),
    line: of("--line"),
    lineStrong: of("--line-strong"),
    t1: of("--t1"),
    t2: of("--t2"),
    t3: of("--t3"),
    accent: of("--accent"),
    run: of("--run"),
    done: of("--done"),
    queued: of("--queued"),
    warn: of("--warn"),
    err: of("--err"),
    cats: [1, 2, 3, 4, 5, 6].map((n) => of(`--cat${n}`)),
    sans: of("--sans"),
  };
}

/** Calls back whenever the theme, contrast or pixel ratio changes; returns what ends it. */
export function onLookChange(changed: () => void): () => void {
  const theme = new MutationObserver(changed);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const contrast = window.matchMedia("(prefers-contrast: more)");
  contrast.addEventListener("change", changed);
  return () => {
    theme.disconnect();
    contrast.removeEventListener("change", changed);
  };
}

/** Gives a canvas the pixels of its size on this screen; says whether it lost its picture by that. */
export function fit(canvas: HTMLCanvasElement, width: number, height: number): boolean {
  const ratio = window.devicePixelRatio || 1;
  const pixelsX = Math.max(1, Math.round(width * ratio));
  const pixelsY = Math.max(1, Math.round(height * ratio));
  const changed = canvas.width !== pixelsX || canvas.height !== pixelsY;
  if (changed) {
    canvas.width = pixelsX;
    canvas.height = pixelsY;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.getContext("2d")?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return changed;
}

/** Runs a painter once in the next frame, however often it is asked. */
export function oncePerFrame(paint: () => void): { ask: () => void; stop: () => void } {
  let frame = 0;
  return {
    ask: () => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        paint();
      });
    },
    stop: () => {
      cancelAnimationFrame(frame);
      frame = 0;
    },
  };
}
