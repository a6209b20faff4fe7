import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The browser that `CHROMIUM` names, or the first one in the PATH; `undefined` when there is none. */
export function findChromium(): string | undefined {
  const { CHROMIUM, PATH = "" } = process.env;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const paths = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return (CHROMIUM ? [CHROMIUM] : paths).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface OpenPage extends AsyncDisposable {
  page: Page;
  /** What the page asked of anyone but the file itself; nobody answers. */
  requests: string[];
  /** Errors and warnings of its console, and what it threw. */
  complaints: string[];
}

/** Opens a page by `file://` in a headless browser of its own, and waits until its script has drawn. */
export async function openPage(
  html: string,
  executablePath: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const folder = await mkdtemp(join(tmpdir(), "prodlike-page-"));
  // Root has no sandbox in a container; the page is our own.
  const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  const close = async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  };
  try {
    const file = join(folder, "report.html");
    await writeFile(file, html);
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => {
      if (request.url().split("#")[0] !== pathToFileURL(file).href) requests.push(request.url());
    });
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector("html[data-drawn=yes]", { timeout: 10_000 });
    return { page, requests, complaints, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
