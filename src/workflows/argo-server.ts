import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import { LlmbenchError } from "../error.ts";

export interface RetryRequest {
  readonly restartSuccessful?: boolean;
  readonly nodeFieldSelector?: string;
}

/**
 * Argo's own server, by the variables that `argo` takes: ARGO_SERVER (host:port), ARGO_TOKEN, ARGO_SECURE,
 * ARGO_INSECURE_SKIP_VERIFY, ARGO_BASE_HREF. Throws ARGO_SERVER_FAILED.
 */
export async function retryByServer(
  env: NodeJS.ProcessEnv,
  namespace: string,
  workflow: string,
  body: RetryRequest,
): Promise<void> {
  const server = env["ARGO_SERVER"] ?? "";
  const base = (env["ARGO_BASE_HREF"] ?? "").replace(/^\/*|\/*$/g, "");
  const secure = env["ARGO_SECURE"] !== "false";
  const path = `/api/v1/workflows/${namespace}/${workflow}/retry`;
  const url = new URL(`${secure ? "https" : "http"}://${server}${base === "" ? "" : `/${base}`}${path}`);
  const payload = JSON.stringify({ namespace, name: workflow, ...body });
  const { status, said } = await new Promise<{ status: number; said: string }>((resolve, reject) => {
    const sent = (secure ? requestHttps : requestHttp)(url, {
      method: "PUT",
      ...(secure ? { rejectUnauthorized: env["ARGO_INSECURE_SKIP_VERIFY"] !== "true" } : {}),
      signal: AbortSignal.timeout(60_000),
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(payload),
        ...(env["ARGO_TOKEN"] ? { authorization: env["ARGO_TOKEN"] } : {}),
      },
    });
    sent.once("error", reject);
    sent.once("response", (response) => {
      text(response).then((said) => resolve({ status: response.statusCode ?? 0, said }), reject);
    });
    sent.end(payload);
  }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw serverFailed(server, why, cause);
  });
  if (status < 200 || status > 299) throw serverFailed(server, `HTTP ${status}: ${messageOf(said)}`);
}

function messageOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === "string" ? message : body.slice(0, 300);
  } catch {
    return body.slice(0, 300);
  }
}

function serverFailed(server: string, why: string, cause?: unknown): LlmbenchError {
  return new LlmbenchError("ARGO_SERVER_FAILED", `The Argo server ${server} did not retry the run: ${why}`, {
    hint: "See ARGO_SERVER (host:port), ARGO_TOKEN (with `Bearer `) and ARGO_SECURE; `argo list` with the same variables must work.",
    cause,
  });
}
