import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type TestContext, test } from "node:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import type { Report } from "../src/analysis/report.ts";
import { renderHtml } from "../src/report/html.ts";
import { findChromium, openPage } from "./browser.ts";
import { cutOffReport, emptyReport, largeReport } from "./example_report.ts";
import { hostileReport } from "./hostile_report.ts";

const chromium = findChromium();
const skip = chromium ? false : "NO CHROMIUM: set CHROMIUM, or install one; nobody has looked at the HTML report";
if (skip) process.stderr.write(`${skip}\n`);
// axe-core is a script for the page, which the page's policy would refuse: it goes in by the debugger, as text.
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Opens a report; whatever is done with it, nothing may ask the network, complain, or run what was recorded. */
function inBrowser(
  name: string,
  report: () => Report,
  act: (page: Page, context: TestContext) => Promise<void>,
  options?: BrowserContextOptions,
) {
  test(name, { skip }, async (context) => {
    const opened = await openPage(renderHtml(report()), chromium!, options);
    await using _closing = opened;
    await act(opened.page, context);
    assert.deepEqual(opened.requests, []);
    assert.deepEqual(opened.complaints, []);
    assert.equal(await opened.page.evaluate("window.injected"), undefined);
  });
}

/** Pixels of the charts' canvases that are not transparent. */
const inked = (page: Page) =>
  page.evaluate(`[...document.querySelectorAll("#timeline canvas")].map((canvas) =>
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.filter((value, index) => index % 4 === 3 && value > 0).length)`) as Promise<
    number[]
  >;
const text = (page: Page, selector: string) => page.locator(selector).innerText();
const frames = (page: Page) => page.locator("#flame .frame").count();
const active = (page: Page) =>
  page.evaluate("document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.id");

inBrowser("the report of 1,000 jobs shows its verdict and draws everything", largeReport, async (page, context) => {
  assert.match(await text(page, "h1"), /^Jobs of review spend 29 %/);
  assert.equal(await page.locator("#jobs .bars").count(), 3);
  const canvases = await inked(page);
  assert.equal(canvases.length, 5);
  for (const pixels of canvases) assert.ok(pixels > 1000, String(canvases));
  assert.equal(await page.locator("#waterfall tbody tr").count(), 20);
  assert.ok((await frames(page)) > 100);
  const drawn = await page.evaluate("performance.getEntriesByType('navigation')[0].domComplete");
  context.diagnostic(`drawn ${Math.round(drawn as number)} ms after the navigation began`);
});

inBrowser("a click on evidence shows the trace, with the span marked", largeReport, async (page) => {
  await page.selectOption("#trace", "3");
  const before = await text(page, "#waterfall caption");
  await page.click("#findings a[data-span]");
  assert.notEqual(await text(page, "#waterfall caption"), before);
  assert.match(await text(page, "#waterfall caption"), /^slowest of review: review, 1\.\d+ s: .*cpu \d+ %/);
  assert.match(await text(page, "#waterfall tr.marked th"), /reviews process review/);
  assert.equal(await active(page), "trace");
});

inBrowser("a click on a job with an outline in the timeline shows its trace", largeReport, async (page) => {
  await page.selectOption("#trace", "3");
  const { timeline, traces } = JSON.parse((await page.locator("#data").textContent()) ?? "");
  const [lane, , from, to, , index] = timeline.lanes.rows.find((row: number[]) => row[5] === 0);
  const over = page.locator(".lanes .u-over");
  const box = (await over.boundingBox())!;
  const position = {
    x: ((from + to) / 2 / timeline.durationMs) * box.width,
    y: ((lane + 0.5) / timeline.lanes.count) * box.height,
  };
  await over.hover({ position });
  assert.match(await text(page, ".lanes .hint"), /^review: .* from .*\. Click to see its trace\.$/);
  await over.click({ position });
  assert.equal(await page.inputValue("#trace"), String(index));
  assert.ok((await text(page, "#waterfall caption")).startsWith(traces[index].why));
});

inBrowser("the timeline zooms by dragging and by buttons, all charts together", largeReport, async (page) => {
  const range = () => text(page, "#time-range");
  const whole = await range();
  await page.locator(".chart .u-over").first().scrollIntoViewIfNeeded();
  const box = (await page.locator(".chart .u-over").first().boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 4 });
  await page.mouse.up();
  assert.match(await range(), /^10\.?\d* s to 20\.?\d* s$/);
  await page.locator(".chart .u-over").first().dblclick();
  assert.equal(await range(), whole);
  await page.click("button[data-time=in]");
  await page.click("button[data-time=right]");
  assert.match(await range(), /^15\.?\d* s to 35\.?\d* s$/);
  await page.click("button[data-time=all]");
  assert.equal(await range(), whole);
});

inBrowser("the flame graph zooms by click and by keyboard, and goes back", largeReport, async (page) => {
  const all = await frames(page);
  await page.locator("#flame .frame").nth(2).click();
  const label = (await active(page)) as string;
  const width = async (frame: string) =>
    Math.round(Number(await page.locator(`${frame} rect`).first().getAttribute("width")));
  const full = await width("#flame .frame");
  assert.equal(await width("#flame .frame:focus"), full);
  await page.keyboard.press("Escape");
  assert.equal(await frames(page), all);
  // Root, its first callee, the one beside it, and back up.
  await page.keyboard.press("ArrowDown");
  const first = await active(page);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await active(page), first);
  await page.keyboard.press("Enter");
  assert.equal(await width("#flame .frame:focus"), full);
  await page.keyboard.press("ArrowUp");
  assert.match(String(await active(page)), /^review, 12 s, 100 %$/);
  await page.click("#flame-reset");
  assert.equal(await frames(page), all);
  assert.match(label, /, \d+.* %$/);
});

