const longestMessage = 500;

/**
 * What a JSON error says, whichever engine says it: `{"error":{"message"}}`, `{"error":"…"}`, `{"object":"error",
 * "message"}`, `{"detail":"…"}`, `{"detail":[{"msg"}]}`. Undefined when the value is not an error.
 */
export function describeError(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const body = value as Record<string, unknown>;
  if (body["error"]) return messageOf(body["error"]);
  if (body["object"] === "error" || body["type"] === "error") return messageOf(body);
  if (body["choices"] === undefined && body["detail"] !== undefined) return messageOf(body["detail"]);
  if (body["choices"] === undefined && typeof body["message"] === "string") return messageOf(body);
  return undefined;
}

/** What an error answer says: JSON of a known form, else its first line of text. */
export function describeErrorBody(text: string): string {
  try {
    const described = describeError(JSON.parse(text));
    if (described !== undefined) return described;
  } catch {
    // Not JSON: the text itself is all there is.
  }
  const line = text
    .trim()
    .split("\n")
    .find((candidate) => candidate.trim() !== "");
  return (line ?? "").trim().slice(0, longestMessage);
}

function messageOf(error: unknown): string {
  if (typeof error === "string") return error.slice(0, longestMessage);
  if (Array.isArray(error)) {
    return (error as unknown[])
      .map((part) => messageOf(part))
      .join("; ")
      .slice(0, longestMessage);
  }
  if (typeof error === "object" && error !== null) {
    const body = error as Record<string, unknown>;
    for (const name of ["message", "msg", "detail", "error"]) {
      const said = body[name];
      if (typeof said === "string" && said !== "") return said.slice(0, longestMessage);
    }
    const named = body["type"] ?? body["code"];
    if (typeof named === "string" && named !== "") return named.slice(0, longestMessage);
  }
  return (JSON.stringify(error) ?? "").slice(0, longestMessage);
}
