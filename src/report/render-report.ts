import type { Results } from "../results/schema.ts";
import { renderCsv } from "./render-csv.ts";
import { renderMarkdown } from "./render-markdown.ts";

export const REPORT_FORMATS = ["html", "md", "csv", "png"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export interface ReportFile {
  /** A file name, without a folder. */
  readonly name: string;
  readonly content: string | Uint8Array;
}

/**
 * html: index.html; md: report.md; csv: points.csv and measurements.csv; png: one file a plot, which throws
 * PNG_NOT_AVAILABLE where the package that draws it is not installed.
 */
export async function renderReport(results: Results, format: ReportFormat): Promise<readonly ReportFile[]> {
  switch (format) {
    case "html": {
      const { renderHtml } = await import("./render-html.ts");
      return [{ name: "index.html", content: await renderHtml(results) }];
    }
    case "md":
      return [{ name: "report.md", content: renderMarkdown(results) }];
    case "csv": {
      const { points, measurements } = renderCsv(results);
      return [
        { name: "points.csv", content: points },
        { name: "measurements.csv", content: measurements },
      ];
    }
    case "png": {
      const { renderPng } = await import("./render-png.ts");
      return renderPng(results);
    }
  }
}