inBrowser(
  "the flame graph finds functions, with their share, and shows another job type",
  largeReport,
  async (page) => {
    await page.fill("#flame-search", "espree");
    assert.match(await text(page, "#flame-found"), /^\d+ found, .* s, \d+ % of the CPU time$/);
    const found = await page.locator("#flame .found").count();
    assert.ok(found > 0 && found < (await frames(page)));
    await page.press("#flame-search", "Enter");
    assert.match(await text(page, "#flame-details"), /espree/);
    await page.fill("#flame-search", "[(no such");
    assert.match(await text(page, "#flame-found"), /^0 found/);
    await page.fill("#flame-search", "");
    await page.selectOption("#flame-job", "2");
    assert.match(await text(page, "#flame-details"), /^mail · all functions/);
  },
);

inBrowser("the theme follows the system until the button is pressed", largeReport, async (page) => {
  const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await paper();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await paper();
  assert.notEqual(dark, light);
  assert.equal(await page.getAttribute("#theme", "aria-pressed"), "true");
  await page.click("#theme");
  assert.equal(await paper(), light);
  await page.emulateMedia({ colorScheme: "light" });
  await page.click("#theme");
  assert.equal(await paper(), dark);
  for (const pixels of await inked(page)) assert.ok(pixels > 1000);
});

inBrowser("the keyboard alone reaches everything, and the focus can be seen", largeReport, async (page) => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.className"), "skip");
  const reached = new Set<string>();
  for (let index = 0; index < 120; index++) {
    const [id, outlined] = (await page.evaluate(`(() => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      const rect = at.querySelector?.(":scope > rect");
      const outlined = style.outlineStyle !== "none" || (rect && parseFloat(getComputedStyle(rect).strokeWidth) >= 2);
      return [at.id || at.closest("[id]")?.id || at.tagName, outlined || at === document.body];
    })()`)) as [string, boolean];
    assert.ok(outlined, `focus of ${id} cannot be seen`);
    reached.add(id);
    if (id === "BODY") break;
    await page.keyboard.press("Tab");
  }
  for (const id of ["theme", "trace", "waterfall", "flame-job", "flame-search", "flame-reset", "flame"])
    assert.ok(reached.has(id), id);
});

for (const colorScheme of ["light", "dark"] as const) {
  inBrowser(
    `axe finds nothing to object to in ${colorScheme}`,
    largeReport,
    async (page) => {
      // Closed ones are not seen by it.
      await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true");
      await page.evaluate(axe);
      const { violations } = (await page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
      )) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
      assert.deepEqual(
        violations.map(({ id, nodes }) => [id, nodes.length, nodes[0]!.html.slice(0, 200), nodes[0]!.failureSummary]),
        [],
      );
    },
    { colorScheme },
  );
}

inBrowser("hostile texts are shown as text and run nothing", hostileReport, async (page) => {
  const body = (await page.evaluate("document.body.innerText")) as string;
  for (const shown of [
    "<script>window.injected = 1</script>",
    "</script><script>",
    "<!--<script>",
    "onerror='window.injected",
    "⟨ESC⟩[31mred⟨ESC⟩[0m",
    "⟨U+202E⟩gnp.exe",
    "nul ⟨NUL⟩ byte",
    "⟨U+D800⟩",
    "(1,048,",
    "__proto__",
  ]) {
    assert.ok(body.includes(shown), shown);
  }
  assert.equal(
    await page.evaluate(
      "document.querySelectorAll('img, iframe, main script, a[href^=http], a[href^=javascript]').length",
    ),
    0,
  );
  for (const option of ["0", "1", "2"]) await page.selectOption("#trace", option);
  await page.click("#findings a[data-span]");
  await page.fill("#flame-search", "</script>");
  await page.locator("#flame .frame").last().click();
  assert.ok(
    (await page.evaluate("document.documentElement.scrollWidth <= innerWidth")) as boolean,
    "no text makes the page wider",
  );
});

test("the page's policy refuses markup, a style and a request that were put into it", { skip }, async () => {
  const opened = await openPage(renderHtml(largeReport()), chromium!);
  await using _closing = opened;
  const refused = (await opened.page.evaluate(`new Promise((resolve) => {
    const seen = [];
    setTimeout(() => resolve(seen.sort()), 5000);
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
      if (seen.push(effectiveDirective) === 3) resolve(seen.sort());
    });
    try { document.body.innerHTML += "<b>"; } catch { /* as it must be */ }
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.body.append(style);
    fetch("http://127.0.0.1:9/").catch(() => {});
  })`)) as string[];
  assert.deepEqual(refused, ["connect-src", "require-trusted-types-for", "style-src-elem"]);
  assert.deepEqual(opened.requests, []);
});

inBrowser("a run without jobs is a page too", emptyReport, async (page) => {
  assert.match(await text(page, "main"), /No job was recorded/);
});

inBrowser("a run that was cut off has its bars and lanes", cutOffReport, async (page) => {
  assert.match(await text(page, ".banner"), /ended by Ctrl-C/);
  assert.ok((await inked(page)).length > 0);
});

inBrowser(
  "the page fits a telephone, and moves nothing for those who ask for that",
  largeReport,
  async (page) => {
    assert.ok((await page.evaluate("document.documentElement.scrollWidth <= innerWidth")) as boolean);
    assert.equal(await page.evaluate("getComputedStyle(document.documentElement).scrollBehavior"), "auto");
  },
  { viewport: { width: 390, height: 844 }, reducedMotion: "reduce" },
);
