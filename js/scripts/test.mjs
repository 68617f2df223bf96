// Bundles each test with esbuild and hands them to Node's own test runner.
// Node 20 cannot run TypeScript by itself, and one bundler less is one thing less to keep.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(here, ".build");
const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));

rmSync(build, { recursive: true, force: true });
mkdirSync(build);
await esbuild.build({
  entryPoints: tests.map((name) => join(here, "test", name)),
  outdir: build,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  logLevel: "warning",
});
const files = tests.map((name) => join(build, name.replace(/\.ts$/, ".mjs")));
const run = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--test", "--test-timeout=20000", ...files],
  {
    cwd: here,
    stdio: "inherit",
  },
);
process.exit(run.status ?? 1);
