import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderHtml } from "../../src/report/render-html.ts";
import { simulatedRun } from "../fixtures/runs.ts";
import { assembledRun } from "./all-runs.ts";
import { LOOKS, startChromium } from "./chromium.ts";

/** What Argo's server says of every artifact: server/artifacts/artifact_server.go of v4.1.2, setSecurityHeaders and returnArtifact. */
const ARTIFACT_HEADERS = {
  "content-disposition": 'filename="report.html"',
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "sandbox allow-same-origin; base-uri 'none'; default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'",
  "x-frame-options": "SAMEORIGIN",
};

/** How Argo's interface shows an artifact: ui/…/workflow-details/artifact-panel.tsx. */
const PANEL = `<!DOCTYPE html><title>panel</title>
<iframe src="/report.html" style="width: 100%; height: 500px; border: none"></iframe>`;

let chromium: Awaited<ReturnType<typeof startChromium>>;
let server: Server;
let report = "";

beforeAll(async () => {
  chromium = await startChromium();
  server = createServer(({ url }, response) => {
    if (url === "/report.html") response.writeHead(200, ARTIFACT_HEADERS).end(report);
    else if (url === "/panel") response.writeHead(200, { "content-type": "text/html" }).end(PANEL);
    else response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await chromium.close();
  await new Promise((resolve) => server.close(resolve));
});

/** The page at a path of the server, with everything that the browser complained of or blocked. */
async function open(
  path: string,
  options: BrowserContextOptions,
): Promise<{ page: Page; blocked: string[] }> {
  const page = await chromium.browser.newPage(options);
  const blocked: string[] = [];
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Audits.enable");
  devtools.on("Audits.issueAdded", ({ issue }) => blocked.push(JSON.stringify(issue)));
  page.on("console", (message) => blocked.push(message.text()));
  page.on("pageerror", (error) => blocked.push(error.message));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  return { page, blocked };
}

/** Parts of the page that take no room, by what they are; what is folded away is not counted. */
const HIDDEN = `[...document.querySelectorAll("h1, h2, table, td, th, figure svg, p")]
  .filter((each) => each.closest("details:not([open]) > :not(summary)") === null)
  .filter((each) => each.getBoundingClientRect().width * each.getBoundingClientRect().height === 0 && each.textContent.trim() !== "")
  .map((each) => each.outerHTML.slice(0, 80))`;

describe("what the browser blocks under Argo's policy for artifacts", () => {
  it("is seen: an image in the page, a script, a font", async () => {
    report = `<!DOCTYPE html><title>x</title><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
      <script>document.title = "run"</script>
      <style>@font-face { font-family: f; src: url(data:font/woff2;base64,AAAA) } body { font-family: f }</style>x`;
    const { page, blocked } = await open("/report.html", {});
    await expect
      .poll(() => blocked.filter((text) => text.includes("ContentSecurityPolicyIssue")).length)
      .toBe(2);
    expect(blocked.filter((text) => text.includes("Blocked script execution"))).toHaveLength(1);
    expect(await page.title()).toBe("x");
    await page.close();
  });
});

const RUNS = [
  ["a simulated run", simulatedRun],
  ["a run folder's results", assembledRun],
] as const;

describe.each(RUNS)("the report of %s under Argo's policy for artifacts", (name, make) => {
  const file = `argo-${name.replace(/\W+/g, "-")}`;

  it.each(LOOKS)(
    "$look: nothing is blocked, and all of it is there",
    async ({ look, width, colorScheme }) => {
      report = await renderHtml(await make());
      const { page, blocked } = await open("/report.html", { viewport: { width, height: 900 }, colorScheme });
      await page.screenshot({ path: join(chromium.folder, `${file}-${look}.png`), fullPage: true });
      for (const part of ["h1", "figure svg", "details"])
        expect(await page.locator(part).count(), part).toBeGreaterThan(0);
      expect(await page.locator("table").count()).toBe(report.split("<table").length - 1);
      expect(await page.evaluate(HIDDEN)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
        colorScheme === "dark" ? "rgb(20, 25, 31)" : "rgb(255, 255, 255)",
      );
      const [fill] = await page.evaluate<string[]>(
        `[...document.querySelectorAll('figure .panel svg path[fill^="var"]')].map((path) => getComputedStyle(path).fill)`,
      );
      expect(fill).toMatch(/^rgb\(\d+, \d+, \d+\)$/);
      expect(blocked).toEqual([]);
      await page.close();
    },
  );

  it("unfolds what is folded, without a script", async () => {
    report = await renderHtml(await make());
    const { page, blocked } = await open("/report.html", { viewport: { width: 1400, height: 900 } });
    const folded = page.locator("details:not([open]) > summary:visible");
    for (let left = await folded.count(); left > 0; left = await folded.count()) {
      await folded.first().click();
      expect(await folded.count()).not.toBe(left);
    }
    expect(await page.evaluate(HIDDEN)).toEqual([]);
    expect(blocked).toEqual([]);
    await page.close();
  });

  it("is shown in the panel of Argo's interface", async () => {
    report = await renderHtml(await make());
    const { page, blocked } = await open("/panel", { viewport: { width: 1000, height: 700 } });
    const inside = page.frameLocator("iframe");
    expect(await inside.locator("h1").isVisible()).toBe(true);
    expect(await inside.locator("table").first().isVisible()).toBe(true);
    expect(blocked).toEqual([]);
    await page.close();
  });
});
