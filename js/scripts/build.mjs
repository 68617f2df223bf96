// Bundles the widget into the Python package, prints the sizes and fails when they pass the budget.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(here, "..", "jupyter_parallel", "notebook", "static");
const BUDGET = { minified: 150_000, gzipped: 50_000 };

/** @type {import("esbuild").BuildOptions} */
const options = {
  entryPoints: [join(here, "src", "widget.ts"), join(here, "src", "widget.css")],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...options, minify: false });
  await context.watch();
} else {
  await esbuild.build(options);
  check(["widget.js", "widget.css"]);
}

/** @param {string[]} names */
function check(names) {
  const total = { minified: 0, gzipped: 0 };
  for (const name of names) {
    const bytes = readFileSync(join(out, name));
    const gzipped = gzipSync(bytes, { level: 9 }).length;
    total.minified += bytes.length;
    total.gzipped += gzipped;
    console.log(`${name}: ${kb(bytes.length)}, ${kb(gzipped)} gzipped`);
  }
  for (const kind of /** @type {const} */ (["minified", "gzipped"])) {
    if (total[kind] > BUDGET[kind]) {
      console.error(`the bundle is ${kb(total[kind])} ${kind}; the budget is ${kb(BUDGET[kind])}`);
      process.exitCode = 1;
    }
  }
}

/** @param {number} bytes */
function kb(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
