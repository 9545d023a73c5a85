import { type Head, type HttpAnswer, statusLine } from "../http.ts";
import { type LiveMetrics, type MetricStyle, pythonNumber, renderMetrics } from "../metrics.ts";

/** Head as uvicorn writes it; `last` are headers that middleware adds after the content type. */
export function uvicornHead(head: Head, last: readonly string[]): string {
  const lines = [
    statusLine(head.status),
    `date: ${new Date().toUTCString()}`,
    "server: uvicorn",
    ...head.headers,
    ...(head.length === undefined ? [] : [`content-length: ${head.length}`]),
    ...(head.contentType === undefined ? [] : [`content-type: ${head.contentType}`]),
    ...(head.bare === true ? [] : last),
    ...(head.close === "announced" ? ["connection: close"] : []),
    ...(head.length === undefined ? ["transfer-encoding: chunked"] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export function json(status: number, body: unknown, more: Partial<HttpAnswer> = {}): HttpAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(body), ...more };
}

/** What FastAPI says of a path or method that it does not know. */
export function fastapiNotFound(_method: string, _path: string, known: boolean): HttpAnswer {
  return known
    ? json(405, { detail: "Method Not Allowed" }, { headers: ["allow: POST"] })
    : json(404, { detail: "Not Found" });
}

/** Pydantic's words for a body that is not JSON. */
export function notJson(text: string, error = "Expecting value"): Record<string, unknown> {
  const loc = ["body", text.length];
  return { type: "json_invalid", loc, msg: "JSON decode error", input: {}, ctx: { error } };
}

/** Pydantic's words for a field that must be there. */
export function fieldMissing(field: string, input: unknown): Record<string, unknown> {
  return { type: "missing", loc: ["body", field], msg: "Field required", input };
}

/** Pydantic's words for a field that must be a whole number. */
export function notAnInteger(field: string, input: unknown): Record<string, unknown> {
  const msg = "Input should be a valid integer, unable to parse string as an integer";
  return { type: "int_parsing", loc: ["body", field], msg, input };
}

/** An exception that FastAPI did not expect: uvicorn answers and closes. */
export const internalServerError: HttpAnswer = {
  status: 500,
  contentType: "text/plain; charset=utf-8",
  body: "Internal Server Error",
  close: "silent",
  bare: true,
};

/** What Python's prometheus_client shows at /metrics. */
export function prometheusPage(
  live: LiveMetrics,
  families: MetricStyle["families"],
  labels: string,
  more: Partial<HttpAnswer> = {},
): HttpAnswer {
  return {
    status: 200,
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    body: renderMetrics(live, { labels, number: pythonNumber, families }),
    ...more,
  };
}

export const emptyOk: HttpAnswer = { status: 200, body: "" };

/** `value` in single quotes as Python prints it, for error messages that quote the request. */
export function pythonRepr(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, entry]) => `${pythonRepr(key)}: ${pythonRepr(entry)}`)
      .join(", ")}}`;
  }
  return "None";
}

/** JSON with a space after colons and commas, as Python's json.dumps writes it. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, entry]) => `${JSON.stringify(key)}: ${pythonJson(entry)}`)
      .join(", ")}}`;
  }
  return JSON.stringify(value);
}
