import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** Screenshots stay where LLMBENCH_SCREENSHOTS says, to be looked at; else they go with the test. */
const kept = process.env["LLMBENCH_SCREENSHOTS"];
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

interface Chromium {
  readonly browser: Browser;
  /** For pages and screenshots. */
  readonly folder: string;
  readonly close: () => Promise<void>;
}

export async function startChromium(): Promise<Chromium> {
  const folder = kept ?? (await mkdtemp(join(tmpdir(), "llmbench-browser-")));
  await mkdir(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      "--no-default-browser-check",
    ],
  });
  return {
    browser,
    folder,
    close: async () => {
      await browser.close();
      if (kept === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Widths and colour schemes in which people read a report. */
export const LOOKS = [
  { look: "wide-light", width: 1400, colorScheme: "light" },
  { look: "wide-dark", width: 1400, colorScheme: "dark" },
  { look: "narrow-light", width: 400, colorScheme: "light" },
  { look: "narrow-dark", width: 400, colorScheme: "dark" },
] as const;
