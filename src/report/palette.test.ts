import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PARTS } from "../analysis/report.ts";

type Colour = [number, number, number];

const styles = readFileSync(join(import.meta.dirname, "client", "colours.css"), "utf8");
const fills = Object.fromEntries(PARTS.map((part) => [part, linear(property(`--part-${part}`))]));

/** Linear RGB as people without one kind of cone see it (Machado, Oliveira and Fernandes 2009, severity 1). */
const visions: Record<string, [Colour, Colour, Colour]> = {
  "all cones": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

test("the eight parts of the ledger can be told apart with any kind of colour vision", () => {
  for (const [vision, rows] of Object.entries(visions)) {
    const seen = PARTS.map((part) => oklab(rows.map((row) => dot(row, fills[part]!)) as Colour));
    for (const [index, part] of PARTS.entries()) {
      for (const [other, name] of PARTS.slice(0, index).entries()) {
        const difference = Math.hypot(...seen[index]!.map((value, axis) => value - seen[other]![axis]!));
        // 0.02 is what can just be noticed side by side.
        assert.ok(difference > 0.1, `${vision}: ${part} and ${name} differ by ${difference.toFixed(3)}`);
      }
    }
  }
});

test("labels on the parts have the contrast of WCAG AA", () => {
  const light = ["cpu", "gc", "throttled"];
  for (const part of PARTS) {
    const label = linear(property(light.includes(part) ? "--light-label" : "--dark-label"));
    const [darker, lighter] = [luminance(label), luminance(fills[part]!)].sort((a, b) => a - b);
    const contrast = (lighter! + 0.05) / (darker! + 0.05);
    assert.ok(contrast >= 4.5, `${part}: ${contrast.toFixed(2)}`);
  }
});

function property(name: string): string {
  const [, value] = styles.match(new RegExp(`${name}: (#[0-9a-f]{6});`)) ?? [];
  assert.ok(value, name);
  return value;
}

function linear(hex: string): Colour {
  return [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as Colour;
}

/** https://bottosson.github.io/posts/oklab */
function oklab(colour: Colour): Colour {
  const [l, m, s] = (
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ] as Colour[]
  ).map((row) => Math.cbrt(dot(row, colour.map((value) => Math.min(1, Math.max(0, value))) as Colour))) as Colour;
  return (
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ] as Colour[]
  ).map((row) => dot(row, [l, m, s])) as Colour;
}

const luminance = (colour: Colour) => dot([0.2126, 0.7152, 0.0722], colour);
const dot = (a: Colour, b: Colour) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
