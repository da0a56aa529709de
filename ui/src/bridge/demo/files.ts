/** The files that the demo's dialogs choose, and what the inspector says of them. */
import type { FileView } from "../shell";
import type { Card } from "../types";

const MODULE: FileView = { id: "f_mandel", name: "mandel.wasm", bytes: 1_840_000, is_module: true };
const PAGE: FileView = { id: "f_page", name: "page_bg.wasm", bytes: 412_000, is_module: true };
const TEXT: FileView = { id: "f_words", name: "words.txt", bytes: 18_200, is_module: false };
const PHOTOS: FileView[] = Array.from({ length: 212 }, (_, n) => ({ id: `f_photo${n}`, name: `IMG_${4_000 + n}.jpg`, bytes: 5_200_000 + n * 700, is_module: false }));

export interface DemoFiles {
  pick: (what: "module" | "files" | "text") => FileView[];
  card: (of: string) => Card;
}

export function demoFiles(): DemoFiles {
  return {
    pick: (what) => (what === "module" ? [MODULE] : what === "text" ? [TEXT] : PHOTOS),
    card: (of) => {
      if (of === PAGE.id) return REFUSED;
      return of.includes("mandelbrot") ? KERNEL : PROGRAM;
    },
  };
}

const PROGRAM: Card = {
  hash: "9f3c".padEnd(60, "0") + "e21a",
  bytes: MODULE.bytes,
  kind: "wasi_02_command",
  title: "mandel",
  verdict: { verdict: "run" },
  toolchain: "rustc 1.90",
  memory_min: 1_114_112,
  memory_max: null,
  uses: ["files", "clock"],
  functions: [],
  kernel: null,
  warnings: [],
  known_as: "mandel.wasm",
};

const KERNEL: Card = {
  ...PROGRAM,
  kind: "kernel",
  title: "Mandelbrot set",
  uses: [],
  known_as: "sample:mandelbrot",
  kernel: {
    title: "Mandelbrot set",
    help: "Draws a part of the Mandelbrot set as one PNG.",
    result: "image/png",
    split: "plan",
    fold: "kernel",
    batch: true,
    explores: true,
    parameters: [
      { name: "width", type: "integer", default: "1920", min: "1", max: "32768", choices: [], help: "Width of the picture in pixels." },
      { name: "height", type: "integer", default: "1080", min: "1", max: "32768", choices: [], help: "Height of the picture in pixels." },
      { name: "max_iterations", type: "integer", default: "5000", min: "1", max: "100000000", choices: [], help: "Steps after which a point counts as inside the set." },
      { name: "centre_re", type: "number", default: "-0.65", min: "-4.0", max: "4.0", choices: [], help: "Real part of the middle." },
      { name: "centre_im", type: "number", default: "0.0", min: "-4.0", max: "4.0", choices: [], help: "Imaginary part of the middle." },
      { name: "zoom", type: "number", default: "1.0", min: "0.01", max: "1e14", choices: [], help: "Magnification: at 1 the shorter side shows 2.6 units of the plane." },
      { name: "palette", type: "choice", default: "honey", min: null, max: null, choices: ["honey", "lagoon", "ember", "aurora", "ink"], help: "The colours." },
    ],
  },
};

const REFUSED: Card = {
  ...PROGRAM,
  kind: "web_page",
  title: "page_bg",
  bytes: PAGE.bytes,
  toolchain: "wasm-bindgen 0.2",
  uses: [],
  known_as: null,
  verdict: {
    verdict: "refuse",
    code: "wrong_kind",
    message: "page_bg.wasm was built for a web page: it imports ./page_bg.js",
    hint: "build it for WASI: cargo build --release --target wasm32-wasip1",
  },
};
