import type { Results } from "../results/schema/results.ts";
import type { ReportFile } from "./report-file.ts";

export const REPORT_FORMATS = ["html", "md", "csv", "png"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/**
 * html: index.html; md: report.md; csv: points.csv and measurements.csv; png: one file a plot, which throws
 * PNG_NOT_AVAILABLE where the package that draws it is not installed.
 */
export function renderReport(results: Results, format: ReportFormat): Promise<readonly ReportFile[]> {
  return RENDERERS[format](results);
}

// Each is imported when it is asked for: some are heavy.
const RENDERERS: Readonly<Record<ReportFormat, (results: Results) => Promise<readonly ReportFile[]>>> = {
  html: async (results) => {
    const { renderHtml } = await import("./render-html.ts");
    return [{ name: "index.html", content: await renderHtml(results) }];
  },
  md: async (results) => {
    const { renderMarkdown } = await import("./render-markdown.ts");
    return [{ name: "report.md", content: renderMarkdown(results) }];
  },
  csv: async (results) => {
    const { renderCsv } = await import("./render-csv.ts");
    const { points, measurements } = renderCsv(results);
    return [
      { name: "points.csv", content: points },
      { name: "measurements.csv", content: measurements },
    ];
  },
  png: async (results) => {
    const { renderPng } = await import("./render-png.ts");
    return renderPng(results);
  },
};
