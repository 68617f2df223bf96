/** Numbers on axes: where ticks stand, how they read, and how values fall into bins. Pure functions. */

import { count } from "./dom.ts";

export interface Scale {
  low: number;
  high: number;
  log: boolean;
  ticks: number[];
}

export interface Bin {
  low: number;
  high: number;
  number: number;
}

/** A scale around values; on a logarithmic one, what is not above zero stands at the lower end. */
export function scaleOf(values: readonly number[], log: boolean, most: number): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (log && value <= 0) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = log ? [1, 10] : [0, 1];
  if (log) return logScale(low, high, most);
  if (low === high) [low, high] = around(low);
  return { low, high, log, ticks: linearTicks(low, high, most) };
}

/** Place of a value between 0 and 1. */
export function placeOn({ low, high, log }: Scale, value: number): number {
  const part = log
    ? Math.log(Math.max(value, low) / low) / Math.log(high / low)
    : (value - low) / (high - low);
  return Math.max(0, Math.min(1, part));
}

function around(value: number): [number, number] {
  const half = Math.abs(value) / 2 || 0.5;
  return [value - half, value + half];
}

function logScale(low: number, high: number, most: number): Scale {
  if (high / low < 1.01) [low, high] = [low / 2, high * 2];
  const ticks: number[] = [];
  const decades = Math.log10(high / low);
  const steps = decades < most / 3 ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil(decades / most));
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += stride) {
    for (const step of steps) ticks.push(Number(`${step}e${e}`));
  }
  const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return { low, high, log: true, ticks: inside };
}

/** At most `most` round numbers from `low` to `high`. */
export function linearTicks(low: number, high: number, most: number): number[] {
  const rough = (high - low) / Math.max(most, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((nice) => nice * power >= rough * 0.999) ?? 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
    if (ticks.length > 2 * most) break;
  }
  return ticks;
}

/** Count values in bins of one width on the scale. */
export function binsOf(values: readonly number[], scale: Scale, number: number): Bin[] {
  const edge = (i: number): number =>
    scale.log
      ? scale.low * (scale.high / scale.low) ** (i / number)
      : scale.low + ((scale.high - scale.low) * i) / number;
  const bins = Array.from({ length: number }, (_, i) => ({
    low: edge(i),
    high: edge(i + 1),
    number: 0,
  }));
  for (const value of values) {
    bins[Math.min(Math.floor(placeOn(scale, value) * number), number - 1)]!.number++;
  }
  return bins;
}

/** `350 µs`, `12 ms`, `4.2 s`, `2 min 05 s`: as `view/format.py` writes it. */
export function duration(seconds: number): string {
  if (seconds < 0.9995e-3) return `${Math.round(Math.max(seconds, 0) * 1e6)} µs`;
  if (seconds < 0.9995) return digits(seconds * 1e3, "ms");
  if (seconds < 59.95) return digits(seconds, "s");
  const minutes = Math.floor(Math.round(seconds) / 60);
  const two = (number: number): string => String(number).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${two(Math.round(seconds) % 60)} s`;
  const whole = Math.round(seconds / 60);
  return `${Math.floor(whole / 60)} h ${two(whole % 60)} min`;
}

function digits(value: number, unit: string): string {
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400];

/** Ticks of a time axis that begins at zero: whole minutes and hours where it is long. */
export function timeTicks(high: number, most: number): number[] {
  const step = STEPS.find((seconds) => high / seconds <= most);
  if (high < most || step === undefined) return linearTicks(0, high, most);
  return Array.from({ length: Math.floor(high / step) + 1 }, (_, i) => i * step);
}

/** A time on an axis that ends at `high`: all of them in one unit. */
export function timeTick(seconds: number, high = seconds): string {
  if (seconds === 0) return "0";
  if (high >= 60) return duration(seconds).replace(/ 00 (s|min)$/, "");
  const [unit, scale] = high < 1e-3 ? ["µs", 1e6] : high < 1 ? ["ms", 1e3] : ["s", 1];
  return `${Number((seconds * scale).toPrecision(3))} ${unit}`;
}

/** A number as people read it, six digits at most. */
export function plain(value: number): string {
  const short = Number(value.toPrecision(6));
  if (short !== 0 && (Math.abs(short) >= 1e9 || Math.abs(short) < 1e-4))
    return String(Number(value.toPrecision(4)).toExponential()).replace("e+", "e");
  if (!Number.isInteger(short)) return String(short);
  return short < 0 ? `-${count(-short)}` : count(short);
}

/** The value below which a part of the sorted values lies. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)] ?? NaN;
}
