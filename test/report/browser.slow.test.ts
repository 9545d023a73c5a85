import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderHtml } from "../../src/report/render-html.ts";
import { ALL_RUNS } from "./all-runs.ts";
import { LOOKS, startChromium } from "./chromium.ts";

let chromium: Awaited<ReturnType<typeof startChromium>>;
beforeAll(async () => {
  chromium = await startChromium();
});
afterAll(() => chromium.close());

interface Seen {
  readonly page: Page;
  /** Errors and warnings of the console, and errors of the page. */
  readonly complaints: string[];
  /** Requests for anything but the page itself. */
  readonly requests: string[];
}

async function open(name: string, html: string, options: BrowserContextOptions): Promise<Seen> {
  const path = join(chromium.folder, `${name}.html`);
  await writeFile(path, html);
  const page = await chromium.browser.newPage(options);
  const complaints: string[] = [];
  const requests: string[] = [];
  const address = pathToFileURL(path).href;
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (request.url() !== address) requests.push(request.url());
  });
  await page.goto(address);
  return { page, complaints, requests };
}

/** Of the largest fixture: eight cells of eight points each. */
const MOST_PAGES = 11;

function countPages(pdf: Buffer): number {
  return pdf.toString("latin1").match(/\/Type \/Page\n/g)?.length ?? 0;
}

describe.each(ALL_RUNS)("the page of %s in a browser", (name, make) => {
  const file = name.replace(/\W+/g, "-");

  it("has no label of a plot that begins or ends outside it", async () => {
    const { page } = await open(file, await renderHtml(make()), { viewport: { width: 1400, height: 900 } });
    const outside = await page.evaluate(`[...document.querySelectorAll("svg text")].flatMap((text) => {
      const [box, plot] = [text, text.closest("svg")].map((each) => each.getBoundingClientRect());
      return box.left < plot.left - 1 || box.right > plot.right + 1 ? [text.textContent] : [];
    })`);
    expect(outside).toEqual([]);
    await page.close();
  });

  it.each(LOOKS)(
    "is $look without a complaint, a request or a sideways scroll",
    async ({ look, width, colorScheme }) => {
      const { page, complaints, requests } = await open(file, await renderHtml(make()), {
        viewport: { width, height: 900 },
        colorScheme,
      });
      await page.screenshot({ path: join(chromium.folder, `${file}-${look}.png`), fullPage: true });
      // All that is folded away must fit too.
      await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true");
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
        colorScheme === "dark" ? "rgb(20, 25, 31)" : "rgb(255, 255, 255)",
      );
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
      await page.close();
    },
  );

  it("prints in light colours on few pages: what is folded stays folded, but the settings", async () => {
    const { page, complaints } = await open(file, await renderHtml(make()), { colorScheme: "dark" });
    await page.emulateMedia({ media: "print" });
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(255, 255, 255)");
    const shown = (selector: string) =>
      page.evaluate<number>(
        `[...document.querySelectorAll("${selector}")].filter((each) => each.getBoundingClientRect().height > 0).length`,
      );
    const all = (selector: string) =>
      page.evaluate<number>(`document.querySelectorAll("${selector}").length`);
    expect(await shown("details table")).toBe(0);
    expect(await shown("#settings details dl")).toBe(await all("#settings details dl"));
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    const pdf = join(chromium.folder, `${file}.pdf`);
    await page.pdf({ path: pdf, format: "A4" });
    expect(countPages(await readFile(pdf))).toBeLessThanOrEqual(MOST_PAGES);
    await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true");
    expect(await shown("details table")).toBe(await all("details table"));
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describe("the text of the page", () => {
  it.each(["light", "dark"] as const)(
    "has a contrast of 4.5:1 at least in %s mode (WCAG 2.2 AA)",
    async (colorScheme) => {
      for (const [name, make] of ALL_RUNS) {
        const { page } = await open("contrast", await renderHtml(make()), {
          colorScheme,
          viewport: { width: 1400, height: 900 },
        });
        await page.evaluate(
          "for (const details of document.querySelectorAll('details')) details.open = true",
        );
        const weak = await page.evaluate(WEAK_TEXT);
        expect([name, weak]).toEqual([name, []]);
        await page.close();
      }
    },
  );
});

/** Runs in the page: every HTML element with text of its own, its colour against the first background behind it. */
const WEAK_TEXT = `(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color[3] === undefined || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll("*")].filter((element) => element instanceof HTMLElement)
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ""))
    .map((element) => {
      const [high, low] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
      return { text: element.textContent.trim().slice(0, 40), contrast: (high + 0.05) / (low + 0.05) };
    })
    .filter(({ contrast }) => contrast < 4.5);
})()`;
